/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What safeopen remembers: ways and directories are told apart by all that names them, and no more
 * of them are noted than there is room for.
 */
#include <pthread.h>

#include "liblrkey/known.h"

#include "unit.h"

#define WAYS 8
#define PLACES 256
#define TRIED 8

static const struct lrk_identity top = { true, 1, 2, 3, 4, 5 };
static const struct lrk_identity dir = { true, 6, 7, 8, 9, 0 };
static const struct lrk_way way = { &top, "var/lib/lrkey/system", 13 };

static int
forget(void **state)
{
	(void)state;
	lrk_forget_known();
	return 0;
}

static void
test_noted(void **state)
{
	(void)state;
	assert_false(lrk_is_known_way(&way));
	assert_false(lrk_is_known(&way, &dir));
	lrk_note_known(&way, &dir);
	assert_true(lrk_is_known_way(&way));
	assert_true(lrk_is_known(&way, &dir));
	lrk_note_known(&way, &dir);
	assert_true(lrk_is_known(&way, &dir));
	lrk_forget_known();
	assert_false(lrk_is_known_way(&way));
	assert_false(lrk_is_known(&way, &dir));
}

/* Each of its parts, one after the other. */
static struct lrk_identity
another(const struct lrk_identity *identity, unsigned part)
{
	struct lrk_identity other = *identity;

	switch (part) {
	case 0: other.dev++; break;
	case 1: other.ino++; break;
	case 2: other.mount++; break;
	case 3: other.made++; break;
	case 4: other.changed++; break;
	default: other.is_whole = false; break;
	}
	return other;
}

#define PARTS 6

static void
test_told_apart(void **state)
{
	const struct lrk_way others[] = {
		{ &top, "var/lib/lrkey", 12 }, { &top, "var/lib/lrkey/", 14 },
		{ &top, "etc/lib/lrkey", 13 }, { NULL, "var/lib/lrkey", 13 },
	};

	(void)state;
	lrk_note_known(&way, &dir);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_false(lrk_is_known_way(&others[i]));
		assert_false(lrk_is_known(&others[i], &dir));
	}
	for (unsigned part = 0; part < PARTS; part++) {
		const struct lrk_identity other_top = another(&top, part);
		const struct lrk_identity other = another(&dir, part);
		const struct lrk_way from_there = { &other_top, way.path, way.length };

		assert_false(lrk_is_known_way(&from_there));
		assert_false(lrk_is_known(&from_there, &dir));
		assert_false(lrk_is_known(&way, &other));
	}
	/* Two ways to two directories, and not across. */
	lrk_note_known(&others[2], &top);
	assert_true(lrk_is_known(&others[2], &top));
	assert_false(lrk_is_known(&others[2], &dir));
	assert_false(lrk_is_known(&way, &top));
}

static void
test_below_slash(void **state)
{
	const struct lrk_way below = { NULL, "etc/lrkey", 9 }, other = { &top, "etc/lrkey", 9 };

	(void)state;
	lrk_note_known(&below, &dir);
	assert_true(lrk_is_known(&below, &dir));
	assert_false(lrk_is_known_way(&other));
	lrk_note_known(&other, &top);
	assert_true(lrk_is_known(&other, &top));
	assert_false(lrk_is_known(&below, &top));
}

/* What cannot be told from another one is looked at each time. */
static void
test_not_whole(void **state)
{
	const struct lrk_identity part = another(&dir, 5), part_of_top = another(&top, 5);
	const struct lrk_way from_there = { &part_of_top, way.path, way.length };

	(void)state;
	lrk_note_known(&way, &part);
	assert_false(lrk_is_known_way(&way));
	assert_false(lrk_is_known(&way, &part));
	lrk_note_known(&from_there, &dir);
	assert_false(lrk_is_known_way(&from_there));
	assert_false(lrk_is_known(&from_there, &dir));
}

static void
test_copied(void **state)
{
	char path[] = "var/lib/lrkey";
	struct lrk_identity from = top, to = dir;
	const struct lrk_way changing = { &from, path, way.length };

	(void)state;
	lrk_note_known(&changing, &to);
	path[0] = 'V';
	assert_false(lrk_is_known_way(&changing));
	from.ino++;
	to.ino++;
	assert_true(lrk_is_known(&way, &dir));
}

static void
test_too_long(void **state)
{
	struct lrk_way longest = { &top, "0123456789012345678901234567890123456789", 33 };

	(void)state;
	lrk_note_known(&longest, &dir);
	assert_false(lrk_is_known_way(&longest));
	longest.length = 32;
	lrk_note_known(&longest, &dir);
	assert_true(lrk_is_known(&longest, &dir));
}

static void
test_no_more_ways(void **state)
{
	struct lrk_identity from = top;
	const struct lrk_way more = { &from, way.path, way.length };

	(void)state;
	for (unsigned i = 0; i < WAYS; i++) {
		from.ino = 100 + i;
		lrk_note_known(&more, &dir);
		/* The same again takes no room. */
		lrk_note_known(&more, &dir);
	}
	lrk_note_known(&way, &dir);
	assert_false(lrk_is_known_way(&way));
	assert_false(lrk_is_known(&way, &dir));
	for (unsigned i = 0; i < WAYS; i++) {
		from.ino = 100 + i;
		assert_true(lrk_is_known(&more, &dir));
	}
}

/* Directories whose numbers follow each other have all places; those with the same one, some. */
static void
test_no_more_places(void **state)
{
	struct lrk_identity more = dir;

	(void)state;
	for (unsigned i = 0; i < PLACES; i++) {
		more.ino = 1000 + i;
		lrk_note_known(&way, &more);
		lrk_note_known(&way, &more);
	}
	for (unsigned i = 0; i < PLACES; i++) {
		more.ino = 1000 + i;
		assert_true(lrk_is_known(&way, &more));
	}
	lrk_note_known(&way, &dir);
	assert_false(lrk_is_known(&way, &dir));
	lrk_forget_known();
	for (unsigned i = 0; i <= TRIED; i++) {
		more.ino = 1000 + i * PLACES;
		lrk_note_known(&way, &more);
		assert_int_equal(lrk_is_known(&way, &more), i < TRIED);
	}
}

/* Notes two directories again and again, and asks for them and for one that nobody notes. */
static void *
note_and_ask(void *wrong)
{
	struct lrk_identity own = dir, nobodys = dir;

	nobodys.mount = 99;
	for (int i = 0; i < 20000; i++) {
		own.made = 1000 + (i & 1);
		lrk_note_known(&way, &own);
		if (lrk_is_known(&way, &nobodys))
			*(bool *)wrong = true;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[8];
	bool wrong[COUNT_OF(threads)] = { false };
	struct lrk_identity own = dir;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_and_ask, &wrong[i]), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(wrong[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		own.made = 1000 + i;
		assert_true(lrk_is_known(&way, &own));
	}
	/* They took two places between them, and no more. */
	for (unsigned i = 0; i < TRIED - 2; i++) {
		own.made = 2000 + i;
		lrk_note_known(&way, &own);
		assert_true(lrk_is_known(&way, &own));
	}
}

#define known_test(test) cmocka_unit_test_setup(test, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		known_test(test_noted),	       known_test(test_told_apart),
		known_test(test_below_slash),  known_test(test_not_whole),
		known_test(test_copied),       known_test(test_too_long),
		known_test(test_no_more_ways), known_test(test_no_more_places),
		known_test(test_threads),
	};

	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
