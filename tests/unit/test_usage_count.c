/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counting uses and refusals in the slots of the usage file. The monotonic clock
 * stands still here and is moved on by sleeping, so that waiting takes no time; what
 * is synced is counted, and can be made to fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "liblrkey/usage.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"
#define NOW TRIAL_NOW
#define MS INT64_C(1000000)

static struct {
	bool runs;	 /* the system's own */
	int64_t now;	 /* in nanoseconds, since it was reset */
	unsigned sleeps;
	int64_t release_at; /* when the lock is given back; 0: never */
	int holder;	    /* by closing this */
} own_clock;

static struct {
	unsigned count;
	int fail; /* with this error number */
} syncs;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC || own_clock.runs)
		return (int)syscall(SYS_clock_gettime, clock, now);
	*now = (struct timespec){ .tv_sec = 1000 + own_clock.now / 1000000000,
				  .tv_nsec = own_clock.now % 1000000000 };
	return 0;
}

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	if (own_clock.runs)
		return (int)syscall(SYS_nanosleep, time, left);
	own_clock.sleeps++;
	own_clock.now += time->tv_sec * 1000 * MS + time->tv_nsec;
	if (own_clock.release_at != 0 && own_clock.now >= own_clock.release_at) {
		own_clock.release_at = 0;
		close(own_clock.holder);
	}
	return 0;
}

