/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/names.h>

#include "fuzz.h"
#include "login.h"
#include "tests/pam/code.h"
#include "tests/pam/hooks.h"
#include "tests/pam/host.h"
#include "trove.h"

/* A hang, in processor time: the machine may be busy. */
#define HANG_MS 2000

struct login_counts login_counts;

static struct trove trove;

static void
tear_down(void)
{
	host_tear_down(NULL);
}

static void
set_up(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	fuzz_require(host_set_up(NULL) == 0 && atexit(tear_down) == 0);
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	trove_fill(&trove, host.root);
	hooks_release_clock();
}

/* What a key gets from files that are whole. */
static int
code_when_whole(enum trove_key key)
{
	switch (key) {
	case TROVE_PLAIN:
	case TROVE_LIMITED:
		return PAM_SUCCESS;
	case TROVE_USED_UP:
		return PAM_MAXTRIES;
	case TROVE_DEACTIVATED:
	case TROVE_OTHER_ORG:
		return PAM_PERM_DENIED;
	default:
		return PAM_AUTH_ERR;
	}
}

static bool
may_get_in(enum trove_key key)
{
	/* Whoever may verify may set the counts back. */
	return key == TROVE_PLAIN || key == TROVE_LIMITED ||
	       (key == TROVE_USED_UP && trove.damaged[TROVE_USAGE]);
}

static void
judge(enum trove_key key, int code, int account)
{
	bool whole = true;

	for (int file = 0; file < TROVE_FILES; file++)
		whole = whole && !trove.damaged[file];
	if (whole)
		fuzz_require(code == code_when_whole(key));
	fuzz_require(code != PAM_IGNORE && code != PAM_SERVICE_ERR);
	if (code == PAM_SUCCESS) {
		fuzz_require(may_get_in(key));
		fuzz_require(strcmp(host_env("LRKEY_ID"), trove.keys[key].id) == 0);
		fuzz_require(strcmp(host_env("LRKEY_ORG"), TROVE_ORG) == 0);
		fuzz_require(strcmp(host_env("LRKEY_SCOPES"), LRK_SCOPE_ANY) == 0);
		fuzz_require(strcmp(host_env("LRKEY_EXPIRES"), "never") == 0);
		fuzz_require(account == PAM_SUCCESS);
		login_counts.let_in++;
		return;
	}
	fuzz_require(account != PAM_SUCCESS);
	fuzz_require(host_env("LRKEY_ID")[0] == '\0' && host_env("LRKEY_ORG")[0] == '\0');
	if (code == PAM_AUTHINFO_UNAVAIL)
		login_counts.unavailable++;
	else
		login_counts.refused++;
}

static void
try_key(enum trove_key key)
{
	int fd = fuzz_free_descriptor(), code, account;
	int64_t from = fuzz_cpu_ms(), took;

	/* libFuzzer needs the clock in between. */
	hooks_set_clock(TROVE_NOW, 0);
	code = host_try(TROVE_ORG, trove.keys[key].text, NULL);
	fuzz_require(fuzz_free_descriptor() == fd);
	account = host_account(0);
	judge(key, code, account);
	host_end();
	hooks_release_clock();
	took = fuzz_cpu_ms() - from;
	fuzz_require(took < HANG_MS);
	if (took > login_counts.slowest_ms)
		login_counts.slowest_ms = took;
	login_counts.logins++;
}

void
login_try_all(const uint8_t *program, size_t length)
{
	set_up();
	trove_damage(&trove, program, length);
	hooks_forget();
	for (enum trove_key key = 0; key < TROVE_KEYS; key++)
		try_key(key);
	login_counts.programs++;
}
