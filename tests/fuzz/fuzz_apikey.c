/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * API key strings. What is accepted is what an independent reader accepts; what is made from the
 * input is accepted; one character changed, and it is not.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/apikey.h>

#include "fuzz.h"
#include "liblrkey/crypto.h"

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define BODY 49 /* all before the check */

/* CRC-32 (IEEE), a bit at a time. */
static uint32_t
crc32_of(const char *text, size_t length)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= (uint8_t)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void
write_check(char *text)
{
	uint32_t crc = crc32_of(text, BODY);

	for (int i = LRK_APIKEY_LEN - 1; i >= BODY; i--) {
		text[i] = alphabet[crc % 62];
		crc /= 62;
	}
}

static bool
is_well_formed(const char *text, size_t length)
{
	char again[LRK_APIKEY_LEN];

	if (length != LRK_APIKEY_LEN || memcmp(text, "lrk_", 4) != 0 || text[16] != '_')
		return false;
	for (size_t i = 4; i < length; i++)
		if (i != 16 && (text[i] == '\0' || strchr(alphabet, text[i]) == NULL))
			return false;
	memcpy(again, text, sizeof(again));
	write_check(again);
	return memcmp(again, text, sizeof(again)) == 0;
}

static void
judge(const char *text, size_t length)
{
	static const struct lrk_credential untouched;
	struct lrk_credential credential = untouched;
	uint8_t digest[LRK_SHA256_LEN];
	enum lrk_err err;

	err = lrk_apikey_parse(text, length, &credential);
	fuzz_require(err == (is_well_formed(text, length) ? LRK_OK : LRK_ERR_SYNTAX));
	if (err != LRK_OK) {
		fuzz_require(memcmp(&credential, &untouched, sizeof(untouched)) == 0);
		return;
	}
	fuzz_require(memcmp(credential.id, text + 4, LRK_ID_LEN) == 0);
	fuzz_require(credential.id[LRK_ID_LEN] == '\0' && lrk_is_id(credential.id));
	fuzz_require(lrk_sha256(text + 17, LRK_SECRET_LEN, digest) == LRK_OK);
	fuzz_require(memcmp(digest, credential.digest, sizeof(digest)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fuzz_bytes(data, size), key[LRK_APIKEY_LEN] = "lrk_";
	struct fuzz_input input = { data, size };
	struct lrk_credential credential;
	size_t at;

	judge(text, size);
	free(text);

	for (size_t i = 4; i < BODY; i++)
		key[i] = i == 16 ? '_' : alphabet[fuzz_number(&input, 1) % 62];
	write_check(key);
	fuzz_require(lrk_apikey_parse(key, sizeof(key), &credential) == LRK_OK);
	judge(key, sizeof(key));
	at = fuzz_number(&input, 1) % sizeof(key);
	key[at] = (char)((uint8_t)key[at] ^ (1 + fuzz_number(&input, 1) % 255));
	fuzz_require(lrk_apikey_parse(key, sizeof(key), &credential) == LRK_ERR_SYNTAX);
	judge(key, sizeof(key));
	return 0;
}
