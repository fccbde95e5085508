/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an authentication leaves in the usage file: uses and the last of them, refusals of proven
 * secrets, and nothing of anything else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/apikey.h"
#include "liblrkey/store.h"

#include "check.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

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

static struct lrk_usage
usage_of(const struct stock_key *key)
{
	return stock_read_usage(host.root, LRK_STORE_DEFAULT, key);
}

static void
expect_counts(const struct stock_key *key, uint64_t uses, uint64_t denied)
{
	const struct lrk_usage usage = usage_of(key);

	assert_int_equal(usage.uses, uses);
	assert_int_equal(usage.denied, denied);
}

static int
set_up(void **state)
{
	disk_reset();
	return host_set_up(state);
}

/* ---- Uses -------------------------------------------------------------------- */

static void
limit_to_1000(struct lrk_entry *entry)
{
	entry->max_uses = 1000;
}

#define TEXT_10 "0123456789"
#define TEXT_50 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10

/* Each success adds one, and is the last. */
static void
test_uses(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL, limit_to_1000, stock_deprecate,
	};
	static const struct {
		const char *service;
		const char *rhost;
		const char *recorded_service, *recorded_rhost;
	} rows[] = {
		{ "scim", "192.0.2.7", "scim", "192.0.2.7" },
		{ "prometheus", "2001:db8::7", "prometheus", "2001:db8::7" },
		{ "scim", "client.example.org", "scim", "client.example.org" },
		{ "scim", NULL, "scim", "" },
		{ "scim", "x\n<\x1b\x80", "scim", "x?<??" },
		{ "a service, oddly named, of 41 characters", TEXT_50 TEXT_10,
		  "a service, oddly named, of 41 ch", TEXT_50 "012345" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		struct stock_key key = make_key(edits[i]), other = make_key(edits[i]);

		for (size_t j = 0; j < COUNT_OF(rows); j++) {
			struct lrk_usage usage;

			check_row = rows[j].service;
			hooks_set_clock(STOCK_NOW + (int64_t)j, 0);
			host_write_plain_service(rows[j].service, "");
			host_start(rows[j].service, "acme", rows[j].rhost);
			host_answer(HOST_TEXT, key.text, 0);
			assert_code(host_authenticate(0), PAM_SUCCESS);
			usage = usage_of(&key);
			assert_int_equal(usage.uses, j + 1);
			assert_int_equal(usage.denied, 0);
			assert_int_equal(usage.last_used, STOCK_NOW + (int64_t)j);
			assert_string_equal(usage.service, rows[j].recorded_service);
			assert_string_equal(usage.rhost, rows[j].recorded_rhost);
		}
		/* Each key has its own. */
		expect_counts(&other, 0, 0);
		assert_int_equal(usage_of(&other).last_used, 0);
	}
	assert_int_equal(hooks_n_lines, 0);
}

/* Of two stores, too. */
static void
test_uses_by_store(void **state)
{
	struct stock_key key = make_key(NULL), pool;

	(void)state;
	stock_make_store(host.root, "pool");
	pool = stock_make_key(host.root, "pool", NULL);
	host_write_plain_service(HOST_SERVICE, "store=pool");
	assert_code(host_try("acme", pool.text, NULL), PAM_SUCCESS);
	assert_int_equal(stock_read_usage(host.root, "pool", &pool).uses, 1);
	expect_counts(&key, 0, 0);
}

/* ---- Limits ------------------------------------------------------------------ */

static uint64_t limit;

static void
set_limit(struct lrk_entry *entry)
{
	entry->max_uses = limit;
}

static unsigned syncs_when_accepted;

static void
note_syncs(const struct hooks_line *line)
{
	if (strstr(line->text, "accepted: key ") != NULL)
		syncs_when_accepted = disk.syncs;
}

/* As often as it says, and not once more; each use on disk before the key is accepted. */
static void
test_limits(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 25 };

	(void)state;
	host_write_plain_service(HOST_SERVICE, "log=all");
	hooks_on_line = note_syncs;
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct stock_key key;

		limit = limits[i];
		key = make_key(set_limit);
		for (uint64_t use = 1; use <= limits[i]; use++) {
			syncs_when_accepted = 0;
			disk_reset();
			assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
			assert_int_equal(syncs_when_accepted, 1);
			expect_counts(&key, use, 0);
		}
		for (uint64_t refusal = 1; refusal <= 3; refusal++) {
			hooks_forget();
			assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
			assert_code(host_account(0), PAM_MAXTRIES);
			assert_int_equal(hooks_n_lines, 1);
			assert_int_equal(hooks_count(LOG_NOTICE, " org acme: use limit"), 1);
			expect_counts(&key, limits[i], refusal);
		}
		/* A manager may give it more, or fewer. */
		limit = limits[i] + 1;
		change_key(&key, set_limit);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
		limit = 0;
		change_key(&key, set_limit);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		limit = 1;
		change_key(&key, set_limit);
		assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
		expect_counts(&key, limits[i] + 2, 5);
	}
	hooks_on_line = NULL;
}

static void
test_no_sync_without_limit(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	disk_reset();
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(disk.writes, 1);
	assert_int_equal(disk.syncs, 0);
	assert_int_equal(disk.naps, 0);
}

/* What comes after the use is recorded may still fail: then it is spent. */
static void
test_spent_all_the_same(void **state)
{
	struct stock_key key = make_key(stock_limit_uses);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	hooks_no_environment = true;
	assert_code(host_try("acme", key.text, NULL), PAM_BUF_ERR);
	hooks_no_environment = false;
	expect_counts(&key, 1, 0);
	assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
}

/* ---- Refusals ---------------------------------------------------------------- */

static void
set_missing_owner(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "no-user-of-this-test");
}

