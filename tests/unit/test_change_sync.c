/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which order a change reaches the disk, and what is left when one of the calls that
 * bring it there fails. They are looked at here on their way to the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "liblrkey/rekey.h"
#include "liblrkey/snapshot.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"
#define MASTER_KEY_CALLS \
	"fchmod(master.key.new) fsync(master.key.new) rename(master.key) fsync(" STORE ") "

/* What was called, as words; and the call that is to fail. */
static struct {
	char text[4096];
	const char *fail;
	bool failed;
} calls;

/* The last part of the path that a descriptor was opened by. */
static void
file_name(int fd, char *name, size_t size)
{
	char link[64], path[512];
	const char *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	slash = strrchr(path, '/');
	assert_non_null(slash);
	snprintf(name, size, "%s", slash + 1);
}

/* Notes a call, one of a kind in a row; whether it is to fail. */
static bool
note(const char *what, const char *name)
{
	size_t used = strlen(calls.text);
	char word[300];

	snprintf(word, sizeof(word), "%s(%s) ", what, name);
	if (used < strlen(word) || strcmp(calls.text + used - strlen(word), word) != 0) {
		assert_true(used + strlen(word) < sizeof(calls.text));
		strcpy(calls.text + used, word);
	}
	if (calls.fail == NULL || strncmp(word, calls.fail, strlen(calls.fail)) != 0)
		return false;
	calls.failed = true;
	errno = EIO;
	return true;
}

