/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liblrkey/masterkey.h"

#include "unit.h"

#define FIRST "lrkey-master-keys 1\n"
#define STORE "store 101112131415161718191a1b1c1d1e1f\n"
#define ACTIVE "active a1b2c3d4 000102030405060708090a0b0c0d0e0f\n"
#define OLD "old 00000001 f0e0d0c0b0a090807060504030201000\n"
#define KEY " 000102030405060708090a0b0c0d0e0f\n"

static const char golden[] = FIRST STORE OLD ACTIVE;

static struct lrk_keyring
golden_ring(void)
{
	struct lrk_keyring ring = { .n_keys = 2, .active = 1 };

	for (unsigned i = 0; i < 16; i++) {
		ring.uuid[i] = (uint8_t)(0x10 + i);
		ring.keys[0].key[i] = (uint8_t)(0xf0 - 0x10 * i);
		ring.keys[1].key[i] = (uint8_t)i;
	}
	ring.keys[0].id = 1;
	ring.keys[1].id = 0xa1b2c3d4;
	return ring;
}

static void
assert_same_ring(const struct lrk_keyring *a, const struct lrk_keyring *b)
{
	assert_memory_equal(a->uuid, b->uuid, sizeof(a->uuid));
	assert_int_equal(a->n_keys, b->n_keys);
	assert_int_equal(a->active, b->active);
	for (unsigned i = 0; i < a->n_keys; i++) {
		assert_int_equal(a->keys[i].id, b->keys[i].id);
		assert_memory_equal(a->keys[i].key, b->keys[i].key, sizeof(a->keys[i].key));
	}
}

/* From memory of just that size, so that a sanitizer sees each byte read behind it. */
static enum lrk_err
parse_exactly(const char *text, size_t length, struct lrk_keyring *ret)
{
	char *copy = malloc(length + (length == 0));
	enum lrk_err err;

	assert_non_null(copy);
	memcpy(copy, text, length);
	err = lrk_keyring_parse(copy, length, ret);
	free(copy);
	return err;
}

static void
expect(const char *text, enum lrk_err expected)
{
	static struct lrk_keyring ring, untouched;
	enum lrk_err err;

	memset(&untouched, 0x5a, sizeof(untouched));
	ring = untouched;
	err = parse_exactly(text, strlen(text), &ring);
	if (err != expected)
		fail_msg("%s instead of %s for:\n%s", lrk_err_name(err), lrk_err_name(expected),
			 text);
	if (err != LRK_OK)
		assert_memory_equal(&ring, &untouched, sizeof(ring));
}

static void
test_golden(void **state)
{
	const struct lrk_keyring expected = golden_ring();
	struct lrk_keyring ring;
	char text[LRK_KEYRING_TEXT_MAX];

	(void)state;
	assert_ok(parse_exactly(golden, sizeof(golden) - 1, &ring));
	assert_same_ring(&ring, &expected);
	memset(text, 'x', sizeof(text));
	assert_int_equal(lrk_keyring_format(&expected, text), sizeof(golden) - 1);
	assert_memory_equal(text, golden, sizeof(golden) - 1);
	assert_int_equal(text[sizeof(golden) - 1], 'x');
}

static void
test_round_trips(void **state)
{
	uint64_t seed = 0x6b657972696e67;

	(void)state;
	for (unsigned n = 1; n <= LRK_MASTER_KEYS_MAX; n++) {
		for (unsigned active = 0; active < n; active++) {
			struct lrk_keyring ring = { .n_keys = n, .active = active }, parsed;
			char text[LRK_KEYRING_TEXT_MAX], again[LRK_KEYRING_TEXT_MAX];
			size_t length;

			for (unsigned i = 0; i < n; i++) {
				ring.keys[i].id = (uint32_t)next_random(&seed);
				for (unsigned b = 0; b < LRK_AES_KEY_LEN; b++)
					ring.keys[i].key[b] = (uint8_t)next_random(&seed);
			}
			for (unsigned b = 0; b < LRK_UUID_LEN; b++)
				ring.uuid[b] = (uint8_t)next_random(&seed);
			length = lrk_keyring_format(&ring, text);
			assert_true(length <= sizeof(text));
			assert_ok(parse_exactly(text, length, &parsed));
			assert_same_ring(&ring, &parsed);
			assert_int_equal(lrk_keyring_format(&parsed, again), length);
			assert_memory_equal(again, text, length);
		}
	}
}