int
fdatasync(int fd)
{
	syncs.count++;
	if (syncs.fail != 0) {
		errno = syncs.fail;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void
reset(void)
{
	memset(&own_clock, 0, sizeof(own_clock));
	memset(&syncs, 0, sizeof(syncs));
}

static int
set_up(void **state)
{
	reset();
	return trial_setup_store(state);
}

static int
usage_fd(const struct trial *trial, int flags)
{
	int fd = open(trial_path(trial, USAGE_FILE), flags | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* An entry with this limit, and a slot that says this. */
static struct lrk_entry
with_slot(int fd, uint64_t max_uses, const struct lrk_usage *usage)
{
	struct lrk_entry entry = trial_entry(ID_A, 'a');

	entry.max_uses = max_uses;
	entry.slot = 3;
	entry.slot_generation = 12;
	if (usage != NULL)
		assert_ok(lrk_usage_write(fd, &entry, usage));
	return entry;
}

static const struct lrk_usage unused;

/* Not as memory: what lies between and behind the members is nobody's. */
static void
assert_same_usage(const struct lrk_usage *a, const struct lrk_usage *b)
{
	assert_int_equal(a->uses, b->uses);
	assert_int_equal(a->denied, b->denied);
	assert_int_equal(a->last_used, b->last_used);
	assert_string_equal(a->service, b->service);
	assert_string_equal(a->rhost, b->rhost);
}

static struct lrk_usage
read_usage(int fd, const struct lrk_entry *entry)
{
	struct lrk_usage usage;
	bool valid = false;

	assert_ok(lrk_usage_read(fd, entry, &usage, &valid));
	assert_true(valid);
	return usage;
}

static bool
is_valid(int fd, const struct lrk_entry *entry)
{
	struct lrk_usage usage;
	bool valid = false;

	assert_ok(lrk_usage_read(fd, entry, &usage, &valid));
	return valid;
}

static void
expect_counts(int fd, const struct lrk_entry *entry, uint64_t uses, uint64_t denied)
{
	const struct lrk_usage usage = read_usage(fd, entry);

	assert_true(usage.uses == uses);
	assert_true(usage.denied == denied);
}

static bool
grant_at(int fd, const struct lrk_entry *entry, int64_t now)
{
	const struct lrk_use use = { now, "sshd", "192.0.2.7" };
	bool granted = false;
	struct lrk_why why;

	if (lrk_usage_grant(fd, entry, &use, &granted, &why) != LRK_OK)
		fail_msg("%s", why.text);
	return granted;
}

/* Neither granted nor refused: it cannot be recorded. */
static void
expect_not_recorded(int fd, const struct lrk_entry *entry, const char *reason)
{
	const struct lrk_use use = { NOW, "sshd", "192.0.2.7" };

	for (int i = 0; i < 2; i++) {
		bool granted = i == 0;
		struct lrk_why why = { "" };

		assert_err(lrk_usage_grant(fd, entry, &use, &granted, &why), LRK_ERR_USAGE);
		assert_int_equal(granted, i == 0);
		assert_says(&why, "usage: a use of key " ID_A " cannot be recorded: ");
		assert_says(&why, reason);
	}
	/* whoever does not want to know why need not */
	{
		bool granted = false;

		assert_err(lrk_usage_grant(fd, entry, &use, &granted, NULL), LRK_ERR_USAGE);
		assert_false(granted);
	}
}

/* ---- Grants and refusals -------------------------------------------------------- */

static void
test_unlimited(void **state)
{
	int fd = usage_fd(*state, O_RDWR);
	const struct lrk_entry entry = with_slot(fd, 0, &unused);

	for (unsigned i = 1; i <= 100; i++) {
		struct lrk_usage usage;

		assert_true(grant_at(fd, &entry, NOW + i));
		usage = read_usage(fd, &entry);
		assert_int_equal(usage.uses, i);
		assert_int_equal(usage.denied, 0);
		assert_true(usage.last_used == NOW + i);
		assert_string_equal(usage.service, "sshd");
		assert_string_equal(usage.rhost, "192.0.2.7");
	}
	assert_int_equal(syncs.count, 0);
	close(fd);
}

/* Granted and recorded, with a word about what is lost. */
static void
expect_begun_anew(int fd, const struct lrk_entry *entry)
{
	const struct lrk_use use = { NOW, "sshd", "192.0.2.7" };
	struct lrk_why why = { "" };
	bool granted = false;

	assert_false(is_valid(fd, entry));
	assert_err(lrk_usage_grant(fd, entry, &use, &granted, &why), LRK_ERR_USAGE);
	assert_true(granted);
	assert_says(&why, "usage: the slot of key " ID_A " was not valid");
	expect_counts(fd, entry, 1, 0);
	/* from then on it is like any other */
	assert_true(grant_at(fd, entry, NOW));
	expect_counts(fd, entry, 2, 0);
}

/* Without a limit nothing hangs on what stood there before. */
static void
test_unlimited_without_slot(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	struct lrk_entry entry = with_slot(fd, 0, NULL);

	expect_begun_anew(fd, &entry);
	/* damaged */
	assert_int_equal(pwrite(fd, "x", 1, 4 * LRK_SLOT_SIZE + 70), 1);
	expect_begun_anew(fd, &entry);
	/* an older key's */
	entry.slot_generation++;
	expect_begun_anew(fd, &entry);
	/* a file cut short, down to nothing */
	assert_int_equal(ftruncate(fd, 0), 0);
	expect_begun_anew(fd, &entry);
	close(fd);
}

/* Whoever reads an old snapshot, in which a deleted key had the place, leaves it alone. */
static void
test_newer_slot(void **state)
{
	const struct lrk_use use = { .now = NOW };
	int fd = usage_fd(*state, O_RDWR);

	for (uint64_t limit = 0; limit <= 1; limit++) {
		struct lrk_entry newer = with_slot(fd, 5, &unused), older = newer;
		struct lrk_why why = { "" };
		bool granted = true;

		older.max_uses = limit;
		older.slot_generation--;
		assert_true(grant_at(fd, &newer, NOW));
		assert_int_equal(lrk_usage_grant(fd, &older, &use, &granted, &why), LRK_ERR_USAGE);
		assert_says(&why, "its slot is another key's by now");
		lrk_usage_deny(fd, &older);
		expect_counts(fd, &newer, 1, 0);
	}
	close(fd);
}

static void
test_limited(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 100 };
	int fd = usage_fd(*state, O_RDWR);

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct lrk_entry entry = with_slot(fd, limits[i], &unused);

		reset();
		for (uint64_t use = 1; use <= limits[i]; use++) {
			assert_true(grant_at(fd, &entry, NOW));
			expect_counts(fd, &entry, use, 0);
			/* on disk before it is granted */
			assert_int_equal(syncs.count, use);
		}
		for (uint64_t refusal = 1; refusal <= 3; refusal++) {
			assert_false(grant_at(fd, &entry, NOW + 50));
			expect_counts(fd, &entry, limits[i], refusal);
			assert_true(read_usage(fd, &entry).last_used == NOW);
		}
		assert_int_equal(syncs.count, limits[i]);
		/* a limit that was raised lets in as many more */
		entry.max_uses += 2;
		assert_true(grant_at(fd, &entry, NOW));
		assert_true(grant_at(fd, &entry, NOW));
		assert_false(grant_at(fd, &entry, NOW));
		/* one that was lowered, none */
		entry.max_uses = 1;
		assert_false(grant_at(fd, &entry, NOW));
		expect_counts(fd, &entry, limits[i] + 2, 5);
	}
	close(fd);
}

/* Whatever is wrong with its slot, a key with a limit is refused, and nothing is written. */
static void
test_limited_without_slot(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	struct lrk_entry entry = with_slot(fd, 5, NULL);

	for (int i = 0; i < 5; i++) {
		uint8_t *before, *after;
		size_t size, after_size;

		if (i == 1) /* a hole */
			assert_int_equal(ftruncate(fd, 100 * LRK_SLOT_SIZE), 0);
		if (i >= 2)
			assert_ok(lrk_usage_write(fd, &entry, &unused));
		if (i == 2) /* damaged */
			assert_int_equal(pwrite(fd, "\1", 1, 4 * LRK_SLOT_SIZE + 15), 1);
		if (i == 3) /* another key's */
			entry.slot_generation++;
		if (i == 4) /* cut off */
			assert_int_equal(ftruncate(fd, 5 * LRK_SLOT_SIZE - 1), 0);
		before = trial_read(trial, USAGE_FILE, &size);
		expect_not_recorded(fd, &entry, "its slot is not valid: set --max-uses again");
		lrk_usage_deny(fd, &entry);
		after = trial_read(trial, USAGE_FILE, &after_size);
		assert_int_equal(after_size, size);
		assert_memory_equal(after, before, size);
		free(before);
		free(after);
	}
	assert_int_equal(syncs.count, 0);
	close(fd);
}

static void
test_saturation(void **state)
{
	const struct lrk_usage full = { .uses = UINT64_MAX, .denied = UINT64_MAX },
			       almost = { .uses = UINT64_MAX - 1, .denied = UINT64_MAX - 1 };
	int fd = usage_fd(*state, O_RDWR);
	struct lrk_entry entry = with_slot(fd, 0, &almost);

	for (int i = 0; i < 3; i++) {
		assert_true(grant_at(fd, &entry, NOW));
		lrk_usage_deny(fd, &entry);
		expect_counts(fd, &entry, UINT64_MAX, UINT64_MAX);
	}
	entry = with_slot(fd, UINT64_MAX, &almost);
	assert_true(grant_at(fd, &entry, NOW));
	assert_false(grant_at(fd, &entry, NOW));
	expect_counts(fd, &entry, UINT64_MAX, UINT64_MAX);
	entry = with_slot(fd, UINT64_MAX, &full);
	assert_false(grant_at(fd, &entry, NOW));
	expect_counts(fd, &entry, UINT64_MAX, UINT64_MAX);
	close(fd);
}

static void
test_deny(void **state)
{
	static const uint64_t limits[] = { 0, 1 };
	int fd = usage_fd(*state, O_RDWR);

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct lrk_usage before = { .uses = 1, .denied = 5, .last_used = NOW,
					    .service = "sshd", .rhost = "192.0.2.7" }, usage;
		const struct lrk_entry entry = with_slot(fd, limits[i], &before);

		lrk_usage_deny(fd, &entry);
		usage = read_usage(fd, &entry);
		before.denied = 6;
		assert_same_usage(&usage, &before);
	}
	/* without a limit, also where nothing stood */
	{
		const struct lrk_entry entry = with_slot(fd, 0, NULL);

		assert_int_equal(ftruncate(fd, 0), 0);
		lrk_usage_deny(fd, &entry);
		expect_counts(fd, &entry, 0, 1);
		assert_true(read_usage(fd, &entry).last_used == 0);
	}
	assert_int_equal(syncs.count, 0);
	close(fd);
}

/* ---- What is written of a use ------------------------------------------------------ */

static void
test_texts(void **state)
{
	static const struct {
		const char *service, *rhost;
		const char *expected_service, *expected_rhost;
	} rows[] = {
		{ "nginx", "2001:db8::1", "nginx", "2001:db8::1" },
		{ NULL, NULL, "", "" },
		{ "", "", "", "" },
		{ "a\nb\tc\x1b[31m", "x\x7f\x80\xff", "a?b?c?[31m", "x???" },
		{ "f\303\274r", "%s%n", "f??r", "%s%n" },
		{ "0123456789012345678901234567890123456789",
		  "0123456789012345678901234567890123456789012345678901234567890123456789",
		  "01234567890123456789012345678901",
		  "01234567890123456789012345678901234567890123456789012345" },
	};
	int fd = usage_fd(*state, O_RDWR);
	const struct lrk_entry entry = with_slot(fd, 0, &unused);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct lrk_use use = { NOW + (int64_t)i, rows[i].service, rows[i].rhost };
		struct lrk_usage usage;
		struct lrk_why why;
		bool granted = false;

		assert_ok(lrk_usage_grant(fd, &entry, &use, &granted, &why));
		assert_true(granted);
		usage = read_usage(fd, &entry);
		assert_string_equal(usage.service, rows[i].expected_service);
		assert_string_equal(usage.rhost, rows[i].expected_rhost);
		assert_true(usage.last_used == NOW + (int64_t)i);
	}
	close(fd);
}

