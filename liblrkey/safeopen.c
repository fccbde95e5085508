/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening files and directories that must not be somebody else's.
 *
 * - A file MUST be opened first and judged by its descriptor; a name is never
 *   judged and then opened.
 * - An open MUST NOT follow a symbolic link, wait for the other end of a FIFO, take
 *   a terminal, or leave its descriptor to a program that is executed.
 * - Every directory from the root on MUST be judged: who can write one of them
 *   can put another file in the place of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "safeopen.h"

#define OPEN_DIR (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Each needs another change in the instant between an open and a look at it. */
#define NAMED_ATTEMPTS 16
#define OPEN_FILE (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

static void
group_name(gid_t gid, char *name, size_t size)
{
	char buffer[1024];
	struct group group, *found = NULL;

	if (getgrgid_r(gid, &group, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		snprintf(name, size, "%s", group.gr_name);
	else
		snprintf(name, size, "%u", (unsigned)gid);
}

void
lrk_access_text(const struct stat *status, char *text, size_t size)
{
	char name[64];

	if (geteuid() == 0 || getegid() == status->st_gid || group_member(status->st_gid)) {
		snprintf(text, size, "permission denied");
		return;
	}
	group_name(status->st_gid, name, sizeof(name));
	snprintf(text, size, "permission denied: uid %u is not in group %s", (unsigned)geteuid(),
		 name);
}

static enum lrk_err
fail_access(const struct stat *status, struct lrk_why *why, const char *path, const char *name)
{
	char text[160];

	lrk_access_text(status, text, sizeof(text));
	return lrk_fail(why, LRK_ERR_ACCESS, "%s/%s: %s", path, name, text);
}

static enum lrk_err
judge_dir(const struct lrk_dir *dir, bool group_writable, bool sticky_suffices,
	  struct lrk_why *why)
{
	const char *path = dir->path[0] != '\0' ? dir->path : "/";
	struct stat st;

	if (fstat(dir->fd, &st) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", path);
	if (st.st_uid != 0 && !(dir->rooted && st.st_uid == geteuid()))
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s: belongs to uid %u, not to root%s", path,
				(unsigned)st.st_uid, dir->rooted ? " or to the caller" : "");
	if (sticky_suffices && (st.st_mode & S_ISVTX) != 0)
		return LRK_OK;
	if ((st.st_mode & S_IWOTH) != 0)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s: is writable by everybody (mode %04o)",
				path, (unsigned)(st.st_mode & 07777));
	if ((st.st_mode & S_IWGRP) != 0 && !group_writable)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s: is writable by its group (mode %04o)",
				path, (unsigned)(st.st_mode & 07777));
	return LRK_OK;
}

enum lrk_err
lrk_root_open(const char *root, struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir dir = { .fd = -1, .rooted = root != NULL };
	const char *name = root != NULL ? root : "/";
	size_t length = strlen(name);
	char path[PATH_MAX];
	enum lrk_err err;

	/* A slash at the end would have the kernel follow a symbolic link. */
	while (length > 1 && name[length - 1] == '/')
		length--;
	if (length >= sizeof(path))
		return lrk_fail_errno(why, LRK_ERR_UNSAFE, ENAMETOOLONG, "%s", name);
	memcpy(path, name, length);
	path[length] = '\0';
	if (strcmp(path, "/") != 0)
		memcpy(dir.path, path, length < sizeof(dir.path) ? length : sizeof(dir.path) - 1);
	dir.fd = open(path, OPEN_DIR);
	if (dir.fd < 0)
		return lrk_fail_errno(why, errno == ENOENT ? LRK_ERR_NO_STORE : LRK_ERR_UNSAFE,
				      errno, "%s", path);
	err = judge_dir(&dir, false, root != NULL, why);
	if (err != LRK_OK)
		lrk_dir_close(&dir);
	else
		*ret = dir;
	return err;
}

