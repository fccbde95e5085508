/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening files and directories that must not be somebody else's.
 */
#ifndef LIBLRKEY_SAFEOPEN_H
#define LIBLRKEY_SAFEOPEN_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <lrkey/error.h>

#include "known.h"

#define LRK_BELOW_MAX 128

/*
 * A directory that was judged. It is open (O_PATH), or a name below one that is: then fd is
 * that one's, borrowed, and below leads from there to here, with a slash at its end.
 */
struct lrk_dir {
	int fd;
	bool rooted; /* it lies under a root other than / */
	bool is_roots; /* one under which stores lie, which only root can write; or / */
	struct lrk_identity identity; /* of such a one, where it is open */
	char below[LRK_BELOW_MAX];
	char path[256]; /* for messages */
};

#define LRK_DIR_NONE { .fd = -1 }

/*
 * Opens the directory under which a store lies: root, or / for NULL, and
 * judges it. Nothing above it is judged.
 */
LRK_MUST_CHECK enum lrk_err lrk_root_open(const char *root, struct lrk_dir *ret,
					  struct lrk_why *why);

/*
 * The same for who opens nothing but files below it: for NULL, no descriptor is taken, and / is
 * judged with what is reached from it.
 */
LRK_MUST_CHECK enum lrk_err lrk_root_name(const char *root, struct lrk_dir *ret,
					  struct lrk_why *why);

/*
 * Walks from an open directory along a relative path, and judges each
 * directory on it: no symlink, owned by root or, where the walk began at a root other
 * than /, by the effective user; not writable by others; not writable by its group,
 * but for the last one when group_writable. LRK_ERR_NO_STORE when one is missing.
 */
LRK_MUST_CHECK enum lrk_err lrk_dir_open(const struct lrk_dir *from, const char *path,
					 bool group_writable, struct lrk_dir *ret,
					 struct lrk_why *why);

/*
 * The same, but the directory is not opened: for who only opens files in it. Costs one look where
 * the way to it was judged before in this process, only root can exchange anything there, and it
 * led to the same directory. from must stay open as long.
 */
LRK_MUST_CHECK enum lrk_err lrk_dir_name(const struct lrk_dir *from, const char *path,
					 bool group_writable, struct lrk_dir *ret,
					 struct lrk_why *why);

void lrk_dir_close(struct lrk_dir *dir);

/* What a file may be like, besides regular, and not writable by others. */
struct lrk_file_rule {
	int flags;	 /* O_RDONLY or O_RDWR, O_APPEND */
	off_t min_size;
	off_t max_size;
};

/*
 * Opens a file, then judges it by its descriptor: a regular file, with one
 * link (one that was replaced meanwhile is opened again, by its name), not
 * writable by others, its size in bounds. LRK_ERR_NOT_FOUND, LRK_ERR_ACCESS (the text names
 * the group that is missing), LRK_ERR_UNSAFE, LRK_ERR_IO. A wrong mode or link
 * count may be passed over by a writer that replaces the file, by giving defect;
 * *defect is then set, its text in why. The descriptor is the caller's to close; the status
 * has no times.
 */
LRK_MUST_CHECK enum lrk_err lrk_file_open(const struct lrk_dir *dir, const char *name,
					  const struct lrk_file_rule *rule, bool *defect,
					  int *ret_fd, struct stat *ret_stat, struct lrk_why *why);

/* Reads the whole file of size bytes; LRK_ERR_IO when it is shorter. */
LRK_MUST_CHECK enum lrk_err lrk_file_read(int fd, void *bytes, size_t size);

/* Writes all; LRK_ERR_IO, with errno set. */
LRK_MUST_CHECK enum lrk_err lrk_file_write(int fd, const void *bytes, size_t size);

/*
 * Why the kernel refused the caller at the file or directory with this
 * status: "uid 33 is not in group _lrkey", when that is so, else "permission denied".
 */
void lrk_access_text(const struct stat *status, char *text, size_t size);

#endif
