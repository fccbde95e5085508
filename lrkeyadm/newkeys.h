/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New API keys on the way to whoever asked for them. This is the one time that
 * they are shown.
 */
#ifndef LRKEYADM_NEWKEYS_H
#define LRKEYADM_NEWKEYS_H

#include <lrkey/apikey.h>

#include "fields.h"
#include "work.h"

/* A key with its newline, as it is written. */
#define NEWKEYS_LINE (LRK_APIKEY_LEN + 1)

struct newkeys {
	char *lines; /* n of NEWKEYS_LINE bytes, not terminated */
	size_t n;
	char (*ids)[LRK_ID_LEN + 1];
};

/* Room for n keys. Free it with newkeys_free, which wipes. */
enum status newkeys_alloc(size_t n, struct newkeys *ret);
void newkeys_free(struct newkeys *keys);

/*
 * Draws the key with this index, with an id that no key of the store has, and puts its id
 * and digest into entry.
 */
enum status newkeys_draw(struct newkeys *keys, size_t i, const struct work *work,
			 struct lrk_entry *entry);

/* A file that takes the lines instead of standard output. */
struct newkeys_file {
	const char *path; /* NULL: none */
	const char *base; /* the last part of path */
	int dir;
	int fd;
};

#define NEWKEYS_NO_FILE { .path = NULL, .dir = -1, .fd = -1 }

/* Makes the file anew, with mode 0600 whatever the umask; STATUS_CREATE where that cannot be. */
enum status newkeys_file_make(const char *path, struct newkeys_file *ret);

/* Writes all lines, and syncs the file and its directory. */
enum status newkeys_file_write(const struct newkeys_file *file, const struct newkeys *keys);

/* Closes it, and removes it when it is not to be kept. */
void newkeys_file_end(struct newkeys_file *file, bool keep);

/*
 * Prints on standard output the lines, or with json an object for each key: model with
 * its id, and with the key itself unless a file has it. When that fails: STATUS_IO, with the
 * ids that must be revoked, since nobody has seen the keys. Warns where others may read them.
 */
enum status newkeys_print(const struct request *request, const struct newkeys *keys,
			  const struct key_view *model, bool in_file);

#endif
