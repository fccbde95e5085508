/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "liblrkey/crypto.h"

#include "unit.h"

/*
 * Test cases 1 to 4 of McGrew and Viega's specification of GCM, and one of the
 * validation vectors of NIST that has additional data only.
 */
static const struct gcm_vector {
	const char *key, *iv, *aad, *plain, *sealed, *tag;
} vectors[] = {
	{ "00000000000000000000000000000000", "000000000000000000000000", "", "", "",
	  "58e2fccefa7e3061367f1d57a4e7455a" },
	{ "00000000000000000000000000000000", "000000000000000000000000", "",
	  "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
	  "ab6e47d42cec13bdf53a67b21257bddf" },
	{ "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
	  "4d5c2af327cd64a62cf35abd2ba6fab4" },
	{ "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
	  "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "77be63708971c4e240d1cb79e8d77feb", "e0e00f19fed7ba0136a797f3",
	  "7a43ec1d9c0a5a78a0b16533a6213cab", "", "", "209fcc8d3675ed938e9c7166709dd946" },
};

#define VECTOR_MAX 64

/* A vector in bytes, in memory that lets a sanitizer see each byte too much. */
struct gcm_bytes {
	uint8_t key[LRK_AES_KEY_LEN];
	uint8_t iv[LRK_IV_LEN];
	uint8_t aad[VECTOR_MAX];
	uint8_t plain[VECTOR_MAX];
	uint8_t sealed[VECTOR_MAX];
	uint8_t tag[LRK_TAG_LEN];
	size_t aad_length;
	size_t length;
};

static struct gcm_bytes
gcm_bytes_of(const struct gcm_vector *vector)
{
	struct gcm_bytes b;

	assert_int_equal(hex_bytes(vector->key, b.key, sizeof(b.key)), sizeof(b.key));
	assert_int_equal(hex_bytes(vector->iv, b.iv, sizeof(b.iv)), sizeof(b.iv));
	assert_int_equal(hex_bytes(vector->tag, b.tag, sizeof(b.tag)), sizeof(b.tag));
	b.aad_length = hex_bytes(vector->aad, b.aad, sizeof(b.aad));
	b.length = hex_bytes(vector->plain, b.plain, sizeof(b.plain));
	assert_int_equal(hex_bytes(vector->sealed, b.sealed, sizeof(b.sealed)), b.length);
	return b;
}

static enum lrk_err
open_with(struct lrk_gcm *gcm, const struct gcm_bytes *b, uint8_t *plain)
{
	return lrk_gcm_open(gcm, b->iv, b->aad, b->aad_length, b->sealed, b->length, b->tag, plain);
}

static enum lrk_err
open_bytes(const struct gcm_bytes *b, uint8_t *plain)
{
	struct lrk_gcm *gcm = NULL;
	enum lrk_err err;

	assert_ok(lrk_gcm_begin(b->key, &gcm));
	err = open_with(gcm, b, plain);
	lrk_gcm_end(gcm);
	return err;
}

static void
test_gcm_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct gcm_bytes b = gcm_bytes_of(&vectors[i]);
		uint8_t out[VECTOR_MAX + 1], tag[LRK_TAG_LEN];

		memset(out, 0xee, sizeof(out));
		assert_ok(lrk_gcm_seal(b.key, b.iv, b.aad, b.aad_length, b.plain, b.length, out,
				       tag));
		assert_memory_equal(tag, b.tag, sizeof(tag));
		assert_memory_equal(out, b.sealed, b.length);
		assert_int_equal(out[b.length], 0xee);

		memset(out, 0xee, sizeof(out));
		assert_ok(open_bytes(&b, out));
		assert_memory_equal(out, b.plain, b.length);
		assert_int_equal(out[b.length], 0xee);
	}
}

