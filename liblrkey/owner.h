/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the owner of a key is still somebody on this host.
 */
#ifndef LIBLRKEY_OWNER_H
#define LIBLRKEY_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/error.h>

/*
 * Looks the user up in NSS and, where the caller may read it, in shadow(5).
 * *ret_usable is false for a user who does not exist, whose account has expired, or whose
 * password is locked (begins with "!", as usermod --lock leaves it; "*" is no lock,
 * as for sshd). LRK_ERR_IO when nobody can tell.
 */
LRK_MUST_CHECK enum lrk_err lrk_owner_is_usable(const char *user, int64_t now, bool *ret_usable,
						struct lrk_why *why);

/* Whether the caller may read shadow(5), and so is told of accounts that are expired or locked. */
bool lrk_owner_is_wholly_seen(void);

#endif
