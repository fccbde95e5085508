/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a whole store: for managers.
 */
#ifndef LIBLRKEY_SNAPSHOT_H
#define LIBLRKEY_SNAPSHOT_H

#include "store.h"

/*
 * Opens a store whose header opens, with its header; again, at most three times,
 * while a rekey goes on. The store is the caller's to close, also on failure.
 */
LRK_MUST_CHECK enum lrk_err lrk_snapshot_open(const char *root, const char *name,
					      struct lrk_store *ret, struct lrk_header *ret_header,
					      bool *defect, struct lrk_why *why);

/*
 * Calls visit for each entry and tombstone, in file order, digests wiped, until it
 * returns something else than LRK_OK, which is then returned. An entry that cannot be read
 * ends the walk, with the reason in why.
 */
typedef enum lrk_err (*lrk_entry_fn)(void *context, const struct lrk_entry *entry);
LRK_MUST_CHECK enum lrk_err lrk_snapshot_walk(const struct lrk_store *store, lrk_entry_fn visit,
					      void *context, struct lrk_why *why);

/* The same with the digests, which the visitor must not let out of the core. */
LRK_MUST_CHECK enum lrk_err lrk_snapshot_walk_whole(const struct lrk_store *store,
						    lrk_entry_fn visit, void *context,
						    struct lrk_why *why);

#endif