/* What a key is set up for goes on after texts of all lengths, and after those that are refused. */
static void
test_gcm_one_after_the_other(void **state)
{
	struct gcm_bytes b = gcm_bytes_of(&vectors[3]);
	uint8_t out[VECTOR_MAX];
	struct lrk_gcm *gcm = NULL;

	(void)state;
	assert_ok(lrk_gcm_begin(b.key, &gcm));
	for (unsigned i = 0; i < 200; i++) {
		size_t length = i * 7 % (b.length + 1), aad_length = i * 5 % (b.aad_length + 1);

		b.iv[i % LRK_IV_LEN] ^= (uint8_t)(i + 1);
		assert_ok(lrk_gcm_seal(b.key, b.iv, b.aad, aad_length, b.plain, length, b.sealed,
				       b.tag));
		if (i % 3 == 1) {
			b.tag[i % LRK_TAG_LEN] ^= 0x10;
			memset(out, 0xee, sizeof(out));
			assert_err(lrk_gcm_open(gcm, b.iv, b.aad, aad_length, b.sealed, length,
						b.tag, out),
				   LRK_ERR_DAMAGED);
			for (size_t j = 0; j < length; j++)
				assert_int_equal(out[j], 0);
			b.tag[i % LRK_TAG_LEN] ^= 0x10;
		}
		assert_ok(lrk_gcm_open(gcm, b.iv, b.aad, aad_length, b.sealed, length, b.tag, out));
		assert_memory_equal(out, b.plain, length);
	}
	lrk_gcm_end(gcm);
}

static void
expect_refused(const struct gcm_bytes *b)
{
	static const uint8_t zeros[VECTOR_MAX];
	uint8_t out[VECTOR_MAX + 1];

	memset(out, 0xee, sizeof(out));
	assert_err(open_bytes(b, out), LRK_ERR_DAMAGED);
	assert_memory_equal(out, zeros, b->length); /* no byte of what was not vouched for */
	assert_int_equal(out[b->length], 0xee);
}

static void
flip_each_bit(struct gcm_bytes *b, uint8_t *bytes, size_t length)
{
	for (size_t bit = 0; bit < 8 * length; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_refused(b);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
test_gcm_any_bit(void **state)
{
	struct gcm_bytes b = gcm_bytes_of(&vectors[3]);
	uint8_t out[VECTOR_MAX];

	(void)state;
	flip_each_bit(&b, b.key, sizeof(b.key));
	flip_each_bit(&b, b.iv, sizeof(b.iv));
	flip_each_bit(&b, b.aad, b.aad_length);
	flip_each_bit(&b, b.sealed, b.length);
	flip_each_bit(&b, b.tag, sizeof(b.tag));
	assert_ok(open_bytes(&b, out));
}

static void
test_gcm_lengths(void **state)
{
	const struct gcm_bytes whole = gcm_bytes_of(&vectors[3]);
	struct gcm_bytes b = whole;

	(void)state;
	for (b.aad_length = 0; b.aad_length < whole.aad_length; b.aad_length++)
		expect_refused(&b);
	b = whole;
	for (b.length = 0; b.length < whole.length; b.length++)
		expect_refused(&b);
}

/* However much of a tag is right: only all 16 bytes are a tag. */
static void
test_gcm_tag_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct gcm_bytes whole = gcm_bytes_of(&vectors[i]);

		for (size_t right = 0; right < LRK_TAG_LEN; right++) {
			struct gcm_bytes b = whole;

			memset(b.tag + right, 0, LRK_TAG_LEN - right);
			if (memcmp(b.tag, whole.tag, LRK_TAG_LEN) == 0)
				continue; /* a tag of the vectors that ends with a zero */
			expect_refused(&b);
		}
	}
}

static void
test_gcm_too_long(void **state)
{
	uint8_t key[LRK_AES_KEY_LEN] = { 0 }, iv[LRK_IV_LEN] = { 0 }, tag[LRK_TAG_LEN] = { 0 };
	struct lrk_gcm *gcm = NULL;
	uint8_t byte = 0;

	(void)state;
	assert_err(lrk_gcm_seal(key, iv, &byte, (size_t)INT_MAX + 1, &byte, 1, &byte, tag),
		   LRK_ERR_INTERNAL);
	assert_err(lrk_gcm_seal(key, iv, &byte, 1, &byte, (size_t)INT_MAX + 1, &byte, tag),
		   LRK_ERR_INTERNAL);
	assert_ok(lrk_gcm_begin(key, &gcm));
	assert_err(lrk_gcm_open(gcm, iv, &byte, (size_t)INT_MAX + 1, &byte, 1, tag, &byte),
		   LRK_ERR_INTERNAL);
	assert_err(lrk_gcm_open(gcm, iv, &byte, 1, &byte, (size_t)INT_MAX + 1, tag, &byte),
		   LRK_ERR_INTERNAL);
	lrk_gcm_end(gcm);
	lrk_gcm_end(NULL);
	assert_err(lrk_random(&byte, (size_t)INT_MAX + 1), LRK_ERR_INTERNAL);
}

