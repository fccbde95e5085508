/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "breakage.h"
#include "check.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"

/* How long the host may be made to wait. */
#define WAIT_MS 250

struct stock_key breakage_limited, breakage_unlimited;
struct lrk_entry breakage_limited_entry, breakage_unlimited_entry;

static void
limit_to_100(struct lrk_entry *entry)
{
	entry->max_uses = 100;
}

static struct lrk_entry
use_once(const struct stock_key *key)
{
	assert_code(host_try("acme", key->text, NULL), PAM_SUCCESS);
	return stock_read_key(host.root, LRK_STORE_DEFAULT, key);
}

int
breakage_set_up(void **state)
{
	disk_reset();
	if (host_set_up(state) != 0)
		return -1;
	host_write_plain_service(HOST_SERVICE, "");
	breakage_limited = stock_make_key(host.root, LRK_STORE_DEFAULT, limit_to_100);
	breakage_unlimited = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	breakage_limited_entry = use_once(&breakage_limited);
	breakage_unlimited_entry = use_once(&breakage_unlimited);
	assert_int_equal(hooks_n_lines, 0);
	/* For whoever is not root: all but the gate is anybody's to pass. */
	return chmod(host.root, 0755);
}

const char *
breakage_path(void)
{
	return host_path(LRK_VAR "/system/" LRK_USAGE_FILE);
}

/* On the handle that is open: its modules are loaded, whoever may read their files. */
static int
login(const struct stock_key *key)
{
	host.n_script = host.n_answered = 0;
	host_answer(HOST_TEXT, key->text, 0);
	return host_authenticate(0);
}

static long
milliseconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/* Refused, at once or after its wait, with one alarm that names the store and the file. */
static const char *
expect_refused(const char *reason)
{
	long fastest = LONG_MAX;

	for (int i = 0; i < 3; i++) {
		struct timespec from;
		long took;

		hooks_forget();
		clock_gettime(CLOCK_MONOTONIC, &from);
		EXPECT(login(&breakage_limited) == PAM_AUTHINFO_UNAVAIL);
		took = milliseconds_since(&from);
		if (took < fastest)
			fastest = took;
		EXPECT(host_account(0) == PAM_AUTHINFO_UNAVAIL);
		EXPECT(hooks_n_lines == 1);
		EXPECT(hooks_count(LOG_ALERT,
				   "pam_lrkey(scim:auth): store system unavailable: ") == 1);
		EXPECT(hooks_count(LOG_ALERT, "usage: ") == 1);
		EXPECT(hooks_count(LOG_ALERT, reason) == 1);
		EXPECT(host_env("LRKEY_ID")[0] == '\0');
	}
	/* A machine that has other things to do can slow one of them, hardly all. */
	EXPECT(fastest < WAIT_MS);
	return NULL;
}

/* Let in without a wait, with one warning in all that time. */
static const char *
expect_let_in(const char *reason)
{
	unsigned naps = disk.naps;

	hooks_forget();
	for (int i = 0; i < 3; i++) {
		EXPECT(login(&breakage_unlimited) == PAM_SUCCESS);
		EXPECT(host_account(0) == PAM_SUCCESS);
		EXPECT(strcmp(host_env("LRKEY_ID"), breakage_unlimited.id) == 0);
	}
	EXPECT(disk.naps == naps);
	EXPECT(hooks_n_lines == 1);
	EXPECT(hooks_count(LOG_WARNING,
			   "pam_lrkey(scim:auth): store system: uses are not recorded: ") == 1);
	EXPECT(hooks_count(LOG_WARNING, "usage: ") == 1);
	EXPECT(hooks_count(LOG_WARNING, reason) == 1);
	return NULL;
}

static const char *
run_row(const void *data)
{
	const struct breakage *row = data;
	const char *wrong;

	if (row->mounts && !aside_own_mounts(row->name))
		return NULL;
	EXPECT(row->make());
	wrong = expect_refused(row->refused);
	if (wrong == NULL)
		EXPECT((disk.naps > 0) == row->waits);
	return wrong != NULL ? wrong : expect_let_in(row->let_in);
}

void
breakage_run(void **state, const struct breakage *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0) {
			host_tear_down(state);
			assert_int_equal(breakage_set_up(state), 0);
		}
		check_row = rows[i].name;
		aside_run(run_row, &rows[i]);
	}
}
