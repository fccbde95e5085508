/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a line: each one's effect, and that no wrong one is passed over.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

static struct stock_key
make_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Fails closed in both phases, says so once in each, and asks nobody for anything. */
static void
test_wrong_options(void **state)
{
	static const struct {
		const char *options;
		const char *line; /* what is logged, behind "option " */
	} rows[] = {
		{ "unknown", "unknown: there is no such option" },
		{ "unknown=1", "unknown=1: there is no such option" },
		{ "=", "=: there is no such option" },
		{ "Debug", "Debug: there is no such option" },
		{ "debu", "debu: there is no such option" },
		{ "debugs", "debugs: there is no such option" },
		{ "nullok", "nullok: there is no such option" },
		{ "owner_=ignore", "owner_=ignore: there is no such option" },
		{ "debug=1", "debug=1: debug takes no value" },
		{ "debug=", "debug=: debug takes no value" },
		{ "use_first_pass=no", "use_first_pass=no: use_first_pass takes no value" },
		{ "try_first_pass=", "try_first_pass=: try_first_pass takes no value" },
		{ "log", "log: the value of log must be denied or all" },
		{ "log=", "log=: the value of log must be denied or all" },
		{ "log=none", "log=none: the value of log must be denied or all" },
		{ "log=ALL", "log=ALL: the value of log must be denied or all" },
		{ "owner", "owner: the value of owner must be ignore" },
		{ "owner=yes", "owner=yes: the value of owner must be ignore" },
		{ "org",
		  "org: the value of org must be match, any, or the name of an organization" },
		{ "org=", "org=: the value of org must be match, any, or the name of" },
		{ "org=-acme", "org=-acme: the value of org must be" },
		{ "org=a/b", "org=a/b: the value of org must be" },
		{ "org=" A32 A32 "a", "org=" A32 A32 "a: the value of org must be" },
		{ "scope", "scope: the value of scope must be the name of a scope" },
		{ "scope=", "scope=: the value of scope must be the name of a scope" },
		{ "scope=*", "scope=*: the value of scope must be the name of a scope" },
		{ "scope=SCIM", "scope=SCIM: the value of scope must be the name of a scope" },
		{ "scope=scim,ssh",
		  "scope=scim,ssh: the value of scope must be the name of a scope" },
		{ "scope=" A32 "a", "scope=" A32 "a: the value of scope" },
		{ "store", "store: the value of store must be the name of a store" },
		{ "store=", "store=: the value of store must be the name of a store" },
		{ "store=System", "store=System: the value of store must be the name of a store" },
		{ "store=../system",
		  "store=../system: the value of store must be the name of a store" },
		{ "store=Pool-%u",
		  "store=Pool-%u: the value of store must be the name of a store" },
		{ "store=%u-pool",
		  "store=%u-pool: the value of store must be the name of a store" },
		{ "store=%u%u", "store=%u%u: the value of store must be the name of a store" },
		{ "store=" A32 "%u", "store=" A32 "%u: the value of store must be" },
		{ "store=%d", "store=%d: the value of store must be the name of a store" },
		{ "store=" A32 "a", "store=" A32 "a: the value of store" },
		{ "[store=a b]", "store=a b: the value of store must be the name of a store" },
		{ "debug debug", "debug: debug is given twice" },
		{ "use_first_pass use_first_pass",
		  "use_first_pass: use_first_pass is given twice" },
		{ "log=all log=all", "log=all: log is given twice" },
		{ "org=any org=match", "org=match: org is given twice" },
		{ "owner=ignore owner=ignore", "owner=ignore: owner is given twice" },
		{ "root=/", "root=/: root is given twice" },
		{ "scope=a scope=b", "scope=b: scope is given twice" },
		{ "store=a store=system", "store=system: store is given twice" },
		{ "try_first_pass try_first_pass",
		  "try_first_pass: try_first_pass is given twice" },
		{ "try_first_pass use_first_pass",
		  "use_first_pass and try_first_pass exclude each other" },
		{ "org=any unknown debug", "unknown: there is no such option" },
	};
	struct stock_key key = make_key(NULL);
	char line[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row = rows[i].options;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		hooks_forget();
		assert_code(host_try("acme", key.text, NULL), PAM_SERVICE_ERR);
		assert_int_equal(hooks_n_lines, 1);
		snprintf(line, sizeof(line), "pam_lrkey(scim:auth): option %s", rows[i].line);
		assert_int_equal(hooks_count(LOG_ERR, line), 1);
		assert_int_equal(hooks_lines[0].facility, LOG_AUTHPRIV);
		hooks_forget();
		assert_code(host_account(0), PAM_SERVICE_ERR);
		assert_int_equal(hooks_n_lines, 1);
		snprintf(line, sizeof(line), "pam_lrkey(scim:account): option %s", rows[i].line);
		assert_int_equal(hooks_count(LOG_ERR, line), 1);
		assert_int_equal(host.n_prompts, 0);
		assert_int_equal(hooks_n_engines, 0);
	}
}

