/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store=PREFIX%u: the PAM user, whom the client may choose, completes the name of the store. He
 * reaches the stores that are meant, and nothing else; of those that are not there, no alarm tells.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define IGNORED PAM_CRED_EXPIRED

#define TEXT_27 "aaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct stock_key system_key, blue, green;

static void
set_org_blue(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "blue");
}

static void
set_org_green(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "green");
}

/* Two pools of agents, each an organization with a store of its own, beside the default store. */
static int
set_up(void **state)
{
	if (host_set_up(state) != 0)
		return -1;
	stock_make_store(host.root, "pool-blue");
	stock_make_store(host.root, "pool-green");
	system_key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	blue = stock_make_key(host.root, "pool-blue", set_org_blue);
	green = stock_make_key(host.root, "pool-green", set_org_green);
	host_write_plain_service(HOST_SERVICE, "store=pool-%u");
	return 0;
}

/* Nothing is proven, nothing told, and no alarm raised. */
static void
expect_unknown(const char *user, const char *token)
{
	hooks_forget();
	assert_code(host_try(user, token, NULL), PAM_AUTH_ERR);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_NOTICE, ": unknown key"), 1);
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(host.n_prompts, 1);
	assert_int_equal(host.n_texts, 0);
	assert_string_equal(host_env("LRKEY_ID"), "");
}

/* A key is known in its own store alone. */
static void
test_isolation(void **state)
{
	const struct {
		const char *user;
		const struct stock_key *key;
		int code;
	} rows[] = {
		{ "blue", &blue, PAM_SUCCESS },	      { "green", &green, PAM_SUCCESS },
		{ "blue", &green, PAM_AUTH_ERR },     { "green", &blue, PAM_AUTH_ERR },
		{ "blue", &system_key, PAM_AUTH_ERR }, { "acme", &system_key, PAM_AUTH_ERR },
		{ "system", &system_key, PAM_AUTH_ERR }, { "red", &blue, PAM_AUTH_ERR },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row = rows[i].user;
		if (rows[i].code != PAM_SUCCESS) {
			expect_unknown(rows[i].user, rows[i].key->text);
			continue;
		}
		assert_code(host_try(rows[i].user, rows[i].key->text, NULL), PAM_SUCCESS);
		assert_code(host_account(0), PAM_SUCCESS);
		hooks_set_clock(STOCK_NOW + 2, 0);
		assert_code(host_account(0), PAM_SUCCESS);
		hooks_set_clock(STOCK_NOW, 0);
		assert_string_equal(host_env("LRKEY_ORG"), rows[i].user);
	}
	/* Each has been used once, in its own store. */
	assert_int_equal(stock_read_usage(host.root, "pool-blue", &blue).uses, 1);
	assert_int_equal(stock_read_usage(host.root, "pool-green", &green).uses, 1);
}

/* The user is the organization as well, unless the line says otherwise. */
static void
test_organization(void **state)
{
	static const struct {
		const char *options;
		int code;
	} rows[] = {
		{ "store=pool-%u", PAM_PERM_DENIED },
		{ "store=pool-%u org=match", PAM_PERM_DENIED },
		{ "store=pool-%u org=any", PAM_SUCCESS },
		{ "store=pool-%u org=acme", PAM_SUCCESS },
		{ "store=pool-%u org=blue", PAM_PERM_DENIED },
	};
	struct stock_key acmes = stock_make_key(host.root, "pool-blue", NULL);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row = rows[i].options;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		assert_code(host_try("blue", acmes.text, NULL), rows[i].code);
		assert_code(host_account(0), rows[i].code);
	}
}

/* What makes no name, or one that is nobody's: no file is as much as looked for. */
static void
test_users_that_make_no_name(void **state)
{
	static const char *const users[] = {
		"", "Blue", "blue ", " blue", "blue\n", "blue/", "../pool-blue", "blue/../pool-blue",
		".", "..", "/", "%u", "%s", "blue%u", "blue_", "bl\xc3\xbc", "blue@example.org",
		"blue.", "*", TEXT_27 "a", TEXT_27 TEXT_27 TEXT_27,
	};
	char long_user[10001];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "store=pool-%u org=any");
	memset(long_user, 'a', sizeof(long_user) - 1);
	long_user[sizeof(long_user) - 1] = '\0';
	for (size_t i = 0; i <= COUNT_OF(users); i++) {
		const char *user = i < COUNT_OF(users) ? users[i] : long_user;

		check_row = user;
		expect_unknown(user, blue.text);
		assert_int_equal(hooks_n_engines, 0);
		expect_unknown(user, "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc");
	}
}

