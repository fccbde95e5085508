/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sealed backup of a store's entries, tombstones and counters, under a
 * passphrase, one record after the other. FORMAT.md describes every byte.
 */
#ifndef LIBLRKEY_BACKUP_H
#define LIBLRKEY_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/entry.h>
#include <lrkey/error.h>

#include "usage.h"

struct lrk_backup;

/* Begins a backup in an empty file. The descriptor stays the caller's; so does the passphrase. */
LRK_MUST_CHECK enum lrk_err lrk_backup_create(int fd, const char *passphrase, size_t length,
					      struct lrk_backup **ret, struct lrk_why *why);

/* Adds an entry, with its digest, and what is known of its use. */
LRK_MUST_CHECK enum lrk_err lrk_backup_put(struct lrk_backup *backup,
					   const struct lrk_entry *entry,
					   const struct lrk_usage *usage, struct lrk_why *why);

/* Writes the end, without which a backup is refused, and syncs the file. */
LRK_MUST_CHECK enum lrk_err lrk_backup_finish(struct lrk_backup *backup, struct lrk_why *why);

/*
 * Begins to read a backup from the beginning of a file. LRK_ERR_SYNTAX for what is none,
 * LRK_ERR_VERSION for a newer one.
 */
LRK_MUST_CHECK enum lrk_err lrk_backup_open(int fd, const char *passphrase, size_t length,
					    struct lrk_backup **ret, struct lrk_why *why);

/*
 * The next entry, its digest with it, or *ret_end. LRK_ERR_DAMAGED when the passphrase is wrong, or
 * anything was changed, moved or cut off: no entry counts before the end was read. Behind a failure
 * there is nothing more.
 */
LRK_MUST_CHECK enum lrk_err lrk_backup_next(struct lrk_backup *backup, struct lrk_entry *ret,
					    struct lrk_usage *ret_usage, bool *ret_end,
					    struct lrk_why *why);

/* Begins again at the first entry. */
LRK_MUST_CHECK enum lrk_err lrk_backup_rewind(struct lrk_backup *backup, struct lrk_why *why);

/* Wipes the key and frees; NULL-safe. */
void lrk_backup_free(struct lrk_backup *backup);

#endif
