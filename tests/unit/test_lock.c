/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of those who change a store. Its clock is this program's own, so that ten
 * seconds pass at once; nothing here waits for time to pass.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "liblrkey/lock.h"

#include "trial.h"

static struct {
	unsigned looks;	     /* at the monotonic clock */
	int64_t step_ms;     /* that it moves on by at each look */
	unsigned release_at; /* the look at which the lock is given back; 0: never */
	int holder;	     /* who holds it then */
} own_clock;

/* In place of the C library's. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t ms;

	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, now);
	if (++own_clock.looks == own_clock.release_at)
		close(own_clock.holder);
	ms = 1000000 + own_clock.looks * own_clock.step_ms;
	*now = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	return 0;
}

/* Holds the lock through a descriptor of its own, as another process would. */
static int
hold(const struct trial *trial)
{
	int fd = open(trial_path(trial, LOCK_FILE), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static bool
is_held(const struct trial *trial)
{
	int fd = open(trial_path(trial, LOCK_FILE), O_RDWR | O_CLOEXEC);
	bool held;

	assert_true(fd >= 0);
	held = flock(fd, LOCK_SH | LOCK_NB) != 0; /* by somebody who shares it with nobody */
	close(fd);
	return held;
}

static void
set_clock(int64_t step_ms)
{
	memset(&own_clock, 0, sizeof(own_clock));
	own_clock.step_ms = step_ms;
}

static void
test_free_lock(void **state)
{
	struct trial *trial = *state;
	int fd = -77;

	set_clock(1);
	assert_ok(lrk_lock_take(trial->root, STORE, &fd, &trial->why));
	assert_true(is_held(trial));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_false(is_held(trial));
}

static void
test_timeout(void **state)
{
	static const int64_t steps[] = { 10000, 9999, 5000, 2500, 1000, 60000 };
	struct trial *trial = *state;

	assert_int_equal(LRK_LOCK_SECONDS, 10);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		int fd = -77, holder = hold(trial);

		set_clock(steps[i]);
		assert_err(lrk_lock_take(trial->root, STORE, &fd, &trial->why), LRK_ERR_LOCKED);
		assert_int_equal(fd, -77);
		assert_says(&trial->why, "store " STORE);
		assert_says(&trial->why, "10 seconds");
		/* the look at the beginning, and those until ten seconds are over */
		assert_int_equal(own_clock.looks, 1 + (10000 + steps[i] - 1) / steps[i]);
		close(holder);
		assert_false(is_held(trial));
	}
}

static void
test_wait(void **state)
{
	struct trial *trial = *state;

	for (unsigned looks = 2; looks < 6; looks++) {
		int fd = -77;

		set_clock(1000);
		own_clock.holder = hold(trial);
		own_clock.release_at = looks;
		assert_ok(lrk_lock_take(trial->root, STORE, &fd, &trial->why));
		assert_int_equal(own_clock.looks, looks);
		assert_true(is_held(trial));
		close(fd);
	}
}

/* Given back at the last look of all, it is had no more; the time is over. */
static void
test_too_late(void **state)
{
	struct trial *trial = *state;
	int fd = -77;

	set_clock(5000);
	own_clock.holder = hold(trial);
	own_clock.release_at = 3;
	assert_err(lrk_lock_take(trial->root, STORE, &fd, &trial->why), LRK_ERR_LOCKED);
	assert_false(is_held(trial));
}

/* A holder that dies holds nothing. */
static void
test_dead_holder(void **state)
{
	struct trial *trial = *state;
	int ready[2], status, fd = -1;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open(trial_path(trial, LOCK_FILE), O_RDWR | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_true(is_held(trial));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	set_clock(1);
	assert_ok(lrk_lock_take(trial->root, STORE, &fd, &trial->why));
	close(fd);
}

static void
test_check(void **state)
{
	struct trial *trial = *state;
	int holder = hold(trial);

	/* It asks whether the caller may, not whether he can now; and takes nothing. */
	assert_ok(lrk_lock_check(trial->root, STORE, &trial->why));
	close(holder);
	assert_ok(lrk_lock_check(trial->root, STORE, &trial->why));
	assert_false(is_held(trial));
}

static void
expect_neither(struct trial *trial, const char *name, enum lrk_err expected, const char *reason)
{
	int fd = -77;

	assert_err(lrk_lock_take(trial->root, name, &fd, &trial->why), expected);
	assert_says(&trial->why, reason);
	assert_int_equal(fd, -77);
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_lock_check(trial->root, name, &trial->why), expected);
	assert_says(&trial->why, reason);
}

static void
test_no_lock(void **state)
{
	struct trial *trial = *state;

	expect_neither(trial, "Not a name", LRK_ERR_SYNTAX, "not a store name");
	expect_neither(trial, "other", LRK_ERR_NO_STORE, "/other: does not exist");
	trial_chmod(trial, LOCK_FILE, 0666);
	expect_neither(trial, STORE, LRK_ERR_UNSAFE, "writable by everybody");
	trial_chmod(trial, LOCK_FILE, 0660);
	assert_int_equal(link(trial_path(trial, LOCK_FILE), trial_path(trial, "link")), 0);
	expect_neither(trial, STORE, LRK_ERR_UNSAFE, "hard link");
	assert_int_equal(unlink(trial_path(trial, "link")), 0);
	trial_chmod(trial, GATE_DIR, 0770);
	expect_neither(trial, STORE, LRK_ERR_UNSAFE, "writable by its group");
	trial_chmod(trial, GATE_DIR, 0750);
	assert_int_equal(truncate(trial_path(trial, LOCK_FILE), 4097), 0);
	expect_neither(trial, STORE, LRK_ERR_UNSAFE, "too large");
	assert_int_equal(unlink(trial_path(trial, LOCK_FILE)), 0);
	expect_neither(trial, STORE, LRK_ERR_NO_STORE, "/lock: does not exist");
	assert_int_equal(symlink("keys/keys.gdbm", trial_path(trial, LOCK_FILE)), 0);
	expect_neither(trial, STORE, LRK_ERR_UNSAFE, "symbolic link");
}

static enum lrk_err
check_lock(const struct trial *trial, struct lrk_why *why)
{
	return lrk_lock_check(trial->root, STORE, why);
}

static void
test_kernel_refuses(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	/* first the file, then the gate */
	trial_chmod(trial, ".", 0755);
	trial_chmod(trial, GATE_DIR, 0755);
	trial_chmod(trial, LOCK_FILE, root ? 0660 : 0400);
	assert_err(trial_unprivileged(trial, check_lock, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, LOCK_FILE));
	assert_says(&trial->why, root ? "uid 65534 is not in group root" : "permission denied");
	trial_chmod(trial, GATE_DIR, root ? 0750 : 0600);
	assert_err(trial_unprivileged(trial, check_lock, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, root ? "uid 65534 is not in group root" : "permission denied");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_free_lock),   store_test(test_timeout),
		store_test(test_wait),	      store_test(test_too_late),
		store_test(test_dead_holder), store_test(test_check),
		store_test(test_no_lock),     store_test(test_kernel_refuses),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