/* Also where the beginning alone, or its longest continuation, is a store's name. */
static void
test_names_at_the_edges(void **state)
{
	struct stock_key bare, longest;

	(void)state;
	stock_make_store(host.root, "pool-");
	stock_make_store(host.root, "pool-" TEXT_27);
	bare = stock_make_key(host.root, "pool-", NULL);
	longest = stock_make_key(host.root, "pool-" TEXT_27, NULL);
	host_write_plain_service(HOST_SERVICE, "store=pool-%u org=any");
	/* Nobody's name completes nothing. */
	expect_unknown("", bare.text);
	assert_code(host_try(TEXT_27, longest.text, NULL), PAM_SUCCESS);
	expect_unknown(TEXT_27 "a", longest.text);
	host_write_plain_service(HOST_SERVICE, "store=%u org=any");
	assert_code(host_try("pool-", bare.text, NULL), PAM_SUCCESS);
	assert_code(host_try("pool-" TEXT_27, longest.text, NULL), PAM_SUCCESS);
	host_write_plain_service(HOST_SERVICE, "store=pool-" TEXT_27 "%u org=any");
	hooks_forget();
	/* No user's name fits behind it: a mistake. */
	assert_code(host_try("", longest.text, NULL), PAM_SERVICE_ERR);
	assert_int_equal(hooks_count(LOG_ERR, "the value of store must be"), 1);
}

/* The default store is for those lines that name it. */
static void
test_never_system(void **state)
{
	static const char *const halves[][2] = {
		{ "", "system" }, { "s", "ystem" }, { "sys", "tem" }, { "syste", "m" },
		{ "system", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(halves); i++) {
		char options[64];

		snprintf(options, sizeof(options), "store=%s%%u org=any", halves[i][0]);
		host_write_plain_service(HOST_SERVICE, options);
		expect_unknown(halves[i][1], system_key.text);
		assert_int_equal(hooks_n_engines, 0);
	}
	host_write_plain_service(HOST_SERVICE, "store=system org=any");
	assert_code(host_try("tem", system_key.text, NULL), PAM_SUCCESS);
}

/* ---- Stores that are not there, and stores that are not right -------------------------- */

static void
expect_alarm(const char *text)
{
	hooks_forget();
	check_row = text;
	assert_code(host_try("blue", blue.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_ALERT, ": store pool-blue unavailable: "), 1);
	assert_int_equal(hooks_count(LOG_ALERT, text), 1);
}

/* One that was not made, or not to its end, or whose master keys were taken away. */
static void
test_missing_store(void **state)
{
	static const char *const paths[] = {
		LRK_ETC "/pool-blue/" LRK_MASTER_FILE, LRK_ETC "/pool-blue", LRK_ETC,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		check_row = paths[i];
		host_move(paths[i], "away");
		expect_unknown("blue", blue.text);
		/* For a line that names it, the same store is one that should be there. */
		host_write_plain_service(HOST_SERVICE, "store=pool-blue");
		expect_alarm(LRK_ETC);
		host_write_plain_service(HOST_SERVICE, "store=pool-%u");
		host_move("away", paths[i]);
		assert_code(host_try("blue", blue.text, NULL), PAM_SUCCESS);
	}
}

static void
test_damaged_store(void **state)
{
	static const char *const paths[] = {
		LRK_VAR "/pool-blue/" LRK_KEYS_DIR "/" LRK_KEY_FILE,
		LRK_VAR "/pool-blue/" LRK_KEYS_DIR, LRK_VAR "/pool-blue",
	};
	static const struct {
		const char *path;
		mode_t wrong, right;
	} modes[] = {
		{ LRK_ETC "/pool-blue", 0757, 0750 },
		{ LRK_ETC "/pool-blue/" LRK_MASTER_FILE, 0646, 0640 },
		{ LRK_VAR "/pool-blue", 0752, 0750 },
		{ LRK_VAR "/pool-blue/" LRK_KEYS_DIR "/" LRK_KEY_FILE, 0646, 0644 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		host_move(paths[i], "away");
		expect_alarm(paths[i]);
		host_move("away", paths[i]);
	}
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		assert_int_equal(chmod(host_path(modes[i].path), modes[i].wrong), 0);
		expect_alarm(modes[i].path);
		assert_int_equal(chmod(host_path(modes[i].path), modes[i].right), 0);
	}
	assert_int_equal(truncate(host_path(LRK_ETC "/pool-blue/" LRK_MASTER_FILE), 0), 0);
	expect_alarm(LRK_MASTER_FILE ": is empty");
	/* The others are none the worse for it. */
	assert_code(host_try("green", green.text, NULL), PAM_SUCCESS);
}

/* One that is there for others, though not for this service, is to be told of. */
static const char *
as_stranger(const void *data)
{
	(void)data;
	EXPECT(aside_become_verifier());
	hooks_forget();
	host.n_script = host.n_answered = 0;
	host_answer(HOST_TEXT, blue.text, 0);
	EXPECT(host_authenticate(0) == PAM_AUTHINFO_UNAVAIL);
	EXPECT(hooks_n_lines == 1);
	EXPECT(hooks_count(LOG_ALERT, ": store pool-blue unavailable: ") == 1);
	EXPECT(hooks_count(LOG_ALERT, "permission denied") == 1);
	return NULL;
}

static void
test_unreadable_store(void **state)
{
	(void)state;
	assert_int_equal(chmod(host.root, 0755), 0);
	assert_code(host_try("blue", blue.text, NULL), PAM_SUCCESS);
	assert_int_equal(chmod(host_path(LRK_ETC "/pool-blue"), 0), 0);
	aside_run(as_stranger, NULL);
	assert_int_equal(chmod(host_path(LRK_ETC "/pool-blue"), 0750), 0);
}

/* ---- The account phase ----------------------------------------------------------------- */

/* A store that goes away, or turns bad, after its key was accepted. */
static void
test_account_without_store(void **state)
{
	(void)state;
	assert_code(host_try("blue", blue.text, NULL), PAM_SUCCESS);
	host_move(LRK_ETC "/pool-blue", "away");
	assert_code(host_account(0), PAM_SUCCESS);
	hooks_forget();
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_AUTH_ERR);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_NOTICE, ":account): denied: key "), 1);
	assert_int_equal(hooks_count(LOG_NOTICE, " user blue: unknown key"), 1);
	host_move("away", LRK_ETC "/pool-blue");
	assert_code(host_account(0), PAM_SUCCESS);
	host_move(LRK_VAR "/pool-blue", "away");
	hooks_forget();
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_count(LOG_ALERT, ":account): store pool-blue unavailable: "), 1);
}