/* The last use does not go back with the clock, unless what stands there cannot be true. */
static void
test_clock_back(void **state)
{
	static const struct {
		int64_t stands, now;
		bool replaced;
	} rows[] = {
		{ 0, NOW, true },
		{ NOW - 1, NOW, true },
		{ NOW, NOW, true },
		{ NOW + 1, NOW, false },
		{ NOW + LRK_CLOCK_TOLERANCE, NOW, false },
		{ NOW + LRK_CLOCK_TOLERANCE + 1, NOW, true },
		{ LRK_TIME_MAX, NOW, true },
		{ NOW, 0, true },
		{ LRK_CLOCK_TOLERANCE, 0, false },
	};
	int fd = usage_fd(*state, O_RDWR);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct lrk_usage before = { .uses = 4, .last_used = rows[i].stands,
						  .service = "before", .rhost = "there" };
		const struct lrk_entry entry = with_slot(fd, i % 2 == 0 ? 0 : 9, &before);
		struct lrk_usage usage;

		assert_true(grant_at(fd, &entry, rows[i].now));
		usage = read_usage(fd, &entry);
		assert_int_equal(usage.uses, 5);
		assert_true(usage.last_used == (rows[i].replaced ? rows[i].now : rows[i].stands));
		assert_string_equal(usage.service, rows[i].replaced ? "sshd" : "before");
		assert_string_equal(usage.rhost, rows[i].replaced ? "192.0.2.7" : "there");
	}
	close(fd);
}

