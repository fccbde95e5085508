/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing a store: one change is one new key file, which takes the place of
 * the old one whole or not at all.
 *
 *	lrk_change_begin	takes the lock, reads the current store
 *	lrk_change_put		as often as wanted; copies the key file at the first
 *	lrk_change_prepare	closes, reads back what was put, syncs
 *	(the caller writes the audit line of generation lrk_change_generation)
 *	lrk_change_commit	renames, syncs the directory
 *	lrk_change_end		gives the lock back; undoes what was not committed
 */
#ifndef LIBLRKEY_CHANGE_H
#define LIBLRKEY_CHANGE_H

#include <stdint.h>

#include <lrkey/entry.h>
#include <lrkey/error.h>

#include "lock.h"
#include "store.h"

struct lrk_change;

/*
 * Takes the store's lock, within LRK_LOCK_SECONDS (else LRK_ERR_LOCKED), opens the store, and
 * removes what a killed change has left. LRK_ERR_ACCESS for who is no manager.
 */
LRK_MUST_CHECK enum lrk_err lrk_change_begin(const char *root, const char *name,
					     struct lrk_change **ret, struct lrk_why *why);

/* The store as it is before the change. Valid until lrk_change_end. */
const struct lrk_store *lrk_change_store(const struct lrk_change *change);

/*
 * What was found wrong with the key file's mode or link count, which this
 * change repairs; NULL when nothing was.
 */
const char *lrk_change_warning(const struct lrk_change *change);

/* The generation now current, and the one that this change makes. */
uint64_t lrk_change_current(const struct lrk_change *change);
uint64_t lrk_change_generation(const struct lrk_change *change);

/* The header that the change will seal; its generation and counts are kept by the change. */
struct lrk_header *lrk_change_header(struct lrk_change *change);

/* Stores an entry, new or in place of the one with its id. */
LRK_MUST_CHECK enum lrk_err lrk_change_put(struct lrk_change *change,
					   const struct lrk_entry *entry, struct lrk_why *why);

/*
 * Gives a new entry its place in the usage file, and makes its slot say that
 * it was not used. A missing usage file is made, where the caller may. Where there is none, an
 * entry without a limit gets its place all the same; one with a limit is LRK_ERR_USAGE, or
 * LRK_ERR_IO when it was the disk that failed.
 */
LRK_MUST_CHECK enum lrk_err lrk_change_assign_slot(struct lrk_change *change,
						   struct lrk_entry *entry, struct lrk_why *why);

/* Removes an entry, and frees its place in the usage file. LRK_ERR_NOT_FOUND when there is none. */
LRK_MUST_CHECK enum lrk_err lrk_change_delete(struct lrk_change *change,
					      const struct lrk_entry *entry, struct lrk_why *why);

/*
 * Begins the new key file empty, instead of with a copy, and seals under the active
 * key of this ring, which also opens what the store now holds. Only before the first put.
 */
LRK_MUST_CHECK enum lrk_err lrk_change_start_anew(struct lrk_change *change,
						  const struct lrk_keyring *ring,
						  struct lrk_why *why);

/* Seals the header, closes the copy, reads back each record that was put, and syncs. */
LRK_MUST_CHECK enum lrk_err lrk_change_prepare(struct lrk_change *change, struct lrk_why *why);

/*
 * Puts the new key file in the place of the old one. *ret_done tells whether that
 * happened, also when an error is returned: then the change holds, but a power cut
 * may still undo it.
 */
LRK_MUST_CHECK enum lrk_err lrk_change_commit(struct lrk_change *change, bool *ret_done,
					      struct lrk_why *why);

/*
 * For a change that finds nothing left to do: makes the current key file outlive a power cut. Who
 * made it so may have been killed before he did that himself.
 */
LRK_MUST_CHECK enum lrk_err lrk_change_settle(const struct lrk_change *change,
					      struct lrk_why *why);

/* Ends a change, committed or not; NULL-safe. */
void lrk_change_end(struct lrk_change *change);

#endif
