/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where uses cannot be recorded: a key with a limit is refused, and soon; any other lets its holder
 * in, with one warning a process. Each row is a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define USAGE LRK_VAR "/system/" LRK_USAGE_FILE

/* How long the host may be made to wait. */
#define WAIT_MS 250

static struct stock_key limited, unlimited;
static struct lrk_entry limited_entry, unlimited_entry;

static void
limit_to_three(struct lrk_entry *entry)
{
	entry->max_uses = 3;
}

/* Two keys, each used once; for a row's process to go on from. */
static int
set_up(void **state)
{
	disk_reset();
	if (host_set_up(state) != 0)
		return -1;
	limited = stock_make_key(host.root, LRK_STORE_DEFAULT, limit_to_three);
	unlimited = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	limited_entry = stock_read_key(host.root, LRK_STORE_DEFAULT, &limited);
	unlimited_entry = stock_read_key(host.root, LRK_STORE_DEFAULT, &unlimited);
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", unlimited.text, NULL), PAM_SUCCESS);
	assert_int_equal(hooks_n_lines, 0);
	/* For rows that are no longer root: all but the gate is anybody's to pass. */
	return chmod(host.root, 0755);
}

/* ---- What a row's process sees -------------------------------------------------- */

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
		EXPECT(login(&limited) == PAM_AUTHINFO_UNAVAIL);
		took = milliseconds_since(&from);
		if (took < fastest)
			fastest = took;
		EXPECT(host_account(0) == PAM_AUTHINFO_UNAVAIL);
		EXPECT(hooks_n_lines == 1);
		EXPECT(hooks_count(LOG_ALERT, "pam_lrkey(scim:auth): store system unavailable: ") == 1);
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
		EXPECT(login(&unlimited) == PAM_SUCCESS);
		EXPECT(host_account(0) == PAM_SUCCESS);
		EXPECT(strcmp(host_env("LRKEY_ID"), unlimited.id) == 0);
	}
	EXPECT(disk.naps == naps);
	EXPECT(hooks_n_lines == 1);
	EXPECT(hooks_count(LOG_WARNING,
			   "pam_lrkey(scim:auth): store system: uses are not recorded: ") == 1);
	EXPECT(hooks_count(LOG_WARNING, "usage: ") == 1);
	EXPECT(hooks_count(LOG_WARNING, reason) == 1);
	return NULL;
}

/* ---- Ways to break it --------------------------------------------------------- */

static const char *
usage_path(void)
{
	return host_path(USAGE);
}

static bool
spoil_at(const struct lrk_entry *entry, off_t at, const void *bytes, size_t size)
{
	int fd = open(usage_path(), O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, bytes, size,
				      ((off_t)entry->slot + 1) * LRK_SLOT_SIZE + at) == (ssize_t)size;

	close(fd);
	return done;
}

static bool
spoil_both(off_t at, const void *bytes, size_t size)
{
	return spoil_at(&limited_entry, at, bytes, size) &&
	       spoil_at(&unlimited_entry, at, bytes, size);
}

static bool
do_remove(void)
{
	return unlink(usage_path()) == 0;
}

static bool
do_make_directory(void)
{
	return do_remove() && mkdir(usage_path(), 0755) == 0;
}

static bool
do_make_fifo(void)
{
	return do_remove() && mkfifo(usage_path(), 0660) == 0;
}

static bool
do_make_symlink(void)
{
	char target[256];

	snprintf(target, sizeof(target), "%s/elsewhere", host.root);
	return rename(usage_path(), target) == 0 && symlink(target, usage_path()) == 0;
}

static bool
do_link(void)
{
	char second[256];

	snprintf(second, sizeof(second), "%s/second", host.root);
	return link(usage_path(), second) == 0;
}

static bool
do_open_to_all(void)
{
	return chmod(usage_path(), 0666) == 0;
}

static bool
do_forbid_writing(void)
{
	return chmod(usage_path(), 0440) == 0 && aside_become_verifier();
}

static bool
do_forbid(void)
{
	return chmod(usage_path(), 0) == 0 && aside_become_verifier();
}

static bool
do_empty(void)
{
	return truncate(usage_path(), 0) == 0;
}

static bool
do_cut_in_first_slot(void)
{
	return truncate(usage_path(), 2 * LRK_SLOT_SIZE - 1) == 0;
}

static bool
do_keep_head(void)
{
	return truncate(usage_path(), LRK_SLOT_SIZE) == 0;
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
	bool done = true;
	struct stat st;
	int fd = open(usage_path(), O_WRONLY | O_CLOEXEC);

	done = fd >= 0 && fstat(fd, &st) == 0;
	for (off_t at = 0; done && at < st.st_size; at += 16)
		done = pwrite(fd, "not as it was!\n\0", 16, at) == 16;
	close(fd);
	return done;
}

/* A count that somebody has changed without knowing of the check. */
static bool
do_change_count(void)
{
	return spoil_both(15, "\0", 1) && spoil_both(8, "\0", 1) && spoil_both(14, "\1", 1);
}

/* The slot of a key that had this place before. */
static bool
do_change_generation(void)
{
	struct lrk_entry before = limited_entry, other = unlimited_entry;
	const struct lrk_usage usage = { .uses = 0 };
	int fd = open(usage_path(), O_RDWR | O_CLOEXEC);
	bool done;

	before.slot_generation--;
	other.slot_generation--;
	done = fd >= 0 && lrk_usage_write(fd, &before, &usage) == LRK_OK &&
	       lrk_usage_write(fd, &other, &usage) == LRK_OK;
	close(fd);
	return done;
}

static bool
do_fail_write(void)
{
	disk.write_error = ENOSPC;
	return true;
}

static bool
do_fail_write_by_hardware(void)
{
	disk.write_error = EIO;
	return true;
}

static bool
do_write_short(void)
{
	disk.short_write = 64;
	return true;
}

static void
run_row(bool (*spoil)(void), const char *reason, const char *later)
{
	const char *refused, *let_in;

	(void)refused;
	(void)let_in;
	(void)spoil;
	(void)reason;
	(void)later;
}
