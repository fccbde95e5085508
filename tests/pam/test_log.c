/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log lines: how each is worded, that nobody can forge one, and that no secret
 * is in any of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define PREFIX "pam_lrkey(scim:auth): "

static struct stock_key
make_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

static void
test_formats(void **state)
{
	static const struct {
		void (*edit)(struct lrk_entry *entry);
		const char *user;
		const char *options;
		int level;
		const char *before_id, *behind_id;
	} rows[] = {
		{ NULL, "acme", "log=all", LOG_INFO, "accepted: key ", " org acme: active" },
		{ stock_deprecate, "acme", "log=all", LOG_INFO, "accepted: key ",
		  " org acme: deprecated" },
		{ stock_deactivate, "acme", "", LOG_NOTICE, "denied: key ",
		  " org acme: deactivated" },
		{ stock_expire, "acme", "", LOG_NOTICE, "denied: key ",
		  " org acme: expired 2027-01-15T08:00:00Z" },
		{ stock_set_pending, "acme", "", LOG_NOTICE, "denied: key ",
		  " org acme: pending until 2027-01-15T08:00:01Z" },
		{ stock_revoke, "acme", "", LOG_ALERT, "denied: key ",
		  " org acme: revoked 2027-01-15T07:59:00Z compromised" },
		{ NULL, "globex", "", LOG_NOTICE, "denied: key ", " org acme: organization" },
		{ stock_set_scopes, "acme", "scope=ssh", LOG_NOTICE, "denied: key ",
		  " org acme: scope ssh" },
	};
	static const char *const rhosts[] = { NULL, "192.0.2.7", "2001:db8::7" };
	char line[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = make_key(rows[i].edit);

		host_write_plain_service(HOST_SERVICE, rows[i].options);
		for (size_t j = 0; j < COUNT_OF(rhosts); j++) {
			hooks_forget();
			host_try(rows[i].user, key.text, rhosts[j]);
			snprintf(line, sizeof(line), PREFIX "%s%s%s%s%s", rows[i].before_id, key.id,
				 rows[i].behind_id, rhosts[j] != NULL ? " rhost " : "",
				 rhosts[j] != NULL ? rhosts[j] : "");
			assert_int_equal(hooks_n_lines, 1);
			assert_string_equal(hooks_lines[0].text, line);
			assert_int_equal(hooks_lines[0].level, rows[i].level);
			assert_int_equal(hooks_lines[0].facility, LOG_AUTHPRIV);
		}
	}
}

static void
test_formats_of_addresses(void **state)
{
	static const char *const rhosts[][2] = {
		{ NULL, "unknown" },
		{ "", "unknown" },
		{ "198.51.100.7", "198.51.100.7 rhost 198.51.100.7" },
		{ "a host", "a\\x20host rhost a\\x20host" },
	};
	struct stock_key key = make_key(stock_set_nets);
	char line[512];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(rhosts); i++) {
		hooks_forget();
		assert_code(host_try("acme", key.text, rhosts[i][0]), PAM_PERM_DENIED);
		snprintf(line, sizeof(line), PREFIX "denied: key %s org acme: address %s", key.id,
			 rhosts[i][1]);
		assert_int_equal(hooks_n_lines, 1);
		assert_string_equal(hooks_lines[0].text, line);
	}
}

/* Of what proves nothing, the user is named: whose key it is is not known. */
static void
test_formats_of_the_unproven(void **state)
{
	static const struct {
		const char *token;
		const char *options;
		const char *user;
		const char *line;
	} rows[] = {
		{ "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc", "", "acme",
		  "denied: key 7Hq2ZtXw9LmB user acme: unknown key rhost 192.0.2.7" },
		{ "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQod", "", "acme",
		  "denied: user acme: malformed rhost 192.0.2.7" },
		{ "lrk_", "", "", "denied: user -: malformed rhost 192.0.2.7" },
		{ "secret!", "log=all", "root", "denied: user root: malformed rhost 192.0.2.7" },
		{ "", "log=all", "acme", "denied: user acme: no token rhost 192.0.2.7" },
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		hooks_forget();
		assert_code(host_try(rows[i].user, rows[i].token, "192.0.2.7"), PAM_AUTH_ERR);
		snprintf(line, sizeof(line), PREFIX "%s", rows[i].line);
		assert_int_equal(hooks_n_lines, 1);
		assert_string_equal(hooks_lines[0].text, line);
		assert_int_equal(hooks_lines[0].level, LOG_NOTICE);
	}
}

