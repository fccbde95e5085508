/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <lrkey/names.h>

#include "unit.h"

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

/* A name as the contract writes it: a first character, further ones, a greatest length. */
struct rule {
	const char *what;
	bool (*is)(const char *);
	const char *head;
	const char *tail;
	size_t min;
	size_t max;
};

static const struct rule rules[] = {
	{ "id", lrk_is_id, ALNUM, ALNUM, 12, 12 },
	{ "store", lrk_is_store_name, LOWER, LOWER DIGIT "-", 1, 32 },
	{ "org", lrk_is_org, ALNUM, ALNUM "._-", 1, 64 },
	{ "scope", lrk_is_scope, LOWER DIGIT, LOWER DIGIT "._-", 1, 32 },
};

static void
expect(const struct rule *rule, const char *text, bool expected)
{
	if (rule->is(text) != expected)
		fail_msg("%s \"%s\" is %s", rule->what, text, expected ? "refused" : "accepted");
}

static void
test_each_character(void **state)
{
	char text[LRK_ORG_MAX + 1];

	(void)state;
	for (size_t r = 0; r < COUNT_OF(rules); r++) {
		const struct rule *rule = &rules[r];
		size_t length = rule->min > 3 ? rule->min : 3;

		for (unsigned c = 1; c < 256; c++) {
			memset(text, rule->head[0], length);
			text[length] = '\0';
			text[0] = (char)c;
			expect(rule, text, strchr(rule->head, (int)c) != NULL);
			text[0] = rule->head[0];
			for (size_t at = 1; at < length; at++) {
				text[at] = (char)c;
				expect(rule, text, strchr(rule->tail, (int)c) != NULL);
				text[at] = rule->tail[0];
			}
		}
	}
}

static void
test_each_length(void **state)
{
	char text[200];

	(void)state;
	for (size_t r = 0; r < COUNT_OF(rules); r++) {
		const struct rule *rule = &rules[r];

		for (size_t length = 0; length < sizeof(text); length++) {
			memset(text, rule->head[0], length);
			text[length] = '\0';
			expect(rule, text, length >= rule->min && length <= rule->max);
		}
	}
}

static void
test_examples(void **state)
{
	(void)state;
	assert_true(lrk_is_id("7Hq2ZtXw9LmB"));
	assert_false(lrk_is_id("lrk_7Hq2ZtXw"));
	assert_true(lrk_is_store_name(LRK_STORE_DEFAULT));
	assert_true(lrk_is_store_name("agent-pool-7"));
	assert_false(lrk_is_store_name("System"));
	assert_false(lrk_is_store_name("7th"));
	assert_false(lrk_is_store_name(".."));
	assert_false(lrk_is_store_name("a/b"));
	assert_true(lrk_is_org("acme"));
	assert_true(lrk_is_org("7-Acme_Ltd.example"));
	assert_false(lrk_is_org(".hidden"));
	assert_false(lrk_is_org("-option"));
	assert_false(lrk_is_org("a b"));
	assert_false(lrk_is_org("a\n"));
	assert_true(lrk_is_scope("scim"));
	assert_true(lrk_is_scope("v2.scim-users_ro"));
	assert_false(lrk_is_scope("SCIM"));
	assert_true(lrk_is_scope(LRK_SCOPE_ANY));
	assert_false(lrk_is_scope("**"));
	assert_false(lrk_is_scope("a*"));
	assert_false(lrk_is_scope("*a"));
	assert_false(lrk_is_org("*"));
	assert_false(lrk_is_store_name("*"));
}

