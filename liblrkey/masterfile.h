/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file master.key.
 */
#ifndef LIBLRKEY_MASTERFILE_H
#define LIBLRKEY_MASTERFILE_H

#include <sys/types.h>

#include <lrkey/error.h>

#include "masterkey.h"
#include "safeopen.h"

/* Reads the master keys in a store's /etc directory; the caller wipes them. */
LRK_MUST_CHECK enum lrk_err lrk_master_file_read(const struct lrk_dir *etc,
						 struct lrk_keyring *ret, struct lrk_why *why);

/*
 * Puts a new master.key in place of the one that is there, if any: written beside it, synced,
 * renamed, the directory synced. Mode 0640, owned by owner and group.
 */
LRK_MUST_CHECK enum lrk_err lrk_master_file_write(const struct lrk_dir *etc,
						  const struct lrk_keyring *ring, uid_t owner,
						  gid_t group, struct lrk_why *why);

#endif
