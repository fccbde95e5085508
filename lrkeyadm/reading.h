/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening the store that a request means, to read it. */
#ifndef LRKEYADM_READING_H
#define LRKEYADM_READING_H

#include "command.h"
#include "liblrkey/snapshot.h"

/*
 * Opens the store for a manager, who is one that the kernel lets open its lock. *ret may be
 * closed whatever came of it.
 */
enum status reading_open(const struct request *request, struct lrk_store *ret,
			 struct lrk_header *ret_header);

/* The same for whoever may verify. */
enum status reading_open_verifier(const struct request *request, struct lrk_store *ret,
				  struct lrk_header *ret_header);

/* Opens the directory of the request's store below LRK_ETC or LRK_VAR, without its files. */
enum lrk_err reading_dir(const struct request *request, const char *above, struct lrk_dir *ret,
			 struct lrk_why *why);

/* Reads an entry, with its digest. STATUS_NO_KEY for an unknown id. */
enum status reading_key(const struct request *request, const struct lrk_store *store,
			const char *id, struct lrk_entry *ret);

/*
 * Walks the store for a manager, as lrk_snapshot_walk does. A visitor that stops it has said why,
 * and has left the status in *stopped, which may be NULL for one that never does.
 */
enum status reading_walk(const struct request *request, const struct lrk_store *store,
			 lrk_entry_fn visit, void *context, const enum status *stopped);

/* The status and message for an error of the core at the request's store. */
enum status reading_fail(const struct request *request, bool manager, enum lrk_err err,
			 const struct lrk_why *why);

/* The system's clock. */
enum status reading_now(int64_t *ret);

#endif