static void
test_root(void **state)
{
	static const struct {
		const char *option;
		int code;
	} rows[] = {
		{ "root", PAM_SERVICE_ERR },
		{ "root=", PAM_SERVICE_ERR },
		{ "root=relative", PAM_SERVICE_ERR },
		{ "root=.", PAM_SERVICE_ERR },
		{ "root=/nonexistent", PAM_AUTHINFO_UNAVAIL },
	};
	struct stock_key key = make_key(NULL);
	char text[1024], path[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(text, sizeof(text), "auth required %s %s\n", host_module(),
			 rows[i].option);
		host_write_service(HOST_SERVICE, text);
		hooks_forget();
		assert_code(host_try("acme", key.text, NULL), rows[i].code);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_ERR, "must be an absolute path"),
				 rows[i].code == PAM_SERVICE_ERR ? 1 : 0);
	}
	/* Without it, the store lies under /; this one does not exist anywhere. */
	snprintf(text, sizeof(text), "auth required %s store=no-store-of-this-test\n",
		 host_module());
	host_write_service(HOST_SERVICE, text);
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_count(LOG_ALERT, "unavailable: /etc/lrkey"), 1);
	/* The same directory by a longer name: up to 200 characters. */
	snprintf(path, sizeof(path), "%s", host.root);
	memset(path + strlen(path), '/', sizeof(path) - strlen(path));
	for (size_t length = 200; length <= 201; length++) {
		snprintf(text, sizeof(text), "auth required %s root=%.*s\n", host_module(),
			 (int)length, path);
		host_write_service(HOST_SERVICE, text);
		assert_code(host_try("acme", key.text, NULL),
			    length == 200 ? PAM_SUCCESS : PAM_SERVICE_ERR);
	}
}

static void
make_other_org(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "Globex-2.x_y");
}

/* A key whose organization looks like a word that the option knows. */
static void
make_org_any(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "any");
}

static void
make_org_match(struct lrk_entry *entry)
{
	snprintf(entry->org, sizeof(entry->org), "match");
}

