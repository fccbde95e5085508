/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where uses cannot be recorded: a key with a limit is refused, and soon; any other lets its holder
 * in, with one warning a process. Each row is a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
limit_to_100(struct lrk_entry *entry)
{
	entry->max_uses = 100;
}

/* Two keys, each used once; for a row's process to go on from. */
static int
set_up(void **state)
{
	disk_reset();
	if (host_set_up(state) != 0)
		return -1;
	limited = stock_make_key(host.root, LRK_STORE_DEFAULT, limit_to_100);
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

/* All but its head. */
static bool
do_cut(void)
{
	return truncate(usage_path(), LRK_SLOT_SIZE) == 0;
}

static bool
do_cut_in_slot(void)
{
	off_t first = limited_entry.slot < unlimited_entry.slot ? limited_entry.slot :
								  unlimited_entry.slot;

	return truncate(usage_path(), (first + 2) * LRK_SLOT_SIZE - 1) == 0;
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
	int fd = open(usage_path(), O_WRONLY | O_CLOEXEC);
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

/* The slots of keys that had these places before. */
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
do_fail_writes(void)
{
	disk.write_error = EIO;
	return true;
}

/* A disk that fills up in the middle of a slot. */
static bool
do_shorten_writes(void)
{
	disk.short_write = 64;
	return true;
}

/* A file system with room for nothing, and the file one that has no room of its own on it yet. */
static bool
do_fill_disk(void)
{
	static const char block[4096];
	char dir[128], file[160], ballast[160];
	struct statvfs room;
	struct stat st;
	bool done;
	int fd;

	snprintf(dir, sizeof(dir), "%s/full", host.root);
	snprintf(file, sizeof(file), "%s/usage", dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	done = stat(usage_path(), &st) == 0 && mkdir(dir, 0755) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0755") == 0;
	fd = done ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660) : -1;
	done = fd >= 0 && ftruncate(fd, st.st_size) == 0;
	close(fd);
	fd = done ? open(ballast, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	done = fd >= 0 && errno == ENOSPC && fstatvfs(fd, &room) == 0 && room.f_bfree == 0;
	close(fd);
	return done && mount(file, usage_path(), NULL, MS_BIND, NULL) == 0;
}

static bool
do_mount_read_only(void)
{
	const char *path = usage_path();
	struct statvfs mounted;
	unsigned long kept;

	if (statvfs(path, &mounted) != 0 || mount(path, path, NULL, MS_BIND, NULL) != 0)
		return false;
	kept = mounted.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, NULL) == 0;
}

/* ---- A lock that somebody else holds --------------------------------------------- */

static struct {
	pid_t pid;
	int release; /* closing this ends it */
} holder;

static int
hold_lock(int ready, int release)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(usage_path(), O_RDWR | O_CLOEXEC);
	char byte = 0;

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) != 0 || write(ready, &byte, 1) != 1)
		return 1;
	return read(release, &byte, 1) == 0 ? 0 : 1;
}

/* Another process, which keeps all slots locked until it is let go, or this process ends. */
static bool
do_lock(void)
{
	int ready[2], release[2];
	bool done;
	char byte;

	if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(release, O_CLOEXEC) != 0)
		return false;
	holder.pid = fork();
	if (holder.pid == 0) {
		close(ready[0]);
		close(release[1]);
		_exit(hold_lock(ready[1], release[0]));
	}
	close(ready[1]);
	close(release[0]);
	holder.release = release[1];
	done = holder.pid > 0 && read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	return done;
}

static void
let_go(void)
{
	int status = 0;

	close(holder.release);
	waitpid(holder.pid, &status, 0);
}

static void
let_go_at_third_nap(void)
{
	if (disk.naps == 3)
		let_go();
}

/* ---- The rows ------------------------------------------------------------------- */

#define BEGUN_ANEW "was not valid, and counts from nothing again"
#define NOT_VALID "its slot is not valid: set --max-uses again"

struct row {
	const char *name;
	bool (*spoil)(void);
	const char *refused; /* why, for the key with a limit */
	const char *let_in;  /* and for the other */
	bool mounts;
	bool waits;
};

static const char *
run_row(const void *data)
{
	const struct row *row = data;
	const char *wrong;

	if (row->mounts && !aside_own_mounts(row->name))
		return NULL;
	EXPECT(row->spoil());
	wrong = expect_refused(row->refused);
	if (wrong == NULL)
		EXPECT((disk.naps > 0) == row->waits);
	return wrong != NULL ? wrong : expect_let_in(row->let_in);
}

