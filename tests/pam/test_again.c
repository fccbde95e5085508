/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The account phase: how long an acceptance holds, for which terms, and what
 * the store says when it is asked again.
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

static void
change_key(const struct stock_key *key, void (*edit)(struct lrk_entry *entry))
{
	stock_change_key(host.root, LRK_STORE_DEFAULT, key, edit);
}

/* How old an acceptance may be, to the nanosecond. */
static void
test_age(void **state)
{
	static const struct {
		int64_t seconds;
		long nanoseconds;
		int code;
	} rows[] = {
		{ 0, 500000000, PAM_SUCCESS },
		{ 0, 999999999, PAM_SUCCESS },
		{ 1, 0, PAM_SUCCESS },
		{ 1, 500000000, PAM_SUCCESS },
		{ 1, 500000001, PAM_AUTH_ERR },
		{ 2, 0, PAM_AUTH_ERR },
		{ 90 * INT64_C(86400), 0, PAM_AUTH_ERR },
		/* A clock that went back. */
		{ 0, 499999999, PAM_AUTH_ERR },
		{ -1, 999999999, PAM_AUTH_ERR },
		{ -86400, 0, PAM_AUTH_ERR },
		{ -STOCK_NOW, 0, PAM_AUTH_ERR },
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = make_key(NULL);

		hooks_set_clock(STOCK_NOW, 500000000);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		change_key(&key, stock_revoke);
		hooks_forget();
		hooks_set_clock(STOCK_NOW + rows[i].seconds, rows[i].nanoseconds);
		assert_code(host_account(0), rows[i].code);
		assert_int_equal(hooks_n_engines, rows[i].code == PAM_SUCCESS ? 0 : 1);
		assert_int_equal(hooks_count(LOG_ALERT, ":account): denied: "),
				 rows[i].code == PAM_SUCCESS ? 0 : 1);
	}
}

static void
set_not_before(struct lrk_entry *entry)
{
	entry->not_before = STOCK_NOW + 86400;
}

static void
expire_in_a_minute(struct lrk_entry *entry)
{
	entry->expires = STOCK_NOW + 60;
}

static void
move_to_other_org(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "globex");
}

static void
narrow_scope(struct lrk_entry *entry)
{
	snprintf(entry->scopes[0], sizeof(entry->scopes[0]), "prometheus");
}

static void
narrow_nets(struct lrk_entry *entry)
{
	stock_set_nets(entry);
}

static void
spoil_digest(struct lrk_entry *entry)
{
	entry->digest[0] ^= 1;
}

static void
change_label(struct lrk_entry *entry)
{
	snprintf(entry->label, sizeof(entry->label), "another");
}

/* What became of the key meanwhile counts, more than a second later. */
static void
test_asked_again(void **state)
{
	static const struct {
		void (*edit)(struct lrk_entry *entry);
		int64_t later;
		int code;
		int level;
		const char *reason;
	} rows[] = {
		{ change_label, 2, PAM_SUCCESS, 0, NULL },
		{ stock_revoke, 2, PAM_AUTH_ERR, LOG_ALERT,
		  "revoked 2027-01-15T07:59:00Z compromised" },
		{ stock_deactivate, 2, PAM_PERM_DENIED, LOG_NOTICE, "deactivated" },
		{ set_not_before, 2, PAM_ACCT_EXPIRED, LOG_NOTICE,
		  "pending until 2027-01-16T08:00:00Z" },
		{ expire_in_a_minute, 59, PAM_SUCCESS, 0, NULL },
		{ expire_in_a_minute, 60, PAM_ACCT_EXPIRED, LOG_NOTICE,
		  "expired 2027-01-15T08:01:00Z" },
		{ move_to_other_org, 2, PAM_PERM_DENIED, LOG_NOTICE, "organization" },
		{ narrow_scope, 2, PAM_PERM_DENIED, LOG_NOTICE, "scope scim" },
		{ narrow_nets, 2, PAM_PERM_DENIED, LOG_NOTICE, "address 198.51.100.7" },
		{ spoil_digest, 2, PAM_AUTH_ERR, LOG_NOTICE, "wrong secret" },
		/* Limits of use are not asked again. */
		{ stock_limit_uses, 2, PAM_SUCCESS, 0, NULL },
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = make_key(NULL);

		hooks_set_clock(STOCK_NOW, 0);
		assert_code(host_try("acme", key.text, "198.51.100.7"), PAM_SUCCESS);
		change_key(&key, rows[i].edit);
		hooks_forget();
		hooks_set_clock(STOCK_NOW + rows[i].later, 0);
		assert_code(host_account(0), rows[i].code);
		assert_code(host_account(0), rows[i].code);
		assert_int_equal(hooks_n_lines, rows[i].reason != NULL ? 2 : 0);
		if (rows[i].reason != NULL)
			assert_int_equal(hooks_count(rows[i].level, rows[i].reason), 2);
	}
}

