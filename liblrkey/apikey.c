/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API key string.
 *
 * - Characters of the secret and of the check MUST NOT steer a branch or be an
 *   index: no tables, arithmetic only. What may be known of a key is whether it is well
 *   formed, and its id.
 * - Copies of the secret MUST be wiped before the function that made them returns.
 */
#include <stdbool.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "apikey.h"

#define PREFIX_LEN (sizeof(LRK_APIKEY_PREFIX) - 1)
#define CHECK_LEN 6
#define CHECKED_LEN (LRK_APIKEY_LEN - CHECK_LEN)
#define SECRET_AT (PREFIX_LEN + LRK_ID_LEN + 1)

_Static_assert(SECRET_AT + LRK_SECRET_LEN + CHECK_LEN == LRK_APIKEY_LEN, "the parts fill the key");

/* All ones when low <= c <= high, else 0. All three are below 256. */
static uint32_t
in_range(uint32_t c, uint32_t low, uint32_t high)
{
	return (((c - low) | (high - c)) >> 31) - 1;
}

/* 0 for a character of 0-9A-Za-z, else not 0. */
static uint32_t
not_base62(uint8_t c)
{
	return ~(in_range(c, '0', '9') | in_range(c, 'A', 'Z') | in_range(c, 'a', 'z'));
}

/* The character of a base 62 digit, 0 to 61: 0-9, A-Z, a-z. */
static char
base62_char(uint32_t digit)
{
	uint32_t upper = in_range(digit, 10, 35);
	uint32_t lower = in_range(digit, 36, 61);

	return (char)('0' + digit + (upper & ('A' - '0' - 10)) + (lower & ('a' - '0' - 36)));
}

/*
 * CRC-32 as in IEEE 802.3 and zlib: reflected, polynomial 0xedb88320. What each bit of a byte comes
 * to eight steps later does not hang on the others: all eight are added up at once.
 */
static uint32_t
crc32_ieee(const char *text, size_t length)
{
	static const uint32_t of_bit[8] = { 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
					    0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320 };
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		uint32_t byte = (crc ^ (uint8_t)text[i]) & 0xff, sum = 0;

		for (unsigned bit = 0; bit < 8; bit++)
			sum ^= of_bit[bit] & (0 - ((byte >> bit) & 1));
		crc = (crc >> 8) ^ sum;
	}
	return ~crc;
}

static void
make_check(const char *text, char check[static CHECK_LEN])
{
	uint32_t crc = crc32_ieee(text, CHECKED_LEN);

	for (int i = CHECK_LEN - 1; i >= 0; i--) {
		check[i] = base62_char(crc % 62);
		crc /= 62;
	}
}

static bool
is_well_formed(const char *text)
{
	char check[CHECK_LEN];
	uint32_t wrong = 0;

	for (size_t i = 0; i < PREFIX_LEN; i++)
		wrong |= (uint8_t)(text[i] ^ LRK_APIKEY_PREFIX[i]);
	wrong |= (uint8_t)(text[SECRET_AT - 1] ^ '_');
	for (size_t i = PREFIX_LEN; i < LRK_APIKEY_LEN; i++)
		if (i != SECRET_AT - 1)
			wrong |= not_base62((uint8_t)text[i]);
	make_check(text, check);
	for (size_t i = 0; i < CHECK_LEN; i++)
		wrong |= (uint8_t)(text[CHECKED_LEN + i] ^ check[i]);
	lrk_wipe_array(check);
	return wrong == 0;
}

static enum lrk_err
make_credential(const char *text, struct lrk_credential *ret)
{
	struct lrk_credential credential;
	enum lrk_err err;

	memcpy(credential.id, text + PREFIX_LEN, LRK_ID_LEN);
	credential.id[LRK_ID_LEN] = '\0';
	err = lrk_sha256(text + SECRET_AT, LRK_SECRET_LEN, credential.digest);
	if (err == LRK_OK)
		*ret = credential;
	lrk_wipe_object(&credential);
	return err;
}

enum lrk_err
lrk_apikey_parse(const char *text, size_t length, struct lrk_credential *ret)
{
	if (length != LRK_APIKEY_LEN || !is_well_formed(text))
		return LRK_ERR_SYNTAX;
	return make_credential(text, ret);
}

/* Bytes from 248 = 4 * 62 on are rejected, so that each character is as likely as any other. */
static enum lrk_err
random_base62(lrk_random_fn random, char *text, size_t length)
{
	uint8_t pool[64];
	enum lrk_err err = LRK_OK;
	size_t done = 0;

	while (done < length) {
		err = random(pool, sizeof(pool));
		if (err != LRK_OK)
			break;
		for (size_t i = 0; i < sizeof(pool) && done < length; i++)
			if (pool[i] < 248)
				text[done++] = base62_char(pool[i] % 62);
	}
	lrk_wipe_array(pool);
	return err;
}

enum lrk_err
lrk_apikey_generate(lrk_random_fn random, char text[static LRK_APIKEY_LEN + 1],
		    struct lrk_credential *ret)
{
	enum lrk_err err;

	memcpy(text, LRK_APIKEY_PREFIX, PREFIX_LEN);
	text[SECRET_AT - 1] = '_';
	err = random_base62(random, text + PREFIX_LEN, LRK_ID_LEN);
	if (err == LRK_OK)
		err = random_base62(random, text + SECRET_AT, LRK_SECRET_LEN);
	if (err != LRK_OK)
		goto out;
	make_check(text, text + CHECKED_LEN);
	text[LRK_APIKEY_LEN] = '\0';
	err = make_credential(text, ret);
out:
	if (err != LRK_OK)
		lrk_wipe_bytes(text, LRK_APIKEY_LEN + 1);
	return err;
}