/* ---- Where it cannot be written ----------------------------------------------------- */

static void
test_read_only(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR), read_only = usage_fd(trial, O_RDONLY);

	for (uint64_t limit = 0; limit < 2; limit++) {
		const struct lrk_entry entry = with_slot(fd, limit, &unused);

		expect_not_recorded(read_only, &entry, "Bad file descriptor");
		lrk_usage_deny(read_only, &entry);
		expect_counts(fd, &entry, 0, 0);
	}
	/* nobody waits for what will not come */
	assert_true(own_clock.sleeps <= 3);
	close(read_only);
	close(fd);
}

static void
test_write_only(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR), write_only = usage_fd(trial, O_WRONLY);

	for (uint64_t limit = 0; limit < 2; limit++) {
		const struct lrk_entry entry = with_slot(fd, limit, &unused);

		expect_not_recorded(write_only, &entry, "Bad file descriptor");
		lrk_usage_deny(write_only, &entry);
		expect_counts(fd, &entry, 0, 0);
		assert_err(lrk_usage_raise(write_only, &entry, &unused, NULL), LRK_ERR_IO);
	}
	close(write_only);
	close(fd);
}

/* A use that did not reach the disk was not granted; but it may be spent. */
static void
test_sync_fails(void **state)
{
	int fd = usage_fd(*state, O_RDWR);
	struct lrk_entry entry = with_slot(fd, 5, &unused);
	struct lrk_usage usage;

	syncs.fail = EIO;
	expect_not_recorded(fd, &entry, "Input/output error");
	assert_int_equal(syncs.count, 3);
	usage = read_usage(fd, &entry);
	assert_true(usage.uses <= 3);
	/* used up, it is a refusal, and nothing is synced for that */
	entry = with_slot(fd, 2, &(struct lrk_usage){ .uses = 2 });
	assert_false(grant_at(fd, &entry, NOW));
	assert_int_equal(syncs.count, 3);
	/* and not what a key without a limit asks for */
	entry = with_slot(fd, 0, &unused);
	assert_true(grant_at(fd, &entry, NOW));
	assert_int_equal(syncs.count, 3);
	close(fd);
}

