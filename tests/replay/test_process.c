/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults in what a module did to its process, and in what it left to the host to ask.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "replay.h"

/* ---- Descriptors ---- */

/* What a program that is executed now finds open: the names in its /proc/self/fd. */
static void
list_inherited(char *text, size_t size)
{
	int ends[2], status = 0;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	/* At the lowest free places in both runs. */
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/ls", "ls", "/proc/self/fd", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (used < size - 1 && (n = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * pam-u2f: a descriptor without close-on-exec reached the user's session. pam_faillock: one that
 * held a lock did, and nobody else ever had that lock.
 */
static void
test_cve_2019_12210_faillock_895_nothing_is_inherited(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL, stock_limit_uses, stock_deactivate, stock_revoke,
	};
	char before[1024], after[1024];

	(void)state;
	host_write_plain_service(HOST_SERVICE, "debug log=all");
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		struct stock_key key = replay_key(edits[i]);

		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, key.text, 0);
		list_inherited(before, sizeof(before));
		assert_non_null(strchr(before, '\n'));
		host_authenticate(0);
		list_inherited(after, sizeof(after));
		assert_string_equal(after, before);
		/* Nor does the lock of a use stay. */
		host_account(0);
		list_inherited(after, sizeof(after));
		assert_string_equal(after, before);
	}
}

/* ---- The verdict, in a host that forks ---- */

/* pam-krb5: the end of a handle in a forked child destroyed what the parent's still used. */
static void
test_pam_krb5_411_silent_end_in_a_child(void **state)
{
	struct stock_key key = replay_key(NULL);
	int status = 0;
	pid_t pid;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "debug");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	hooks_forget();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pam_end(host.pamh, PAM_SUCCESS | (int)PAM_DATA_SILENT);
		/* It says nothing, and opens nothing. */
		_exit(hooks_n_lines == 0 && hooks_n_engines == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* The verdict is still there, and is asked anew when it is old. */
	assert_code(host_account(0), PAM_SUCCESS);
	assert_int_equal(hooks_n_engines, 0);
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, stock_revoke);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_AUTH_ERR);
}

/* ---- Failures ---- */

/* pam-u2f: what failed inside it came out as PAM_IGNORE, and the rest of the stack said yes. */
static void
test_cve_2025_23013_no_failure_is_ignored(void **state)
{
	static bool *const failures[] = {
		&hooks_no_clock, &hooks_no_environment, &hooks_no_data, &hooks_no_engine,
		&hooks_no_digest,
	};
	struct stock_key key = replay_key(NULL);

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n"
					 "account required @\naccount required &\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	for (size_t i = 0; i < COUNT_OF(failures); i++) {
		int code;

		*failures[i] = true;
		code = host_try("acme", key.text, NULL);
		*failures[i] = false;
		assert_int_not_equal(code, PAM_SUCCESS);
		assert_int_not_equal(code, PAM_IGNORE);
		assert_string_equal(host_env("LRKEY_ID"), "");
	}
}

/* ---- Prompts ---- */

/* pam_google_authenticator: who was a user could be told by what was asked. */
static void
test_google_authenticator_dd0cfc0_all_are_asked_the_same(void **state)
{
	static const char *const users[] = { "acme", "globex", "root", "no-such-user", "..", "a b" };
	struct stock_key keys[2];
	const char *tokens[4];

	(void)state;
	keys[0] = replay_key(stock_revoke);
	keys[1] = replay_key(NULL);
	keys[1].text[SECRET_AT] = keys[1].text[SECRET_AT] == 'a' ? 'b' : 'a';
	stock_write_check(keys[1].text);
	tokens[0] = keys[0].text;
	tokens[1] = keys[1].text;
	tokens[2] = UNKNOWN_KEY;
	tokens[3] = "a password";
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(users); i++) {
		for (size_t j = 0; j < COUNT_OF(tokens); j++) {
			assert_code(host_try(users[i], tokens[j], NULL), PAM_AUTH_ERR);
			assert_int_equal(host.n_prompts, 1);
			assert_string_equal(host.prompt, "Password: ");
			assert_int_equal(host.n_texts, 0);
		}
	}
}

/* ---- Hosts that do not ask again ---- */

/* cobbler: never calls pam_acct_mgmt, so all that refuses has to do so before. */
static void
test_cve_2022_0860_authenticate_alone_refuses(void **state)
{
	static const struct {
		void (*edit)(struct lrk_entry *entry);
		int code;
	} rows[] = {
		{ stock_revoke, PAM_AUTH_ERR },	       { stock_deactivate, PAM_PERM_DENIED },
		{ stock_expire, PAM_ACCT_EXPIRED },    { stock_set_pending, PAM_ACCT_EXPIRED },
		{ stock_set_nets, PAM_PERM_DENIED },
	};

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = replay_key(rows[i].edit);

		assert_code(host_try("acme", key.text, "198.51.100.1"), rows[i].code);
	}
	/* Of somebody else. */
	assert_code(host_try("globex", replay_key(NULL).text, NULL), PAM_PERM_DENIED);
}

/* mod_authnz_pam: a password was remembered before the account was looked at. */
static void
test_mod_authnz_pam_622996a_revoked_is_refused_at_once(void **state)
{
	struct stock_key key = replay_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, stock_revoke);
	/* In this handle, and in a new one. */
	host.n_answered = 0;
	assert_code(host_authenticate(0), PAM_AUTH_ERR);
	assert_code(host_account(0), PAM_AUTH_ERR);
	assert_code(host_try("acme", key.text, NULL), PAM_AUTH_ERR);
}

/* SSSD: a remembered password could be another's. Nothing is remembered: no store, no answer. */
static void
test_cve_2011_1758_nothing_is_remembered(void **state)
{
	struct stock_key key = replay_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	host_move(KEY_FILE, "gone");
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	host_move("gone", KEY_FILE);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY(test_cve_2019_12210_faillock_895_nothing_is_inherited),
		REPLAY(test_pam_krb5_411_silent_end_in_a_child),
		REPLAY(test_cve_2025_23013_no_failure_is_ignored),
		REPLAY(test_google_authenticator_dd0cfc0_all_are_asked_the_same),
		REPLAY(test_cve_2022_0860_authenticate_alone_refuses),
		REPLAY(test_mod_authnz_pam_622996a_revoked_is_refused_at_once),
		REPLAY(test_cve_2011_1758_nothing_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