/* Cut anywhere, it is damaged; but for a cut between lines behind which only old keys stood. */
static void
test_every_truncation(void **state)
{
	static const char text[] = FIRST STORE ACTIVE OLD;
	const size_t without_old = strlen(FIRST STORE ACTIVE);
	struct lrk_keyring ring;

	(void)state;
	for (size_t cut = 0; cut < sizeof(text) - 1; cut++)
		assert_err(parse_exactly(text, cut, &ring),
			   cut == without_old ? LRK_OK : LRK_ERR_DAMAGED);
	for (size_t cut = 0; cut < sizeof(golden) - 1; cut++)
		assert_err(parse_exactly(golden, cut, &ring), LRK_ERR_DAMAGED);
}

static bool
is_lower_hex(char c)
{
	return c != '\0' && strchr("0123456789abcdef", c) != NULL;
}

/* A changed byte is another digit of a number, or the end of it all. */
static void
test_every_mutation(void **state)
{
	char text[sizeof(golden)], again[LRK_KEYRING_TEXT_MAX];
	struct lrk_keyring ring, untouched;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	memcpy(text, golden, sizeof(text));
	for (size_t at = 0; at < sizeof(golden) - 1; at++) {
		for (unsigned change = 1; change < 256; change++) {
			enum lrk_err err;

			text[at] = (char)((uint8_t)golden[at] ^ change);
			ring = untouched;
			err = parse_exactly(text, sizeof(golden) - 1, &ring);
			if (err != LRK_OK) {
				assert_true(err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION);
				assert_memory_equal(&ring, &untouched, sizeof(ring));
				continue;
			}
			assert_true(is_lower_hex(golden[at]) && is_lower_hex(text[at]));
			assert_int_equal(lrk_keyring_format(&ring, again), sizeof(golden) - 1);
			assert_memory_equal(again, text, sizeof(golden) - 1);
		}
		text[at] = golden[at];
	}
}

static void
test_which_keys(void **state)
{
	(void)state;
	expect(FIRST STORE ACTIVE, LRK_OK);
	expect(FIRST STORE OLD ACTIVE, LRK_OK);
	expect(FIRST STORE ACTIVE OLD, LRK_OK);
	expect(FIRST STORE, LRK_ERR_DAMAGED);
	expect(FIRST STORE OLD, LRK_ERR_DAMAGED);
	expect(FIRST STORE ACTIVE "active 00000001" KEY, LRK_ERR_DAMAGED);
	expect(FIRST STORE ACTIVE OLD "active 00000002" KEY, LRK_ERR_DAMAGED);
	/* one id, twice */
	expect(FIRST STORE ACTIVE OLD OLD, LRK_ERR_DAMAGED);
	expect(FIRST STORE ACTIVE "old a1b2c3d4" KEY, LRK_ERR_DAMAGED);
	expect(FIRST STORE "old a1b2c3d4" KEY ACTIVE, LRK_ERR_DAMAGED);
	/* four are the most */
	expect(FIRST STORE ACTIVE OLD "old 00000002" KEY "old 00000003" KEY, LRK_OK);
	expect(FIRST STORE ACTIVE OLD "old 00000002" KEY "old 00000003" KEY "old 00000004" KEY,
	       LRK_ERR_DAMAGED);
	expect(FIRST STORE OLD "old 00000002" KEY "old 00000003" KEY "old 00000004" KEY ACTIVE,
	       LRK_ERR_DAMAGED);
}