/* The line's words are the same: the other user's store is asked for the key, and knows none. */
static void
test_account_of_another_user(void **state)
{
	static const char *const users[] = { "green", "red", "", "Blue", "../pool-blue" };

	(void)state;
	assert_code(host_try("blue", blue.text, NULL), PAM_SUCCESS);
	hooks_forget();
	for (size_t i = 0; i < COUNT_OF(users); i++) {
		assert_code(pam_set_item(host.pamh, PAM_USER, users[i]), PAM_SUCCESS);
		assert_code(host_account(0), PAM_AUTH_ERR);
		assert_int_equal(hooks_count(LOG_NOTICE, ":account): denied: key "), i + 1);
	}
	assert_code(pam_set_item(host.pamh, PAM_USER, "blue"), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	/* A line that names the store is of the same one. */
	host_write_service(HOST_SERVICE, "auth required @ store=pool-%u\n"
					 "account required @ store=pool-blue\n");
	assert_code(host_try("blue", blue.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
}

/* ---- The log ------------------------------------------------------------------------------ */

/* A user who looks like the rest of an alarm stays a word, in whatever line he comes to stand. */
static void
test_log(void **state)
{
	static const char user[] = "blue unavailable: /etc: x\nstore pool-green";

	(void)state;
	host_write_plain_service(HOST_SERVICE, "store=pool-%u org=any debug");
	hooks_forget();
	assert_code(host_try(user, blue.text, NULL), PAM_AUTH_ERR);
	assert_int_equal(hooks_count(LOG_DEBUG, "there is no such store"), 1);
	hooks_no_clock = true;
	assert_code(host_try(user, blue.text, NULL), PAM_AUTHINFO_UNAVAIL);
	hooks_no_clock = false;
	assert_int_equal(hooks_count(LOG_NOTICE, " user blue\\x20unavailable:\\x20/etc:"), 1);
	assert_int_equal(hooks_count(LOG_ALERT, ": store pool-%u unavailable: "), 1);
	for (size_t i = 0; i < hooks_n_lines; i++) {
		assert_null(strstr(hooks_lines[i].text, "blue unavailable"));
		assert_null(strchr(hooks_lines[i].text, '\n'));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, host_tear_down)
		TEST(test_isolation),
		TEST(test_organization),
		TEST(test_users_that_make_no_name),
		TEST(test_names_at_the_edges),
		TEST(test_never_system),
		TEST(test_missing_store),
		TEST(test_damaged_store),
		TEST(test_unreadable_store),
		TEST(test_account_without_store),
		TEST(test_account_of_another_user),
		TEST(test_log),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
