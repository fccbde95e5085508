/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the module does in its two phases. Both return PAM codes, and have
 * logged what there is to log.
 */
#ifndef PAM_LRKEY_DECIDE_H
#define PAM_LRKEY_DECIDE_H

#include "call.h"

/* Asks for a token, and lets in whom it shows to hold a key. */
int decide_authenticate(struct call *call);

/* Whether the one whom authenticate let in may still come in here. */
int decide_account(struct call *call);

#endif
