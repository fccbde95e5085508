/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a key's holder gets besides being let in: the PAM environment, and a
 * word when the key is about to end.
 */
#ifndef PAM_LRKEY_GRANT_H
#define PAM_LRKEY_GRANT_H

#include <stdint.h>

#include <lrkey/verify.h>

#include "call.h"

/* Takes out of the PAM environment what an earlier success put there. */
void grant_withdraw_environment(const struct call *call);

/* Puts LRKEY_* into it: all of them, or none and PAM_BUF_ERR. */
int grant_environment(const struct call *call, const struct lrk_entry *entry);

/* Tells the holder of a key that is deprecated, or ends soon, when; unless PAM_SILENT. */
void grant_notice(const struct call *call, const struct lrk_answer *answer, int64_t now);

#endif