static void
limit_and_expire(struct lrk_entry *entry)
{
	stock_limit_uses(entry);
	stock_expire(entry);
}

/* Every refusal of a proven secret is counted; of a use there is no trace. */
static void
test_refusals(void **state)
{
	static const struct {
		void (*edit)(struct lrk_entry *entry);
		const char *user;
		const char *options;
		int code;
		int level;
		const char *reason;
	} rows[] = {
		{ stock_revoke, "acme", "", PAM_AUTH_ERR, LOG_ALERT,
		  " org acme: revoked 2027-01-15T07:59:00Z compromised" },
		{ stock_deactivate, "acme", "", PAM_PERM_DENIED, LOG_NOTICE, ": deactivated" },
		{ stock_set_pending, "acme", "", PAM_ACCT_EXPIRED, LOG_NOTICE, ": pending until " },
		{ stock_expire, "acme", "", PAM_ACCT_EXPIRED, LOG_NOTICE, ": expired " },
		{ limit_and_expire, "acme", "", PAM_ACCT_EXPIRED, LOG_NOTICE, ": expired " },
		{ NULL, "globex", "", PAM_PERM_DENIED, LOG_NOTICE, ": organization" },
		{ stock_set_scopes, "acme", "scope=ssh", PAM_PERM_DENIED, LOG_NOTICE,
		  ": scope ssh" },
		{ stock_set_nets, "acme", "", PAM_PERM_DENIED, LOG_NOTICE, ": address unknown" },
		{ set_missing_owner, "acme", "owner=active", PAM_PERM_DENIED, LOG_NOTICE,
		  ": owner no-user-of-this-test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = make_key(rows[i].edit);

		check_row = rows[i].reason;
		host_write_plain_service(HOST_SERVICE, rows[i].options);
		for (uint64_t n = 1; n <= 2; n++) {
			hooks_forget();
			assert_code(host_try(rows[i].user, key.text, NULL), rows[i].code);
			assert_int_equal(hooks_n_lines, 1);
			assert_int_equal(hooks_count(rows[i].level, rows[i].reason), 1);
			expect_counts(&key, 0, n);
			assert_int_equal(usage_of(&key).last_used, 0);
		}
	}
}

/* ---- Nothing ----------------------------------------------------------------- */

struct file {
	char bytes[65536];
	ssize_t size;
	struct timespec written;
	ino_t number;
};

static void
read_file(const char *path, struct file *file)
{
	int fd = open(host_path(path), O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	memset(file, 0, sizeof(*file));
	file->size = read(fd, file->bytes, sizeof(file->bytes));
	file->written = st.st_mtim;
	file->number = st.st_ino;
	assert_int_equal(file->size, st.st_size);
	close(fd);
}

static void
spoil_digest(struct lrk_entry *entry)
{
	entry->digest[0] ^= 1;
}

/* A thousand attempts that prove nothing: not a byte is written, nor as much as tried. */
static void
test_unproven(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL, stock_limit_uses, stock_revoke, stock_deactivate, stock_expire,
	};
	static struct file before[2], after[2];
	struct stock_key keys[COUNT_OF(edits)];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		keys[i] = make_key(edits[i]);
		change_key(&keys[i], spoil_digest);
	}
	host_write_plain_service(HOST_SERVICE, "");
	read_file(LRK_VAR "/system/" LRK_USAGE_FILE, &before[0]);
	read_file(LRK_VAR "/system/" LRK_KEYS_DIR "/" LRK_KEY_FILE, &before[1]);
	disk_reset();
	for (unsigned i = 0; i < 1000; i++) {
		struct lrk_credential credential;
		char text[LRK_APIKEY_LEN + 1];

		assert_int_equal(lrk_apikey_generate(lrk_random, text, &credential), LRK_OK);
		if (i % 4 == 3)
			text[LRK_APIKEY_LEN - 1] ^= 1;
		assert_code(host_try("acme", i % 4 < 2 ? keys[i % COUNT_OF(keys)].text : text,
				     "192.0.2.7"),
			    PAM_AUTH_ERR);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_NOTICE, i % 4 < 2 ? ": wrong secret" :
							 i % 4 == 2 ? ": unknown key" :
								      ": malformed"),
				 1);
		hooks_forget();
	}
	assert_int_equal(disk.writes, 0);
	read_file(LRK_VAR "/system/" LRK_USAGE_FILE, &after[0]);
	read_file(LRK_VAR "/system/" LRK_KEYS_DIR "/" LRK_KEY_FILE, &after[1]);
	assert_memory_equal(before, after, sizeof(before));
}

/* The account phase and pam_setcred count nothing, neither uses nor refusals. */
static void
test_account(void **state)
{
	struct stock_key key = make_key(stock_limit_uses);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	disk_reset();
	for (unsigned i = 0; i < 3; i++) {
		assert_code(host_account(0), PAM_SUCCESS);
		assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	}
	/* Nor where the store is asked again: an hour later, and for other terms. */
	hooks_set_clock(STOCK_NOW + 3600, 0);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_code(pam_set_item(host.pamh, PAM_USER, "globex"), PAM_SUCCESS);
	assert_code(host_account(0), PAM_PERM_DENIED);
	change_key(&key, stock_revoke);
	assert_code(host_account(0), PAM_AUTH_ERR);
	assert_int_equal(disk.writes, 0);
	expect_counts(&key, 1, 0);
	/* The use counts as of its authentication. */
	assert_int_equal(usage_of(&key).last_used, STOCK_NOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, host_tear_down)
		TEST(test_uses),
		TEST(test_uses_by_store),
		TEST(test_limits),
		TEST(test_no_sync_without_limit),
		TEST(test_spent_all_the_same),
		TEST(test_refusals),
		TEST(test_unproven),
		TEST(test_account),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
