/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of return codes, row by row, for both phases. PAM_IGNORE comes out as
 * PAM_CRED_EXPIRED: the plain service has a module behind that says so.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define IGNORED PAM_CRED_EXPIRED

static void
expect(int authenticate, int account)
{
	assert_code(host_authenticate(0), authenticate);
	assert_code(host_account(0), account);
	/* And again: the verdict stays until the next authenticate. */
	assert_code(host_account(0), account);
	if (authenticate != PAM_SUCCESS) {
		assert_string_equal(host_env("LRKEY_ID"), "");
		assert_int_equal(host.n_texts, 0);
	}
}

static void
set_missing_owner(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "no-user-of-this-test");
}

static void
test_conditions(void **state)
{
	static const struct {
		const char *name;
		void (*edit)(struct lrk_entry *entry);
		const char *user;
		const char *rhost;
		const char *options;
		int authenticate;
		int account;
	} rows[] = {
		{ "valid", NULL, "acme", NULL, "", PAM_SUCCESS, PAM_SUCCESS },
		{ "valid, by scope", stock_set_scopes, "acme", NULL, "", PAM_SUCCESS, PAM_SUCCESS },
		{ "valid, by address", stock_set_nets, "acme", "192.0.2.7", "", PAM_SUCCESS,
		  PAM_SUCCESS },
		{ "valid, by mapped address", stock_set_nets, "acme", "::ffff:192.0.2.7", "",
		  PAM_SUCCESS, PAM_SUCCESS },
		{ "valid, by IPv6 address", stock_set_nets, "acme", "2001:db8::7", "", PAM_SUCCESS,
		  PAM_SUCCESS },
		{ "deprecated", stock_deprecate, "acme", NULL, "", PAM_SUCCESS, PAM_SUCCESS },
		{ "revoked", stock_revoke, "acme", NULL, "", PAM_AUTH_ERR, PAM_AUTH_ERR },
		{ "deactivated", stock_deactivate, "acme", NULL, "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "pending", stock_set_pending, "acme", NULL, "", PAM_ACCT_EXPIRED,
		  PAM_ACCT_EXPIRED },
		{ "expired", stock_expire, "acme", NULL, "", PAM_ACCT_EXPIRED, PAM_ACCT_EXPIRED },
		{ "another organization", NULL, "acme2", NULL, "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "organization in other case", NULL, "Acme", NULL, "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "organization, no user", NULL, "", NULL, "", PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ "scope of the service", stock_set_scopes, "acme", NULL, "scope=ssh",
		  PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ "no address", stock_set_nets, "acme", NULL, "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "another address", stock_set_nets, "acme", "198.51.100.7", "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "a host name", stock_set_nets, "acme", "client.example.org", "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "a local socket", stock_set_nets, "acme", "unix:", "", PAM_PERM_DENIED,
		  PAM_PERM_DENIED },
		{ "owner is no user", set_missing_owner, "acme", NULL, "owner=active",
		  PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ "owner is not asked for", set_missing_owner, "acme", NULL, "", PAM_SUCCESS,
		  PAM_SUCCESS },
		{ "store of the user", NULL, "acme", NULL, "store=pool-%u", PAM_AUTH_ERR, IGNORED },
		{ "within its use limit", stock_limit_uses, "acme", NULL, "", PAM_SUCCESS,
		  PAM_SUCCESS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key =
			stock_make_key(host.root, LRK_STORE_DEFAULT, rows[i].edit);

		check_row = rows[i].name;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		host_start(HOST_SERVICE, rows[i].user, rows[i].rhost);
		host_answer(HOST_TEXT, key.text, 0);
		expect(rows[i].authenticate, rows[i].account);
		assert_int_equal(host.n_prompts, 1);
	}
}

/* Nothing proven: one code in both phases, one prompt, no message. */
static void
test_nothing_proven(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	struct stock_key other = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	struct stock_key gone;
	char wrong[LRK_APIKEY_LEN + 1];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	/* The id of one key, the secret and check of another: a wrong check. */
	memcpy(wrong, key.text, sizeof(wrong));
	memcpy(wrong + 17, other.text + 17, LRK_APIKEY_LEN - 17);
	assert_code(host_try("acme", wrong, NULL), PAM_AUTH_ERR);
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_count(LOG_NOTICE, "malformed"), 1);
	/* Well formed, and of no store: the one in the documentation. */
	assert_code(host_try("acme", "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc",
			     NULL),
		    PAM_AUTH_ERR);
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_count(LOG_NOTICE, "unknown key"), 1);
	/* A key of a store that was made anew with the same id: a wrong secret. */
	stock_make_store(host.root, "other");
	gone = stock_make_key(host.root, "other", NULL);
	assert_code(host_try("acme", gone.text, NULL), PAM_AUTH_ERR);
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_count(LOG_NOTICE, "unknown key"), 2);
	assert_int_equal(host.n_prompts, 1);
	assert_int_equal(host.n_texts, 0);
}

