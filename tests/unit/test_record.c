/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "liblrkey/record.h"

#include "unit.h"

#define ID "7Hq2ZtXw9LmB"
#define MASTER 0xa1b2c3d4u

/* An entry and a header, sealed by another program after FORMAT.md, with the ring below. */
static const char golden_entry[] =
	"0102a1b2c3d4cafebabefacedbaddecaf8888878c79620a5d138a55ccf9401ce0db3cf0f"
	"415bd922238430c60e651f62807826d83beaf014191dae22d53f83a6ca11c8ee015f713c"
	"d408e0b8699e20edf38abe802675cc02509b8d13ac5e0cce68754f32a36820abf1610e8d"
	"8abf956743c8d6";
static const char golden_header[] =
	"0101a1b2c3d4cafebabefacedbaddecaf8888869d6a496e39417bd08d09246e6bdf9990a"
	"3a275feeb6a239e9167b7f254c6359fd9900f2141d7ccd4ab03c83a5cb3bccef095f713c"
	"d563e0a24a9b20e983a47347f9248aa4d54a8e3db3a0ab744f";

static const uint8_t text[] = "what is to be sealed, of no special length";

/* One key that seals, and an old one. */
static struct lrk_keyring
some_ring(void)
{
	struct lrk_keyring ring = { .n_keys = 2, .active = 1 };

	for (unsigned i = 0; i < 16; i++) {
		ring.uuid[i] = (uint8_t)(0x10 + i);
		ring.keys[0].key[i] = (uint8_t)(0xf0 - 0x10 * i);
		ring.keys[1].key[i] = (uint8_t)i;
	}
	ring.keys[0].id = 1;
	ring.keys[1].id = MASTER;
	return ring;
}

struct sealed {
	uint8_t bytes[LRK_RECORD_MAX];
	size_t length;
};

static struct sealed
seal(const struct lrk_keyring *ring, enum lrk_record_type type, const char *name)
{
	struct sealed sealed;

	assert_ok(lrk_record_seal(ring, type, name, text, sizeof(text), sealed.bytes,
				  &sealed.length));
	return sealed;
}

/* Opens from memory of just that size. What is refused hands out no length and no text. */
static enum lrk_err
open_with(struct lrk_opener *opener, const struct lrk_keyring *ring, enum lrk_record_type type,
	  const char *name, const struct sealed *sealed)
{
	uint8_t *copy = malloc(sealed->length + (sealed->length == 0));
	uint8_t plain[LRK_PLAIN_MAX] = { 0 };
	size_t length = 77777;
	enum lrk_err err;

	assert_non_null(copy);
	memcpy(copy, sealed->bytes, sealed->length);
	err = lrk_record_open(ring, opener, type, name, copy, sealed->length, plain, &length);
	free(copy);
	if (err == LRK_OK) {
		assert_int_equal(length, sizeof(text));
		assert_memory_equal(plain, text, sizeof(text));
	} else {
		assert_int_equal(length, 77777);
		for (size_t i = 0; i < sizeof(plain); i++)
			assert_int_equal(plain[i], 0);
	}
	return err;
}

static enum lrk_err
open_exactly(const struct lrk_keyring *ring, enum lrk_record_type type, const char *name,
	     const struct sealed *sealed)
{
	return open_with(NULL, ring, type, name, sealed);
}

static void
test_golden(void **state)
{
	static const struct {
		enum lrk_record_type type;
		const char *name;
		const char *hex;
	} rows[] = {
		{ LRK_RECORD_ENTRY, ID, golden_entry },
		{ LRK_RECORD_HEADER, LRK_HEADER_NAME, golden_header },
	};
	const struct lrk_keyring ring = some_ring();
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	struct lrk_entry entry;
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		length = hex_bytes(rows[i].hex, record, sizeof(record));
		assert_ok(lrk_record_open(&ring, NULL, rows[i].type, rows[i].name, record,
					  length, plain, &length));
		if (rows[i].type == LRK_RECORD_ENTRY) {
			assert_ok(lrk_entry_decode(ID, plain, length, &entry));
			assert_string_equal(entry.org, "acme");
		} else {
			assert_ok(lrk_header_decode(plain, length, &header));
			assert_memory_equal(header.uuid, ring.uuid, sizeof(ring.uuid));
		}
	}
}

static void
test_layout(void **state)
{
	const struct lrk_keyring ring = some_ring();
	const struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);
	static const uint8_t clear[] = { 1, 2, 0xa1, 0xb2, 0xc3, 0xd4 };

	(void)state;
	assert_int_equal(LRK_RECORD_CLEAR, 18);
	assert_int_equal(sealed.length, 18 + sizeof(text) + 16);
	assert_memory_equal(sealed.bytes, clear, sizeof(clear));
	assert_ptr_equal(lrk_record_tag(sealed.bytes, sealed.length),
			 sealed.bytes + 18 + sizeof(text));
	assert_null(memmem(sealed.bytes, sealed.length, text, 8));
}