/* The store fails meanwhile. */
static void
test_store_gone_meanwhile(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	host_move("etc", "gone");
	assert_code(host_account(0), PAM_SUCCESS);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_ALERT, "store system unavailable: "), 1);
	/* A key that could not be checked: refused as it was, and no second alarm. */
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	host_move("gone", "etc");
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 2);
	/* A store that lost the key: nothing is proven any more, and still no success. */
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	host_move("etc", "gone");
	host_move("var", "lost");
	stock_make_store(host.root, LRK_STORE_DEFAULT);
	hooks_set_clock(STOCK_NOW + 4, 0);
	assert_code(host_account(0), PAM_AUTH_ERR);
	assert_int_equal(hooks_count(LOG_NOTICE, "unknown key"), 1);
}

/* An account line may ask for something else than the auth line did: then it is asked. */
static void
test_other_terms(void **state)
{
	static const struct {
		const char *auth_options;
		const char *account_options;
		const char *user; /* set between the phases, unless NULL */
		const char *rhost;
		int code;
		unsigned asked;
	} rows[] = {
		{ "", "", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "debug log=all use_first_pass", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "store=system org=match owner=ignore", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "scope=scim", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "scope=prometheus", NULL, NULL, PAM_SUCCESS, 1 },
		{ "", "scope=ssh", NULL, NULL, PAM_PERM_DENIED, 1 },
		{ "", "org=acme", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "org=any", NULL, NULL, PAM_SUCCESS, 1 },
		{ "", "owner=active", NULL, NULL, PAM_SUCCESS, 1 },
		{ "owner=active", "owner=active", NULL, NULL, PAM_SUCCESS, 0 },
		{ "", "org=globex", NULL, NULL, PAM_PERM_DENIED, 1 },
		{ "", "", "globex", NULL, PAM_PERM_DENIED, 1 },
		{ "org=any", "", "globex", NULL, PAM_PERM_DENIED, 1 },
		{ "org=any", "", "", NULL, PAM_PERM_DENIED, 1 },
		{ "org=any", "org=any", "globex", NULL, PAM_SUCCESS, 0 },
		{ "", "", NULL, "192.0.2.8", PAM_SUCCESS, 1 },
		{ "", "", NULL, "198.51.100.7", PAM_PERM_DENIED, 1 },
		/* Another store, or the same name elsewhere, has let nobody in. */
		{ "", "store=other", NULL, NULL, IGNORED, 0 },
		{ "store=other", "", NULL, NULL, IGNORED, 0 },
		{ "store=other", "store=other", NULL, NULL, PAM_SUCCESS, 0 },
	};
	struct stock_key key, other;

	(void)state;
	stock_make_store(host.root, "other");
	key = make_key(stock_set_scopes);
	other = stock_make_key(host.root, "other", stock_set_scopes);
	change_key(&key, stock_set_nets);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *token = strstr(rows[i].auth_options, "store=other") != NULL ?
					    other.text :
					    key.text;
		char text[2048];

		snprintf(text, sizeof(text),
			 "auth required @ %s\n"
			 "account [success=done ignore=ignore default=die] @ %s\n"
			 "account required & account=%d\n",
			 rows[i].auth_options, rows[i].account_options, IGNORED);
		host_write_service(HOST_SERVICE, text);
		assert_code(host_try("acme", token, "192.0.2.7"), PAM_SUCCESS);
		if (rows[i].user != NULL)
			pam_set_item(host.pamh, PAM_USER, rows[i].user);
		if (rows[i].rhost != NULL)
			pam_set_item(host.pamh, PAM_RHOST, rows[i].rhost);
		hooks_forget();
		assert_code(host_account(0), rows[i].code);
		assert_int_equal(hooks_n_engines, rows[i].asked);
	}
}

