/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pamhost, which shell tests rest on; and what a process of its own is needed
 * for: a host whose OpenSSL is configured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "host.h"
#include "stock.h"

/* pamhost's clock is the system's. */
static void
make_current(struct lrk_entry *entry)
{
	entry->created = time(NULL);
	entry->expires = LRK_NEVER;
	entry->term = LRK_NEVER;
}

static void
make_ending(struct lrk_entry *entry)
{
	make_current(entry);
	entry->expires = LRK_TIME_MAX;
	snprintf(entry->successor, sizeof(entry->successor), "Successor001");
}

static void
make_off(struct lrk_entry *entry)
{
	make_current(entry);
	entry->deactivated = entry->created;
}

static void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(host_path(name), "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Runs pamhost with this standard input; returns its exit status. */
static int
run(const char *environment, const char *input, const char *arguments, char *output, size_t size)
{
	char command[1024];
	size_t used;
	FILE *pipe;
	int status;

	write_file("input", input);
	snprintf(command, sizeof(command),
		 "%s %s/tests/pam/pamhost --confdir %s --service scim %s <%s/input 2>&1",
		 environment, getenv("LRKEY_BUILD"), host.confdir, arguments, host.root);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	used = fread(output, 1, size - 1, pipe);
	output[used] = '\0';
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
expect(int status, const char *input, const char *arguments, const char *expected)
{
	char output[4096];

	assert_int_equal(run("", input, arguments, output, sizeof(output)), status);
	assert_string_equal(output, expected);
}

static void
test_output(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, make_current);
	struct stock_key ending = stock_make_key(host.root, LRK_STORE_DEFAULT, make_ending);
	struct stock_key off = stock_make_key(host.root, LRK_STORE_DEFAULT, make_off);
	char input[256], expected[1024];

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @ log=all\naccount required @\n");
	snprintf(input, sizeof(input), "%s\nsecond line\n", key.text);
	snprintf(expected, sizeof(expected),
		 "log: info pam_lrkey(scim:auth): accepted: key %s org acme: active "
		 "rhost 192.0.2.7\n"
		 "pam_authenticate: PAM_SUCCESS\n"
		 "pam_acct_mgmt: PAM_SUCCESS\n"
		 "env: LRKEY_ID=%s\n"
		 "env: LRKEY_ORG=acme\n"
		 "env: LRKEY_LABEL=test key\n"
		 "env: LRKEY_SCOPES=*\n"
		 "env: LRKEY_EXPIRES=never\n",
		 key.id, key.id);
	expect(0, input, "--user acme --rhost 192.0.2.7", expected);
	expect(0, input, "--user acme --rhost 192.0.2.7 --wait-stdin", expected);
	/* A message, unless it is to be silent. */
	host_write_service(HOST_SERVICE, "auth required @\naccount required &\n");
	snprintf(input, sizeof(input), "%s", ending.text);
	snprintf(expected, sizeof(expected),
		 "text: API key %s is deprecated and ends at 9999-12-31T23:59:59Z.\n"
		 "pam_authenticate: PAM_SUCCESS\n"
		 "pam_acct_mgmt: PAM_SUCCESS\n"
		 "env: LRKEY_ID=%s\n"
		 "env: LRKEY_ORG=acme\n"
		 "env: LRKEY_LABEL=test key\n"
		 "env: LRKEY_SCOPES=*\n"
		 "env: LRKEY_EXPIRES=9999-12-31T23:59:59Z\n",
		 ending.id, ending.id);
	expect(0, input, "--user acme", expected);
	expect(0, input, "--user acme --silent", strchr(expected, '\n') + 1);
	/* Refused: in the one phase, or in the other. */
	snprintf(input, sizeof(input), "%s\n", off.text);
	snprintf(expected, sizeof(expected),
		 "log: notice pam_lrkey(scim:auth): denied: key %s org acme: deactivated\n"
		 "pam_authenticate: PAM_PERM_DENIED\n",
		 off.id);
	expect(1, input, "--user acme", expected);
	host_write_service(HOST_SERVICE, "auth required &\naccount required @\n");
	expect(1, input, "--user acme",
	       "pam_authenticate: PAM_SUCCESS\npam_acct_mgmt: PAM_PERM_DENIED\n");
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	expect(1, "", "--user acme", "pam_authenticate: PAM_AUTH_ERR\n");
}

static void
test_usage(void **state)
{
	static const char usage[] = "usage: pamhost --confdir DIR --service NAME --user NAME "
				    "[--rhost HOST] [--silent] [--wait-stdin]\n";

	(void)state;
	expect(2, "", "", usage);
	expect(2, "", "--user acme argument", usage);
}

/*
 * The host's OpenSSL is the module's: where its configuration asks for algorithms that are
 * not there, keys cannot be checked, and nobody gets in.
 */
static void
test_openssl_configuration(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, make_current);
	char environment[256], output[4096];

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	write_file("openssl.cnf", "openssl_conf = init\n"
				  "[init]\nalg_section = algorithms\n"
				  "[algorithms]\ndefault_properties = fips=yes\n");
	snprintf(environment, sizeof(environment), "OPENSSL_CONF=%s", host_path("openssl.cnf"));
	assert_int_equal(run("", key.text, "--user acme", output, sizeof(output)), 0);
	assert_int_equal(run(environment, key.text, "--user acme", output, sizeof(output)), 1);
	assert_string_equal(output,
			    "log: alert pam_lrkey(scim:auth): store system unavailable: "
			    "a cryptographic operation failed\n"
			    "pam_authenticate: PAM_AUTHINFO_UNAVAIL\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_output),
		TEST(test_usage),
		TEST(test_openssl_configuration),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
