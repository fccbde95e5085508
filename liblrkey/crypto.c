/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only file that includes OpenSSL. It runs inside other people's processes:
 *
 * - Every OpenSSL result MUST be compared where it is returned, and MUST NOT be
 *   kept in a variable that is returned: OpenSSL's failure is our success.
 * - The host's error queue MUST be as it was: mark, then pop to the mark.
 * - OPENSSL_cleanup, OPENSSL_init_crypto, RAND_set_*, EVP_set_default_properties
 *   and the secure heap are the host's and MUST NOT be called.
 * - Text MUST NOT be used before its tag has been checked: EVP_DecryptUpdate
 *   hands it out unchecked. The tag's length is 16, fixed here: OpenSSL
 *   would accept a tag of one byte.
 * - Algorithms come from the default library context, so that the
 *   administrator's policy for the host holds here too.
 */
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <lrkey/wipe.h>

#include "crypto.h"

_Static_assert(LRK_SHA256_LEN == 32, "SHA-256 makes 32 bytes");

/*
 * Looking an algorithm up costs as much as using it. Both are kept from their first use on,
 * to the end of the process: nothing unloads this code, and OpenSSL frees what is left.
 */
static _Atomic(EVP_MD *) sha256_kept;
static _Atomic(EVP_CIPHER *) gcm_kept;

/* NULL where there is none. */
static const EVP_MD *
sha256(void)
{
	EVP_MD *kept = atomic_load(&sha256_kept), *fetched;

	if (kept != NULL)
		return kept;
	fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (fetched == NULL || EVP_MD_get_size(fetched) != LRK_SHA256_LEN)
		goto none;
	/* Another thread may have been first. */
	if (atomic_compare_exchange_strong(&sha256_kept, &kept, fetched))
		return fetched;
none:
	EVP_MD_free(fetched);
	return kept;
}

static const EVP_CIPHER *
gcm(void)
{
	EVP_CIPHER *kept = atomic_load(&gcm_kept), *fetched;

	if (kept != NULL)
		return kept;
	fetched = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	if (fetched == NULL || EVP_CIPHER_get_iv_length(fetched) != LRK_IV_LEN)
		goto none;
	if (atomic_compare_exchange_strong(&gcm_kept, &kept, fetched))
		return fetched;
none:
	EVP_CIPHER_free(fetched);
	return kept;
}

enum lrk_err
lrk_random(void *bytes, size_t length)
{
	enum lrk_err err = LRK_ERR_CRYPTO;

	if (length > INT_MAX)
		return LRK_ERR_INTERNAL;
	ERR_set_mark();
	if (RAND_priv_bytes(bytes, (int)length) == 1)
		err = LRK_OK;
	ERR_pop_to_mark();
	return err;
}

enum lrk_err
lrk_sha256(const void *bytes, size_t length, uint8_t digest[static LRK_SHA256_LEN])
{
	enum lrk_err err = LRK_ERR_CRYPTO;
	unsigned made = 0;
	const EVP_MD *md;

	ERR_set_mark();
	md = sha256();
	if (md != NULL &&
	    EVP_Digest(bytes, length, digest, &made, md, NULL) == 1 && made == LRK_SHA256_LEN)
		err = LRK_OK;
	ERR_pop_to_mark();
	return err;
}

bool
lrk_equal(const void *a, const void *b, size_t length)
{
	return CRYPTO_memcmp(a, b, length) == 0;
}

enum lrk_err
lrk_gcm_seal(const uint8_t key[static LRK_AES_KEY_LEN], const uint8_t iv[static LRK_IV_LEN],
	     const void *aad, size_t aad_length, const void *plain, size_t length, void *sealed,
	     uint8_t tag[static LRK_TAG_LEN])
{
	enum lrk_err err = LRK_ERR_CRYPTO;
	const EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	int n = 0;

	if (length > INT_MAX || aad_length > INT_MAX)
		return LRK_ERR_INTERNAL;
	ERR_set_mark();
	cipher = gcm();
	ctx = EVP_CIPHER_CTX_new();
	if (cipher == NULL || ctx == NULL ||
	    EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_length) != 1 ||
	    EVP_EncryptUpdate(ctx, sealed, &n, plain, (int)length) != 1 || (size_t)n != length ||
	    EVP_EncryptFinal_ex(ctx, rest, &n) != 1 || n != 0 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, LRK_TAG_LEN, tag) != 1)
		goto out;
	err = LRK_OK;
