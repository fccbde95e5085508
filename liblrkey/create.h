/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a store.
 */
#ifndef LIBLRKEY_CREATE_H
#define LIBLRKEY_CREATE_H

#include <sys/types.h>

#include <lrkey/error.h>
#include <lrkey/names.h>

/* Who owns the files of a new store. */
struct lrk_owners {
	uid_t owner;	 /* root, or the caller under another root */
	gid_t group;	 /* of what is everybody's to read: root's, or the caller's */
	gid_t managers;
	gid_t verifiers;
};

/*
 * Makes every directory and file of a store, whatever the umask, master.key last, all
 * synced. What a broken-off run has left is made again. LRK_ERR_EXISTS where master.key or a key
 * file with entries exists; nothing is changed then.
 */
LRK_MUST_CHECK enum lrk_err lrk_store_create(const char *root, const char *name,
					     const struct lrk_owners *owners,
					     struct lrk_why *why);

/*
 * The name of a store under the same root whose verifiers are this group; "" for none. The
 * store itself is passed over.
 */
LRK_MUST_CHECK enum lrk_err lrk_store_sharing_readers(const char *root, const char *name,
						      gid_t verifiers,
						      char other[static LRK_STORE_MAX + 1],
						      struct lrk_why *why);

#endif
