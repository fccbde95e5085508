/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which places of the usage file are taken: pure, so a model can be asked what is right. */
#include <string.h>

#include "liblrkey/slots.h"

#include "unit.h"

static uint32_t
take(struct lrk_header *header)
{
	struct lrk_entry entry = { .slot = 77 };

	assert_ok(lrk_slots_take(header, 5, &entry));
	assert_int_equal(entry.slot_generation, 5);
	return entry.slot;
}

/* How many places the header holds free. */
static uint64_t
count_free(const struct lrk_header *header)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < header->n_free; i++)
		n += header->free[i].count;
	return n;
}

static void
test_new_places(void **state)
{
	struct lrk_header header = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(take(&header), i);
		assert_int_equal(header.slots, i + 1);
		assert_int_equal(header.n_free, 0);
	}
}

/* The generation is the change's, whatever place it is, and nothing else of the entry changes. */
static void
test_generation(void **state)
{
	static const uint64_t generations[] = { 0, 1, UINT32_MAX, UINT64_MAX };
	struct lrk_header header = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(generations); i++) {
		struct lrk_entry entry, expected;

		memset(&entry, 0x5a, sizeof(entry));
		expected = entry;
		expected.slot = (uint32_t)i;
		expected.slot_generation = generations[i];
		assert_ok(lrk_slots_take(&header, generations[i], &entry));
		assert_memory_equal(&entry, &expected, sizeof(entry));
	}
}

static void
test_freed_places_come_first(void **state)
{
	struct lrk_header header = { .slots = 10 };
	bool had[10] = { false };

	(void)state;
	lrk_slots_free(&header, 3);
	lrk_slots_free(&header, 8);
	lrk_slots_free(&header, 0);
	for (int i = 0; i < 3; i++)
		had[take(&header)] = true;
	assert_true(had[0] && had[3] && had[8]);
	assert_int_equal(header.slots, 10);
	assert_int_equal(header.n_free, 0);
	assert_int_equal(take(&header), 10);
}

/* Neighbours are one run, whichever was freed first. */
static void
test_runs(void **state)
{
	struct lrk_header header = { .slots = 1000 };

	(void)state;
	for (uint32_t i = 100; i < 600; i++)
		lrk_slots_free(&header, i);
	assert_int_equal(header.n_free, 1);
	for (uint32_t i = 99; i > 0; i--)
		lrk_slots_free(&header, i);
	lrk_slots_free(&header, 0);
	assert_int_equal(header.n_free, 1);
	assert_int_equal(header.free[0].first, 0);
	assert_int_equal(header.free[0].count, 600);
	for (uint32_t i = 0; i < 600; i++)
		assert_int_equal(take(&header), i);
	assert_int_equal(header.n_free, 0);
	assert_int_equal(take(&header), 1000);
}

static void
test_no_place_left(void **state)
{
	struct lrk_header header = { .slots = LRK_SLOTS_MAX - 1 }, before;
	struct lrk_entry entry = { .slot = 77, .slot_generation = 78 };

	(void)state;
	assert_int_equal(take(&header), LRK_SLOTS_MAX - 1);
	before = header;
	assert_err(lrk_slots_take(&header, 5, &entry), LRK_ERR_LIMIT);
	assert_int_equal(entry.slot, 77);
	assert_int_equal(entry.slot_generation, 78);
	assert_memory_equal(&header, &before, sizeof(header));
	/* one that was freed is a place */
	lrk_slots_free(&header, LRK_SLOTS_MAX - 1);
	lrk_slots_free(&header, 12);
	assert_int_equal(take(&header), 12);
	assert_int_equal(take(&header), LRK_SLOTS_MAX - 1);
	assert_err(lrk_slots_take(&header, 5, &entry), LRK_ERR_LIMIT);
}

/* What the header cannot note is lost, not given out twice; what touches a run still fits. */
static void
test_header_is_full(void **state)
{
	struct lrk_header header = { .slots = 10000 }, before;
	bool had[10000] = { false };

	(void)state;
	for (uint32_t i = 0; i < LRK_FREE_MAX; i++)
		lrk_slots_free(&header, i * 10);
	assert_int_equal(header.n_free, LRK_FREE_MAX);
	before = header;
	for (uint32_t i = 0; i < 50; i++)
		lrk_slots_free(&header, 5000 + i * 10);
	assert_memory_equal(&header, &before, sizeof(header));
	lrk_slots_free(&header, 21);
	lrk_slots_free(&header, 29);
	assert_int_equal(header.n_free, LRK_FREE_MAX);
	assert_int_equal(count_free(&header), LRK_FREE_MAX + 2);
	for (uint32_t i = 0; i < LRK_FREE_MAX + 2; i++) {
		uint32_t slot = take(&header);

		assert_true(slot < 5000);
		assert_false(had[slot]);
		had[slot] = true;
	}
	assert_int_equal(take(&header), 10000);
}

/* The fullest header that this can make is one that can be written. */
static void
test_fits_the_header(void **state)
{
	struct lrk_header header = { .slots = UINT32_MAX, .n_seals = LRK_SEALS_MAX }, back;
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length;

	(void)state;
	for (uint32_t i = 0; i < 2 * LRK_FREE_MAX; i++)
		lrk_slots_free(&header, i * 3);
	assert_ok(lrk_header_encode(&header, plain, &length));
	assert_ok(lrk_header_decode(plain, length, &back));
	assert_int_equal(back.n_free, LRK_FREE_MAX);
	assert_memory_equal(back.free, header.free, sizeof(header.free));
}

/* Whatever order places are taken and freed in, none has two keys. */
static void
test_model(void **state)
{
	enum { PLACES = 20000, KEYS = 1500 };
	static bool taken[PLACES];
	uint64_t random = 0x51075;
	struct lrk_header header = { 0 };
	unsigned n_taken = 0, reused = 0;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		/* phases that mostly fill and mostly empty, so that runs grow and meet */
		bool fill = random_below(&random, 100) < (round / 5000 % 2 == 0 ? 70u : 30u);
		uint32_t slots = header.slots;

		if (fill && n_taken < KEYS) {
			uint32_t slot = take(&header);

			assert_true(slot < PLACES);
			assert_false(taken[slot]);
			taken[slot] = true;
			n_taken++;
			/* a new place is the next one */
			assert_int_equal(header.slots, slot == slots ? slots + 1 : slots);
			reused += header.slots == slots;
		} else if (n_taken > 0) {
			uint32_t slot = random_below(&random, header.slots);

			while (!taken[slot])
				slot = (slot + 1) % header.slots;
			taken[slot] = false;
			n_taken--;
			lrk_slots_free(&header, slot);
			assert_int_equal(header.slots, slots);
		}
		assert_true(header.n_free <= LRK_FREE_MAX);
		assert_true(count_free(&header) + n_taken <= header.slots);
	}
	assert_true(reused > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_places),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_freed_places_come_first),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_no_place_left),
		cmocka_unit_test(test_header_is_full),
		cmocka_unit_test(test_fits_the_header),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
