/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The account phase: what becomes of a verdict, and the stacks in which it
 * stands.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define IGNORED PAM_CRED_EXPIRED

/* An account stack for keys and people, as the manual has it. */
static void
write_stack(const char *account_control)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "auth sufficient @\n"
		 "auth required &\n"
		 "account %s @\n"
		 "account required & account=%d\n",
		 account_control, PAM_USER_UNKNOWN);
	host_write_service(HOST_SERVICE, text);
}

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

/* [success=done ignore=ignore default=die] above what knows no organization. */
static void
test_right_stack(void **state)
{
	struct stock_key key = make_key(NULL);
	struct stock_key off = make_key(stock_deactivate);

	(void)state;
	write_stack("[success=done ignore=ignore default=die]");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_ACCOUNT"), "");
	/* A person, let in by the next module, is the next module's to judge. */
	assert_code(host_try("acme", "a password", NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_USER_UNKNOWN);
	assert_string_equal(host_env("NEXT_ACCOUNT"), "asked");
	/* A refused key is refused, whoever let its holder in. */
	assert_code(host_try("acme", off.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_AUTH"), "asked");
	assert_code(host_account(0), PAM_PERM_DENIED);
	assert_string_equal(host_env("NEXT_ACCOUNT"), "");
}

/* What "account sufficient" does, and why the manual warns of it: the refusal is passed over. */
static void
test_wrong_stack(void **state)
{
	struct stock_key off = make_key(stock_deactivate);
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "auth sufficient @\nauth required &\n"
				     "account sufficient @\naccount required &\n");
	host_write_service(HOST_SERVICE, text);
	assert_code(host_try("acme", off.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_string_equal(host_env("NEXT_ACCOUNT"), "asked");
}

/* An organization is no Unix user, and pam_unix says so; the stack lets it in all the same. */
static void
test_above_pam_unix(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_service(HOST_SERVICE,
			   "auth sufficient @\n"
			   "auth required pam_unix.so try_first_pass nodelay\n"
			   "account [success=done ignore=ignore default=die] @\n"
			   "account required pam_unix.so\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_code(host_try("acme", "a password", NULL), PAM_USER_UNKNOWN);
	assert_code(host_account(0), PAM_USER_UNKNOWN);
	assert_int_equal(host.n_prompts, 1);
}

/* One that never verified anything: ignored, without a look at any store. */
static void
test_no_verdict(void **state)
{
	(void)state;
	host_write_plain_service(HOST_SERVICE, "log=all");
	host_move("var", "gone");
	host_start(HOST_SERVICE, "acme", NULL);
	assert_code(host_account(0), IGNORED);
	host_start(HOST_SERVICE, NULL, NULL);
	assert_code(host_account(PAM_SILENT), IGNORED);
	assert_int_equal(host.n_prompts, 0);
	assert_int_equal(hooks_n_lines, 0);
	assert_int_equal(hooks_n_engines, 0);
	/* Nothing proven is the same. */
	assert_code(host_try("acme", "a password", NULL), PAM_AUTH_ERR);
	hooks_forget();
	assert_code(host_account(0), IGNORED);
	assert_int_equal(hooks_n_lines, 0);
	/* Alone, ignoring is no success. */
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	host_start(HOST_SERVICE, "acme", NULL);
	assert_code(host_account(0), PAM_PERM_DENIED);
}

static void
test_setcred(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_start(HOST_SERVICE, "acme", NULL);
	assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_code(pam_setcred(host.pamh, PAM_DELETE_CRED | PAM_SILENT), PAM_SUCCESS);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_code(pam_setcred(host.pamh, PAM_REINITIALIZE_CRED), PAM_SUCCESS);
	/* Also where the line is the only one, and its options are wrong. */
	host_write_service(HOST_SERVICE, "auth required @ no=option\n");
	host_start(HOST_SERVICE, "acme", NULL);
	assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_int_equal(hooks_n_lines, 0);
}

/* Each authenticate forgets what the one before it found. */
static void
test_two_authentications(void **state)
{
	struct stock_key key = make_key(NULL);
	struct stock_key off = make_key(stock_deactivate);
	const struct {
		const char *token;
		int authenticate;
		int account;
	} rows[] = {
		{ key.text, PAM_SUCCESS, PAM_SUCCESS },
		{ "a password", PAM_AUTH_ERR, IGNORED },
		{ key.text, PAM_SUCCESS, PAM_SUCCESS },
		{ off.text, PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ "a password", PAM_AUTH_ERR, IGNORED },
		{ off.text, PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ key.text, PAM_SUCCESS, PAM_SUCCESS },
		{ "", PAM_AUTH_ERR, IGNORED },
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_start(HOST_SERVICE, "acme", NULL);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host.n_script = host.n_answered = 0;
		host_answer(HOST_TEXT, rows[i].token, 0);
		assert_code(host_authenticate(0), rows[i].authenticate);
		assert_string_equal(host_env("LRKEY_ID"),
				    rows[i].authenticate == PAM_SUCCESS ? key.id : "");
		assert_string_equal(host_env("LRKEY_ORG"),
				    rows[i].authenticate == PAM_SUCCESS ? "acme" : "");
		assert_code(host_account(0), rows[i].account);
	}
}

/* An authenticate that fails before it comes to a token forgets as well. */
static void
test_forgets_early(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	host_write_service("broken",
			   "auth required @ no=option\n"
			   "account [success=done ignore=ignore default=die] @\n"
			   "account required & account=16\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(pam_set_item(host.pamh, PAM_SERVICE, "broken"), PAM_SUCCESS);
	assert_code(host_authenticate(0), PAM_SERVICE_ERR);
	assert_code(host_account(0), IGNORED);
	assert_string_equal(host_env("LRKEY_ID"), "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(pam_set_item(host.pamh, PAM_USER, NULL), PAM_SUCCESS);
	host.n_script = 0;
	host_answer(HOST_FAIL, NULL, PAM_CONV_ERR);
	assert_code(host_authenticate(0), PAM_AUTH_ERR);
	assert_code(host_account(0), IGNORED);
	assert_string_equal(host_env("LRKEY_ID"), "");
}

/* Two stores behind one prompt: the one that knows the key answers in both phases. */
static void
test_two_stores(void **state)
{
	struct stock_key key = make_key(NULL), other;
	char text[2048];

	(void)state;
	stock_make_store(host.root, "other");
	other = stock_make_key(host.root, "other", NULL);
	snprintf(text, sizeof(text),
		 "auth sufficient @\n"
		 "auth sufficient @ store=other\n"
		 "auth required pam_deny.so\n"
		 "account [success=done ignore=ignore default=die] @\n"
		 "account [success=done ignore=ignore default=die] @ store=other\n"
		 "account required & account=%d\n",
		 IGNORED);
	host_write_service(HOST_SERVICE, text);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_string_equal(host_env("LRKEY_ID"), key.id);
	assert_code(host_try("acme", other.text, NULL), PAM_SUCCESS);
	assert_int_equal(host.n_prompts, 1);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_string_equal(host_env("LRKEY_ID"), other.id);
	stock_change_key(host.root, "other", &other, stock_deactivate);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_PERM_DENIED);
	assert_true(host_try("acme", other.text, NULL) != PAM_SUCCESS);
}

/* A line whose store does not know the key leaves alone what another line has found. */
static void
test_line_that_proves_nothing(void **state)
{
	struct stock_key key = make_key(NULL);
	char text[2048];

	(void)state;
	stock_make_store(host.root, "other");
	snprintf(text, sizeof(text),
		 "auth required @\n"
		 "auth optional @ store=other\n"
		 "account [success=done ignore=ignore default=die] @\n"
		 "account required & account=%d\n",
		 PAM_SUCCESS);
	host_write_service(HOST_SERVICE, text);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_string_equal(host_env("LRKEY_ID"), key.id);
	assert_code(host_account(0), PAM_SUCCESS);
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, stock_deactivate);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_PERM_DENIED);
	/* The next authenticate forgets it as its own line runs. */
	assert_code(host_try("acme", "no key", NULL), PAM_AUTH_ERR);
	assert_string_equal(host_env("LRKEY_ID"), "");
	assert_code(host_account(0), PAM_SUCCESS);
}

/* sshd authenticates in a child: its parent's handle has no verdict, and the child's has one. */
static void
test_forked(void **state)
{
	struct stock_key key = make_key(NULL);
	int status = 0;
	pid_t pid;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int code = host_account(0);

		pam_end(host.pamh, PAM_SUCCESS | (int)PAM_DATA_SILENT);
		_exit(code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_code(WEXITSTATUS(status), PAM_SUCCESS);
	change_key(&key, stock_revoke);
	hooks_set_clock(STOCK_NOW + 2, 0);
	assert_code(host_account(0), PAM_AUTH_ERR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_right_stack),	   TEST(test_wrong_stack),
		TEST(test_above_pam_unix), TEST(test_no_verdict),
		TEST(test_setcred),	   TEST(test_two_authentications),
		TEST(test_forgets_early),  TEST(test_two_stores),
		TEST(test_line_that_proves_nothing),
		TEST(test_forked),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
