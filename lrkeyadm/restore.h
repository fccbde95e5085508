/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bringing the entries of a backup into a store, in passes over the whole of it:
 *
 *	restore_examine		reads all of it, and decides what becomes of each entry
 *	restore_put		puts what is new and what is to be a tombstone into the change
 *	(the caller commits)
 *	restore_raise		raises the counts of the keys that were there
 *
 * Nothing is changed before all of it was read and found good.
 */
#ifndef LRKEYADM_RESTORE_H
#define LRKEYADM_RESTORE_H

#include "grow.h"
#include "liblrkey/backup.h"
#include "policy.h"
#include "work.h"

struct restore {
	const struct request *request; /* whose first argument is the backup */
	struct lrk_backup *backup;
	const struct lrk_store *store; /* as it is before the change */
	struct policy policy;
	int64_t now;
	const struct work *work; /* NULL: nothing is to be changed */
	int usage_fd;		 /* -1: none, or not open yet */
	bool warned;		 /* that counts cannot be restored */
	struct idlist ids;	 /* all of the backup, then those that changed */
	char org[LRK_ORG_MAX + 1]; /* of all that changed; "" for several */
	uint64_t n_entries;
	uint64_t n_added;
	uint64_t n_revoked; /* were working here, and are tombstones in the backup */
	uint64_t n_kept;
	uint64_t n_raised; /* of those here: whose counts are larger in the backup */
};

enum status restore_examine(struct restore *restore);
enum status restore_put(struct restore *restore);
enum status restore_raise(struct restore *restore);

/* Closes and frees all but backup, store and work. */
void restore_end(struct restore *restore);

/* The message for an error of a backup: what is malformed is STATUS_DATA. */
enum status restore_fail(const struct request *request, enum lrk_err err,
			 const struct lrk_why *why);

#endif