static void
test_round_trip(void **state)
{
	const struct lrk_keyring ring = some_ring();
	uint8_t plain[LRK_PLAIN_MAX + 1], opened[LRK_PLAIN_MAX], record[LRK_RECORD_MAX];
	uint64_t seed = 0x7265636f7264;
	size_t length, opened_length;

	(void)state;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)next_random(&seed);
	for (size_t size = 0; size <= LRK_PLAIN_MAX; size += size < 70 ? 1 : 43) {
		assert_ok(lrk_record_seal(&ring, LRK_RECORD_HEADER, LRK_HEADER_NAME, plain, size,
					  record, &length));
		assert_int_equal(length, size + 34);
		assert_ok(lrk_record_open(&ring, NULL, LRK_RECORD_HEADER, LRK_HEADER_NAME, record,
					  length, opened, &opened_length));
		assert_int_equal(opened_length, size);
		assert_memory_equal(opened, plain, size);
	}
	assert_err(lrk_record_seal(&ring, LRK_RECORD_ENTRY, ID, plain, LRK_PLAIN_MAX + 1, record,
				   &length),
		   LRK_ERR_INTERNAL);
}

/* The same text, sealed again and again: never the same IV, never the same bytes. */
static void
test_new_iv_each_time(void **state)
{
	enum { SEALS = 300 };
	const struct lrk_keyring ring = some_ring();
	static struct sealed seals[SEALS];

	(void)state;
	for (size_t i = 0; i < SEALS; i++) {
		seals[i] = seal(&ring, LRK_RECORD_ENTRY, ID);
		for (size_t j = 0; j < i; j++) {
			assert_memory_not_equal(seals[i].bytes + 6, seals[j].bytes + 6, LRK_IV_LEN);
			assert_memory_not_equal(lrk_record_tag(seals[i].bytes, seals[i].length),
						lrk_record_tag(seals[j].bytes, seals[j].length),
						LRK_TAG_LEN);
		}
	}
}

/* The byte says what the fault looks like; none is taken for the record. */
static void
test_every_mutation(void **state)
{
	const struct lrk_keyring ring = some_ring();
	struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);

	(void)state;
	for (size_t at = 0; at < sealed.length; at++) {
		uint8_t byte = sealed.bytes[at];

		for (unsigned change = 1; change < 256; change++) {
			enum lrk_err expected = LRK_ERR_DAMAGED;

			sealed.bytes[at] = byte ^ (uint8_t)change;
			if (at == 0 && sealed.bytes[0] > 1)
				expected = LRK_ERR_VERSION;
			else if (at >= 2 && at < 6)
				expected = LRK_ERR_MASTER_KEY;
			assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed), expected);
		}
		sealed.bytes[at] = byte;
	}
	assert_ok(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed));
}

/* Shorter and longer, so that every tag length is among them. */
static void
test_every_length(void **state)
{
	const struct lrk_keyring ring = some_ring();
	const struct sealed whole = seal(&ring, LRK_RECORD_ENTRY, ID);
	struct sealed sealed = whole;

	(void)state;
	for (sealed.length = 0; sealed.length < whole.length; sealed.length++)
		assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_DAMAGED);
	memset(sealed.bytes + whole.length, 0, sizeof(sealed.bytes) - whole.length);
	for (sealed.length++; sealed.length <= LRK_RECORD_MAX; sealed.length += 19)
		assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_DAMAGED);
}

static void
test_too_long(void **state)
{
	static uint8_t record[LRK_RECORD_MAX + 1];
	const struct lrk_keyring ring = some_ring();
	const struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length;

	(void)state;
	memcpy(record, sealed.bytes, sealed.length);
	assert_err(lrk_record_open(&ring, NULL, LRK_RECORD_ENTRY, ID, record, sizeof(record), plain,
				   &length),
		   LRK_ERR_DAMAGED);
}

static void
test_other_name(void **state)
{
	static const char *const others[] = { "7Hq2ZtXw9LmC", "8Hq2ZtXw9LmB", "7Hq2ZtXw9Lm", "",
					      "header", "7hq2ztxw9lmb" };
	const struct lrk_keyring ring = some_ring();
	const struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, others[i], &sealed),
			   LRK_ERR_DAMAGED);
	assert_ok(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed));
}

/* A header is no entry, also when its clear beginning is changed to say so. */
static void
test_other_type(void **state)
{
	const struct lrk_keyring ring = some_ring();
	struct sealed sealed = seal(&ring, LRK_RECORD_HEADER, LRK_HEADER_NAME);

	(void)state;
	assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, LRK_HEADER_NAME, &sealed),
		   LRK_ERR_DAMAGED);
	sealed.bytes[1] = LRK_RECORD_ENTRY;
	assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, LRK_HEADER_NAME, &sealed),
		   LRK_ERR_DAMAGED);
	sealed = seal(&ring, LRK_RECORD_ENTRY, ID);
	assert_err(open_exactly(&ring, LRK_RECORD_HEADER, ID, &sealed), LRK_ERR_DAMAGED);
	sealed.bytes[1] = LRK_RECORD_HEADER;
	assert_err(open_exactly(&ring, LRK_RECORD_HEADER, ID, &sealed), LRK_ERR_DAMAGED);
	for (unsigned type = 3; type < 256; type++) {
		sealed.bytes[1] = (uint8_t)type;
		assert_err(open_exactly(&ring, (enum lrk_record_type)type, ID, &sealed),
			   LRK_ERR_DAMAGED);
	}
}