static void
test_org(void **state)
{
	struct stock_key acme = make_key(NULL), globex = make_key(make_other_org);
	struct stock_key any = make_key(make_org_any), match = make_key(make_org_match);
	const struct {
		const char *options;
		const char *user;
		const struct stock_key *key;
		int code;
	} rows[] = {
		{ "", "acme", &acme, PAM_SUCCESS },
		{ "org=match", "acme", &acme, PAM_SUCCESS },
		{ "org=match", "Globex-2.x_y", &globex, PAM_SUCCESS },
		{ "org=match", "acme", &globex, PAM_PERM_DENIED },
		{ "org=match", "any", &acme, PAM_PERM_DENIED },
		{ "org=match", "match", &acme, PAM_PERM_DENIED },
		{ "org=match", "match", &match, PAM_SUCCESS },
		{ "org=match", "any", &any, PAM_SUCCESS },
		{ "org=any", "acme", &acme, PAM_SUCCESS },
		{ "org=any", "root", &globex, PAM_SUCCESS },
		{ "org=any", "", &globex, PAM_SUCCESS },
		{ "org=acme", "root", &acme, PAM_SUCCESS },
		{ "org=acme", "Globex-2.x_y", &globex, PAM_PERM_DENIED },
		{ "org=Globex-2.x_y", "acme", &globex, PAM_SUCCESS },
		{ "org=globex-2.x_y", "acme", &globex, PAM_PERM_DENIED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const void *user = NULL;

		check_row = rows[i].options;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		assert_code(host_try(rows[i].user, rows[i].key->text, NULL), rows[i].code);
		assert_code(host_account(0), rows[i].code);
		/* The user stays what the host said, whatever the key says. */
		assert_code(pam_get_item(host.pamh, PAM_USER, &user), PAM_SUCCESS);
		assert_string_equal(user, rows[i].user);
	}
}

/* The default is the service's name; one that cannot be a scope is held by "*" only. */
static void
test_scope(void **state)
{
	static const struct {
		const char *service;
		const char *options;
		int narrow; /* for a key with prometheus and scim */
	} rows[] = {
		{ "scim", "", PAM_SUCCESS },
		{ "prometheus", "", PAM_SUCCESS },
		{ "ssh", "", PAM_PERM_DENIED },
		{ "ssh", "scope=scim", PAM_SUCCESS },
		{ "scim", "scope=ssh", PAM_PERM_DENIED },
		{ "scim2", "", PAM_PERM_DENIED },
		{ "sci", "", PAM_PERM_DENIED },
		{ "prometheus,scim", "", PAM_PERM_DENIED },
		{ "*", "", PAM_PERM_DENIED },
		{ "no scope", "", PAM_PERM_DENIED },
		{ A32 A32 A32 A32, "", PAM_PERM_DENIED },
	};
	struct stock_key narrow = make_key(stock_set_scopes), wide = make_key(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host_write_plain_service(rows[i].service, rows[i].options);
		host_start(rows[i].service, "acme", NULL);
		host_answer(HOST_TEXT, narrow.text, 0);
		assert_code(host_authenticate(0), rows[i].narrow);
		assert_code(host_account(0), rows[i].narrow);
		host_start(rows[i].service, "acme", NULL);
		host_answer(HOST_TEXT, wide.text, 0);
		assert_code(host_authenticate(0), PAM_SUCCESS);
		assert_code(host_account(0), PAM_SUCCESS);
	}
}

static void
test_store(void **state)
{
	struct stock_key system = make_key(NULL), pool;

	(void)state;
	stock_make_store(host.root, "pool-7");
	pool = stock_make_key(host.root, "pool-7", NULL);
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", system.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", pool.text, NULL), PAM_AUTH_ERR);
	host_write_plain_service(HOST_SERVICE, "store=system");
	assert_code(host_try("acme", system.text, NULL), PAM_SUCCESS);
	host_write_plain_service(HOST_SERVICE, "store=pool-7");
	assert_code(host_try("acme", system.text, NULL), PAM_AUTH_ERR);
	assert_code(host_try("acme", pool.text, NULL), PAM_SUCCESS);
	assert_int_equal(hooks_count(LOG_ALERT, ""), 0);
	host_write_plain_service(HOST_SERVICE, "store=pool-8");
	assert_code(host_try("acme", pool.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_count(LOG_ALERT, "store pool-8 unavailable: "), 1);
}