static void
test_user_names(void **state)
{
	char text[LRK_USER_MAX + 2];

	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		bool allowed = c > 0x20 && c < 0x7f && c != ':';

		text[0] = (char)c;
		text[1] = '\0';
		assert_int_equal(lrk_is_user_name(text), allowed);
		text[0] = 'a';
		text[1] = (char)c;
		text[2] = '\0';
		assert_int_equal(lrk_is_user_name(text), allowed);
	}
	assert_false(lrk_is_user_name(""));
	memset(text, 'u', sizeof(text));
	text[LRK_USER_MAX] = '\0';
	assert_true(lrk_is_user_name(text));
	text[LRK_USER_MAX] = 'u';
	text[LRK_USER_MAX + 1] = '\0';
	assert_false(lrk_is_user_name(text));
	assert_true(lrk_is_user_name("DOMAIN\\first.last"));
	assert_true(lrk_is_user_name("machine$"));
}

/* UTF-8 of any number that its pattern has room for, well formed or not. */
static size_t
put_utf8(uint32_t point, char *at)
{
	if (point < 0x80) {
		at[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		at[0] = (char)(0xc0 | point >> 6);
		at[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		at[0] = (char)(0xe0 | point >> 12);
		at[1] = (char)(0x80 | (point >> 6 & 0x3f));
		at[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	at[0] = (char)(0xf0 | point >> 18);
	at[1] = (char)(0x80 | (point >> 12 & 0x3f));
	at[2] = (char)(0x80 | (point >> 6 & 0x3f));
	at[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static bool
is_allowed_point(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} refused[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	/* control characters */
		{ 0x2028, 0x2029 },			/* separators of lines and paragraphs */
		{ 0x061c, 0x061c }, { 0x200e, 0x200f }, /* marks of direction */
		{ 0x202a, 0x202e }, { 0x2066, 0x2069 },
		{ 0xd800, 0xdfff },			/* surrogates are no characters */
		{ 0x110000, UINT32_MAX },
	};

	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (point >= refused[i].first && point <= refused[i].last)
			return false;
	return true;
}

static void
test_label_each_point(void **state)
{
	char text[8];

	(void)state;
	for (uint32_t point = 1; point < 0x1fffff; point++) {
		size_t n = put_utf8(point, text);

		text[n] = '\0';
		if (lrk_is_label(text) != is_allowed_point(point))
			fail_msg("U+%04X", point);
		text[n] = 'a';
		text[n + 1] = '\0';
		if (lrk_is_label(text) != is_allowed_point(point))
			fail_msg("U+%04X before a letter", point);
	}
}

static void
test_label_bad_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "a\x80",	       /* a continuation that continues nothing */
		"\xc3", "\xe2\x82", "\xf0\x9f\x98",    /* cut off */
		"\xc3(", "\xe2\x82(", "\xf0\x9f\x98(", "\xe2(\xa1", "\xf0(\x8c\xbc",
		"\xc3\xc3\xa9",
		"\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", /* longer than need be */
		"\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xc0\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa1\x8c\xed\xbe\xb4", /* surrogates */
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf7\xbf\xbf\xbf", /* past the end */
		"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (lrk_is_label(bad[i]))
			fail_msg("row %zu is accepted", i);
}

/* The limit counts characters, however long they are in bytes. */
static void
test_label_length(void **state)
{
	static const char *const characters[] = { "a", "\xc3\xa9", "\xe2\x82\xac",
						  "\xf0\x9f\x97\x9d" };

	(void)state;
	assert_false(lrk_is_label(""));
	for (size_t i = 0; i < COUNT_OF(characters); i++) {
		char text[2 * LRK_LABEL_MAX] = "";

		for (size_t n = 1; n <= LRK_LABEL_CHARS; n++) {
			strcat(text, characters[i]);
			assert_true(lrk_is_label(text));
			assert_true(strlen(text) <= LRK_LABEL_MAX);
		}
		strcat(text, characters[i]);
		assert_false(lrk_is_label(text));
	}
	assert_true(lrk_is_label("Okta, SCIM: production (2026)"));
	assert_true(lrk_is_label(" "));
	assert_false(lrk_is_label("a\tb"));
	assert_false(lrk_is_label("a\nb"));
	assert_false(lrk_is_label("\x1b[31mred"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_each_length),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_label_each_point),
		cmocka_unit_test(test_label_bad_utf8),
		cmocka_unit_test(test_label_length),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