int
fsync(int fd)
{
	char name[256];

	file_name(fd, name, sizeof(name));
	return note("fsync", name) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	char name[256];

	file_name(fd, name, sizeof(name));
	return note("fdatasync", name) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fchmod(int fd, mode_t mode)
{
	char name[256];

	file_name(fd, name, sizeof(name));
	return note("fchmod", name) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	assert_int_equal(from_fd, to_fd);
	return note("rename", to) ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

static int
set_up(void **state)
{
	int result;

	memset(&calls, 0, sizeof(calls));
	result = trial_setup_store(state);
	calls.text[0] = '\0';
	return result;
}

static struct lrk_change *
begin(struct trial *trial)
{
	struct lrk_change *change = NULL;

	if (lrk_change_begin(trial->root, STORE, &change, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return change;
}

static void
put(struct trial *trial, struct lrk_change *change)
{
	struct lrk_entry entry = trial_entry(ID_A, 's');

	assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
	assert_ok(lrk_change_put(change, &entry, &trial->why));
}

static enum lrk_err
look_up(struct trial *trial)
{
	struct lrk_header header;
	struct lrk_store store;
	struct lrk_entry entry;
	enum lrk_err err;

	if (lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	err = lrk_store_get(&store, ID_A, &entry, &trial->why);
	lrk_store_close(&store);
	return err;
}

static void
expect_calls(const char *expected)
{
	assert_string_equal(calls.text, expected);
	calls.text[0] = '\0';
}

static void
test_order(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	bool done = false;

	/* A killed init may have left it to the first change to sync the new master.key. */
	expect_calls("fsync(" STORE ") ");
	put(trial, change);
	expect_calls("");
	/* on disk before anybody can see it, with all that it refers to; the engine syncs too */
	assert_ok(lrk_change_prepare(change, &trial->why));
	expect_calls("fsync(keys.gdbm.new) fchmod(keys.gdbm.new) fsync(keys.gdbm.new) "
		     "fdatasync(usage) ");
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	expect_calls("rename(keys.gdbm) fsync(keys) ");
	lrk_change_end(change);
	expect_calls("");
	assert_ok(look_up(trial));
	change = begin(trial);
	expect_calls("");
	lrk_change_end(change);
}

static void
test_order_of_rekey(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	bool done = false, resumed = true;

	expect_calls("fsync(" STORE ") ");
	assert_ok(lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why));
	expect_calls(MASTER_KEY_CALLS "fsync(keys.gdbm.new) ");
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	expect_calls("fsync(keys.gdbm.new) fchmod(keys.gdbm.new) fsync(keys.gdbm.new) "
		     "fdatasync(usage) rename(keys.gdbm) fsync(keys) ");
	assert_ok(lrk_rekey_finish(change, &trial->why));
	expect_calls(MASTER_KEY_CALLS);
	lrk_change_end(change);
}

/* Which file it was that could not be written, and the store is what it was. */
static void
test_preparing_fails(void **state)
{
	static const struct {
		const char *call, *file;
	} rows[] = {
		{ "fsync(keys.gdbm.new)", KEY_FILE_NEW },
		{ "fchmod(keys.gdbm.new)", KEY_FILE_NEW },
		{ "fdatasync(usage)", USAGE_FILE },
	};
	struct trial *trial = *state;
	uint8_t *before, *after;
	size_t size, after_size;

	before = trial_read(trial, KEY_FILE, &size);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_change *change = begin(trial);

		put(trial, change);
		calls.fail = rows[i].call;
		calls.failed = false;
		assert_err(lrk_change_prepare(change, &trial->why), LRK_ERR_IO);
		calls.fail = NULL;
		assert_true(calls.failed);
		assert_says(&trial->why, trial_path(trial, rows[i].file));
		assert_says(&trial->why, "Input/output error");
		lrk_change_end(change);
		assert_false(trial_exists(trial, KEY_FILE_NEW));
		after = trial_read(trial, KEY_FILE, &after_size);
		assert_int_equal(after_size, size);
		assert_memory_equal(after, before, size);
		free(after);
	}
	free(before);
	assert_null(strstr(calls.text, "rename"));
}

static void
test_rename_fails(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	bool done = true;

	put(trial, change);
	assert_ok(lrk_change_prepare(change, &trial->why));
	calls.fail = "rename(";
	assert_err(lrk_change_commit(change, &done, &trial->why), LRK_ERR_IO);
	assert_false(done);
	assert_says(&trial->why, trial_path(trial, KEY_FILE_NEW));
	lrk_change_end(change);
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_err(look_up(trial), LRK_ERR_NOT_FOUND);
}

/* Renamed, and not known to last: the change holds, and that it failed is said all the same. */
static void
test_last_sync_fails(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	bool done = false;

	put(trial, change);
	assert_ok(lrk_change_prepare(change, &trial->why));
	calls.fail = "fsync(keys)";
	assert_err(lrk_change_commit(change, &done, &trial->why), LRK_ERR_IO);
	assert_true(done);
	assert_says(&trial->why, trial_path(trial, KEYS_DIR));
	lrk_change_end(change);
	assert_ok(look_up(trial));
}

/* master.key is in its place or is not; the old one is never lost on the way. */
static void
test_master_key_fails(void **state)
{
	static const char *const fails[] = { "fchmod(master.key.new)", "fsync(master.key.new)",
					     "rename(master.key)", "fsync(" STORE ")" };
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(fails); i++) {
		const struct lrk_keyring before = trial_ring(trial, STORE);
		struct lrk_change *change = begin(trial);
		struct lrk_keyring after;
		bool resumed = true;

		calls.fail = fails[i];
		assert_err(lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why), LRK_ERR_IO);
		calls.fail = NULL;
		assert_says(&trial->why, trial_path(trial, MASTER_FILE));
		assert_true(resumed);
		lrk_change_end(change);
		assert_false(trial_exists(trial, MASTER_FILE ".new"));
		after = trial_ring(trial, STORE);
		assert_non_null(lrk_keyring_find(&after, before.keys[0].id));
		assert_err(look_up(trial), LRK_ERR_NOT_FOUND);
	}
}

#define sync_test(test) cmocka_unit_test_setup_teardown(test, set_up, trial_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		sync_test(test_order),
		sync_test(test_order_of_rekey),
		sync_test(test_preparing_fails),
		sync_test(test_rename_fails),
		sync_test(test_last_sync_fails),
		sync_test(test_master_key_fails),
	};

	return cmocka_run_group_tests_name("change, syncs", tests, NULL, NULL);
}
