/* SPDX-License-Identifier: GPL-3.0-or-later */
/* master.key as a file; what its text may be is test_masterkey.c's. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "liblrkey/masterfile.h"

#include "trial.h"

#define NEW_FILE MASTER_FILE ".new"

static struct lrk_dir
open_etc(struct trial *trial)
{
	struct lrk_dir top, etc;

	assert_ok(lrk_root_open(trial->root, &top, &trial->why));
	if (lrk_dir_open(&top, ETC_DIR, false, &etc, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	lrk_dir_close(&top);
	return etc;
}

static enum lrk_err
read_ring(struct trial *trial, struct lrk_keyring *ring)
{
	struct lrk_dir etc = open_etc(trial);
	enum lrk_err err;

	memset(&trial->why, 0, sizeof(trial->why));
	err = lrk_master_file_read(&etc, ring, &trial->why);
	lrk_dir_close(&etc);
	return err;
}

static enum lrk_err
write_ring(struct trial *trial, const struct lrk_keyring *ring)
{
	struct lrk_dir etc = open_etc(trial);
	enum lrk_err err;

	memset(&trial->why, 0, sizeof(trial->why));
	err = lrk_master_file_write(&etc, ring, geteuid(), getegid(), &trial->why);
	lrk_dir_close(&etc);
	return err;
}

static struct lrk_keyring
new_ring(unsigned n_keys)
{
	struct lrk_keyring ring = { 0 };

	assert_ok(lrk_random(ring.uuid, sizeof(ring.uuid)));
	while (ring.n_keys < n_keys)
		assert_ok(lrk_keyring_add(&ring, lrk_random));
	return ring;
}

static void
assert_same_ring(const struct lrk_keyring *a, const struct lrk_keyring *b)
{
	assert_memory_equal(a->uuid, b->uuid, sizeof(a->uuid));
	assert_int_equal(a->n_keys, b->n_keys);
	assert_int_equal(a->active, b->active);
	for (unsigned i = 0; i < a->n_keys; i++) {
		assert_int_equal(a->keys[i].id, b->keys[i].id);
		assert_memory_equal(a->keys[i].key, b->keys[i].key, LRK_AES_KEY_LEN);
	}
}

/* Whoever has the file from before still reads what he opened. */
static void
test_round_trip(void **state)
{
	struct trial *trial = *state;

	for (unsigned n = 1; n <= LRK_MASTER_KEYS_MAX; n++) {
		struct lrk_keyring ring = new_ring(n), back;
		size_t size, before_size;
		uint8_t *before = trial_read(trial, MASTER_FILE, &before_size), *after, *kept;
		int fd = open(trial_path(trial, MASTER_FILE), O_RDONLY | O_CLOEXEC);

		ring.active = (n - 1) / 2;
		assert_true(fd >= 0);
		assert_ok(write_ring(trial, &ring));
		assert_ok(read_ring(trial, &back));
		assert_same_ring(&back, &ring);
		assert_false(trial_exists(trial, NEW_FILE));

		kept = malloc(before_size + 1);
		assert_non_null(kept);
		assert_int_equal(pread(fd, kept, before_size + 1, 0), before_size);
		assert_memory_equal(kept, before, before_size);
		after = trial_read(trial, MASTER_FILE, &size);
		assert_true(size <= LRK_KEYRING_TEXT_MAX);
		assert_int_equal(after[size - 1], '\n');
		free(after);
		free(kept);
		free(before);
		close(fd);
	}
}

static void
test_first_one(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring ring = new_ring(1);
	struct lrk_keyring back;

	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
	assert_err(read_ring(trial, &back), LRK_ERR_NOT_FOUND);
	assert_says(&trial->why, trial_path(trial, MASTER_FILE));
	assert_says(&trial->why, "does not exist");
	assert_ok(write_ring(trial, &ring));
	assert_ok(read_ring(trial, &back));
	assert_same_ring(&back, &ring);
}

static void
test_mode_and_owner(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct trial *trial = *state;
	const struct lrk_keyring ring = new_ring(2);
	gid_t groups[64], group = getegid();
	int n = getgroups(COUNT_OF(groups), groups);
	struct lrk_dir etc;
	struct stat st;

	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		mode_t mask = umask(masks[i]);
		enum lrk_err err = write_ring(trial, &ring);

		umask(mask);
		assert_ok(err);
		assert_int_equal(trial_mode(trial, MASTER_FILE), 0640);
	}
	/* any group that the caller may give it to */
	if (geteuid() == 0)
		group = 54321;
	else if (n > 0)
		group = groups[n - 1];
	etc = open_etc(trial);
	assert_ok(lrk_master_file_write(&etc, &ring, geteuid(), group, &trial->why));
	lrk_dir_close(&etc);
	assert_int_equal(stat(trial_path(trial, MASTER_FILE), &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_gid, group);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
}

