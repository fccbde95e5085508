/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * API key strings: lrk_<id:12>_<secret:32><check:6>, 55 characters.
 *
 * What leaves the parser is a credential: the public id and the SHA-256 digest
 * of the secret (FIPS 180-4). The rest of the software never sees the secret.
 */
#ifndef LRKEY_APIKEY_H
#define LRKEY_APIKEY_H

#include <stddef.h>
#include <stdint.h>

#include <lrkey/error.h>
#include <lrkey/names.h>

#define LRK_APIKEY_PREFIX "lrk_"
#define LRK_APIKEY_LEN 55
#define LRK_SECRET_LEN 32
#define LRK_DIGEST_LEN 32

struct lrk_credential {
	char id[LRK_ID_LEN + 1];
	uint8_t digest[LRK_DIGEST_LEN];
};

/*
 * Parses the length bytes at text, which need not be terminated and may hold
 * anything. Opens no file. The secret's characters are neither branched upon
 * nor used as an index; only whether the whole is well formed is revealed.
 *
 * Returns LRK_OK, LRK_ERR_SYNTAX for what is not a well-formed API key (before
 * any digest is computed), or LRK_ERR_CRYPTO. *ret is written on success only;
 * it is the caller's to wipe.
 */
LRK_MUST_CHECK enum lrk_err lrk_apikey_parse(const char *text, size_t length,
					     struct lrk_credential *ret);

#endif