static void
test_versions(void **state)
{
	(void)state;
	expect("lrkey-master-keys 2\n" STORE ACTIVE, LRK_ERR_VERSION);
	expect("lrkey-master-keys 2\nwhatever version 2 has", LRK_ERR_VERSION);
	expect("lrkey-master-keys 9\n", LRK_ERR_VERSION);
	expect("lrkey-master-keys 10\n" STORE ACTIVE, LRK_ERR_VERSION);
	expect("lrkey-master-keys 21\n" STORE ACTIVE, LRK_ERR_VERSION);
	expect("lrkey-master-keys 0\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys \n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys x\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys -1\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys 01\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys  1\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	/* not a larger number: version 1 with something behind it */
	expect("lrkey-master-keys 1\r\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys 1 \n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys 1x\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys 2x\n" STORE ACTIVE, LRK_ERR_DAMAGED);
	expect("lrkey-master-keys 2", LRK_ERR_DAMAGED);
}

static void
test_wrong_text(void **state)
{
	static const char *const wrong[] = {
		"", "\n", FIRST, FIRST "\n", STORE ACTIVE, FIRST ACTIVE, FIRST ACTIVE STORE,
		FIRST STORE STORE ACTIVE, FIRST FIRST STORE ACTIVE, FIRST STORE ACTIVE "\n",
		FIRST STORE ACTIVE " ", FIRST STORE ACTIVE "# comment\n", FIRST STORE "\n" ACTIVE,
		" " FIRST STORE ACTIVE, "\xef\xbb\xbf" FIRST STORE ACTIVE,
		"LRKEY-MASTER-KEYS 1\n" STORE ACTIVE, FIRST STORE "Active a1b2c3d4" KEY,
		FIRST STORE "spare a1b2c3d4" KEY, FIRST STORE "active  a1b2c3d4" KEY,
		FIRST STORE "active a1b2c3d" KEY, FIRST STORE "active a1b2c3d40" KEY,
		FIRST STORE "active 0xa1b2c3" KEY, FIRST STORE "active\ta1b2c3d4" KEY,
		/* upper case is another spelling, and there is one spelling */
		FIRST STORE "active A1B2C3D4" KEY,
		FIRST STORE "active a1b2c3d4 000102030405060708090A0B0C0D0E0F\n",
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0F\n",
		FIRST "store 101112131415161718191A1B1C1D1E1F\n" ACTIVE,
		FIRST "store 10111213-1415-1617-1819-1a1b1c1d1e1f\n" ACTIVE,
		FIRST "store 101112131415161718191a1b1c1d1e1\n" ACTIVE,
		FIRST "store 101112131415161718191a1b1c1d1e1f0\n" ACTIVE,
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0\n",
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0f0\n",
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0f",
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0f\r\n",
		FIRST STORE "active a1b2c3d4 000102030405060708090a0b0c0d0e0f \n",
		FIRST STORE "active a1b2c3d4 00010203040506070809 a0b0c0d0e0f\n",
		FIRST STORE "active a1b2c3d4 0001020304050607080:0a0b0c0d0e0f\n",
		FIRST STORE "active a1b2c3d4 0001020304050607080/0a0b0c0d0e0f\n",
		FIRST STORE "active a1b2c3d4 0001020304050607080g0a0b0c0d0e0f\n",
		FIRST STORE "active a1b2c3d4 0001020304050607080`0a0b0c0d0e0f\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		expect(wrong[i], LRK_ERR_DAMAGED);
	assert_err(parse_exactly("lrkey-master-keys 1\n\0", 21, &(struct lrk_keyring){ 0 }),
		   LRK_ERR_DAMAGED);
}

static void
test_find(void **state)
{
	const struct lrk_keyring ring = golden_ring(), empty = { 0 };

	(void)state;
	assert_ptr_equal(lrk_keyring_find(&ring, 1), &ring.keys[0]);
	assert_ptr_equal(lrk_keyring_find(&ring, 0xa1b2c3d4), &ring.keys[1]);
	assert_null(lrk_keyring_find(&ring, 0)); /* what the unused places hold */
	assert_null(lrk_keyring_find(&ring, 2));
	assert_null(lrk_keyring_find(&empty, 0));
}

static unsigned calls, fail_at;

/* The first ids are the same one, so that they must be drawn again. */
static enum lrk_err
counting_random(void *bytes, size_t length)
{
	if (++calls == fail_at)
		return LRK_ERR_CRYPTO;
	memset(bytes, calls < 4 ? 7 : (int)calls, length);
	return LRK_OK;
}

static void
test_add(void **state)
{
	struct lrk_keyring ring = { 0 }, before;

	(void)state;
	calls = fail_at = 0;
	assert_ok(lrk_keyring_add(&ring, counting_random));
	assert_int_equal(ring.n_keys, 1);
	assert_int_equal(ring.active, 0);
	assert_int_equal(ring.keys[0].id, 0x07070707);
	assert_int_equal(ring.keys[0].key[15], 7);
	assert_ok(lrk_keyring_add(&ring, counting_random)); /* calls 3 (refused), 4, 5 */
	assert_int_equal(ring.n_keys, 2);
	assert_int_equal(ring.active, 1);
	assert_int_equal(ring.keys[1].id, 0x04040404);
	assert_int_equal(ring.keys[1].key[0], 5);
	assert_int_equal(ring.keys[0].id, 0x07070707);

	for (unsigned at = 1; at <= 2; at++) {
		before = ring;
		calls = 100;
		fail_at = 100 + at;
		assert_err(lrk_keyring_add(&ring, counting_random), LRK_ERR_CRYPTO);
		assert_memory_equal(&ring, &before, sizeof(ring));
	}
	fail_at = 0;
	assert_ok(lrk_keyring_add(&ring, lrk_random));
	assert_ok(lrk_keyring_add(&ring, lrk_random));
	before = ring;
	assert_err(lrk_keyring_add(&ring, lrk_random), LRK_ERR_LIMIT);
	assert_memory_equal(&ring, &before, sizeof(ring));
	assert_int_equal(ring.n_keys, LRK_MASTER_KEYS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_mutation),
		cmocka_unit_test(test_which_keys),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_wrong_text),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests_name("masterkey", tests, NULL, NULL);
}
