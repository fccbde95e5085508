/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The token: how it is asked for, what hosts answer, who else gets it; and
 * what is said to the holder of a key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define IGNORED PAM_CRED_EXPIRED

static struct stock_key
make_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

/* One that is refused before any digest, file or second prompt. */
static void
expect_unread(int flags)
{
	hooks_forget();
	assert_code(host_authenticate(flags), PAM_AUTH_ERR);
	assert_code(host_account(flags), IGNORED);
	assert_int_equal(host.n_prompts, 1);
	assert_int_equal(host.n_texts, 0);
	assert_int_equal(hooks_n_digests, 0);
	assert_int_equal(hooks_n_engines, 0);
	assert_int_equal(hooks_count(LOG_ALERT, ""), 0);
}

static void
test_no_token(void **state)
{
	static const struct {
		enum host_answer kind;
		const char *text;
		int code;
	} rows[] = {
		{ HOST_NULL, NULL, 0 },
		{ HOST_NO_RESPONSE, NULL, 0 },
		{ HOST_TEXT, "", 0 },
		{ HOST_BYTES, "\0lrk_", 5 },
		{ HOST_FAIL, NULL, PAM_CONV_ERR },
		{ HOST_FAIL, NULL, PAM_CONV_AGAIN },
		{ HOST_FAIL, NULL, PAM_BUF_ERR },
		{ HOST_FAIL, NULL, PAM_IGNORE },
		{ HOST_FAIL, NULL, PAM_INCOMPLETE },
		{ HOST_FAIL, NULL, -1 },
		{ HOST_FAIL, NULL, 99 },
	};
	static const int flags[] = {
		0, (int)PAM_DISALLOW_NULL_AUTHTOK, (int)PAM_SILENT,
		(int)(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK),
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t j = 0; j < COUNT_OF(flags); j++) {
			host_start(HOST_SERVICE, "acme", NULL);
			host_answer(rows[i].kind, rows[i].text, rows[i].code);
			expect_unread(flags[j]);
			assert_int_equal(hooks_count(LOG_NOTICE, "denied"), 0);
		}
	}
}

/* Tokens of a length, beginning like a key or not. */
static void
test_lengths(void **state)
{
	static const size_t lengths[] = {
		1, 3, 4, 5, 16, 17, 54, 55, 56, 64, 511, 512, 513, 4096, 65536, (size_t)1 << 20,
	};
	struct stock_key key = make_key(NULL);
	char *token = malloc(((size_t)1 << 20) + 1);

	(void)state;
	assert_non_null(token);
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		memset(token, 'a', lengths[i]);
		token[lengths[i]] = '\0';
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, token, 0);
		expect_unread(0);
		assert_int_equal(hooks_n_lines, 0);
		/* A whole key, or the beginning of one, in front. */
		memcpy(token, key.text, lengths[i] < LRK_APIKEY_LEN ? lengths[i] : LRK_APIKEY_LEN);
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, token, 0);
		if (lengths[i] == LRK_APIKEY_LEN) {
			assert_code(host_authenticate(0), PAM_SUCCESS);
			continue;
		}
		expect_unread(0);
		assert_int_equal(hooks_count(LOG_NOTICE, "denied: user acme: malformed"),
				 lengths[i] >= 4 ? 1 : 0);
		assert_int_equal(hooks_n_lines, lengths[i] >= 4 ? 1 : 0);
	}
	free(token);
}

static void
test_near_misses(void **state)
{
	static const char *const formats[] = {
		"%s\n", "%s\r\n", "%s ", "%s\t", "\n%s", " %s", "%s\xff", "\xef\xbb\xbf%s",
		"%s%s", "LRK_%.0s", "lrk-%.0s", "%.54s", "%.10s\n%s", "Bearer %s",
	};
	static const char *const texts[] = {
		"\b\n\r\177INCORRECT",	/* what sshd sends for a user that is none */
		"\xc3\x28\xff\xfe\x80",
		"\xed\xa0\x80\xf8\x88\x80\x80\x80",
		"%s%n%x",
		"lrk_",
		"lrk_\n",
		"lrk_%s%n%x\x1b[31m\xff",
		"lrk_\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff_\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	};
	struct stock_key key = make_key(NULL);
	char token[256];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(token, sizeof(token), formats[i], key.text, key.text);
#pragma GCC diagnostic pop
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, token, 0);
		expect_unread(0);
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, texts[i], 0);
		expect_unread(0);
	}
}

/* Each character is checked, also for what comes after a NUL: nothing. */
static void
test_every_character(void **state)
{
	struct stock_key key = make_key(NULL);
	char token[LRK_APIKEY_LEN + 16] = "";

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < LRK_APIKEY_LEN; i++) {
		static const char replacements[] = { '\n', '\0', '\xff', ' ', '_', '0' };

		for (size_t j = 0; j < COUNT_OF(replacements); j++) {
			if (key.text[i] == replacements[j])
				continue;
			memcpy(token, key.text, LRK_APIKEY_LEN);
			token[i] = replacements[j];
			host_start(HOST_SERVICE, "acme", NULL);
			host_answer(HOST_BYTES, token, LRK_APIKEY_LEN);
			expect_unread(0);
		}
	}
	/* libpam's strings end at a NUL: what a host sends behind it is not there. */
	memcpy(token, key.text, sizeof(key.text));
	memcpy(token + sizeof(key.text), "behind", 6);
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_BYTES, token, sizeof(key.text) + 6);
	assert_code(host_authenticate(0), PAM_SUCCESS);
}

