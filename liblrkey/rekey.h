/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing the master key, in the order that keeps every reader able to read:
 *
 *	lrk_change_begin
 *	lrk_rekey_seal		master.key with old and new, then all entries sealed anew
 *	lrk_change_prepare, the audit line, lrk_change_commit
 *	lrk_rekey_finish	master.key with the new one alone
 *	lrk_change_end
 *
 * Broken off anywhere, the same again completes it.
 */
#ifndef LIBLRKEY_REKEY_H
#define LIBLRKEY_REKEY_H

#include "change.h"

/* Told how many entries are done; NULL for nobody. */
typedef void (*lrk_progress_fn)(void *context, uint64_t done);

/* *ret_resumed says that a change that was broken off is being completed. */
LRK_MUST_CHECK enum lrk_err lrk_rekey_seal(struct lrk_change *change, lrk_progress_fn progress,
					   void *context, bool *ret_resumed, struct lrk_why *why);

LRK_MUST_CHECK enum lrk_err lrk_rekey_finish(struct lrk_change *change, struct lrk_why *why);

#endif
