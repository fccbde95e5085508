/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of those who change a store.
 *
 * - It MUST be on a file of its own, which no manager can remove: the key file is replaced at each
 *   change, and whoever waited for a lock on it would hold a dead one.
 * - It MUST be bound to the descriptor, so that it ends with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "store.h"

#define POLL_NS (20 * 1000 * 1000)
#define LOCK_MAX 4096

static enum lrk_err
open_lock(const char *root, const char *name, int flags, int *ret_fd, struct lrk_why *why)
{
	const struct lrk_file_rule rule = { flags, 0, LOCK_MAX };
	struct lrk_dir top = LRK_DIR_NONE, gate = LRK_DIR_NONE;
	char path[sizeof(LRK_VAR) + 1 + LRK_STORE_MAX];
	enum lrk_err err;

	if (!lrk_is_store_name(name))
		return lrk_fail(why, LRK_ERR_SYNTAX, "not a store name");
	err = lrk_root_open(root, &top, why);
	if (err != LRK_OK)
		return err;
	snprintf(path, sizeof(path), "%s/%s", LRK_VAR, name);
	err = lrk_dir_open(&top, path, false, &gate, why);
	if (err == LRK_OK)
		err = lrk_file_open(&gate, LRK_LOCK_FILE, &rule, NULL, ret_fd, NULL, why);
	lrk_dir_close(&gate);
	lrk_dir_close(&top);
	return err == LRK_ERR_NOT_FOUND ? LRK_ERR_NO_STORE : err;
}

enum lrk_err
lrk_lock_check(const char *root, const char *name, struct lrk_why *why)
{
	int fd = -1;
	/* Its mode lets the same people read as write; a read-only file system lets them read. */
	enum lrk_err err = open_lock(root, name, O_RDONLY, &fd, why);

	if (err == LRK_OK)
		close(fd);
	return err;
}

enum lrk_err
lrk_lock_take(const char *root, const char *name, int *ret_fd, struct lrk_why *why)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	struct timespec now, until;
	enum lrk_err err;
	int fd = -1;

	err = open_lock(root, name, O_RDWR, &fd, why);
	if (err != LRK_OK)
		return err;
	if (clock_gettime(CLOCK_MONOTONIC, &until) != 0) {
		err = lrk_fail(why, LRK_ERR_CLOCK, "%s", lrk_err_text(LRK_ERR_CLOCK));
		goto out;
	}
	until.tv_sec += LRK_LOCK_SECONDS;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			err = lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", LRK_LOCK_FILE);
			goto out;
		}
		if (clock_gettime(CLOCK_MONOTONIC, &now) != 0 || now.tv_sec > until.tv_sec ||
		    (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)) {
			err = lrk_fail(why, LRK_ERR_LOCKED,
				       "store %s: another change has held its lock for %d seconds",
				       name, LRK_LOCK_SECONDS);
			goto out;
		}
		nanosleep(&pause, NULL);
	}
	*ret_fd = fd;
out:
	if (err != LRK_OK)
		close(fd);
	return err;
}