/* Printable ASCII, no longer than a line may be, and ours from the first character. */
static void
expect_clean_lines(void)
{
	assert_true(hooks_n_lines > 0 && hooks_n_lines <= HOOKS_LINES);
	for (size_t i = 0; i < hooks_n_lines; i++) {
		const char *text = hooks_lines[i].text;

		assert_true(strlen(text) < 1300);
		assert_memory_equal(text, "pam_lrkey(", 10);
		for (; *text != '\0'; text++)
			assert_true(*text >= 0x20 && *text <= 0x7e);
	}
}

static void
make_long(char *text, size_t size, const char *pattern)
{
	for (size_t i = 0; i < size - 1; i++)
		text[i] = pattern[i % strlen(pattern)];
	text[size - 1] = '\0';
}

static void
test_escaping(void **state)
{
	static const struct {
		const char *raw;
		const char *escaped;
	} rows[] = {
		{ "x\nroot: uid 0", "x\\x0aroot:\\x20uid\\x200" },
		{ "x\r\n", "x\\x0d\\x0a" },
		{ "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m" },
		{ "\x01\x02\x7f\x80\xff", "\\x01\\x02\\x7f\\x80\\xff" },
		{ "%s%n%x%1000d", "%s%n%x%1000d" },
		{ "back\\slash \\x41", "back\\x5cslash\\x20\\x5cx41" },
		{ "f\xc3\xa9", "f\\xc3\\xa9" },
		{ "acme: wrong secret rhost 192.0.2.1",
		  "acme:\\x20wrong\\x20secret\\x20rhost\\x20192.0.2.1" },
		{ "#012", "#012" },
	};
	struct stock_key key = make_key(NULL), net_key = make_key(stock_set_nets);
	char line[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		/* The user, where he is named. */
		host_write_plain_service(HOST_SERVICE, "log=all debug");
		hooks_forget();
		host_try(rows[i].raw, "lrk_", rows[i].raw);
		expect_clean_lines();
		snprintf(line, sizeof(line), "denied: user %s: malformed rhost %s",
			 rows[i].escaped, rows[i].escaped);
		assert_int_equal(hooks_count(LOG_NOTICE, line), 1);
		/* The remote host, in a reason and behind it. */
		hooks_forget();
		host_try("acme", net_key.text, rows[i].raw);
		expect_clean_lines();
		snprintf(line, sizeof(line), ": address %s rhost %s", rows[i].escaped,
			 rows[i].escaped);
		assert_int_equal(hooks_count(LOG_NOTICE, line), 1);
		/* And where it is let in. */
		hooks_forget();
		assert_code(host_try("acme", key.text, rows[i].raw), PAM_SUCCESS);
		expect_clean_lines();
		snprintf(line, sizeof(line), "org acme: active rhost %s", rows[i].escaped);
		assert_int_equal(hooks_count(LOG_INFO, line), 1);
	}
}

/* The service's name stands in the prefix, and is the scope when none is set. */
static void
test_escaping_of_services(void **state)
{
	static const struct {
		const char *raw;
		const char *escaped;
	} rows[] = {
		{ "x\nforged: line", "x\\x0aforged:\\x20line" },
		{ "\x1b[2j", "\\x1b[2j" },
		{ "a b): denied", "a\\x20b):\\x20denied" },
		{ "%s%n", "%s%n" },
	};
	struct stock_key key = make_key(stock_set_scopes);
	char line[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host_write_plain_service(rows[i].raw, "debug");
		hooks_forget();
		host_start(rows[i].raw, "acme", NULL);
		host_answer(HOST_TEXT, key.text, 0);
		assert_code(host_authenticate(0), PAM_PERM_DENIED);
		expect_clean_lines();
		snprintf(line, sizeof(line),
			 "pam_lrkey(%s:auth): denied: key %s org acme: scope %s", rows[i].escaped,
			 key.id, rows[i].escaped);
		assert_int_equal(hooks_count(LOG_NOTICE, line), 1);
		hooks_forget();
		assert_code(host_account(0), PAM_PERM_DENIED);
		expect_clean_lines();
	}
}

static void
test_long_values(void **state)
{
	static const char *const patterns[] = { "a", "\n", "\xff", "a\x1b", "%n", "\\", " " };
	struct stock_key net_key = make_key(stock_set_nets), key = make_key(stock_set_scopes);
	char *text = malloc(10241);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		make_long(text, 10241, patterns[i]);
		host_write_plain_service(HOST_SERVICE, "log=all debug");
		hooks_forget();
		assert_code(host_try(text, "lrk_", text), PAM_AUTH_ERR);
		assert_code(host_try("acme", net_key.text, text), PAM_PERM_DENIED);
		assert_code(host_try(text, key.text, NULL), PAM_PERM_DENIED);
		expect_clean_lines();
		assert_true(hooks_count(LOG_NOTICE, "...") >= 2);
		/* A service of that name is served by "other". */
		host_write_plain_service("other", "debug log=all");
		host_start(text, "acme", NULL);
		host_answer(HOST_TEXT, key.text, 0);
		assert_code(host_authenticate(0), PAM_PERM_DENIED);
		expect_clean_lines();
		assert_int_equal(hooks_count(LOG_NOTICE, ": scope "), 1);
	}
	free(text);
}

