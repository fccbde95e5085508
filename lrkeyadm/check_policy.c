/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "check_judge.h"
#include "liblrkey/lock.h"
#include "policy.h"
#include "reading.h"

static void
judge_file(struct check *check, const struct lrk_dir *dir, const char *name)
{
	char path[600];
	struct stat st;

	/* What is no regular file is refused when it is read. */
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	snprintf(path, sizeof(path), "%s/%s", dir->path, name);
	judge_owner(check, path, &st);
	if (!dir->rooted)
		judge_group(check, path, &st, 0);
	judge_mode(check, path, &st, 0644);
}

static void
judge_drop_ins(struct check *check)
{
	struct lrk_dir dir = check->store.etc;
	struct stat st;
	size_t used = strlen(dir.path);

	snprintf(dir.path + used, sizeof(dir.path) - used, "/policy.conf.d");
	dir.fd = openat(check->store.etc.fd, "policy.conf.d",
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir.fd < 0 || fstat(dir.fd, &st) != 0)
		return;
	judge_owner(check, dir.path, &st);
	check_list_dir(check, &dir, judge_file);
	lrk_dir_close(&dir);
}

/* Whether policy_read gets as far as the files; what keeps it from them was told of before. */
static bool
is_reached(const struct check *check)
{
	struct lrk_dir etc = LRK_DIR_NONE;
	struct lrk_why why = { "" };

	if (lrk_lock_check(check->request->root, check->request->store, &why) != LRK_OK ||
	    reading_dir(check->request, LRK_ETC, &etc, &why) != LRK_OK)
		return false;
	lrk_dir_close(&etc);
	return true;
}

void
check_policy(struct check *check)
{
	struct policy policy;

	if (check->store.etc.fd < 0)
		return;
	judge_file(check, &check->store.etc, "policy.conf");
	judge_drop_ins(check);
	if (!is_reached(check))
		return;
	/* What policy_read has to say is a finding here. */
	messages_silence(true);
	if (policy_read(check->request, &policy) != STATUS_OK)
		findings_add(&check->findings, SEVERITY_ERROR, "policy",
			     "%s; until this is mended, no key can be made", last_failure());
	messages_silence(false);
}
