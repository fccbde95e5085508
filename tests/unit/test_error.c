/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <lrkey/error.h>

#include "unit.h"

static void
test_each_has_name_and_text(void **state)
{
	(void)state;
	for (unsigned err = 0; err < LRK_ERR_COUNT; err++) {
		const char *name = lrk_err_name((enum lrk_err)err);
		const char *text = lrk_err_text((enum lrk_err)err);

		assert_non_null(name);
		assert_non_null(text);
		assert_int_equal(strncmp(name, "LRK_", 4), 0);
		assert_string_not_equal(name, "LRK_ERR_?");
		assert_string_not_equal(text, "");
		assert_null(strchr(text, '\n'));
		assert_int_not_equal(text[strlen(text) - 1], '.');
		for (unsigned other = 0; other < err; other++) {
			assert_string_not_equal(name, lrk_err_name((enum lrk_err)other));
			assert_string_not_equal(text, lrk_err_text((enum lrk_err)other));
		}
	}
	assert_string_equal(lrk_err_name(LRK_OK), "LRK_OK");
	assert_string_equal(lrk_err_name(LRK_ERR_IO), "LRK_ERR_IO");
	assert_string_equal(lrk_err_name(LRK_ERR_INTERNAL), "LRK_ERR_INTERNAL");
}

static void
test_past_both_ends(void **state)
{
	static const int outside[] = {
		-1, -2, -3, LRK_ERR_COUNT, LRK_ERR_COUNT + 1, LRK_ERR_COUNT + 2, 255, INT_MAX,
		INT_MIN,
	};
	const char *text = lrk_err_text(LRK_ERR_COUNT);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		assert_string_equal(lrk_err_name((enum lrk_err)outside[i]), "LRK_ERR_?");
		assert_string_equal(lrk_err_text((enum lrk_err)outside[i]), text);
	}
	for (unsigned err = 0; err < LRK_ERR_COUNT; err++)
		assert_string_not_equal(lrk_err_text((enum lrk_err)err), text);
}

static void
test_fail(void **state)
{
	struct lrk_why why;

	(void)state;
	assert_err(lrk_fail(&why, LRK_ERR_IO, "%s: %d of %u", "/a/b", -1, 7u), LRK_ERR_IO);
	assert_string_equal(why.text, "/a/b: -1 of 7");
	assert_err(lrk_fail(&why, LRK_ERR_UNSAFE, "plain"), LRK_ERR_UNSAFE);
	assert_string_equal(why.text, "plain");
	assert_err(lrk_fail(NULL, LRK_ERR_NOMEM, "%s", "nobody listens"), LRK_ERR_NOMEM);
}

static void
test_fail_errno(void **state)
{
	struct lrk_why why;

	(void)state;
	assert_err(lrk_fail_errno(&why, LRK_ERR_ACCESS, EACCES, "%s", "/a"), LRK_ERR_ACCESS);
	assert_string_equal(why.text, "/a: Permission denied");
	assert_err(lrk_fail_errno(&why, LRK_ERR_IO, ENOSPC, "write"), LRK_ERR_IO);
	assert_string_equal(why.text, "write: No space left on device");
	assert_err(lrk_fail_errno(&why, LRK_ERR_IO, 99999, "write"), LRK_ERR_IO);
	assert_string_equal(why.text, "write: unknown error");
	assert_err(lrk_fail_errno(NULL, LRK_ERR_IO, EIO, "nobody"), LRK_ERR_IO);
}

/* Around the size of the text: always terminated, cut at the end, nothing behind it touched. */
static void
test_truncation(void **state)
{
	struct {
		struct lrk_why why;
		char behind[64];
	} box;
	char longest[2 * sizeof(box.why.text)];

	(void)state;
	memset(longest, 'p', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t length = sizeof(box.why.text) - 40; length < sizeof(longest); length++) {
		const char *path = longest + sizeof(longest) - 1 - length;
		size_t kept = length < sizeof(box.why.text) ? length : sizeof(box.why.text) - 1;

		memset(&box, 'b', sizeof(box));
		assert_err(lrk_fail(&box.why, LRK_ERR_IO, "%s", path), LRK_ERR_IO);
		assert_int_equal(strlen(box.why.text), kept);
		assert_memory_equal(box.why.text, path, kept);

		assert_err(lrk_fail_errno(&box.why, LRK_ERR_IO, EIO, "%s", path), LRK_ERR_IO);
		assert_true(strlen(box.why.text) < sizeof(box.why.text));
		assert_memory_equal(box.why.text, path, kept);
		for (size_t i = 0; i < sizeof(box.behind); i++)
			assert_int_equal(box.behind[i], 'b');
	}
}

/* What was in errno before a failure is still there after it: the caller may want it. */
static void
test_keeps_errno(void **state)
{
	struct lrk_why why;

	(void)state;
	errno = ENOTDIR;
	assert_err(lrk_fail(&why, LRK_ERR_IO, "%s %d", "a", 1), LRK_ERR_IO);
	assert_err(lrk_fail_errno(&why, LRK_ERR_IO, EIO, "%s %d", "a", 1), LRK_ERR_IO);
	assert_int_equal(errno, ENOTDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_has_name_and_text),
		cmocka_unit_test(test_past_both_ends),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_fail_errno),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_keeps_errno),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
