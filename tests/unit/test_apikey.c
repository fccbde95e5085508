/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liblrkey/apikey.h"

#include "unit.h"

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The vectors of the contract; the digests are those of sha256sum(1). */
static const struct {
	const char *text;
	const char *id;
	const char *digest;
} vectors[] = {
	{ "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc", "7Hq2ZtXw9LmB",
	  "a55250390f4c061c5c34ad544904797f82c99321012f181e69456da9bcf1a2ea" },
	{ "lrk_000000000000_000000000000000000000000000000000j0nFG", "000000000000",
	  "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a" },
};

static void
format_hex(const uint8_t *bytes, size_t length, char *text)
{
	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void
assert_digest(const struct lrk_credential *credential, const char *expected)
{
	char text[2 * LRK_DIGEST_LEN + 1];

	format_hex(credential->digest, sizeof(credential->digest), text);
	assert_string_equal(text, expected);
}

/* The check by another route than the product's: table-driven, then divided out by hand. */
static void
write_check(char key[static LRK_APIKEY_LEN + 1])
{
	uint32_t table[256], crc = 0xffffffff;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] & 1 ? 0xedb88320 ^ table[i] >> 1 : table[i] >> 1;
	}
	for (int i = 0; i < 49; i++)
		crc = table[(crc ^ (uint8_t)key[i]) & 0xff] ^ crc >> 8;
	crc ^= 0xffffffff;
	for (int i = 54; i >= 49; i--, crc /= 62)
		key[i] = alphabet[crc % 62];
	key[55] = '\0';
}

static void
test_vectors(void **state)
{
	struct lrk_credential credential;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		assert_ok(lrk_apikey_parse(vectors[i].text, LRK_APIKEY_LEN, &credential));
		assert_string_equal(credential.id, vectors[i].id);
		assert_digest(&credential, vectors[i].digest);
	}
}

static void
test_any_changed_character(void **state)
{
	struct lrk_credential credential, untouched;
	char key[LRK_APIKEY_LEN];

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		memcpy(key, vectors[i].text, sizeof(key));
		for (size_t at = 0; at < sizeof(key); at++) {
			for (unsigned change = 1; change < 256; change++) {
				credential = untouched;
				key[at] = (char)((uint8_t)vectors[i].text[at] ^ change);
				assert_err(lrk_apikey_parse(key, sizeof(key), &credential),
					   LRK_ERR_SYNTAX);
				assert_memory_equal(&credential, &untouched, sizeof(untouched));
			}
			key[at] = vectors[i].text[at];
		}
	}
}

/* Each length from memory of just that size: a sanitizer sees any byte read behind it. */
static void
test_every_length(void **state)
{
	struct lrk_credential credential;

	(void)state;
	for (size_t length = 0; length <= 120; length++) {
		char *text = malloc(length + (length == 0));

		assert_non_null(text);
		for (size_t i = 0; i < length; i++)
			text[i] = vectors[0].text[i % LRK_APIKEY_LEN];
		assert_err(lrk_apikey_parse(text, length, &credential),
			   length == LRK_APIKEY_LEN ? LRK_OK : LRK_ERR_SYNTAX);
		free(text);
	}
}

/* A right check does not save what is wrong elsewhere. */
static void
test_each_rule_alone(void **state)
{
	static const struct {
		unsigned at;
		char c;
	} changes[] = {
		{ 0, 'L' },  { 1, 'R' },  { 2, 'K' },  { 3, '-' },     { 4, '_' },  { 4, '/' },
		{ 15, ':' }, { 16, '-' }, { 16, '0' }, { 17, '@' },    { 30, '[' }, { 48, '`' },
		{ 48, '{' }, { 20, ' ' }, { 21, '\0' }, { 22, '\n' },  { 23, '\x80' },
		{ 24, '\xff' },
	};
	struct lrk_credential credential;
	char key[LRK_APIKEY_LEN + 1];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		memcpy(key, vectors[0].text, sizeof(key));
		write_check(key);
		assert_string_equal(key, vectors[0].text);
		key[changes[i].at] = changes[i].c;
		write_check(key);
		assert_err(lrk_apikey_parse(key, LRK_APIKEY_LEN, &credential), LRK_ERR_SYNTAX);
	}
	for (unsigned c = 1; c < 256; c++) {
		memcpy(key, vectors[1].text, sizeof(key));
		key[10] = (char)c;
		write_check(key);
		assert_err(lrk_apikey_parse(key, LRK_APIKEY_LEN, &credential),
			   strchr(alphabet, (int)c) != NULL ? LRK_OK : LRK_ERR_SYNTAX);
	}
}

/* A source of bytes that a test commands: pattern, over and over; fails at one call. */
static struct {
	uint8_t pattern[8];
	size_t length;
	unsigned calls;
	unsigned fail_at; /* 0: never */
	unsigned pattern_from; /* until this call, bytes that are to be rejected */
} source;

static enum lrk_err
source_random(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	if (++source.calls == source.fail_at) {
		memset(bytes, 'S', length); /* what a broken source leaves behind */
		return LRK_ERR_CRYPTO;
	}
	for (size_t i = 0; i < length; i++)
		at[i] = source.calls < source.pattern_from
				? (uint8_t)(248 + i % 8)
				: source.pattern[i % source.length];
	return LRK_OK;
}

static void
command_source(const uint8_t *pattern, size_t length)
{
	memset(&source, 0, sizeof(source));
	memcpy(source.pattern, pattern, length);
	source.length = length;
}

