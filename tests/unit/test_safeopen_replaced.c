/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that is replaced between its open and the look at its descriptor, as every
 * commit of a change does to somebody sooner or later.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/lock.h"
#include "liblrkey/safeopen.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"

/* What happens at the next look at this file's descriptor, once. */
static struct {
	char from[512]; /* is renamed to it; "" when it is only removed */
	char path[512];
	bool armed;
	bool always; /* every file is one that was replaced */
	double until; /* the same, up to this time */
	unsigned fired;
} replacing;

static double
seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* On its way to the kernel: whose descriptor is looked at has been opened. */
int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
	struct stat named, opened;

	if (syscall(SYS_statx, fd, path, flags, mask, st) != 0)
		return -1;
	if ((replacing.always || seconds() < replacing.until) && S_ISREG(st->stx_mode)) {
		st->stx_nlink = 0;
		replacing.fired++;
	}
	if (!replacing.armed || fstat(fd, &opened) != 0 || lstat(replacing.path, &named) != 0 ||
	    named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
		return 0;
	replacing.armed = false;
	replacing.fired++;
	if (replacing.from[0] != '\0')
		assert_int_equal(rename(replacing.from, replacing.path), 0);
	else
		assert_int_equal(unlink(replacing.path), 0);
	return (int)syscall(SYS_statx, fd, path, flags, mask, st);
}

static void
arm(const struct trial *trial, const char *from, const char *path)
{
	memset(&replacing, 0, sizeof(replacing));
	if (from != NULL)
		snprintf(replacing.from, sizeof(replacing.from), "%s", trial_path(trial, from));
	snprintf(replacing.path, sizeof(replacing.path), "%s", trial_path(trial, path));
	replacing.armed = true;
}

static void
expect_fired(void)
{
	assert_false(replacing.armed);
	assert_int_equal(replacing.fired, 1);
}

/* A reader has what is there now; or nothing. */
static void
test_reader(void **state)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, 100 };
	struct trial *trial = *state;
	struct lrk_dir dir;

	assert_ok(lrk_root_open(trial->root, &dir, &trial->why));
	for (int removed = 0; removed < 2; removed++) {
		bool defect = false;
		char text[4];
		int fd = -1;

		for (int i = 0; i < 2; i++) {
			trial_write(trial, "file", "old", 3);
			trial_write(trial, "new", "new", 3);
			arm(trial, removed == 1 ? NULL : "new", "file");
			assert_int_equal(lrk_file_open(&dir, "file", &rule, i == 0 ? NULL : &defect,
						       &fd, NULL, &trial->why),
					 removed == 1 ? LRK_ERR_NOT_FOUND : LRK_OK);
			expect_fired();
			assert_false(defect);
			if (removed == 1)
				continue;
			assert_ok(lrk_file_read(fd, text, 3));
			assert_memory_equal(text, "new", 3);
			close(fd);
		}
	}
	lrk_dir_close(&dir);
}

/* What is written to a file that nobody can open any more is lost. */
static void
test_writer(void **state)
{
	static const int flags[] = { O_RDWR, O_RDWR | O_APPEND, O_WRONLY };
	struct trial *trial = *state;
	struct lrk_dir dir;

	assert_ok(lrk_root_open(trial->root, &dir, &trial->why));
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		const struct lrk_file_rule rule = { flags[i], 0, 100 };
		int fd = -77;

		trial_write(trial, "file", "old", 3);
		trial_write(trial, "new", "new", 3);
		arm(trial, i == 1 ? NULL : "new", "file");
		assert_int_equal(lrk_file_open(&dir, "file", &rule, NULL, &fd, NULL, &trial->why),
				 i == 1 ? LRK_ERR_NOT_FOUND : LRK_OK);
		expect_fired();
		if (i == 1) {
			assert_int_equal(fd, -77);
			continue;
		}
		assert_int_equal(write(fd, "x", 1), 1);
		close(fd);
		assert_int_equal(access(trial_path(trial, "new"), F_OK), -1);
	}
	lrk_dir_close(&dir);
}

/* As when a container has the file mounted, and it was replaced: an old one, not believed. */
static void
test_never_named(void **state)
{
	static const int flags[] = { O_RDONLY, O_RDWR };
	struct trial *trial = *state;
	struct lrk_dir dir;

	assert_ok(lrk_root_open(trial->root, &dir, &trial->why));
	trial_write(trial, "file", "old", 3);
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		const struct lrk_file_rule rule = { flags[i], 0, 100 };
		bool defect = false;
		int fd = -77;

		memset(&replacing, 0, sizeof(replacing));
		replacing.always = true;
		assert_err(lrk_file_open(&dir, "file", &rule, &defect, &fd, NULL, &trial->why),
			   LRK_ERR_UNSAFE);
		replacing.always = false;
		assert_int_equal(replacing.fired, 18);
		assert_says(&trial->why, trial_path(trial, "file"));
		assert_says(&trial->why, "mounted");
		assert_int_equal(fd, -77);
		assert_false(defect);
	}
	lrk_dir_close(&dir);
}

/*
 * Renames are not done in no time: a kernel that lets others run in the middle of one leaves a name
 * without a file that has it, for as long as that takes.
 */
static void
test_slow_rename(void **state)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, 100 };
	struct trial *trial = *state;
	struct lrk_dir dir;
	int fd = -1;

	assert_ok(lrk_root_open(trial->root, &dir, &trial->why));
	trial_write(trial, "file", "new", 3);
	memset(&replacing, 0, sizeof(replacing));
	replacing.until = seconds() + 0.03;
	assert_ok(lrk_file_open(&dir, "file", &rule, NULL, &fd, NULL, &trial->why));
	replacing.until = 0;
	close(fd);
	lrk_dir_close(&dir);
}

/* A lock on a file that is no longer there keeps nobody out. */
static void
test_lock(void **state)
{
	struct trial *trial = *state;
	int fd = -77;

	arm(trial, NULL, LOCK_FILE);
	assert_err(lrk_lock_take(trial->root, STORE, &fd, &trial->why), LRK_ERR_NO_STORE);
	expect_fired();
	assert_int_equal(fd, -77);
}

/* An authentication in the middle of a commit, and in the middle of a rekey's. */
static void
test_authentication(void **state)
{
	static const char *const files[] = { KEY_FILE, MASTER_FILE };
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID_A, 'a');
	const struct lrk_credential credential = trial_credential(ID_A, 'a');
	const struct lrk_question question = { .root = trial->root, .store = STORE,
					       .credential = &credential, .now = TRIAL_NOW };

	trial_put(trial, STORE, &entry, 1);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct lrk_answer answer = { .verdict = LRK_VERDICT_COUNT };
		size_t size;
		uint8_t *bytes = trial_read(trial, files[i], &size);

		trial_write(trial, "new", bytes, size);
		free(bytes);
		arm(trial, "new", files[i]);
		if (lrk_verify(&question, &answer, &trial->why) != LRK_OK)
			fail_msg("%s", trial->why.text);
		expect_fired();
		assert_int_equal(answer.verdict, LRK_VERDICT_VALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		root_test(test_reader),
		root_test(test_writer),
		root_test(test_never_named),
		root_test(test_slow_rename),
		store_test(test_lock),
		store_test(test_authentication),
	};

	return cmocka_run_group_tests_name("safeopen, replaced files", tests, NULL, NULL);
}
