/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making API keys: for managers.
 */
#ifndef LIBLRKEY_APIKEY_H
#define LIBLRKEY_APIKEY_H

#include <lrkey/apikey.h>

#include "crypto.h"

/*
 * Makes a new API key: the string, terminated, which is the caller's to show
 * once and to wipe, and its credential. Id and secret are uniform over
 * 62 characters, by rejection, from random. On failure both are wiped.
 */
LRK_MUST_CHECK enum lrk_err lrk_apikey_generate(lrk_random_fn random,
						char text[static LRK_APIKEY_LEN + 1],
						struct lrk_credential *ret);

#endif