/* A disk that is full, as a limit on the size of files: some of a slot's bytes do not fit. */
static void
test_no_room(void **state)
{
	static const off_t rooms[] = { 0, 1, 64, 127 };
	int fd = usage_fd(*state, O_RDWR);
	struct rlimit limit, none;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	for (size_t i = 0; i < COUNT_OF(rooms); i++) {
		const char *reason = rooms[i] == 0 ? "File too large" : "No space left on device";
		struct lrk_entry entry = with_slot(fd, 0, &unused);
		bool granted = true;

		none.rlim_cur = (rlim_t)(4 * LRK_SLOT_SIZE + rooms[i]);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		expect_not_recorded(fd, &entry, reason);
		lrk_usage_deny(fd, &entry);
		assert_err(lrk_usage_raise(fd, &entry, &unused, NULL), LRK_ERR_IO);
		assert_err(lrk_usage_reset(fd, &entry, NULL), LRK_ERR_IO);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

		entry = with_slot(fd, 5, &unused);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		{
			const struct lrk_use use = { NOW, NULL, NULL };
			struct lrk_why why = { "" };

			assert_err(lrk_usage_grant(fd, &entry, &use, &granted, &why),
				   LRK_ERR_USAGE);
			assert_says(&why, reason);
		}
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

		/* used up, it is a refusal, recorded or not */
		entry = with_slot(fd, 5, &(struct lrk_usage){ .uses = 5 });
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		assert_false(grant_at(fd, &entry, NOW));
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	}
	signal(SIGXFSZ, handler);
	assert_int_equal(syncs.count, 0);
	close(fd);
}

/* ---- Locks ---------------------------------------------------------------------------- */

/* Locks bytes of the file through a descriptor of its own, as another process would. */
static int
hold(const struct trial *trial, off_t start, off_t length)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start,
			      .l_len = length };
	int fd = usage_fd(trial, O_RDWR);

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static int
hold_slot(const struct trial *trial)
{
	return hold(trial, 4 * LRK_SLOT_SIZE, LRK_SLOT_SIZE);
}

static void
expect_unlocked(const struct trial *trial)
{
	close(hold(trial, 0, 0)); /* of the whole file */
}

static void
test_locked_limited(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR), holder;
	const struct lrk_entry entry = with_slot(fd, 5, &unused);
	const struct lrk_use use = { NOW, NULL, NULL };
	struct lrk_why why = { "" };
	bool granted = true;

	assert_int_equal(LRK_SLOT_WAIT_MS, 200);
	holder = hold_slot(trial);
	assert_err(lrk_usage_grant(fd, &entry, &use, &granted, &why), LRK_ERR_USAGE);
	assert_says(&why, "its slot is locked by somebody else");
	/* the budget, and not a poll more */
	assert_in_range(own_clock.now, 200 * MS, 202 * MS);
	assert_in_range(own_clock.sleeps, 20, 400);
	expect_counts(fd, &entry, 0, 0);
	close(holder);
	expect_unlocked(trial);
	close(fd);
}

/* Given back inside the budget, it is had. */
static void
test_wait(void **state)
{
	static const int64_t releases[] = { 1 * MS, 20 * MS, 150 * MS, 199 * MS };
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	const struct lrk_entry entry = with_slot(fd, 5, &unused);

	for (size_t i = 0; i < COUNT_OF(releases); i++) {
		reset();
		own_clock.holder = hold_slot(trial);
		own_clock.release_at = releases[i];
		assert_true(grant_at(fd, &entry, NOW));
		assert_in_range(own_clock.now, releases[i], releases[i] + 2 * MS);
		expect_counts(fd, &entry, i + 1, 0);
		expect_unlocked(trial);
	}
	close(fd);
}

/* Nobody waits for a record that nothing hangs on. */
static void
test_locked_unlimited(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR), holder;
	struct lrk_entry entry = with_slot(fd, 0, &unused);

	holder = hold_slot(trial);
	expect_not_recorded(fd, &entry, "its slot is locked by somebody else");
	lrk_usage_deny(fd, &entry);
	entry.max_uses = 5;
	lrk_usage_deny(fd, &entry);
	assert_int_equal(own_clock.sleeps, 0);
	close(holder);
	expect_counts(fd, &entry, 0, 0);
	close(fd);
}