/* FIPS 180-4's examples, and one that fills many blocks. */
static void
test_sha256(void **state)
{
	static const struct {
		const char *text;
		unsigned times;
		const char *digest;
	} rows[] = {
		{ "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "a", 1000000,
		  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t length = strlen(rows[i].text);
		uint8_t digest[LRK_SHA256_LEN], expected[LRK_SHA256_LEN];
		char *text = malloc(length * rows[i].times + 1);

		assert_non_null(text);
		for (unsigned n = 0; n < rows[i].times; n++)
			memcpy(text + n * length, rows[i].text, length);
		assert_int_equal(hex_bytes(rows[i].digest, expected, sizeof(expected)),
				 sizeof(expected));
		assert_ok(lrk_sha256(text, length * rows[i].times, digest));
		assert_memory_equal(digest, expected, sizeof(digest));
		free(text);
	}
}

static void
test_equal(void **state)
{
	uint8_t a[40], b[40];

	(void)state;
	memset(a, 0x33, sizeof(a));
	memcpy(b, a, sizeof(b));
	for (size_t length = 0; length <= sizeof(a); length++)
		assert_true(lrk_equal(a, b, length));
	for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(lrk_equal(a, b, sizeof(a)));
		assert_true(lrk_equal(a, b, bit / 8));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* 256 draws of 16 bytes: none twice, no bit that is always the same, nothing behind the end. */
static void
test_random(void **state)
{
	uint8_t draws[256][17], all = 0xff, any = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(draws); i++) {
		draws[i][16] = 0xee;
		assert_ok(lrk_random(draws[i], 16));
		assert_int_equal(draws[i][16], 0xee);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(draws[i], draws[j], 16);
		all &= draws[i][0];
		any |= draws[i][0];
	}
	assert_int_equal(all, 0);
	assert_int_equal(any, 0xff);
	assert_ok(lrk_random(draws, 0));
}

/* What the host has in its queue of OpenSSL errors is the host's. */
static void
test_error_queue(void **state)
{
	struct gcm_bytes b = gcm_bytes_of(&vectors[3]);
	uint8_t out[VECTOR_MAX], digest[LRK_SHA256_LEN];

	(void)state;
	for (unsigned queued = 0; queued < 3; queued++) {
		unsigned long first, last;

		ERR_clear_error();
		for (unsigned i = 0; i < queued; i++)
			ERR_raise_data(ERR_LIB_USER, (int)(100 + i), "of the host");
		first = ERR_peek_error();
		last = ERR_peek_last_error();
		assert_int_equal(first != 0, queued > 0);

		b = gcm_bytes_of(&vectors[3]);
		assert_ok(open_bytes(&b, out));
		b.tag[0] ^= 1;
		assert_err(open_bytes(&b, out), LRK_ERR_DAMAGED);
		assert_ok(lrk_gcm_seal(b.key, b.iv, b.aad, b.aad_length, b.plain, b.length, out,
				       b.tag));
		assert_ok(lrk_sha256("abc", 3, digest));
		assert_ok(lrk_random(out, sizeof(out)));

		assert_int_equal(ERR_peek_error(), first);
		assert_int_equal(ERR_peek_last_error(), last);
		for (unsigned i = 0; i < queued; i++)
			assert_int_equal(ERR_GET_REASON(ERR_get_error()), 100 + i);
		assert_int_equal(ERR_get_error(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gcm_vectors),
		cmocka_unit_test(test_gcm_one_after_the_other),
		cmocka_unit_test(test_gcm_any_bit),
		cmocka_unit_test(test_gcm_lengths),
		cmocka_unit_test(test_gcm_tag_truncation),
		cmocka_unit_test(test_gcm_too_long),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_error_queue),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