static void
test_other_root(void **state)
{
	struct stock_key key = make_key(NULL);
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text),
		 "auth required @\n"
		 "account [success=done ignore=ignore default=die] %s root=%s/elsewhere\n"
		 "account required & account=%d\n",
		 host_module(), host.root, IGNORED);
	host_write_service(HOST_SERVICE, text);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_n_lines, 0);
}

/* Terms too long to be kept are never taken for the same: the store is asked again. */
static void
test_long_terms(void **state)
{
	struct stock_key key = make_key(NULL);
	char rhost[1024];

	(void)state;
	memset(rhost, 'h', sizeof(rhost) - 1);
	rhost[sizeof(rhost) - 1] = '\0';
	host_write_plain_service(HOST_SERVICE, "");
	hooks_forget();
	assert_code(host_try("acme", key.text, rhost), PAM_SUCCESS);
	assert_int_equal(hooks_n_engines, 1);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_int_equal(hooks_n_engines, 2);
	rhost[255] = '\0';
	assert_code(host_try("acme", key.text, rhost), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_int_equal(hooks_n_engines, 3);
}

/* ---- Two lines, two stores ---- */

/* The first line proves the key and refuses it; the second is of a store where it is active. */
static struct stock_key
make_two_stores(void)
{
	struct stock_key key = make_key(NULL);
	char command[512];

	snprintf(command, sizeof(command),
		 "cd %s && cp -a etc/lrkey/system etc/lrkey/other && "
		 "cp -a var/lib/lrkey/system var/lib/lrkey/other", host.root);
	assert_int_equal(system(command), 0);
	change_key(&key, stock_deactivate);
	host_write_service(HOST_SERVICE, "auth [success=done default=ignore] @\n"
					 "auth [success=done default=die] @ store=other\n"
					 "account required @ store=other\n");
	return key;
}

static void
test_second_line(void **state)
{
	const struct stock_key key = make_two_stores();

	(void)state;
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("LRKEY_ID"), key.id);
	assert_code(host_account(0), PAM_SUCCESS);
	/* The store that let it in is the one that is asked again. */
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_SUCCESS);
	stock_change_key(host.root, "other", &key, stock_revoke);
	assert_code(host_account(0), PAM_AUTH_ERR);
}

static void
fail_from_now_on(const struct hooks_line *line)
{
	(void)line;
	hooks_no_data = true;
}

/* What cannot be kept for the account phase was not granted. */
static void
test_second_line_without_memory(void **state)
{
	const struct stock_key key = make_two_stores();

	(void)state;
	hooks_on_line = fail_from_now_on;
	assert_code(host_try("acme", key.text, NULL), PAM_BUF_ERR);
	hooks_on_line = NULL;
	hooks_no_data = false;
	assert_string_equal(host_env("LRKEY_ID"), "");
	assert_string_equal(host_env("LRKEY_ORG"), "");
	assert_int_not_equal(host_account(0), PAM_SUCCESS);
	assert_int_equal(hooks_count(LOG_CRIT, "pam_lrkey(scim:auth): not enough memory"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_age),		TEST(test_asked_again), TEST(test_store_gone_meanwhile),
		TEST(test_other_terms), TEST(test_other_root),	TEST(test_long_terms),
		TEST(test_second_line), TEST(test_second_line_without_memory),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
