/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New API keys on the way to whoever asked for them. This is the one time that
 * they are shown.
 */
#ifndef LRKEYADM_NEWKEYS_H
#define LRKEYADM_NEWKEYS_H

#include <lrkey/apikey.h>

#include "fields.h"
#include "newfile.h"
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

/* Writes all lines to a file instead of standard output, and syncs it. */
enum status newkeys_write(const struct newfile *file, const struct newkeys *keys);

/*
 * Prints on standard output the lines, or with json an object for each key: model with
 * its id, and with the key itself unless a file has it. When that fails: STATUS_IO, with the
 * ids that must be revoked, since nobody has seen the keys. Warns where others may read them.
 */
enum status newkeys_print(const struct request *request, const struct newkeys *keys,
			  const struct key_view *model, bool in_file);

#endif