/* A lock is on a slot; what others do with theirs is nothing to it. */
static void
test_only_its_slot(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	int before = hold(trial, 0, 4 * LRK_SLOT_SIZE), behind = hold(trial, 5 * LRK_SLOT_SIZE, 0);
	const struct lrk_entry entry = with_slot(fd, 5, &unused);

	assert_true(grant_at(fd, &entry, NOW));
	lrk_usage_deny(fd, &entry);
	expect_counts(fd, &entry, 1, 1);
	assert_int_equal(own_clock.sleeps, 0);
	close(before);
	close(behind);
	/* and one byte of it is enough */
	behind = hold(trial, 5 * LRK_SLOT_SIZE - 1, 1);
	expect_not_recorded(fd, &entry, "locked by somebody else");
	close(behind);
	close(fd);
}

/* Whatever comes of it, the slot is given back. */
static void
test_given_back(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	struct lrk_entry entry = with_slot(fd, 1, &unused);

	assert_true(grant_at(fd, &entry, NOW));
	expect_unlocked(trial);
	assert_false(grant_at(fd, &entry, NOW));
	expect_unlocked(trial);
	lrk_usage_deny(fd, &entry);
	expect_unlocked(trial);
	assert_ok(lrk_usage_raise(fd, &entry, &unused, NULL));
	expect_unlocked(trial);
	entry.slot_generation++;
	expect_not_recorded(fd, &entry, "not valid");
	expect_unlocked(trial);
	syncs.fail = EIO;
	entry = with_slot(fd, 5, &unused);
	expect_not_recorded(fd, &entry, "Input/output error");
	expect_unlocked(trial);
	close(fd);
}

/*
 * Another process, and a lock of the older kind, that belongs to processes; when it dies
 * the slot is free.
 */
static void
test_other_process(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR), ready[2], status;
	const struct lrk_entry entry = with_slot(fd, 5, &unused);
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		if (fcntl(fd, F_SETLK, &lock) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	expect_not_recorded(fd, &entry, "locked by somebody else");
	assert_in_range(own_clock.now, 3 * 200 * MS, 3 * 202 * MS);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	own_clock.sleeps = 0;
	assert_true(grant_at(fd, &entry, NOW));
	assert_int_equal(own_clock.sleeps, 0);
	close(fd);
}

/* ---- All at once ------------------------------------------------------------------------ */

enum { PROCESSES = 4, THREADS = 3, LIMIT = 120 };

struct crowd {
	char path[512]; /* of the usage file */
	struct lrk_entry entry;
	atomic_uint granted, refused;
};

/* Uses the key until it is refused. */
static void *
use_up(void *context)
{
	struct crowd *crowd = context;
	const struct lrk_use use = { NOW, "sshd", NULL };
	int fd = open(crowd->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	for (;;) {
		bool granted = false;

		/* A slot that was not had in time is asked for again. */
		if (lrk_usage_grant(fd, &crowd->entry, &use, &granted, NULL) != LRK_OK)
			continue;
		if (!granted)
			break;
		crowd->granted++;
	}
	crowd->refused++;
	close(fd);
	return NULL;
}

static void
run_threads(struct crowd *crowd)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, use_up, crowd) != 0)
			_exit(1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_join(threads[i], NULL) != 0)
			_exit(1);
	_exit(0);
}

/* A limit holds whoever asks, and each grant and refusal is on record. */
static void
test_crowd(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);
	struct crowd *crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];

	assert_ptr_not_equal(crowd, MAP_FAILED);
	*crowd = (struct crowd){ .entry = with_slot(fd, LIMIT, &unused) };
	snprintf(crowd->path, sizeof(crowd->path), "%s", trial_path(trial, USAGE_FILE));
	own_clock.runs = true;
	alarm(120);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			run_threads(crowd);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	alarm(0);
	assert_int_equal(crowd->granted, LIMIT);
	assert_int_equal(crowd->refused, PROCESSES * THREADS);
	expect_counts(fd, &crowd->entry, LIMIT, PROCESSES * THREADS);
	assert_int_equal(munmap(crowd, sizeof(*crowd)), 0);
	close(fd);
}

/* ---- Raising ------------------------------------------------------------------------------ */

