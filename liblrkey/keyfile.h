/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key file as a table of records by name, and the only door to GDBM.
 * Names and records are bytes here; what they mean is not known.
 */
#ifndef LIBLRKEY_KEYFILE_H
#define LIBLRKEY_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lrkey/error.h>

/* LRK_ERR_IO from any function here leaves the system's error number in errno. */

/* Larger key files are not opened. */
#define LRK_KEYFILE_MAX ((off_t)1 << 30)

struct lrk_keyfile {
	void *engine;
};

#define LRK_KEYFILE_NONE { .engine = NULL }

/*
 * Opens the key file behind fd, which must be safe to use, have so many bytes, and stand at its
 * beginning, to read it. Takes no lock, maps nothing. The descriptor is taken over, also on
 * failure. path is for messages.
 */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_open(int fd, off_t size, const char *path,
					     struct lrk_keyfile *ret, struct lrk_why *why);

/* Opens a copy that is not in use yet, to change it. An empty file becomes an empty key file. */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_open_copy(int fd, const char *path,
						  struct lrk_keyfile *ret, struct lrk_why *why);

/* Closes; NULL-safe. A writer must look at the result: not all may have been written before. */
enum lrk_err lrk_keyfile_close(struct lrk_keyfile *file);

/* The descriptor behind an open key file, to copy it; its offset must be left alone. */
int lrk_keyfile_fd(const struct lrk_keyfile *file);

/*
 * Copies the record with this name into at most size bytes. LRK_ERR_NOT_FOUND when there is
 * none; LRK_ERR_DAMAGED when the file does not hold together, or the record is longer.
 */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_get(const struct lrk_keyfile *file, const char *name,
					    uint8_t *record, size_t size, size_t *ret_length);

/*
 * Stores a record under a name. The bytes of one that stood there before are
 * overwritten with zeros first.
 */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_put(struct lrk_keyfile *file, const char *name,
					    const uint8_t *record, size_t length);

/* Removes a record, its bytes overwritten with zeros first. */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_delete(struct lrk_keyfile *file, const char *name);

/*
 * Calls visit for each record, in no order, until it returns something else
 * than LRK_OK, which is then returned. The file must not be changed meanwhile, nor have changes
 * that are not yet written. LRK_ERR_DAMAGED, too, behind more records than have room in it: the
 * directory of a damaged file may lead in a circle.
 */
typedef enum lrk_err (*lrk_visit_fn)(void *context, const char *name, size_t name_length,
				     const uint8_t *record, size_t length);
LRK_MUST_CHECK enum lrk_err lrk_keyfile_walk(const struct lrk_keyfile *file, lrk_visit_fn visit,
					     void *context);

/* How many records there are. */
LRK_MUST_CHECK enum lrk_err lrk_keyfile_count(const struct lrk_keyfile *file, uint64_t *ret);

#endif
