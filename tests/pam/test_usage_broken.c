/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A usage file that is missing, not a file, not ours, or not what was written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "breakage.h"
#include "check.h"
#include "host.h"

#define USAGE LRK_VAR "/system/" LRK_USAGE_FILE

/* ---- Not there, or not what it must be ------------------------------------------ */

static bool
do_remove(void)
{
	return unlink(breakage_path()) == 0;
}

static bool
do_make_directory(void)
{
	return do_remove() && mkdir(breakage_path(), 0755) == 0;
}

static bool
do_make_fifo(void)
{
	return do_remove() && mkfifo(breakage_path(), 0660) == 0;
}

static bool
do_make_symlink(void)
{
	char target[256];

	snprintf(target, sizeof(target), "%s/elsewhere", host.root);
	return rename(breakage_path(), target) == 0 && symlink(target, breakage_path()) == 0;
}

static bool
do_link(void)
{
	char second[256];

	snprintf(second, sizeof(second), "%s/second", host.root);
	return link(breakage_path(), second) == 0;
}

static bool
do_open_to_all(void)
{
	return chmod(breakage_path(), 0666) == 0;
}

static bool
do_forbid_writing(void)
{
	return chmod(breakage_path(), 0440) == 0 && aside_become_verifier();
}

static bool
do_forbid(void)
{
	return chmod(breakage_path(), 0) == 0 && aside_become_verifier();
}

/* ---- Not what was written --------------------------------------------------------- */

static bool
spoil_at(const struct lrk_entry *entry, off_t at, const void *bytes, size_t size)
{
	int fd = open(breakage_path(), O_WRONLY | O_CLOEXEC);
	off_t slot = ((off_t)entry->slot + 1) * LRK_SLOT_SIZE;
	bool done = fd >= 0 && pwrite(fd, bytes, size, slot + at) == (ssize_t)size;

	close(fd);
	return done;
}

static bool
spoil_both(off_t at, const void *bytes, size_t size)
{
	return spoil_at(&breakage_limited_entry, at, bytes, size) &&
	       spoil_at(&breakage_unlimited_entry, at, bytes, size);
}

static bool
do_empty(void)
{
	return truncate(breakage_path(), 0) == 0;
}

/* All but its head. */
static bool
do_cut(void)
{
	return truncate(breakage_path(), LRK_SLOT_SIZE) == 0;
}

static bool
do_cut_in_slot(void)
{
	off_t first = breakage_limited_entry.slot;

	if (breakage_unlimited_entry.slot < first)
		first = breakage_unlimited_entry.slot;
	return truncate(breakage_path(), (first + 2) * LRK_SLOT_SIZE - 1) == 0;
}

static bool
do_zero(void)
{
	static const char zeros[LRK_SLOT_SIZE];

	return spoil_both(0, zeros, sizeof(zeros));
}

static bool
do_overwrite(void)
{
	int fd = open(breakage_path(), O_WRONLY | O_CLOEXEC);
	struct stat st;
	bool done;

	done = fd >= 0 && fstat(fd, &st) == 0;
	for (off_t at = 0; done && at < st.st_size; at += 16)
		done = pwrite(fd, "not as it was!\n\0", 16, at) == 16;
	close(fd);
	return done;
}

/* A count that somebody has set back without knowing of the check. */
static bool
do_change_count(void)
{
	return spoil_both(8, "\0\0\0\0\0\0\0\0", 8);
}

/* The slots of other keys that had, or have by now, these places. */
static bool
change_generations(uint64_t by)
{
	struct lrk_entry one = breakage_limited_entry, other = breakage_unlimited_entry;
	const struct lrk_usage usage = { .uses = 0 };
	int fd = open(breakage_path(), O_RDWR | O_CLOEXEC);
	bool done;

	one.slot_generation += by;
	other.slot_generation += by;
	done = fd >= 0 && lrk_usage_write(fd, &one, &usage) == LRK_OK &&
	       lrk_usage_write(fd, &other, &usage) == LRK_OK;
	close(fd);
	return done;
}

static bool
do_put_older_slots(void)
{
	return change_generations(UINT64_MAX);
}

static bool
do_put_newer_slots(void)
{
	return change_generations(1);
}

/* ---- The tests ---------------------------------------------------------------------- */

#define BEGUN_ANEW "was not valid, and counts from nothing again"
#define NOT_VALID "its slot is not valid: set --max-uses again"

static void
test_not_there(void **state)
{
	static const struct breakage rows[] = {
		{ "missing", do_remove, "does not exist", "does not exist", false, false },
		{ "a directory", do_make_directory, "is not a regular file",
		  "is not a regular file", false, false },
		{ "a FIFO", do_make_fifo, "is not a regular file", "is not a regular file", false,
		  false },
		{ "a symbolic link", do_make_symlink, "is a symbolic link", "is a symbolic link",
		  false, false },
		{ "a second link", do_link, "more than one hard link", "more than one hard link",
		  false, false },
		{ "writable by everybody", do_open_to_all, "is writable by everybody",
		  "is writable by everybody", false, false },
		{ "ours to read only", do_forbid_writing, "permission denied", "permission denied",
		  false, false },
		{ "not ours at all", do_forbid, "permission denied", "permission denied", false,
		  false },
	};

	breakage_run(state, rows, COUNT_OF(rows));
}

static void
test_not_as_it_was(void **state)
{
	static const struct breakage rows[] = {
		{ "empty", do_empty, NOT_VALID, BEGUN_ANEW, false, false },
		{ "cut", do_cut, NOT_VALID, BEGUN_ANEW, false, false },
		{ "cut in a slot", do_cut_in_slot, NOT_VALID, BEGUN_ANEW, false, false },
		{ "zeros", do_zero, NOT_VALID, BEGUN_ANEW, false, false },
		{ "garbage", do_overwrite, NOT_VALID, BEGUN_ANEW, false, false },
		{ "a count set back", do_change_count, NOT_VALID, BEGUN_ANEW, false, false },
		{ "slots of older keys", do_put_older_slots, NOT_VALID, BEGUN_ANEW, false, false },
		{ "slots of newer keys", do_put_newer_slots, "its slot is another key's by now",
		  "its slot is another key's by now", false, false },
	};

	breakage_run(state, rows, COUNT_OF(rows));
}

/* A key without a limit counts from nothing again; one with a limit stays refused. */
static void
test_garbage_later(void **state)
{
	struct lrk_usage usage;

	(void)state;
	assert_true(do_overwrite());
	assert_code(host_try("acme", breakage_unlimited.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", breakage_unlimited.text, NULL), PAM_SUCCESS);
	usage = stock_read_usage(host.root, LRK_STORE_DEFAULT, &breakage_unlimited);
	assert_int_equal(usage.uses, 2);
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
}

/* The next attempt after the file is right again, in the same process. */
static void
test_mended(void **state)
{
	(void)state;
	host_move(USAGE, "away");
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	host_move("away", USAGE);
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_SUCCESS);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &breakage_limited).uses, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, breakage_set_up, host_tear_down)
		TEST(test_not_there),
		TEST(test_not_as_it_was),
		TEST(test_garbage_later),
		TEST(test_mended),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