/* The digest of the stored key, spoilt: from outside it is a wrong secret. */
static void
spoil_digest(struct lrk_entry *entry)
{
	entry->digest[LRK_DIGEST_LEN - 1] ^= 1;
}

static void
test_wrong_secret(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL, stock_revoke, stock_deactivate, stock_expire,
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, edits[i]);

		stock_change_key(host.root, LRK_STORE_DEFAULT, &key, spoil_digest);
		hooks_forget();
		assert_code(host_try("acme", key.text, NULL), PAM_AUTH_ERR);
		assert_code(host_account(0), IGNORED);
		assert_int_equal(hooks_count(LOG_NOTICE, "wrong secret"), 1);
		assert_int_equal(hooks_n_lines, 1);
	}
}

/* The order of decision: of what does not fit, the first names the code. */
static void
set_everything_wrong(struct lrk_entry *entry)
{
	stock_set_pending(entry);
	stock_expire(entry);
	set_missing_owner(entry);
	stock_set_scopes(entry);
	stock_set_nets(entry);
	stock_limit_uses(entry);
}

static void
begin_now(struct lrk_entry *entry)
{
	entry->not_before = STOCK_NOW;
}

static void
expire_later(struct lrk_entry *entry)
{
	entry->expires = STOCK_NOW + 1;
}

static void
free_addresses(struct lrk_entry *entry)
{
	entry->n_nets = 0;
}

static void
test_order(void **state)
{
	struct stock_key key =
		stock_make_key(host.root, LRK_STORE_DEFAULT, set_everything_wrong);
	const struct {
		void (*mend)(struct lrk_entry *entry);
		const char *user;
		const char *options;
		int code;
		const char *reason;
	} rows[] = {
		{ stock_deactivate, "nobody", "scope=ssh", PAM_PERM_DENIED, ": deactivated" },
		{ stock_activate, "nobody", "scope=ssh", PAM_ACCT_EXPIRED,
		  ": pending until 2027-01-15T08:00:01Z" },
		{ begin_now, "nobody", "scope=ssh", PAM_ACCT_EXPIRED,
		  ": expired 2027-01-15T08:00:00Z" },
		{ expire_later, "nobody", "scope=ssh", PAM_PERM_DENIED, ": organization" },
		{ expire_later, "acme", "scope=ssh", PAM_PERM_DENIED, ": scope ssh" },
		{ expire_later, "acme", "owner=active", PAM_PERM_DENIED, ": address unknown" },
		{ free_addresses, "acme", "owner=active", PAM_PERM_DENIED,
		  ": owner no-user-of-this-test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		stock_change_key(host.root, LRK_STORE_DEFAULT, &key, rows[i].mend);
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		hooks_forget();
		assert_code(host_try(rows[i].user, key.text, NULL), rows[i].code);
		assert_int_equal(hooks_n_lines, 1);
		assert_non_null(strstr(hooks_lines[0].text, rows[i].reason));
	}
	/* Nothing of that has used it up; this does. */
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
	assert_int_equal(hooks_count(LOG_NOTICE, ": use limit"), 1);
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, stock_revoke);
	assert_code(host_try("nobody", key.text, NULL), PAM_AUTH_ERR);
}

/* The account phase neither asks for the limit nor counts. */
static void
test_use_limit(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_limit_uses);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_TEXT, key.text, 0);
	expect(PAM_SUCCESS, PAM_SUCCESS);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_SUCCESS);
	expect(PAM_MAXTRIES, PAM_MAXTRIES);
}

/* A key with a limit is refused where its use cannot be recorded; one without is not. */
static void
test_unrecorded_use(void **state)
{
	struct stock_key limited = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_limit_uses);
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_move("var/lib/lrkey/system/usage", "usage");
	hooks_forget();
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_TEXT, limited.text, 0);
	expect(PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_ALERT, "store system unavailable: "), 1);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(hooks_n_lines, 2);
	assert_int_equal(hooks_count(LOG_WARNING, "uses are not recorded: "), 1);
	/* Nothing was used up. */
	host_move("usage", "var/lib/lrkey/system/usage");
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
}

static void
test_clock_before_creation(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	int64_t created = STOCK_NOW - 86400;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	hooks_set_clock(created - 300, 0);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	hooks_set_clock(created - 301, 999999999);
	assert_code(host_try("acme", key.text, NULL), PAM_ACCT_EXPIRED);
	assert_code(host_account(0), PAM_ACCT_EXPIRED);
}