/* What a killed run, or somebody else, has left in the way is removed, never written through. */
static void
test_remains(void **state)
{
	struct trial *trial = *state;

	for (int kind = 0; kind < 4; kind++) {
		const struct lrk_keyring ring = new_ring(1);
		struct lrk_keyring back;
		uint8_t *victim;
		size_t size;

		trial_write(trial, "victim", "keep", 4);
		if (kind == 0)
			trial_write(trial, NEW_FILE, "half a master.k", 15);
		else if (kind == 1)
			assert_int_equal(symlink(trial_path(trial, "victim"),
						 trial_path(trial, NEW_FILE)), 0);
		else if (kind == 2)
			assert_int_equal(link(trial_path(trial, "victim"),
					      trial_path(trial, NEW_FILE)), 0);
		else
			assert_int_equal(mkfifo(trial_path(trial, NEW_FILE), 0666), 0);
		alarm(20);
		assert_ok(write_ring(trial, &ring));
		assert_ok(read_ring(trial, &back));
		alarm(0);
		assert_same_ring(&back, &ring);
		assert_false(trial_exists(trial, NEW_FILE));
		victim = trial_read(trial, "victim", &size);
		assert_int_equal(size, 4);
		assert_memory_equal(victim, "keep", 4);
		free(victim);
	}
}

/* Writes and expects failure; the file that was there stays as it was, and nothing beside it. */
static void
expect_not_written(struct trial *trial, enum lrk_err expected, const char *reason)
{
	const struct lrk_keyring ring = new_ring(2);
	size_t size, after_size;
	uint8_t *before = trial_read(trial, MASTER_FILE, &size), *after;
	char hex[2 * LRK_AES_KEY_LEN + 1];

	assert_err(write_ring(trial, &ring), expected);
	assert_says(&trial->why, trial_path(trial, NEW_FILE));
	assert_says(&trial->why, reason);
	for (size_t i = 0; i < LRK_AES_KEY_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", ring.keys[1].key[i]);
	assert_null(strstr(trial->why.text, hex));
	after = trial_read(trial, MASTER_FILE, &after_size);
	assert_int_equal(after_size, size);
	assert_memory_equal(after, before, size);
	free(after);
	free(before);
}

static void
test_directory_in_the_way(void **state)
{
	struct trial *trial = *state;

	trial_mkdir(trial, NEW_FILE, 0755);
	expect_not_written(trial, LRK_ERR_IO, "Is a directory");
	assert_int_equal(rmdir(trial_path(trial, NEW_FILE)), 0);
}

/* A file system with no room left, as a limit on the size of files. */
static void
test_no_room(void **state)
{
	struct trial *trial = *state;
	struct rlimit limit, none;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	for (rlim_t room = 0; room <= 100; room += 50) {
		none.rlim_cur = room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		expect_not_written(trial, LRK_ERR_IO, "File too large");
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_false(trial_exists(trial, NEW_FILE));
	}
	signal(SIGXFSZ, handler);
}

/* Renaming onto a directory is what cannot be done. */
static void
test_rename_fails(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring ring = new_ring(1);

	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);
	trial_mkdir(trial, MASTER_FILE, 0755);
	assert_err(write_ring(trial, &ring), LRK_ERR_IO);
	assert_says(&trial->why, trial_path(trial, NEW_FILE));
	assert_false(trial_exists(trial, NEW_FILE));
}

static enum lrk_err
write_as_somebody(const struct trial *trial, struct lrk_why *why)
{
	struct trial copy = *trial;
	const struct lrk_keyring ring = new_ring(1);
	enum lrk_err err = write_ring(&copy, &ring);

	*why = copy.why;
	return err;
}

static enum lrk_err
read_as_somebody(const struct trial *trial, struct lrk_why *why)
{
	struct trial copy = *trial;
	struct lrk_keyring ring;
	enum lrk_err err = read_ring(&copy, &ring);

	*why = copy.why;
	return err;
}

