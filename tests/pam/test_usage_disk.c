/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A usage file that is right, on a disk that is full, read-only or broken, or with slots that
 * somebody else has locked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "breakage.h"
#include "check.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"

/* ---- The disk ---------------------------------------------------------------------- */

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
	done = stat(breakage_path(), &st) == 0 && mkdir(dir, 0755) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0755") == 0;
	fd = done ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660) : -1;
	done = fd >= 0 && ftruncate(fd, st.st_size) == 0;
	close(fd);
	fd = done ? open(ballast, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	done = fd >= 0 && errno == ENOSPC && fstatvfs(fd, &room) == 0 && room.f_bfree == 0;
	close(fd);
	return done && mount(file, breakage_path(), NULL, MS_BIND, NULL) == 0;
}

static bool
do_mount_read_only(void)
{
	const char *path = breakage_path();
	struct statvfs mounted;
	unsigned long kept;

	if (statvfs(path, &mounted) != 0 || mount(path, path, NULL, MS_BIND, NULL) != 0)
		return false;
	kept = mounted.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, NULL) == 0;
}

/* ---- A lock that somebody else holds ------------------------------------------------ */

static struct {
	pid_t pid;
	int release; /* closing this ends it */
} holder;

static int
hold_lock(int ready, int release)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(breakage_path(), O_RDWR | O_CLOEXEC);
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

/* ---- The tests ------------------------------------------------------------------------ */

static void
test_no_room_and_locks(void **state)
{
	static const struct breakage rows[] = {
		{ "writes fail", do_fail_writes, "Input/output error", "Input/output error", false,
		  false },
		{ "writes end early", do_shorten_writes, "cannot be recorded",
		  "No space left on device", false, false },
		/* What has no place on the disk has no valid slot in it either. */
		{ "on a full disk", do_fill_disk, "its slot is not valid",
		  "No space left on device", true, false },
		{ "on a read-only file system", do_mount_read_only, "Read-only file system",
		  "Read-only file system", true, false },
		{ "locked", do_lock, "its slot is locked by somebody else",
		  "its slot is locked by somebody else", false, true },
	};

	breakage_run(state, rows, COUNT_OF(rows));
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
		assert_code(host_try("acme", breakage_limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
		assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_ALERT, strerrordesc_np(errors[i])), 1);
		assert_code(host_try("acme", breakage_unlimited.text, NULL), PAM_SUCCESS);
		assert_int_equal(hooks_n_lines, 1);
	}
	disk.sync_error = 0;
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_SUCCESS);
}

/* A slot that comes free within the wait. */
static void
test_lock_given_back(void **state)
{
	(void)state;
	assert_true(do_lock());
	disk.before_nap = let_go_at_third_nap;
	assert_code(host_try("acme", breakage_limited.text, NULL), PAM_SUCCESS);
	assert_int_equal(disk.naps, 3);
	assert_int_equal(hooks_n_lines, 0);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &breakage_limited).uses, 2);
}

/* Refusals hang on nothing: what cannot be counted at once is refused all the same. */
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
	host_move(LRK_VAR "/system/" LRK_USAGE_FILE, "away");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, breakage_set_up, host_tear_down)
		TEST(test_no_room_and_locks),
		TEST(test_sync_fails),
		TEST(test_lock_given_back),
		TEST(test_refusals),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
