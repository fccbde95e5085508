/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor, which besides loads libcrypto and libgdbm, and fetches AES-128-GCM and SHA-256: what a
 * PAM module that needs both cannot avoid when a process starts.
 */
#include <stdlib.h>

#include <gdbm.h>
#include <openssl/evp.h>

#include "pam_floor.c"

static void __attribute__((constructor))
fetch(void)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);

	if (cipher == NULL || digest == NULL || *gdbm_version == '\0')
		abort();
	EVP_CIPHER_free(cipher);
	EVP_MD_free(digest);
}