static void
test_kernel_refuses(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_chmod(trial, ETC_DIR, 0555);
	trial_chmod(trial, MASTER_FILE, root ? 0640 : 0000);
	assert_err(trial_unprivileged(trial, write_as_somebody, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, NEW_FILE));
	assert_says(&trial->why, "Permission denied");
	assert_err(trial_unprivileged(trial, read_as_somebody, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, MASTER_FILE));
	assert_says(&trial->why, root ? "uid 65534 is not in group root" : "permission denied");
	trial_chmod(trial, ETC_DIR, 0750);
}

/* Whose group a file is given to is the kernel's to say. */
static void
test_foreign_group(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring ring = new_ring(1);
	struct lrk_dir etc = open_etc(trial);
	size_t size, after_size;
	uint8_t *before = trial_read(trial, MASTER_FILE, &size), *after;

	if (geteuid() != 0) {
		assert_err(lrk_master_file_write(&etc, &ring, geteuid(), 54321, &trial->why),
			   LRK_ERR_ACCESS);
		after = trial_read(trial, MASTER_FILE, &after_size);
		assert_int_equal(after_size, size);
		assert_memory_equal(after, before, size);
		free(after);
	} else {
		struct stat st;

		assert_ok(lrk_master_file_write(&etc, &ring, 54322, 54321, &trial->why));
		assert_int_equal(stat(trial_path(trial, MASTER_FILE), &st), 0);
		assert_int_equal(st.st_uid, 54322);
		assert_int_equal(st.st_gid, 54321);
	}
	assert_false(trial_exists(trial, NEW_FILE));
	free(before);
	lrk_dir_close(&etc);
}

/* ---- Reading ---------------------------------------------------------------- */

static void
expect_unread(struct trial *trial, enum lrk_err expected, const char *reason)
{
	struct lrk_keyring ring, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	ring = untouched;
	alarm(20);
	assert_err(read_ring(trial, &ring), expected);
	alarm(0);
	assert_says(&trial->why, trial_path(trial, MASTER_FILE));
	assert_says(&trial->why, reason);
	assert_memory_equal(&ring, &untouched, sizeof(ring));
}

static void
test_unsafe(void **state)
{
	struct trial *trial = *state;
	size_t size;
	uint8_t *text = trial_read(trial, MASTER_FILE, &size);
	char large[LRK_KEYRING_TEXT_MAX + 1];

	trial_chmod(trial, MASTER_FILE, 0646);
	expect_unread(trial, LRK_ERR_UNSAFE, "writable by everybody");
	trial_chmod(trial, MASTER_FILE, 0640);

	assert_int_equal(link(trial_path(trial, MASTER_FILE), trial_path(trial, "link")), 0);
	expect_unread(trial, LRK_ERR_UNSAFE, "more than one hard link");
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);

	assert_int_equal(symlink(trial_path(trial, "link"), trial_path(trial, MASTER_FILE)), 0);
	expect_unread(trial, LRK_ERR_UNSAFE, "symbolic link");
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);

	assert_int_equal(mkfifo(trial_path(trial, MASTER_FILE), 0600), 0);
	expect_unread(trial, LRK_ERR_UNSAFE, "not a regular file");
	assert_int_equal(unlink(trial_path(trial, MASTER_FILE)), 0);

	trial_write(trial, MASTER_FILE, "", 0);
	expect_unread(trial, LRK_ERR_UNSAFE, "is empty");
	memset(large, 'x', sizeof(large));
	trial_write(trial, MASTER_FILE, large, sizeof(large));
	expect_unread(trial, LRK_ERR_UNSAFE, "too large (513 bytes)");
	/* of the largest size, and read: not what it should be */
	trial_write(trial, MASTER_FILE, large, LRK_KEYRING_TEXT_MAX);
	expect_unread(trial, LRK_ERR_DAMAGED, "damaged");
	trial_write(trial, MASTER_FILE, text, size - 1);
	expect_unread(trial, LRK_ERR_DAMAGED, "damaged");
	trial_write(trial, MASTER_FILE, "lrkey-master-keys 2\n", 20);
	expect_unread(trial, LRK_ERR_VERSION, "newer version");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_round_trip),
		store_test(test_first_one),
		store_test(test_mode_and_owner),
		store_test(test_remains),
		store_test(test_directory_in_the_way),
		store_test(test_no_room),
		store_test(test_rename_fails),
		store_test(test_kernel_refuses),
		store_test(test_foreign_group),
		store_test(test_unsafe),
	};

	return cmocka_run_group_tests_name("masterfile", tests, NULL, NULL);
}
