/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What safeopen remembers: places are told apart by all that names them, and no more of them
 * are noted than there is room for.
 */
#include <pthread.h>

#include "liblrkey/known.h"

#include "unit.h"

#define ROOM 32

static const struct lrk_place place = {
	.from = { .dev = 1, .ino = 2 },
	.own = { .dev = 3, .ino = 4 },
	.path = "var/lib/lrkey/system",
	.length = 13,
};

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
	assert_false(lrk_is_known(&place));
	lrk_note_known(&place);
	assert_true(lrk_is_known(&place));
	lrk_note_known(&place);
	assert_true(lrk_is_known(&place));
	lrk_forget_known();
	assert_false(lrk_is_known(&place));
}

static void
test_told_apart(void **state)
{
	struct lrk_place others[7];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		others[i] = place;
	others[0].from.dev++;
	others[1].from.ino++;
	others[2].own.dev++;
	others[3].own.ino++;
	others[4].length--;
	others[5].length++;
	others[6].path = "etc/lib/lrkey";
	lrk_note_known(&place);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(lrk_is_known(&others[i]));
}

static void
test_copied(void **state)
{
	char path[] = "var/lib/lrkey";
	struct lrk_place changing = place;

	(void)state;
	changing.path = path;
	lrk_note_known(&changing);
	path[0] = 'V';
	assert_false(lrk_is_known(&changing));
	assert_true(lrk_is_known(&place));
}

static void
test_too_long(void **state)
{
	struct lrk_place longest = { .path = "0123456789012345678901234567890123456789" };

	(void)state;
	longest.length = 33;
	lrk_note_known(&longest);
	assert_false(lrk_is_known(&longest));
	longest.length = 32;
	lrk_note_known(&longest);
	assert_true(lrk_is_known(&longest));
}

static void
test_no_more_room(void **state)
{
	struct lrk_place more = place;

	(void)state;
	for (unsigned i = 0; i < ROOM; i++) {
		more.from.ino = 100 + i;
		lrk_note_known(&more);
		/* The same again takes no room. */
		lrk_note_known(&more);
	}
	lrk_note_known(&place);
	assert_false(lrk_is_known(&place));
	for (unsigned i = 0; i < ROOM; i++) {
		more.from.ino = 100 + i;
		assert_true(lrk_is_known(&more));
	}
}

/* Notes two places again and again, and asks for them and for one that nobody notes. */
static void *
note_and_ask(void *wrong)
{
	struct lrk_place own = place, nobodys = place;

	nobodys.from.ino = 7;
	for (int i = 0; i < 20000; i++) {
		own.from.ino = 1000 + (ino_t)(i & 1);
		lrk_note_known(&own);
		if (lrk_is_known(&nobodys))
			*(bool *)wrong = true;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[8];
	bool wrong[COUNT_OF(threads)] = { false };
	struct lrk_place own = place;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_and_ask, &wrong[i]), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(wrong[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		own.from.ino = 1000 + i;
		assert_true(lrk_is_known(&own));
	}
	/* They took two places between them, and no more. */
	for (unsigned i = 0; i < ROOM - 2; i++) {
		own.from.ino = 2000 + i;
		lrk_note_known(&own);
		assert_true(lrk_is_known(&own));
	}
}

#define known_test(test) cmocka_unit_test_setup(test, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		known_test(test_noted),	    known_test(test_told_apart),
		known_test(test_copied),    known_test(test_too_long),
		known_test(test_no_more_room), known_test(test_threads),
	};

	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
