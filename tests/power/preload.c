/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To preload: records what the program does to the files below LRKEY_POWER_ROOT in the file
 * LRKEY_POWER_LOG, which grows; see op.h. With LRKEY_POWER_NO_SYNC it does not record syncs.
 *
 * With LRKEY_POWER_STOP=N it ends the process, as SIGKILL does, behind the Nth step that changes or
 * syncs something. With LRKEY_POWER_CUT=DIR it takes the power from the file system that DIR is
 * in, before, or else when the program ends: what is not on its disk by then never will be. With
 * LRKEY_POWER_GO_ON it does not end the process then, whose further steps meet a disk that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "op.h"

/* Of XFS, and of ext4 which took it over: no more writes, and the log is not flushed. */
#define SHUTDOWN _IOR('X', 125, uint32_t)
#define SHUTDOWN_NO_LOG_FLUSH 2

static unsigned steps;
static bool is_cut;

static void
die(const char *what)
{
	dprintf(2, "preload: %s: %s\n", what, strerrordesc_np(errno));
	_exit(99);
}

static void __attribute__((destructor)) cut_power(void)
{
	const char *path = getenv("LRKEY_POWER_CUT");
	uint32_t how = SHUTDOWN_NO_LOG_FLUSH;
	int fd;

	if (path == NULL || is_cut)
		return;
	is_cut = true;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, SHUTDOWN, &how) != 0)
		die("shutdown");
}

static void
count_step(void)
{
	const char *stop = getenv("LRKEY_POWER_STOP");

	steps++;
	if (stop == NULL || steps != strtoul(stop, NULL, 10))
		return;
	cut_power();
	if (getenv("LRKEY_POWER_GO_ON") == NULL)
		kill(getpid(), SIGKILL);
}

static void
record(const struct op *op, const void *bytes)
{
	const char *path = getenv("LRKEY_POWER_LOG");
	size_t length = bytes != NULL ? op->length : 0;
	int saved = errno;

	if (path != NULL) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
				      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || syscall(SYS_write, fd, op, sizeof(*op)) != sizeof(*op) ||
		    (length > 0 && syscall(SYS_write, fd, bytes, length) != (long)length))
			die(path);
		close(fd);
	}
	if (op->kind != OP_OPEN)
		count_step();
	errno = saved;
}

/* The path below the root of what is open; false for what is elsewhere. */
static bool
path_of(int fd, char path[static 512])
{
	const char *root = getenv("LRKEY_POWER_ROOT");
	char name[64], full[512];
	size_t root_length = root != NULL ? strlen(root) : 0;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, full, sizeof(full) - 1);
	if (root_length == 0 || n < (ssize_t)root_length)
		return false;
	full[n] = '\0';
	if (strncmp(full, root, root_length) != 0 ||
	    (full[root_length] != '/' && full[root_length] != '\0'))
		return false;
	strcpy(path, full + root_length);
	return true;
}

static uint64_t
inode_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		die("fstat");
	return st.st_ino;
}

static bool
is_ours(int fd)
{
	char path[512];
	int saved = errno;
	bool ours = fd >= 0 && path_of(fd, path);

	errno = saved;
	return ours;
}

/* Under which name the program knows it: the first time, that is what it was called before. */
static void
record_path(int fd)
{
	struct op op = { .kind = OP_OPEN };
	char path[512];

	if (!path_of(fd, path))
		die("a path");
	op.inode = inode_of(fd);
	op.length = strlen(path);
	record(&op, path);
}

/* The rest of op, done to what fd is; the file is changed already. */
static void
record_done(int fd, struct op op, const void *bytes)
{
	int saved = errno;

	if (is_ours(fd)) {
		record_path(fd);
		op.inode = inode_of(fd);
		record(&op, bytes);
	}
	errno = saved;
}

/* ---- Making a file -------------------------------------------------------------- */