out:
	EVP_CIPHER_CTX_free(ctx);
	ERR_pop_to_mark();
	return err;
}

/* A struct lrk_gcm is OpenSSL's context, which nobody else looks into. */
static EVP_CIPHER_CTX *
context(struct lrk_gcm *gcm)
{
	return (EVP_CIPHER_CTX *)gcm;
}

enum lrk_err
lrk_gcm_begin(const uint8_t key[static LRK_AES_KEY_LEN], struct lrk_gcm **ret)
{
	enum lrk_err err = LRK_ERR_CRYPTO;
	const EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;

	ERR_set_mark();
	cipher = gcm();
	ctx = EVP_CIPHER_CTX_new();
	if (cipher == NULL || ctx == NULL ||
	    EVP_DecryptInit_ex2(ctx, cipher, key, NULL, NULL) != 1)
		goto out;
	*ret = (struct lrk_gcm *)ctx;
	ctx = NULL;
	err = LRK_OK;
out:
	EVP_CIPHER_CTX_free(ctx);
	ERR_pop_to_mark();
	return err;
}

void
lrk_gcm_end(struct lrk_gcm *gcm)
{
	EVP_CIPHER_CTX_free(context(gcm));
}

enum lrk_err
lrk_gcm_open(struct lrk_gcm *gcm, const uint8_t iv[static LRK_IV_LEN], const void *aad,
	     size_t aad_length, const void *sealed, size_t length,
	     const uint8_t tag[static LRK_TAG_LEN], void *plain)
{
	enum lrk_err err = LRK_ERR_CRYPTO;
	EVP_CIPHER_CTX *ctx = context(gcm);
	uint8_t expected[LRK_TAG_LEN];
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	int n = 0;

	if (length > INT_MAX || aad_length > INT_MAX)
		return LRK_ERR_INTERNAL;
	memcpy(expected, tag, sizeof(expected));
	ERR_set_mark();
	if (EVP_DecryptInit_ex2(ctx, NULL, NULL, iv, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_length) != 1 ||
	    EVP_DecryptUpdate(ctx, plain, &n, sealed, (int)length) != 1 || (size_t)n != length ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, LRK_TAG_LEN, expected) != 1)
		goto out;
	if (EVP_DecryptFinal_ex(ctx, rest, &n) != 1) {
		err = LRK_ERR_DAMAGED;
		goto out;
	}
	if (n == 0)
		err = LRK_OK;
out:
	ERR_pop_to_mark();
	if (err != LRK_OK)
		lrk_wipe_bytes(plain, length);
	return err;
}

#define SCRYPT_N (UINT64_C(1) << 17)
#define SCRYPT_R 8
#define SCRYPT_P 1
/* 128 * N * r, and some for the rest. */
#define SCRYPT_MEMORY (160 * UINT64_C(1024) * 1024)

enum lrk_err
lrk_scrypt(const char *passphrase, size_t length, const uint8_t salt[static LRK_SALT_LEN],
	   uint8_t key[static LRK_AES_KEY_LEN])
{
	enum lrk_err err = LRK_ERR_CRYPTO;

	ERR_set_mark();
	if (EVP_PBE_scrypt(passphrase, length, salt, LRK_SALT_LEN, SCRYPT_N, SCRYPT_R, SCRYPT_P,
			   SCRYPT_MEMORY, key, LRK_AES_KEY_LEN) == 1)
		err = LRK_OK;
	ERR_pop_to_mark();
	return err;
}