static void
assert_key_of_one_character(char c)
{
	char expected[LRK_APIKEY_LEN + 1], text[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential, parsed;

	memcpy(expected, "lrk_", 4);
	memset(expected + 4, c, 45);
	expected[16] = '_';
	write_check(expected);
	assert_ok(lrk_apikey_generate(source_random, text, &credential));
	assert_string_equal(text, expected);
	assert_ok(lrk_apikey_parse(text, LRK_APIKEY_LEN, &parsed));
	assert_memory_equal(&parsed, &credential, sizeof(parsed));
}

/* Each byte below 248 is one character, each character is four bytes: uniform by construction. */
static void
test_generate_maps_bytes(void **state)
{
	unsigned bytes_of[62] = { 0 };

	(void)state;
	for (unsigned b = 0; b < 248; b++) {
		uint8_t byte = (uint8_t)b;

		command_source(&byte, 1);
		assert_key_of_one_character(alphabet[b % 62]);
		bytes_of[b % 62]++;
	}
	for (unsigned i = 0; i < 62; i++)
		assert_int_equal(bytes_of[i], 4);
}

static void
test_generate_rejects(void **state)
{
	(void)state;
	for (unsigned b = 248; b < 256; b++) {
		const uint8_t pairs[] = { (uint8_t)b, 200, (uint8_t)b };

		command_source(pairs, sizeof(pairs));
		assert_key_of_one_character(alphabet[200 % 62]);
	}
	/* A run of nothing else costs further calls, not the result. */
	command_source((const uint8_t[]){ 61 }, 1);
	source.pattern_from = 20;
	assert_key_of_one_character('z');
	assert_true(source.calls > 20);
}

/* Bytes of the source become characters in their order, none used twice. */
static void
test_generate_keeps_order(void **state)
{
	const uint8_t pattern[] = { 0, 1, 255, 2, 3, 248, 62 + 10, 62 + 36 };
	const char in_order[] = "0123Aa";
	char text[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential;

	(void)state;
	command_source(pattern, sizeof(pattern));
	assert_ok(lrk_apikey_generate(source_random, text, &credential));
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(text[4 + i], in_order[i % 6]);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(text[17 + i], in_order[i % 6]);
	assert_memory_equal(credential.id, text + 4, 12);
}

static void
test_generate_fails(void **state)
{
	static const char zeros[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential, untouched;
	char text[LRK_APIKEY_LEN + 1];

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	/* Two calls do when nothing is rejected, eight when the first six bring nothing. */
	for (unsigned calls = 2; calls <= 8; calls += 6) {
		for (unsigned at = 1; at <= calls; at++) {
			command_source((const uint8_t[]){ 7 }, 1);
			source.pattern_from = calls - 1;
			source.fail_at = at;
			credential = untouched;
			memset(text, 'x', sizeof(text));
			assert_err(lrk_apikey_generate(source_random, text, &credential),
				   LRK_ERR_CRYPTO);
			assert_int_equal(source.calls, at);
			assert_memory_equal(text, zeros, sizeof(text));
			assert_memory_equal(&credential, &untouched, sizeof(untouched));
		}
	}
}

static void
test_digest(void **state)
{
	static const struct {
		char c;
		const char *digest;
	} digests[] = {
		{ '0', "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a" },
		{ 'A', "22a48051594c1949deed7040850c1f0f8764537f5191be56732d16a54c1d8153" },
		{ 'z', "a677edf4f47496d9583d20983b28285fa75b1ed9278ab4c060d361ac3c51abd4" },
	};
	char text[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		uint8_t byte = (uint8_t)(strchr(alphabet, digests[i].c) - alphabet);

		command_source(&byte, 1);
		assert_ok(lrk_apikey_generate(source_random, text, &credential));
		assert_digest(&credential, digests[i].digest);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, LRK_ID_LEN);
}

static void
test_random_keys(void **state)
{
	enum { KEYS = 10000 };
	char(*ids)[LRK_ID_LEN] = calloc(KEYS, sizeof(*ids));
	char text[LRK_APIKEY_LEN + 1], checked[LRK_APIKEY_LEN + 1];
	struct lrk_credential made, parsed;

	(void)state;
	assert_non_null(ids);
	for (size_t i = 0; i < KEYS; i++) {
		assert_ok(lrk_apikey_generate(lrk_random, text, &made));
		assert_int_equal(strlen(text), LRK_APIKEY_LEN);
		memcpy(checked, text, sizeof(checked));
		write_check(checked);
		assert_string_equal(text, checked);
		assert_ok(lrk_apikey_parse(text, LRK_APIKEY_LEN, &parsed));
		assert_string_equal(parsed.id, made.id);
		assert_memory_equal(parsed.digest, made.digest, sizeof(made.digest));
		assert_true(lrk_is_id(made.id));
		memcpy(ids[i], made.id, LRK_ID_LEN);
	}
	qsort(ids, KEYS, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < KEYS; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], LRK_ID_LEN);
	free(ids);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_any_changed_character),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_each_rule_alone),
		cmocka_unit_test(test_generate_maps_bytes),
		cmocka_unit_test(test_generate_rejects),
		cmocka_unit_test(test_generate_keeps_order),
		cmocka_unit_test(test_generate_fails),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_random_keys),
	};

	return cmocka_run_group_tests_name("apikey", tests, NULL, NULL);
}