static void
test_other_store(void **state)
{
	const struct lrk_keyring ring = some_ring();
	struct lrk_keyring other = ring;
	const struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);

	(void)state;
	for (unsigned bit = 0; bit < 8 * LRK_UUID_LEN; bit++) {
		other.uuid[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(open_exactly(&other, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_DAMAGED);
		other.uuid[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(open_exactly(&other, LRK_RECORD_ENTRY, ID, &sealed));
}

static void
test_other_master_key(void **state)
{
	const struct lrk_keyring ring = some_ring();
	struct lrk_keyring other = ring;
	const struct sealed sealed = seal(&ring, LRK_RECORD_ENTRY, ID);

	(void)state;
	/* The right id with another key, and the right key under another id. */
	other.keys[1].key[0] ^= 1;
	assert_err(open_exactly(&other, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_DAMAGED);
	other = ring;
	other.keys[1].id ^= 1;
	assert_err(open_exactly(&other, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_MASTER_KEY);
	/* The id is bound, too: the same key under the id that the record was changed to name. */
	{
		struct sealed renamed = sealed;

		renamed.bytes[5] ^= 1;
		assert_err(open_exactly(&other, LRK_RECORD_ENTRY, ID, &renamed), LRK_ERR_DAMAGED);
	}
	other = ring;
	other.n_keys = 0;
	assert_err(open_exactly(&other, LRK_RECORD_ENTRY, ID, &sealed), LRK_ERR_MASTER_KEY);
}

/* What an old key sealed still opens; what is sealed now, the active key seals. */
static void
test_old_key(void **state)
{
	struct lrk_keyring ring = some_ring();
	struct sealed sealed;

	(void)state;
	ring.active = 0;
	sealed = seal(&ring, LRK_RECORD_ENTRY, ID);
	assert_int_equal(sealed.bytes[5], 1);
	ring.active = 1;
	assert_ok(open_exactly(&ring, LRK_RECORD_ENTRY, ID, &sealed));
	sealed = seal(&ring, LRK_RECORD_ENTRY, ID);
	assert_int_equal(sealed.bytes[5], 0xd4);
}

static void
test_swapped(void **state)
{
	static const char *const names[] = { ID, "000000000000" };
	const struct lrk_keyring ring = some_ring();
	const struct sealed sealed[] = { seal(&ring, LRK_RECORD_ENTRY, names[0]),
					 seal(&ring, LRK_RECORD_ENTRY, names[1]) };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(open_exactly(&ring, LRK_RECORD_ENTRY, names[i], &sealed[i]));
		assert_err(open_exactly(&ring, LRK_RECORD_ENTRY, names[1 - i], &sealed[i]),
			   LRK_ERR_DAMAGED);
	}
}

/* Records of both keys by turns, and some that are refused, all with one opener. */
static void
test_one_after_the_other(void **state)
{
	const struct lrk_keyring ring = some_ring();
	struct lrk_keyring old = ring;
	struct lrk_opener opener = { .gcm = NULL };
	struct sealed sealed[2];

	(void)state;
	old.active = 0;
	for (unsigned i = 0; i < 50; i++) {
		sealed[0] = seal(&old, LRK_RECORD_ENTRY, ID);
		sealed[1] = seal(&ring, LRK_RECORD_ENTRY, ID);
		assert_ok(open_with(&opener, &ring, LRK_RECORD_ENTRY, ID, &sealed[i % 2]));
		assert_err(open_with(&opener, &ring, LRK_RECORD_ENTRY, "8Hq2ZtXw9LmB", &sealed[i % 2]),
			   LRK_ERR_DAMAGED);
		assert_ok(open_with(&opener, &ring, LRK_RECORD_ENTRY, ID, &sealed[1 - i % 2]));
		memcpy(sealed[0].bytes + 2, sealed[1].bytes + 2, 4);
		assert_err(open_with(&opener, &ring, LRK_RECORD_ENTRY, ID, &sealed[0]),
			   LRK_ERR_DAMAGED);
	}
	lrk_opener_end(&opener);
	assert_null(opener.gcm);
	lrk_opener_end(&opener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_new_iv_each_time),
		cmocka_unit_test(test_every_mutation),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_other_name),
		cmocka_unit_test(test_other_type),
		cmocka_unit_test(test_other_store),
		cmocka_unit_test(test_other_master_key),
		cmocka_unit_test(test_old_key),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_one_after_the_other),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
