/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file master.key.
 *
 * - No stdio: its buffers would keep keys after they are freed.
 * - Every buffer that held its text MUST be wiped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "masterfile.h"
#include "store.h"

#define NEW_FILE LRK_MASTER_FILE ".new"
#define MODE 0640

enum lrk_err
lrk_master_file_read(const struct lrk_dir *etc, struct lrk_keyring *ret, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, LRK_KEYRING_TEXT_MAX };
	char text[LRK_KEYRING_TEXT_MAX];
	struct stat st;
	enum lrk_err err;
	int fd;

	err = lrk_file_open(etc, LRK_MASTER_FILE, &rule, NULL, &fd, &st, why);
	if (err != LRK_OK)
		return err;
	err = lrk_file_read(fd, text, (size_t)st.st_size);
	if (err != LRK_OK) {
		lrk_fail_errno(why, err, errno, "%s/%s", etc->path, LRK_MASTER_FILE);
	} else {
		err = lrk_keyring_parse(text, (size_t)st.st_size, ret);
		if (err != LRK_OK)
			lrk_fail(why, err, "%s/%s: %s", etc->path, LRK_MASTER_FILE,
				 lrk_err_text(err));
	}
	lrk_wipe_array(text);
	close(fd);
	return err;
}

static enum lrk_err
fail_write(const struct lrk_dir *etc, int error, struct lrk_why *why)
{
	enum lrk_err err = error == EACCES || error == EPERM ? LRK_ERR_ACCESS : LRK_ERR_IO;

	return lrk_fail_errno(why, err, error, "%s/%s", etc->path, NEW_FILE);
}

/* Opens a new file, in the place of one that a killed run has left. */
static int
open_new(const struct lrk_dir *etc)
{
	if (unlinkat(etc->fd, NEW_FILE, 0) != 0 && errno != ENOENT)
		return -1;
	return openat(etc->fd, NEW_FILE,
		      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
}

enum lrk_err
lrk_master_file_write(const struct lrk_dir *etc, const struct lrk_keyring *ring, uid_t owner,
		      gid_t group, struct lrk_why *why)
{
	char text[LRK_KEYRING_TEXT_MAX];
	enum lrk_err err = LRK_OK;
	size_t length;
	int fd, dir_fd;

	fd = open_new(etc);
	if (fd < 0)
		return fail_write(etc, errno, why);
	dir_fd = openat(etc->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	length = lrk_keyring_format(ring, text);
	if (dir_fd < 0 || lrk_file_write(fd, text, length) != LRK_OK ||
	    fchown(fd, owner, group) != 0 || fchmod(fd, MODE) != 0 || fsync(fd) != 0 ||
	    renameat(dir_fd, NEW_FILE, dir_fd, LRK_MASTER_FILE) != 0) {
		err = fail_write(etc, errno, why);
		unlinkat(etc->fd, NEW_FILE, 0);
	} else if (fsync(dir_fd) != 0) {
		err = fail_write(etc, errno, why);
	}
	lrk_wipe_array(text);
	if (dir_fd >= 0)
		close(dir_fd);
	close(fd);
	return err;
}