void
lrk_dir_close(struct lrk_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

/* Opens and judges the directory with this name in parent. */
static enum lrk_err
step_down(const struct lrk_dir *parent, const char *name, bool group_writable,
	  struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir dir = *parent;
	size_t used = strlen(dir.path);
	struct stat st;
	enum lrk_err err;

	snprintf(dir.path + used, sizeof(dir.path) - used, "/%s", name);
	dir.fd = openat(parent->fd, name, OPEN_DIR);
	if (dir.fd < 0) {
		int error = errno;

		if (error == EACCES && fstat(parent->fd, &st) == 0)
			return fail_access(&st, why, parent->path, name);
		if (error == ENOENT)
			return lrk_fail(why, LRK_ERR_NO_STORE, "%s: does not exist", dir.path);
		if (error == ENOTDIR || error == ELOOP)
			return lrk_fail(why, LRK_ERR_UNSAFE,
					"%s: is a symbolic link or no directory", dir.path);
		return lrk_fail_errno(why, LRK_ERR_IO, error, "%s", dir.path);
	}
	err = judge_dir(&dir, group_writable, false, why);
	if (err != LRK_OK)
		lrk_dir_close(&dir);
	else
		*ret = dir;
	return err;
}

enum lrk_err
lrk_dir_open(const struct lrk_dir *from, const char *path, bool group_writable,
	     struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir at = *from;
	enum lrk_err err = LRK_OK;

	for (const char *next = path; err == LRK_OK && next != NULL;) {
		const char *slash = strchr(next, '/');
		size_t length = slash != NULL ? (size_t)(slash - next) : strlen(next);
		char name[64];
		struct lrk_dir below;

		if (length == 0 || length >= sizeof(name)) {
			err = lrk_fail(why, LRK_ERR_INTERNAL, "%s: not a path to walk", path);
			break;
		}
		memcpy(name, next, length);
		name[length] = '\0';
		next = slash != NULL ? slash + 1 : NULL;
		err = step_down(&at, name, next == NULL && group_writable, &below, why);
		if (at.fd != from->fd)
			lrk_dir_close(&at);
		if (err == LRK_OK)
			at = below;
	}
	if (err == LRK_OK)
		*ret = at;
	else if (at.fd >= 0 && at.fd != from->fd)
		lrk_dir_close(&at);
	return err;
}

static enum lrk_err
fail_open(const struct lrk_dir *dir, const char *name, int error, struct lrk_why *why)
{
	struct stat st;

	switch (error) {
	case ENOENT:
		return lrk_fail(why, LRK_ERR_NOT_FOUND, "%s/%s: does not exist", dir->path, name);
	case ELOOP:
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is a symbolic link", dir->path, name);
	case ENXIO:
	case EISDIR:
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is not a regular file", dir->path,
				name);
	case EACCES:
	case EPERM:
		/* Who may not search the directory may not look at the file either. */
		if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
		    fstat(dir->fd, &st) == 0)
			return fail_access(&st, why, dir->path, name);
		break;
	default:
		break;
	}
	return lrk_fail_errno(why, LRK_ERR_IO, error, "%s/%s", dir->path, name);
}

/*
 * What a writer that replaces the file repairs by that. A file without a link was replaced since it
 * was opened: who reads it reads what was there a moment ago; what is written to it is lost.
 */
static const char *
find_defect(const struct stat *st)
{
	if (st->st_nlink != 1)
		return "has more than one hard link";
	if ((st->st_mode & S_IWOTH) != 0)
		return "is writable by everybody";
	return NULL;
}

static enum lrk_err
judge_file(const struct lrk_dir *dir, const char *name, const struct lrk_file_rule *rule,
	   const struct stat *st, bool *defect, struct lrk_why *why)
{
	const char *found = find_defect(st);

	if (!S_ISREG(st->st_mode))
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is not a regular file", dir->path,
				name);
	if (st->st_size < rule->min_size)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is %s (%lld bytes)", dir->path, name,
				st->st_size == 0 ? "empty" : "too short", (long long)st->st_size);
	if (st->st_size > rule->max_size)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is too large (%lld bytes)",
				dir->path, name, (long long)st->st_size);
	if (found != NULL) {
		unsigned mode = (unsigned)(st->st_mode & 07777), links = (unsigned)st->st_nlink;
		enum lrk_err err;

		err = lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: %s (mode %04o, %u links)", dir->path,
			       name, found, mode, links);
		if (defect == NULL)
			return err;
		*defect = true;
	}
	return LRK_OK;
}

/*
 * Opens a file that still has its name: one that was replaced between the two steps is opened
 * again, by its name. One that never has a name is an old one that somebody holds on to, as a
 * mount of the file, instead of its directory, does: what is written to it is lost, and what is
 * read from it is what was revoked long ago.
 */
static enum lrk_err
open_named(const struct lrk_dir *dir, const char *name, int flags, int *ret_fd,
	   struct stat *ret_stat, struct lrk_why *why)
{
	for (int i = 0; i < NAMED_ATTEMPTS; i++) {
		int fd = openat(dir->fd, name, flags | OPEN_FILE);

		if (fd < 0)
			return fail_open(dir, name, errno, why);
		if (fstat(fd, ret_stat) != 0) {
			lrk_fail_errno(why, LRK_ERR_IO, errno, "%s/%s", dir->path, name);
			close(fd);
			return LRK_ERR_IO;
		}
		if (ret_stat->st_nlink != 0) {
			*ret_fd = fd;
			return LRK_OK;
		}
		close(fd);
	}
	return lrk_fail(why, LRK_ERR_UNSAFE,
			"%s/%s: is a file that was replaced (0 links); is it mounted, instead of its "
			"directory?", dir->path, name);
}

enum lrk_err
lrk_file_open(const struct lrk_dir *dir, const char *name, const struct lrk_file_rule *rule,
	      bool *defect, int *ret_fd, struct stat *ret_stat, struct lrk_why *why)
{
	struct stat st;
	enum lrk_err err;
	int fd = -1;

	err = open_named(dir, name, rule->flags, &fd, &st, why);
	if (err != LRK_OK)
		return err;
	err = judge_file(dir, name, rule, &st, defect, why);
	if (err != LRK_OK) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	if (ret_stat != NULL)
		*ret_stat = st;
	return LRK_OK;
}

enum lrk_err
lrk_file_read(int fd, void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO; /* it was longer a moment ago */
			return LRK_ERR_IO;
		}
		done += (size_t)n;
	}
	return LRK_OK;
}

enum lrk_err
lrk_file_write(int fd, const void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return LRK_ERR_IO;
		}
		done += (size_t)n;
	}
	return LRK_OK;
}
