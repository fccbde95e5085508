/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cryptography that the core needs, and the only door to OpenSSL.
 */
#ifndef LIBLRKEY_CRYPTO_H
#define LIBLRKEY_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lrkey/error.h>

#define LRK_AES_KEY_LEN 16
#define LRK_IV_LEN 12
#define LRK_TAG_LEN 16
#define LRK_SHA256_LEN 32

/* Where random bytes come from; tests bring their own. */
typedef enum lrk_err (*lrk_random_fn)(void *bytes, size_t length);

/* Random bytes for secrets, from OpenSSL's private generator. */
LRK_MUST_CHECK enum lrk_err lrk_random(void *bytes, size_t length);

LRK_MUST_CHECK enum lrk_err lrk_sha256(const void *bytes, size_t length,
				       uint8_t digest[static LRK_SHA256_LEN]);

/* Compares in a time that depends on the length only. */
LRK_MUST_CHECK bool lrk_equal(const void *a, const void *b, size_t length);

/*
 * AES-128-GCM (NIST SP 800-38D) with a 12-byte IV and a 16-byte tag. An IV must
 * be used once under a key. Source and destination have length bytes and must not overlap.
 */
LRK_MUST_CHECK enum lrk_err lrk_gcm_seal(const uint8_t key[static LRK_AES_KEY_LEN],
					 const uint8_t iv[static LRK_IV_LEN], const void *aad,
					 size_t aad_length, const void *plain, size_t length,
					 void *sealed, uint8_t tag[static LRK_TAG_LEN]);

/* The same, set up to open with one key, which it holds: setting up costs as much as opening. */
struct lrk_gcm;

LRK_MUST_CHECK enum lrk_err lrk_gcm_begin(const uint8_t key[static LRK_AES_KEY_LEN],
					  struct lrk_gcm **ret);

/*
 * LRK_ERR_DAMAGED when the tag does not fit: another key, or changed text, tag
 * or additional data. The destination is wiped then.
 */
LRK_MUST_CHECK enum lrk_err lrk_gcm_open(struct lrk_gcm *gcm, const uint8_t iv[static LRK_IV_LEN],
					 const void *aad, size_t aad_length, const void *sealed,
					 size_t length, const uint8_t tag[static LRK_TAG_LEN],
					 void *plain);

/* Wipes the key and frees; NULL-safe. */
void lrk_gcm_end(struct lrk_gcm *gcm);

/*
 * An AES key from a passphrase: scrypt (RFC 7914) with N=2^17, r=8, p=1, which takes
 * 128 MiB of memory for a moment. LRK_ERR_CRYPTO where they are not to be had.
 */
#define LRK_SALT_LEN 16
LRK_MUST_CHECK enum lrk_err lrk_scrypt(const char *passphrase, size_t length,
				       const uint8_t salt[static LRK_SALT_LEN],
				       uint8_t key[static LRK_AES_KEY_LEN]);

#endif
