/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads libcrypto and fetches AES-128-GCM and SHA-256: what no module that uses them can avoid. */
#include <stddef.h>

#include <openssl/evp.h>

int
main(void)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
	int failed = cipher == NULL || digest == NULL;

	EVP_CIPHER_free(cipher);
	EVP_MD_free(digest);
	return failed;
}