static void
test_no_memory(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	/* For the environment: none of it is left, and the account phase refuses as well. */
	hooks_no_environment = true;
	assert_code(host_try("acme", key.text, NULL), PAM_BUF_ERR);
	assert_code(host_account(0), PAM_BUF_ERR);
	assert_string_equal(host_env("LRKEY_ID"), "");
	assert_string_equal(host_env("LRKEY_ORG"), "");
	hooks_no_environment = false;
	/* For the store's engine. */
	hooks_no_engine = true;
	assert_code(host_try("acme", key.text, NULL), PAM_BUF_ERR);
	assert_code(host_account(0), PAM_BUF_ERR);
	hooks_no_engine = false;
	/* For the verdict: not even the conversation begins. */
	hooks_no_data = true;
	assert_code(host_try("acme", key.text, NULL), PAM_BUF_ERR);
	assert_int_equal(host.n_prompts, 0);
	hooks_no_data = false;
	/* In the host's conversation about the user. */
	host_start(HOST_SERVICE, NULL, NULL);
	host_answer(HOST_FAIL, NULL, PAM_BUF_ERR);
	assert_code(host_authenticate(0), PAM_BUF_ERR);
	assert_int_equal(hooks_count(LOG_CRIT, "pam_lrkey(scim:auth): not enough memory"), 4);
	assert_int_equal(hooks_count(LOG_ALERT, ""), 0);
}

/* Neither a clock nor a digest: the store cannot be asked, which is an alarm. */
static void
test_no_clock_no_digest(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_TEXT, key.text, 0);
	hooks_no_clock = true;
	expect(PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL);
	hooks_no_clock = false;
	assert_int_equal(hooks_count(LOG_ALERT, "clock"), 1);
	hooks_no_digest = true;
	expect(PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL);
	hooks_no_digest = false;
	assert_int_equal(hooks_count(LOG_ALERT, "cryptographic"), 1);
	assert_int_equal(hooks_n_lines, 2);
	/* An acceptance does not survive the loss of the clock either. */
	assert_code(host_authenticate(0), PAM_SUCCESS);
	hooks_no_clock = true;
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	hooks_no_clock = false;
	assert_int_equal(hooks_n_lines, 3);
	assert_code(host_account(0), PAM_SUCCESS);
}

static void
test_environment(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_set_scopes);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("LRKEY_ID"), key.id);
	assert_string_equal(host_env("LRKEY_ORG"), "acme");
	assert_string_equal(host_env("LRKEY_LABEL"), "test key");
	assert_string_equal(host_env("LRKEY_SCOPES"), "prometheus,scim");
	assert_string_equal(host_env("LRKEY_EXPIRES"), "2027-04-14T08:00:00Z");
}

static void
strip(struct lrk_entry *entry)
{
	entry->label[0] = '\0';
	entry->expires = LRK_NEVER;
	entry->term = LRK_NEVER;
}

static void
fill(struct lrk_entry *entry)
{
	memset(entry->org, 'o', LRK_ORG_MAX);
	for (unsigned i = 0; i < LRK_LABEL_MAX; i += 4)
		memcpy(entry->label + i, "\xf0\x9f\x94\x91", 4);
	entry->n_scopes = LRK_SCOPES_MAX;
	for (unsigned i = 0; i < LRK_SCOPES_MAX; i++) {
		memset(entry->scopes[i], 's', LRK_SCOPE_MAX);
		entry->scopes[i][LRK_SCOPE_MAX - 1] = (char)('a' + i);
		entry->scopes[i][LRK_SCOPE_MAX] = '\0';
	}
}

static void
test_environment_extremes(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, strip);
	struct stock_key full = stock_make_key(host.root, LRK_STORE_DEFAULT, fill);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_non_null(pam_getenv(host.pamh, "LRKEY_LABEL"));
	assert_string_equal(host_env("LRKEY_LABEL"), "");
	assert_string_equal(host_env("LRKEY_SCOPES"), "*");
	assert_string_equal(host_env("LRKEY_EXPIRES"), "never");
	assert_int_equal(host.n_texts, 0);
	host_write_plain_service(HOST_SERVICE, "org=any scope=ssssssssssssssssssssssssssssssse");
	assert_code(host_try("acme", full.text, NULL), PAM_SUCCESS);
	assert_int_equal(strlen(host_env("LRKEY_LABEL")), LRK_LABEL_MAX);
	assert_int_equal(strlen(host_env("LRKEY_ORG")), LRK_ORG_MAX);
	assert_int_equal(strlen(host_env("LRKEY_SCOPES")),
			 LRK_SCOPES_MAX * (LRK_SCOPE_MAX + 1) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_conditions),		  TEST(test_nothing_proven),
		TEST(test_wrong_secret),	  TEST(test_order),
		TEST(test_use_limit),		  TEST(test_unrecorded_use),
		TEST(test_clock_before_creation), TEST(test_no_memory),
		TEST(test_no_clock_no_digest),	  TEST(test_environment),
		TEST(test_environment_extremes),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