static void
test_prompts(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(host.n_prompts, 1);
	assert_string_equal(host.prompt, "Password: ");
	/* Without a user, that is asked first. */
	host_start(HOST_SERVICE, NULL, NULL);
	host_answer(HOST_TEXT, "acme", 0);
	host_answer(HOST_TEXT, key.text, 0);
	assert_code(host_authenticate(0), PAM_SUCCESS);
	assert_int_equal(host.n_prompts, 2);
	assert_code(host_account(0), PAM_SUCCESS);
	/* The user is asked although there is a key already. */
	host_write_service(HOST_SERVICE, "auth required & give=lrk_\nauth required @\n");
	host_start(HOST_SERVICE, NULL, NULL);
	host_answer(HOST_NULL, NULL, 0);
	assert_code(host_authenticate(0), PAM_AUTH_ERR);
	assert_int_equal(host.n_prompts, 1);
	assert_true(strcmp(host.prompt, "Password: ") != 0);
}

static void
test_first_pass(void **state)
{
	struct stock_key key = make_key(NULL);
	const struct {
		const char *options;
		const char *earlier;
		int code;
		unsigned prompts;
	} rows[] = {
		{ "", NULL, PAM_SUCCESS, 1 },
		{ "try_first_pass", NULL, PAM_SUCCESS, 1 },
		{ "use_first_pass", NULL, PAM_AUTH_ERR, 0 },
		{ "", "earlier", PAM_AUTH_ERR, 0 },
		{ "try_first_pass", "earlier", PAM_AUTH_ERR, 0 },
		{ "use_first_pass", "earlier", PAM_AUTH_ERR, 0 },
		{ "", key.text, PAM_SUCCESS, 0 },
		{ "try_first_pass", key.text, PAM_SUCCESS, 0 },
		{ "use_first_pass", key.text, PAM_SUCCESS, 0 },
		{ "use_first_pass", "", PAM_AUTH_ERR, 0 },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(text, sizeof(text), "auth optional & %s%s\nauth required @ %s\n",
			 rows[i].earlier != NULL ? "give=" : "",
			 rows[i].earlier != NULL ? rows[i].earlier : "", rows[i].options);
		host_write_service(HOST_SERVICE, text);
		assert_code(host_try("acme", key.text, NULL), rows[i].code);
		assert_int_equal(host.n_prompts, rows[i].prompts);
	}
}

/* One prompt for machines and people: the module behind finds the token where it belongs. */
static void
test_token_stays(void **state)
{
	struct stock_key key = make_key(NULL), off = make_key(stock_deactivate);

	(void)state;
	host_write_service(HOST_SERVICE, "auth sufficient @\nauth required &\n");
	assert_code(host_try("acme", "a password", NULL), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_AUTHTOK"), "a password");
	assert_int_equal(host.n_prompts, 1);
	assert_code(host_try("acme", off.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_AUTHTOK"), off.text);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_AUTH"), "");
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_AUTHTOK"), key.text);
	/* And the real one: it does not ask again, and says what it thinks of the password. */
	host_write_service(HOST_SERVICE, "auth sufficient @\n"
					 "auth required pam_unix.so try_first_pass nodelay\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_true(host_try("root", "surely not it", NULL) != PAM_SUCCESS);
	assert_int_equal(host.n_prompts, 1);
	assert_true(host_try("acme", off.text, NULL) != PAM_SUCCESS);
	assert_int_equal(host.n_prompts, 1);
}

static int64_t ends;

static void
set_end(struct lrk_entry *entry)
{
	entry->expires = ends;
}

static void
expect_notice(const struct stock_key *key, const char *text)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "API key %s %s", key->id, text);
	assert_code(host_try("acme", key->text, NULL), PAM_SUCCESS);
	assert_int_equal(host.n_texts, 1);
	assert_string_equal(host.text, expected);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_int_equal(host.n_texts, 1);
	/* Not with PAM_SILENT. */
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_TEXT, key->text, 0);
	assert_code(host_authenticate((int)PAM_SILENT), PAM_SUCCESS);
	assert_int_equal(host.n_texts, 0);
	/* A host that cannot show it lets in all the same. */
	host.texts_fail = true;
	assert_code(host_try("acme", key->text, NULL), PAM_SUCCESS);
	assert_int_equal(host.n_texts, 1);
	host.texts_fail = false;
}

static void
test_notices(void **state)
{
	struct stock_key key;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	key = make_key(stock_deprecate);
	expect_notice(&key, "is deprecated and ends at 2027-01-22T08:00:00Z.");
	ends = STOCK_NOW + 14 * 86400;
	key = make_key(set_end);
	expect_notice(&key, "ends at 2027-01-29T08:00:00Z.");
	ends = STOCK_NOW + 1;
	key = make_key(set_end);
	expect_notice(&key, "ends at 2027-01-15T08:00:01Z.");
	ends = STOCK_NOW + 14 * 86400 + 1;
	key = make_key(set_end);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(host.n_texts, 0);
	/* Nobody but a holder who is let in is told anything. */
	key = make_key(stock_deprecate);
	assert_code(host_try("globex", key.text, NULL), PAM_PERM_DENIED);
	assert_int_equal(host.n_texts, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_no_token),	    TEST(test_lengths), TEST(test_near_misses),
		TEST(test_every_character), TEST(test_prompts), TEST(test_first_pass),
		TEST(test_token_stays),	    TEST(test_notices),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