int
openat(int dir, const char *path, int flags, ...)
{
	struct op op = { .kind = OP_CREATE, .mode = 0600 };
	mode_t mode = 0;
	va_list args;
	int fd;

	va_start(args, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(args, mode_t);
	va_end(args);
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if ((flags & O_CREAT) == 0 || !is_ours(fd))
		return fd;
	/* Else it is not known whether it was made. */
	if ((flags & O_EXCL) == 0 || strlen(path) >= OP_NAME_MAX)
		die(path);
	record_path(dir);
	op.inode = inode_of(fd);
	op.dir = inode_of(dir);
	strcpy(op.name, path);
	record(&op, NULL);
	return fd;
}

/* ---- Writing ------------------------------------------------------------------ */

static void
record_write(int fd, const void *bytes, off_t offset, ssize_t n)
{
	struct op op = { .kind = OP_WRITE, .offset = (uint64_t)offset, .length = (uint64_t)n };

	if (n > 0)
		record_done(fd, op, bytes);
}

ssize_t
write(int fd, const void *bytes, size_t count)
{
	ssize_t n = syscall(SYS_write, fd, bytes, count);
	struct op told = { .kind = OP_TOLD };

	if (n > 0 && fd == STDOUT_FILENO)
		record(&told, NULL);
	else if (n > 0 && is_ours(fd))
		record_write(fd, bytes, lseek(fd, 0, SEEK_CUR) - n, n);
	return n;
}

ssize_t
pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
	ssize_t n = syscall(SYS_pwrite64, fd, bytes, count, offset);

	record_write(fd, bytes, offset, n);
	return n;
}

/* What was copied is read back: in the record it is a write. */
ssize_t
copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t count, unsigned flags)
{
	ssize_t n = syscall(SYS_copy_file_range, in, in_at, out, out_at, count, flags);
	int saved = errno;
	off_t offset;
	void *bytes;

	if (n > 0 && is_ours(out)) {
		offset = out_at != NULL ? *out_at - n : lseek(out, 0, SEEK_CUR) - n;
		bytes = malloc((size_t)n);
		if (bytes == NULL || pread(out, bytes, (size_t)n, offset) != n)
			die("copy_file_range");
		record_write(out, bytes, offset, n);
		free(bytes);
	}
	errno = saved;
	return n;
}

int
ftruncate(int fd, off_t length)
{
	int result = (int)syscall(SYS_ftruncate, fd, length);

	if (result == 0)
		record_done(fd, (struct op){ .kind = OP_TRUNCATE, .offset = (uint64_t)length },
			    NULL);
	return result;
}

int
fchmod(int fd, mode_t mode)
{
	int result = (int)syscall(SYS_fchmod, fd, mode);

	if (result == 0)
		record_done(fd, (struct op){ .kind = OP_MODE, .mode = mode }, NULL);
	return result;
}

/* A step, but not recorded: of what is, nothing makes a directory. */
int
mkdirat(int dir, const char *name, mode_t mode)
{
	int result = (int)syscall(SYS_mkdirat, dir, name, mode);
	int saved = errno;

	if (result == 0 && is_ours(dir))
		count_step();
	errno = saved;
	return result;
}

/* ---- Syncing ------------------------------------------------------------------ */

int
fsync(int fd)
{
	int result = (int)syscall(SYS_fsync, fd);

	if (result == 0 && getenv("LRKEY_POWER_NO_SYNC") == NULL)
		record_done(fd, (struct op){ .kind = OP_SYNC }, NULL);
	return result;
}

int
fdatasync(int fd)
{
	int result = (int)syscall(SYS_fdatasync, fd);

	if (result == 0 && getenv("LRKEY_POWER_NO_SYNC") == NULL)
		record_done(fd, (struct op){ .kind = OP_DATASYNC }, NULL);
	return result;
}

/* ---- Names -------------------------------------------------------------------- */

static void
record_name(enum op_kind kind, int dir, const char *name, const char *name2)
{
	struct op op = { .kind = kind };
	struct stat st;

	if (!is_ours(dir))
		return;
	if (strlen(name) >= OP_NAME_MAX || strlen(name2) >= OP_NAME_MAX)
		die(name);
	record_path(dir);
	op.dir = inode_of(dir);
	strcpy(op.name, name);
	strcpy(op.name2, name2);
	if (kind == OP_RENAME && fstatat(dir, name2, &st, AT_SYMLINK_NOFOLLOW) == 0)
		op.inode = st.st_ino;
	record(&op, NULL);
}

int
renameat2(int dir, const char *from, int dir2, const char *to, unsigned flags)
{
	int result = (int)syscall(SYS_renameat2, dir, from, dir2, to, flags);

	if (result != 0)
		return result;
	if (is_ours(dir) && (!is_ours(dir2) || inode_of(dir) != inode_of(dir2)))
		die("a rename between directories");
	record_name(OP_RENAME, dir, from, to);
	return 0;
}

int
renameat(int dir, const char *from, int dir2, const char *to)
{
	return renameat2(dir, from, dir2, to, 0);
}

int
unlinkat(int dir, const char *name, int flags)
{
	int result = (int)syscall(SYS_unlinkat, dir, name, flags);

	if (result == 0)
		record_name(OP_UNLINK, dir, name, "");
	return result;
}
