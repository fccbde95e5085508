/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock that serialises those who change a store.
 */
#ifndef LIBLRKEY_LOCK_H
#define LIBLRKEY_LOCK_H

#include <lrkey/error.h>

/* How long a change waits for the lock. */
#define LRK_LOCK_SECONDS 10

/*
 * Takes the lock of a store, within LRK_LOCK_SECONDS, else LRK_ERR_LOCKED. Closing
 * the descriptor gives it back; so does the end of the process. LRK_ERR_ACCESS for who is
 * no manager: the text names the group that is missing.
 */
LRK_MUST_CHECK enum lrk_err lrk_lock_take(const char *root, const char *name, int *ret_fd,
					  struct lrk_why *why);

/* Whether the kernel would let the caller take the lock: whether he is a manager. Takes nothing. */
LRK_MUST_CHECK enum lrk_err lrk_lock_check(const char *root, const char *name,
					   struct lrk_why *why);

#endif