static void
test_raise(void **state)
{
	static const struct lrk_usage
		here = { 10, 20, NOW, "here", "192.0.2.1" },
		more = { 11, 21, NOW + 1, "there", "192.0.2.2" },
		less = { 9, 19, NOW - 1, "there", "192.0.2.2" },
		used = { 11, 19, NOW - 1, "there", "192.0.2.2" },
		denied = { 9, 21, NOW, "there", "192.0.2.2" },
		later = { 9, 19, NOW + 1, "there", "192.0.2.2" };
	static const struct {
		const struct lrk_usage *raise;
		struct lrk_usage expected;
	} rows[] = {
		{ &more, { 11, 21, NOW + 1, "there", "192.0.2.2" } },
		{ &less, { 10, 20, NOW, "here", "192.0.2.1" } },
		{ &used, { 11, 20, NOW, "here", "192.0.2.1" } },
		{ &denied, { 10, 21, NOW, "here", "192.0.2.1" } },
		{ &later, { 10, 20, NOW + 1, "there", "192.0.2.2" } },
		{ &unused, { 10, 20, NOW, "here", "192.0.2.1" } },
		{ &here, { 10, 20, NOW, "here", "192.0.2.1" } },
	};
	int fd = usage_fd(*state, O_RDWR);
	struct lrk_usage usage;
	struct lrk_entry entry;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		entry = with_slot(fd, i % 3, &here);
		assert_ok(lrk_usage_raise(fd, &entry, rows[i].raise, NULL));
		usage = read_usage(fd, &entry);
		assert_same_usage(&usage, &rows[i].expected);
	}
	/* a slot that is not valid says it then */
	for (uint64_t limit = 0; limit < 2; limit++) {
		entry = with_slot(fd, limit, &more);
		entry.slot_generation++;
		assert_ok(lrk_usage_raise(fd, &entry, &less, NULL));
		usage = read_usage(fd, &entry);
		assert_same_usage(&usage, &less);
	}
	close(fd);
}

static void
test_raise_locked(void **state)
{
	struct trial *trial = *state;
	int fd = usage_fd(trial, O_RDWR);

	for (uint64_t limit = 0; limit < 2; limit++) {
		const struct lrk_entry entry = with_slot(fd, limit, &unused);
		int holder = hold_slot(trial);
		struct lrk_why why = { "" };

		reset();
		assert_err(lrk_usage_raise(fd, &entry, &(struct lrk_usage){ .uses = 5 }, &why),
			   LRK_ERR_USAGE);
		assert_says(&why, "its slot is locked by somebody else");
		assert_in_range(own_clock.now, 200 * MS, 202 * MS);
		close(holder);
		expect_counts(fd, &entry, 0, 0);
	}
	close(fd);
}

/* A new key's slot is not written beside one who still writes the old key's. */
static void
test_reset_locked(void **state)
{
	struct trial *trial = *state;
	const struct lrk_usage used = { .uses = 3 };
	int fd = usage_fd(trial, O_RDWR), holder;

	for (uint64_t limit = 0; limit <= 5; limit += 5) {
		const struct lrk_entry entry = with_slot(fd, limit, &used);
		struct lrk_why why = { "" };

		reset();
		holder = hold_slot(trial);
		assert_err(lrk_usage_reset(fd, &entry, &why), LRK_ERR_USAGE);
		assert_says(&why, "its slot is locked by somebody else");
		if (limit == 0)
			assert_int_equal(own_clock.now, 0);
		else
			assert_in_range(own_clock.now, 200 * MS, 202 * MS);
		expect_counts(fd, &entry, 3, 0);
		close(holder);
		assert_ok(lrk_usage_reset(fd, &entry, &why));
		expect_counts(fd, &entry, 0, 0);
		expect_unlocked(trial);
	}
	close(fd);
}

#define count_test(test) cmocka_unit_test_setup_teardown(test, set_up, trial_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		count_test(test_unlimited),
		count_test(test_unlimited_without_slot),
		count_test(test_newer_slot),
		count_test(test_limited),
		count_test(test_limited_without_slot),
		count_test(test_saturation),
		count_test(test_deny),
		count_test(test_texts),
		count_test(test_clock_back),
		count_test(test_read_only),
		count_test(test_write_only),
		count_test(test_sync_fails),
		count_test(test_no_room),
		count_test(test_locked_limited),
		count_test(test_wait),
		count_test(test_locked_unlimited),
		count_test(test_only_its_slot),
		count_test(test_given_back),
		count_test(test_other_process),
		count_test(test_crowd),
		count_test(test_raise),
		count_test(test_raise_locked),
		count_test(test_reset_locked),
	};

	return cmocka_run_group_tests_name("usage counts", tests, NULL, NULL);
}