/* The user completes the store's name: to one that exists, or to an unknown key, never an alarm. */
static void
test_store_of_user(void **state)
{
	static const struct {
		const char *options;
		const char *user;
		int code;
	} rows[] = {
		{ "store=pool-%u org=any", "seven", PAM_SUCCESS },
		{ "store=%u org=any", "pool-seven", PAM_SUCCESS },
		{ "store=pool-%u org=any", "eight", PAM_AUTH_ERR },
		{ "store=pool-%u org=any", "Seven", PAM_AUTH_ERR },
		{ "store=pool-%u org=any", "", PAM_AUTH_ERR },
		{ "store=pool-%u org=any", "../pool-seven", PAM_AUTH_ERR },
		{ "store=pool-%u org=any", A32, PAM_AUTH_ERR },
		{ "store=%u org=any", "system", PAM_AUTH_ERR },
		{ "store=sys%u org=any", "tem", PAM_AUTH_ERR },
	};
	struct stock_key system = make_key(NULL), pool;

	(void)state;
	stock_make_store(host.root, "pool-seven");
	pool = stock_make_key(host.root, "pool-seven", NULL);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row = rows[i].user;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		hooks_forget();
		assert_code(host_try(rows[i].user, pool.text, NULL), rows[i].code);
		assert_int_equal(hooks_count(LOG_NOTICE, ": unknown key"),
				 rows[i].code == PAM_SUCCESS ? 0 : 1);
		assert_code(host_account(0),
			    rows[i].code == PAM_SUCCESS ? PAM_SUCCESS : PAM_CRED_EXPIRED);
		assert_code(host_try(rows[i].user, system.text, NULL), PAM_AUTH_ERR);
		assert_int_equal(hooks_count(LOG_ALERT, ""), 0);
	}
}

static void
set_missing_owner(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "no-user-of-this-test");
}

static void
test_owner(void **state)
{
	struct stock_key owned = make_key(set_missing_owner), free_of = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "owner=ignore");
	assert_code(host_try("acme", owned.text, NULL), PAM_SUCCESS);
	host_write_plain_service(HOST_SERVICE, "owner=active");
	hooks_forget();
	assert_code(host_try("acme", owned.text, NULL), PAM_PERM_DENIED);
	assert_code(host_account(0), PAM_PERM_DENIED);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_NOTICE, "org acme: owner no-user-of-this-test"), 1);
	assert_code(host_try("acme", free_of.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
}

/* What each of log= and debug adds, and that owner=ignore changes nothing. */
static void
test_log_and_debug(void **state)
{
	static const struct {
		const char *options;
		size_t denials_of_passwords;
		size_t successes;
		bool debug;
	} rows[] = {
		{ "", 0, 0, false },	      { "owner=ignore", 0, 0, false },
		{ "log=denied", 0, 0, false }, { "log=all", 2, 1, false },
		{ "debug", 0, 0, true },      { "debug log=all", 2, 1, true },
	};
	struct stock_key key = make_key(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row = rows[i].options;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		hooks_forget();
		assert_code(host_try("acme", "a password", NULL), PAM_AUTH_ERR);
		assert_code(host_try("acme", "", NULL), PAM_AUTH_ERR);
		assert_int_equal(hooks_count(LOG_NOTICE, "denied: "),
				 rows[i].denials_of_passwords);
		assert_code(host_try("acme", "lrk_malformed", NULL), PAM_AUTH_ERR);
		assert_int_equal(hooks_count(LOG_NOTICE, "denied: "),
				 rows[i].denials_of_passwords + 1);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		assert_int_equal(hooks_count(LOG_INFO, "accepted: "), rows[i].successes);
		assert_code(host_account(0), PAM_SUCCESS);
		assert_int_equal(hooks_count(LOG_DEBUG, "") > 0, rows[i].debug);
		assert_int_equal(hooks_n_lines - hooks_count(LOG_DEBUG, ""),
				 rows[i].denials_of_passwords + 1 + rows[i].successes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_wrong_options), TEST(test_root),  TEST(test_org),
		TEST(test_scope),	  TEST(test_store), TEST(test_store_of_user),
		TEST(test_owner),	  TEST(test_log_and_debug),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