static void
test_rows(void **state)
{
	static const struct row rows[] = {
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
		{ "empty", do_empty, NOT_VALID, BEGUN_ANEW, false, false },
		{ "cut", do_cut, NOT_VALID, BEGUN_ANEW, false, false },
		{ "cut in a slot", do_cut_in_slot, NOT_VALID, BEGUN_ANEW, false, false },
		{ "zeros", do_zero, NOT_VALID, BEGUN_ANEW, false, false },
		{ "garbage", do_overwrite, NOT_VALID, BEGUN_ANEW, false, false },
		{ "a count set back", do_change_count, NOT_VALID, BEGUN_ANEW, false, false },
		{ "slots of others", do_change_generation, NOT_VALID, BEGUN_ANEW, false, false },
		{ "writes fail", do_fail_writes, "Input/output error", "Input/output error", false,
		  false },
		{ "writes end early", do_shorten_writes, "cannot be recorded",
		  "No space left on device", false, false },
		{ "on a full disk", do_fill_disk, NOT_VALID, "No space left on device", true,
		  false },
		{ "on a read-only file system", do_mount_read_only, "Read-only file system",
		  "Read-only file system", true, false },
		{ "locked", do_lock, "its slot is locked by somebody else",
		  "its slot is locked by somebody else", false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0) {
			host_tear_down(state);
			assert_int_equal(set_up(state), 0);
		}
		check_row = rows[i].name;
		aside_run(run_row, &rows[i]);
	}
}

/* What was lost counts from nothing for a key without a limit; one with a limit it does not help. */
static void
test_garbage_later(void **state)
{
	struct lrk_usage usage;

	(void)state;
	assert_true(do_overwrite());
	assert_code(host_try("acme", unlimited.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", unlimited.text, NULL), PAM_SUCCESS);
	usage = stock_read_usage(host.root, LRK_STORE_DEFAULT, &unlimited);
	assert_int_equal(usage.uses, 2);
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
}

/* Only a key with a limit hangs on the disk: for any other, nothing is synced that could fail. */
static void
test_sync_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT, EROFS };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		disk.sync_error = errors[i];
		hooks_forget();
		assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
		assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_ALERT, strerrordesc_np(errors[i])), 1);
		assert_code(host_try("acme", unlimited.text, NULL), PAM_SUCCESS);
		assert_int_equal(hooks_n_lines, 1);
	}
	disk.sync_error = 0;
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
}

/* A slot that comes free within the wait. */
static void
test_lock_given_back(void **state)
{
	(void)state;
	assert_true(do_lock());
	disk.before_nap = let_go_at_third_nap;
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	assert_int_equal(disk.naps, 3);
	assert_int_equal(hooks_n_lines, 0);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &limited).uses, 2);
}

/* The next attempt after the file is right again, in the same process. */
static void
test_mended(void **state)
{
	(void)state;
	host_move(USAGE, "away");
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	host_move("away", USAGE);
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &limited).uses, 2);
}

/* Refusals hang on nothing: not counted where that takes more than a moment, and refused the same. */
static void
test_refusals(void **state)
{
	struct stock_key off = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_deactivate);
	struct stock_key spent = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_limit_uses);

	(void)state;
	assert_code(host_try("acme", spent.text, NULL), PAM_SUCCESS);
	hooks_forget();
	/* A limit that is used up, whether or not the refusal can be written. */
	disk.write_error = ENOSPC;
	assert_code(host_try("acme", spent.text, NULL), PAM_MAXTRIES);
	assert_code(host_try("acme", off.text, NULL), PAM_PERM_DENIED);
	disk.write_error = 0;
	assert_true(do_lock());
	assert_code(host_try("acme", off.text, NULL), PAM_PERM_DENIED);
	assert_int_equal(disk.naps, 0);
	let_go();
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &off).denied, 0);
	host_move(USAGE, "away");
	assert_code(host_try("acme", off.text, NULL), PAM_PERM_DENIED);
	assert_int_equal(hooks_n_lines, 4);
	assert_int_equal(hooks_count(LOG_NOTICE, "denied: key "), 4);
	/* Nothing of it is anything to one that proves nothing. */
	assert_code(host_try("acme", "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc",
			     NULL),
		    PAM_AUTH_ERR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, host_tear_down)
		TEST(test_rows),	    TEST(test_garbage_later), TEST(test_sync_fails),
		TEST(test_lock_given_back), TEST(test_mended),	      TEST(test_refusals),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
