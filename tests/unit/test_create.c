/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "liblrkey/record.h"
#include "liblrkey/snapshot.h"

#include "trial.h"

static void
create(struct trial *trial)
{
	if (lrk_store_create(trial->root, STORE, &trial->owners, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
}

static void
expect_usable(struct trial *trial)
{
	struct lrk_store store;
	struct lrk_header header;

	if (lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_int_equal(store.ring.n_keys, 1);
	lrk_store_close(&store);
}

/* Everything of a store, and its mode. */
static const struct {
	const char *path;
	mode_t mode;
	char group; /* Root's or the caller's, Managers', Verifiers' */
} layout[] = {
	{ "etc", 0755, 'r' },	       { LRK_ETC, 0755, 'r' },	      { ETC_DIR, 0750, 'v' },
	{ MASTER_FILE, 0640, 'v' },    { "var", 0755, 'r' },	      { "var/lib", 0755, 'r' },
	{ LRK_VAR, 0755, 'r' },	       { GATE_DIR, 0750, 'v' },	      { KEYS_DIR, 02775, 'm' },
	{ KEY_FILE, 0644, 'm' },       { LOCK_FILE, 0660, 'm' },      { USAGE_FILE, 0660, 'v' },
	{ AUDIT_FILE, 0660, 'm' },
};

static void
expect_layout(const struct trial *trial, const struct lrk_owners *owners)
{
	for (size_t i = 0; i < COUNT_OF(layout); i++) {
		gid_t group = layout[i].group == 'm' ? owners->managers :
			      layout[i].group == 'v' ? owners->verifiers :
						       owners->group;
		struct stat st;

		assert_int_equal(lstat(trial_path(trial, layout[i].path), &st), 0);
		if ((st.st_mode & 07777) != layout[i].mode || st.st_gid != group ||
		    st.st_uid != owners->owner)
			fail_msg("%s: mode %04o, %u:%u", layout[i].path,
				 (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid,
				 (unsigned)st.st_gid);
	}
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_false(trial_exists(trial, MASTER_FILE ".new"));
}

static void
test_layout(void **state)
{
	static const mode_t masks[] = { 022, 0, 027, 077 };

	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		struct trial *trial;
		mode_t before;

		if (i > 0) {
			assert_int_equal(trial_teardown(state), 0);
			assert_int_equal(trial_setup_root(state), 0);
		}
		trial = *state;
		before = umask(masks[i]);
		create(trial);
		umask(before);
		expect_layout(trial, &trial->owners);
		expect_usable(trial);
	}
}

/* Root only: groups of others. */
static void
test_owners(void **state)
{
	struct trial *trial = *state;
	const struct lrk_owners owners = { 0, 0, 4242, 4343 };

	trial->owners = owners;
	create(trial);
	expect_layout(trial, &owners);
	expect_usable(trial);
}

static void
test_audit_log_is_empty(void **state)
{
	struct trial *trial = *state;
	size_t size;

	create(trial);
	free(trial_read(trial, AUDIT_FILE, &size));
	assert_int_equal(size, 0);
	free(trial_read(trial, LOCK_FILE, &size));
	assert_int_equal(size, 0);
}

/* No two stores share a key, an id or a name. */
static void
test_stores_differ(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyring one, other;

	create(trial);
	assert_ok(lrk_store_create(trial->root, "other", &trial->owners, &trial->why));
	one = trial_ring(trial, STORE);
	other = trial_ring(trial, "other");
	assert_memory_not_equal(one.uuid, other.uuid, sizeof(one.uuid));
	assert_memory_not_equal(one.keys[0].key, other.keys[0].key, sizeof(one.keys[0].key));
	assert_int_equal(one.n_keys, 1);
	assert_int_equal(one.active, 0);
}

/* What is there is left as it is, to the byte and the mode. */
static void
expect_exists(struct trial *trial, const char *reason)
{
	struct stat before[COUNT_OF(layout)], after;

	for (size_t i = 0; i < COUNT_OF(layout); i++)
		if (lstat(trial_path(trial, layout[i].path), &before[i]) != 0)
			before[i].st_ino = 0;
	assert_err(lrk_store_create(trial->root, STORE, &trial->owners, &trial->why),
		   LRK_ERR_EXISTS);
	assert_says(&trial->why, reason);
	for (size_t i = 0; i < COUNT_OF(layout); i++) {
		if (before[i].st_ino == 0)
			continue;
		assert_int_equal(lstat(trial_path(trial, layout[i].path), &after), 0);
		assert_true(after.st_ino == before[i].st_ino);
		assert_int_equal(after.st_mode, before[i].st_mode);
		if (S_ISREG(after.st_mode))
			assert_true(after.st_mtim.tv_sec == before[i].st_mtim.tv_sec &&
				    after.st_mtim.tv_nsec == before[i].st_mtim.tv_nsec);
	}
}

static void
test_exists(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry("AAAAAAAAAAAA", 'a');

	create(trial);
	expect_exists(trial, MASTER_FILE ": exists already");
	trial_put(trial, STORE, &entry, 1);
	expect_exists(trial, MASTER_FILE ": exists already");
	trial_chmod(trial, MASTER_FILE, 0666);
	expect_exists(trial, MASTER_FILE ": exists already");
	trial_chmod(trial, MASTER_FILE, 0640);
	expect_usable(trial);
	/* keys without their master key: nothing to make anew over */
	assert_int_equal(rename(trial_path(trial, MASTER_FILE), trial_path(trial, "away")), 0);
	expect_exists(trial, KEY_FILE ": exists already, with 1 keys");
	assert_false(trial_exists(trial, MASTER_FILE));
	assert_int_equal(rename(trial_path(trial, "away"), trial_path(trial, MASTER_FILE)), 0);
	expect_usable(trial);
	/* anything of that name counts, a dangling link too */
	assert_int_equal(rename(trial_path(trial, MASTER_FILE), trial_path(trial, "away")), 0);
	assert_int_equal(symlink("nowhere", trial_path(trial, MASTER_FILE)), 0);
	expect_exists(trial, MASTER_FILE ": exists already");
}

static void
test_unreadable_key_file_is_kept(void **state)
{
	struct trial *trial = *state;
	size_t size;
	uint8_t *bytes;

	create(trial);
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
	trial_write(trial, KEY_FILE, "who knows what", 14);
	expect_exists(trial, "cannot be read");
	bytes = trial_read(trial, KEY_FILE, &size);
	assert_int_equal(size, 14);
	assert_memory_equal(bytes, "who knows what", 14);
	free(bytes);
}

/* Broken off at any point, it is run again: whatever subset of a store is there. */
static void
test_run_again(void **state)
{
	struct trial *trial = *state;

	create(trial);
	for (unsigned there = 0; there < 32; there++) {
		const struct {
			const char *path;
			bool keep;
		} files[] = {
			{ MASTER_FILE, false },
			{ KEY_FILE, there & 1 },
			{ LOCK_FILE, there & 2 },
			{ USAGE_FILE, there & 4 },
			{ AUDIT_FILE, there & 8 },
		};

		for (size_t i = 0; i < COUNT_OF(files); i++)
			if (!files[i].keep)
				assert_int_equal(unlink(trial_path(trial, files[i].path)), 0);
		if (there & 16) {
			/* what a killed run leaves of the two that are renamed */
			trial_write(trial, KEY_FILE_NEW, "half", 4);
			trial_write(trial, MASTER_FILE ".new", "half", 4);
			/* and wrong modes, made before they were set */
			trial_chmod(trial, GATE_DIR, 0700);
			trial_chmod(trial, KEYS_DIR, 0700);
			trial_chmod(trial, ETC_DIR, 0700);
			if (files[2].keep)
				trial_chmod(trial, LOCK_FILE, 0600);
		}
		create(trial);
		expect_layout(trial, &trial->owners);
		expect_usable(trial);
	}
}

static void
test_empty_key_file(void **state)
{
	struct trial *trial = *state;

	create(trial);
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
	trial_write(trial, KEY_FILE, "", 0);
	create(trial);
	expect_layout(trial, &trial->owners);
	expect_usable(trial);
}

static void
test_somebody_else_makes_it(void **state)
{
	struct trial *trial = *state;
	int fd;

	create(trial);
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
	fd = open(trial_path(trial, LOCK_FILE), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_err(lrk_store_create(trial->root, STORE, &trial->owners, &trial->why),
		   LRK_ERR_LOCKED);
	assert_false(trial_exists(trial, MASTER_FILE));
	close(fd);
	create(trial);
}

static void
test_unsafe_surroundings(void **state)
{
	struct trial *trial = *state;

	assert_err(lrk_store_create(trial->root, "No Name", &trial->owners, &trial->why),
		   LRK_ERR_SYNTAX);
	assert_err(lrk_store_create(trial_path(trial, "none"), STORE, &trial->owners, &trial->why),
		   LRK_ERR_NO_STORE);
	trial_mkdir(trial, "etc", 0777);
	assert_err(lrk_store_create(trial->root, STORE, &trial->owners, &trial->why),
		   LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/etc: is writable by everybody");
	assert_int_equal(rmdir(trial_path(trial, "etc")), 0);
	trial_mkdir(trial, "real", 0755);
	assert_int_equal(symlink("real", trial_path(trial, "etc")), 0);
	assert_err(lrk_store_create(trial->root, STORE, &trial->owners, &trial->why),
		   LRK_ERR_UNSAFE);
	assert_int_equal(rmdir(trial_path(trial, "real")), 0); /* nothing was made in it */
	assert_int_equal(unlink(trial_path(trial, "etc")), 0);
	trial_write(trial, "etc", "a file", 6);
	assert_int_not_equal(lrk_store_create(trial->root, STORE, &trial->owners, &trial->why),
			     LRK_OK);
}

/* Names in the store's own directories that somebody put there before. */
static void
test_planted_files(void **state)
{
	static const char *const planted[] = { LOCK_FILE, USAGE_FILE, AUDIT_FILE, KEY_FILE,
					       KEY_FILE_NEW, MASTER_FILE ".new" };
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(planted); i++) {
		size_t size;
		uint8_t *bytes;
		enum lrk_err err;

		create(trial);
		assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
		if (trial_exists(trial, planted[i]))
			assert_int_equal(unlink(trial_path(trial, planted[i])), 0);
		trial_write(trial, "target", "stays", 5);
		trial_chmod(trial, "target", 0604);
		assert_int_equal(symlink(trial_path(trial, "target"),
					 trial_path(trial, planted[i])),
				 0);
		err = lrk_store_create(trial->root, STORE, &trial->owners, &trial->why);
		assert_true(err == LRK_OK || err == LRK_ERR_UNSAFE);
		bytes = trial_read(trial, "target", &size);
		assert_int_equal(size, 5);
		assert_memory_equal(bytes, "stays", 5);
		assert_int_equal(trial_mode(trial, "target"), 0604);
		free(bytes);
		if (err == LRK_OK) {
			expect_layout(trial, &trial->owners);
			assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
		} else {
			assert_says(&trial->why, planted[i]);
			assert_int_equal(unlink(trial_path(trial, planted[i])), 0);
		}
	}
}

/* Root only: which other store has these readers. */
static void
test_sharing_readers(void **state)
{
	struct trial *trial = *state;
	struct lrk_owners owners = { 0, 0, 4242, 4343 };
	char other[LRK_STORE_MAX + 1] = "x";

	assert_ok(lrk_store_sharing_readers(trial->root, STORE, 4343, other, &trial->why));
	assert_string_equal(other, "");
	assert_ok(lrk_store_create(trial->root, STORE, &owners, &trial->why));
	assert_ok(lrk_store_sharing_readers(trial->root, STORE, 4343, other, &trial->why));
	assert_string_equal(other, ""); /* the store itself is passed over */
	assert_ok(lrk_store_sharing_readers(trial->root, "pool", 4343, other, &trial->why));
	assert_string_equal(other, STORE);
	assert_ok(lrk_store_sharing_readers(trial->root, "pool", 4242, other, &trial->why));
	assert_string_equal(other, "");
	owners.verifiers = 4444;
	assert_ok(lrk_store_create(trial->root, "pool", &owners, &trial->why));
	assert_ok(lrk_store_sharing_readers(trial->root, STORE, 4444, other, &trial->why));
	assert_string_equal(other, "pool");
	/* what is no store does not count */
	trial_mkdir(trial, LRK_VAR "/No-Store", 0750);
	assert_int_equal(chown(trial_path(trial, LRK_VAR "/No-Store"), 0, 4545), 0);
	trial_write(trial, LRK_VAR "/file", "", 0);
	assert_int_equal(chown(trial_path(trial, LRK_VAR "/file"), 0, 4545), 0);
	assert_ok(lrk_store_sharing_readers(trial->root, STORE, 4545, other, &trial->why));
	assert_string_equal(other, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		root_test(test_layout),
		root_test(test_audit_log_is_empty),
		root_test(test_stores_differ),
		root_test(test_exists),
		root_test(test_unreadable_key_file_is_kept),
		root_test(test_run_again),
		root_test(test_empty_key_file),
		root_test(test_somebody_else_makes_it),
		root_test(test_unsafe_surroundings),
		root_test(test_planted_files),
		/* from here on: what only root can set up */
		root_test(test_owners),
		root_test(test_sharing_readers),
	};
	size_t n = COUNT_OF(tests);

	if (geteuid() != 0) {
		n -= 2;
		print_message("# left out, because they need root: %s, %s\n", tests[n].name,
			      tests[n + 1].name);
	}
	return _cmocka_run_group_tests("create", tests, n, NULL, NULL);
}
