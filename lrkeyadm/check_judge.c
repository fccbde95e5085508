/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check_judge.h"

void
check_user_text(uid_t uid, char text[static CHECK_NAME])
{
	const struct passwd *passwd = getpwuid(uid);

	if (passwd != NULL)
		snprintf(text, CHECK_NAME, "%s", passwd->pw_name);
	else
		snprintf(text, CHECK_NAME, "%u", (unsigned)uid);
}

void
check_group_text(gid_t gid, char text[static CHECK_NAME])
{
	const struct group *group = getgrgid(gid);

	if (group != NULL)
		snprintf(text, CHECK_NAME, "%s", group->gr_name);
	else
		snprintf(text, CHECK_NAME, "%u", (unsigned)gid);
}

void
judge_owner(struct check *check, const char *path, const struct stat *st)
{
	char is[CHECK_NAME], should[CHECK_NAME];

	if (st->st_uid == check->owner)
		return;
	check_user_text(st->st_uid, is);
	check_user_text(check->owner, should);
	findings_add(&check->findings, SEVERITY_ERROR, path, "belongs to %s, not to %s; chown %s %s",
		     is, should, should, path);
}

void
judge_group(struct check *check, const char *path, const struct stat *st, gid_t gid)
{
	char is[CHECK_NAME], should[CHECK_NAME];

	if (st->st_gid == gid)
		return;
	check_group_text(st->st_gid, is);
	check_group_text(gid, should);
	findings_add(&check->findings, SEVERITY_ERROR, path,
		     "belongs to group %s, not to %s; chgrp %s %s", is, should, should, path);
}

void
judge_mode(struct check *check, const char *path, const struct stat *st, mode_t mode)
{
	if ((st->st_mode & 07777) != mode)
		findings_add(&check->findings, SEVERITY_ERROR, path,
			     "has mode %04o, not %04o; chmod %04o %s",
			     (unsigned)(st->st_mode & 07777), (unsigned)mode, (unsigned)mode, path);
}

void
judge_links(struct check *check, const char *path, const struct stat *st)
{
	if (st->st_nlink != 1)
		findings_add(&check->findings, SEVERITY_ERROR, path,
			     "has %llu names, so that it is refused; find the other with "
			     "'find -samefile' and remove it", (unsigned long long)st->st_nlink);
}

const char *
check_reason(const char *path, const struct lrk_why *why)
{
	size_t length = strlen(path);

	if (strncmp(why->text, path, length) == 0 && strncmp(why->text + length, ": ", 2) == 0)
		return why->text + length + 2;
	return why->text;
}

void
check_list_dir(struct check *check, const struct lrk_dir *dir, check_look_fn look)
{
	int fd = dir->fd >= 0 ? openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *found;

	if (stream == NULL) {
		if (dir->fd >= 0)
			findings_add(&check->findings, SEVERITY_ERROR, dir->path,
				     "%s; check it as root", strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((found = readdir(stream)) != NULL) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		look(check, dir, found->d_name);
	}
	closedir(stream);
}