/* Options come from the administrator; what is wrong in them is shown all the same. */
static void
test_escaping_of_options(void **state)
{
	struct stock_key key = make_key(NULL);
	char text[1024];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "[store=\x1b[2Jx\\y\xff]");
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_SERVICE_ERR);
	expect_clean_lines();
	assert_int_equal(hooks_count(LOG_ERR, "option store=\\x1b[2Jx\\y\\xff: "), 1);
	snprintf(text, sizeof(text), "auth required %s [root=/no\x1bwhere]\n", host_module());
	host_write_service(HOST_SERVICE, text);
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	expect_clean_lines();
	assert_int_equal(hooks_count(LOG_ALERT, "unavailable: /no\\x1bwhere: "), 1);
}

/* ---- Secrets ---- */

static char master_hex[2 * LRK_AES_KEY_LEN + 1];

static void
read_master_key(void)
{
	struct lrk_keyring ring;

	stock_read_keyring(host.root, LRK_STORE_DEFAULT, &ring);
	for (size_t i = 0; i < LRK_AES_KEY_LEN; i++)
		snprintf(master_hex + 2 * i, 3, "%02x", ring.keys[0].key[i]);
}

/* No eight characters in a row of a secret are in the text. */
static void
expect_none_of(const char *text, const char *secret, size_t length)
{
	for (size_t i = 0; i + 8 <= length; i++) {
		char part[9];

		memcpy(part, secret + i, 8);
		part[8] = '\0';
		assert_null(strstr(text, part));
	}
}

static void
expect_no_secret(const struct stock_key *key)
{
	struct lrk_credential credential;
	char digest[2 * LRK_DIGEST_LEN + 1];

	assert_int_equal(lrk_apikey_parse(key->text, LRK_APIKEY_LEN, &credential), LRK_OK);
	for (size_t i = 0; i < LRK_DIGEST_LEN; i++)
		snprintf(digest + 2 * i, 3, "%02x", credential.digest[i]);
	assert_true(hooks_n_lines > 0 && hooks_n_lines <= HOOKS_LINES);
	for (size_t i = 0; i < hooks_n_lines; i++) {
		expect_none_of(hooks_lines[i].text, key->text + LRK_APIKEY_LEN - 38, 38);
		expect_none_of(hooks_lines[i].text, digest, strlen(digest));
		expect_none_of(hooks_lines[i].text, master_hex, strlen(master_hex));
	}
	expect_none_of(host.text, key->text + LRK_APIKEY_LEN - 38, 38);
}

static void
spoil_digest(struct lrk_entry *entry)
{
	entry->digest[0] ^= 1;
}

static void
test_no_secret(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL,		   stock_deprecate, stock_revoke,   stock_deactivate,
		stock_set_pending, stock_expire,    stock_set_nets, stock_limit_uses,
		spoil_digest,
	};
	struct stock_key key;
	char text[1024];

	(void)state;
	read_master_key();
	host_write_plain_service(HOST_SERVICE, "debug log=all");
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		key = make_key(edits[i]);
		hooks_forget();
		host_try("acme", key.text, "192.0.2.7");
		host_account(0);
		hooks_set_clock(STOCK_NOW + 3, 0);
		host_account(0);
		hooks_set_clock(STOCK_NOW, 0);
		/* Other users, and a key with a typing error. */
		host_try("globex", key.text, NULL);
		memcpy(text, key.text, sizeof(key.text));
		text[LRK_APIKEY_LEN - 1] = (char)(text[LRK_APIKEY_LEN - 1] == '0' ? '1' : '0');
		host_try("acme", text, NULL);
		snprintf(text, sizeof(text), "%s\n", key.text);
		host_try("acme", text, NULL);
		expect_no_secret(&key);
		expect_clean_lines();
	}
	/* A store that is damaged, or has another master key. */
	hooks_forget();
	assert_int_equal(truncate(host_path(LRK_VAR "/system/keys/" LRK_KEY_FILE), 5000), 0);
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	host_account(0);
	assert_int_equal(truncate(host_path(LRK_ETC "/system/" LRK_MASTER_FILE), 90), 0);
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	expect_no_secret(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_formats),
		TEST(test_formats_of_addresses),
		TEST(test_formats_of_the_unproven),
		TEST(test_escaping),
		TEST(test_escaping_of_services),
		TEST(test_long_values),
		TEST(test_escaping_of_options),
		TEST(test_no_secret),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
