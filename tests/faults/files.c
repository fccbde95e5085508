/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of the kernel, by all names that compilers and libraries have for them, and those of the C
 * library that make such calls inside it.
 */
/* The functions defined here must not be glibc's inline ones of the same names. */
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

/* The function that this program's own one with the same name hides. */
#define HIDDEN(function, name)                                  \
	static __typeof__(function) *hidden;                    \
	do {                                                    \
		if (hidden == NULL) {                           \
			void *symbol = fault_behind(name);      \
			memcpy(&hidden, &symbol, sizeof(hidden)); \
		}                                               \
	} while (0)

/* ---- Opening and closing ---- */

static int
open_at(const char *call, int dir, const char *path, int flags, mode_t mode)
{
	if (fault_strikes_path(call, path, ENFILE))
		return -1;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define WITH_MODE(mode, flags)                                               \
	do {                                                                 \
		va_list args;                                                \
		va_start(args, flags);                                       \
		mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? \
			       va_arg(args, mode_t) :                        \
			       0;                                            \
		va_end(args);                                                \
	} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode;

	WITH_MODE(mode, flags);
	return open_at("open", AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode;

	WITH_MODE(mode, flags);
	return open_at("open", AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	WITH_MODE(mode, flags);
	return open_at("openat", dir, path, flags, mode);
}

int
openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	WITH_MODE(mode, flags);
	return open_at("openat", dir, path, flags, mode);
}

/* What glibc's headers call where no mode is given. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open_at("open", AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
	return open_at("open", AT_FDCWD, path, flags, 0);
}

int
__openat_2(int dir, const char *path, int flags)
{
	return open_at("openat", dir, path, flags, 0);
}

int
__openat64_2(int dir, const char *path, int flags)
{
	return open_at("openat", dir, path, flags, 0);
}

/* A descriptor is gone, too, whose close fails. */
int
close(int fd)
{
	bool fails = fault_strikes_fd("close", fd, EIO);
	int error = errno;
	int result = (int)syscall(SYS_close, fd);

	if (!fails)
		return result;
	errno = error;
	return -1;
}

int
fcntl(int fd, int command, ...)
{
	static const char *const names[] = { "", "fcntl dup", "fcntl lock", "fcntl unlock" };
	unsigned which = 0; /* what fails of no open descriptor */
	unsigned long argument;
	va_list args;

	va_start(args, command);
	argument = va_arg(args, unsigned long);
	va_end(args);
	if (command == F_DUPFD_CLOEXEC || command == F_DUPFD)
		which = 1;
	else if (command == F_OFD_SETLK || command == F_SETLK)
		which = ((const struct flock *)argument)->l_type == F_UNLCK ? 3 : 2;
	if (which != 0 && fault_strikes_fd(names[which], fd, which == 1 ? EMFILE : ENOLCK))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

int
fcntl64(int fd, int command, ...)
{
	unsigned long argument;
	va_list args;

	va_start(args, command);
	argument = va_arg(args, unsigned long);
	va_end(args);
	return fcntl(fd, command, argument);
}

int
flock(int fd, int how)
{
	if (fault_strikes_fd("flock", fd, ENOLCK))
		return -1;
	return (int)syscall(SYS_flock, fd, how);
}

/* ---- Reading and writing ---- */

static ssize_t
read_some(int fd, void *bytes, size_t size)
{
	long cut = fault_cut("read", fd, size, EIO);

	return cut < 0 ? -1 : syscall(SYS_read, fd, bytes, (size_t)cut);
}

static ssize_t
pread_some(int fd, void *bytes, size_t size, off_t at)
{
	long cut = fault_cut("pread", fd, size, EIO);

	return cut < 0 ? -1 : syscall(SYS_pread64, fd, bytes, (size_t)cut, at);
}

static ssize_t
pwrite_some(int fd, const void *bytes, size_t size, off_t at)
{
	long cut = fault_cut("pwrite", fd, size, ENOSPC);

	return cut < 0 ? -1 : syscall(SYS_pwrite64, fd, bytes, (size_t)cut, at);
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	return read_some(fd, bytes, size);
}

ssize_t
pread(int fd, void *bytes, size_t size, off_t at)
{
	return pread_some(fd, bytes, size, at);
}

ssize_t
pread64(int fd, void *bytes, size_t size, off64_t at)
{
	return pread_some(fd, bytes, size, at);
}

ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *bytes, size_t size, off64_t at, size_t room);

ssize_t
__read_chk(int fd, void *bytes, size_t size, size_t room)
{
	return size <= room ? read_some(fd, bytes, size) : -1;
}

ssize_t
__pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room)
{
	return size <= room ? pread_some(fd, bytes, size, at) : -1;
}

ssize_t
__pread64_chk(int fd, void *bytes, size_t size, off64_t at, size_t room)
{
	return size <= room ? pread_some(fd, bytes, size, at) : -1;
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	long cut = fault_cut("write", fd, size, ENOSPC);

	return cut < 0 ? -1 : syscall(SYS_write, fd, bytes, (size_t)cut);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	return pwrite_some(fd, bytes, size, at);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	return pwrite_some(fd, bytes, size, at);
}

ssize_t
copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags)
{
	long cut = fault_cut("copy_file_range", to, size, EIO);

	if (cut < 0)
		return -1;
	return syscall(SYS_copy_file_range, from, from_at, to, to_at, (size_t)cut, flags);
}

off_t
lseek(int fd, off_t at, int whence)
{
	if (fault_strikes_fd("lseek", fd, EIO))
		return -1;
	return syscall(SYS_lseek, fd, at, whence);
}

off64_t
lseek64(int fd, off64_t at, int whence)
{
	return lseek(fd, at, whence);
}

static int
truncate_to(int fd, off_t size)
{
	if (fault_strikes_fd("ftruncate", fd, ENOSPC))
		return -1;
	return (int)syscall(SYS_ftruncate, fd, size);
}

int
ftruncate(int fd, off_t size)
{
	return truncate_to(fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	return truncate_to(fd, size);
}

/* ---- Syncing, which takes its time and changes nothing for who looks on ---- */

static int
sync_file(const char *call, int fd)
{
	if (fault_cut(call, fd, 2, EIO) < 0)
		return -1;
	if (fault_is_armed())
		fault_log->syncs++;
	return 0;
}

int
fsync(int fd)
{
	return sync_file("fsync", fd);
}

int
fdatasync(int fd)
{
	return sync_file("fdatasync", fd);
}

/* ---- Names ---- */

int
rename(const char *from, const char *to)
{
	if (fault_strikes_path("rename", from, EIO))
		return -1;
	return (int)syscall(SYS_rename, from, to);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (fault_strikes_path("renameat", from, EIO))
		return -1;
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (fault_strikes_path("renameat", from, EIO))
		return -1;
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
unlinkat(int dir, const char *path, int flags)
{
	if (fault_strikes_path("unlinkat", path, EIO))
		return -1;
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	if (fault_strikes_path("mkdirat", path, ENOSPC))
		return -1;
	return (int)syscall(SYS_mkdirat, dir, path, mode);
}

/* ---- What is known of a file ---- */

int
fstat(int fd, struct stat *ret)
{
	HIDDEN(fstat, "fstat");
	return fault_strikes_fd("fstat", fd, EIO) ? -1 : hidden(fd, ret);
}

int
fstat64(int fd, struct stat64 *ret)
{
	HIDDEN(fstat64, "fstat64");
	return fault_strikes_fd("fstat", fd, EIO) ? -1 : hidden(fd, ret);
}

int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict ret)
{
	HIDDEN(statx, "statx");
	if (path[0] != '\0' ? fault_strikes_path("statx", path, EIO) :
			      fault_strikes_fd("statx", fd, EIO))
		return -1;
	return hidden(fd, path, flags, mask, ret);
}

int
fstatat(int dir, const char *path, struct stat *ret, int flags)
{
	HIDDEN(fstatat, "fstatat");
	return fault_strikes_path("fstatat", path, EIO) ? -1 : hidden(dir, path, ret, flags);
}

int
stat(const char *path, struct stat *ret)
{
	HIDDEN(stat, "stat");
	return fault_strikes_path("stat", path, EIO) ? -1 : hidden(path, ret);
}

int
lstat(const char *path, struct stat *ret)
{
	HIDDEN(lstat, "lstat");
	return fault_strikes_path("lstat", path, EIO) ? -1 : hidden(path, ret);
}

int
lstat64(const char *path, struct stat64 *ret)
{
	HIDDEN(lstat64, "lstat64");
	return fault_strikes_path("lstat", path, EIO) ? -1 : hidden(path, ret);
}

int
access(const char *path, int mode)
{
	return fault_strikes_path("access", path, EIO) ? -1 :
							 (int)syscall(SYS_access, path, mode);
}

int
euidaccess(const char *path, int mode)
{
	HIDDEN(euidaccess, "euidaccess");
	return fault_strikes_path("euidaccess", path, EIO) ? -1 : hidden(path, mode);
}

int
fchmod(int fd, mode_t mode)
{
	return fault_strikes_fd("fchmod", fd, EIO) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int
fchmodat(int dir, const char *path, mode_t mode, int flags)
{
	HIDDEN(fchmodat, "fchmodat");
	return fault_strikes_path("fchmodat", path, EIO) ? -1 : hidden(dir, path, mode, flags);
}

int
fchown(int fd, uid_t uid, gid_t gid)
{
	return fault_strikes_fd("fchown", fd, EIO) ? -1 : (int)syscall(SYS_fchown, fd, uid, gid);
}

/* ---- Streams ---- */

FILE *
fopen(const char *path, const char *mode)
{
	HIDDEN(fopen, "fopen");
	return fault_strikes_path("fopen", path, EMFILE) ? NULL : hidden(path, mode);
}

FILE *
fopen64(const char *path, const char *mode)
{
	HIDDEN(fopen64, "fopen64");
	return fault_strikes_path("fopen", path, EMFILE) ? NULL : hidden(path, mode);
}

FILE *
fdopen(int fd, const char *mode)
{
	HIDDEN(fdopen, "fdopen");
	return fault_strikes_fd("fdopen", fd, EMFILE) ? NULL : hidden(fd, mode);
}

int
fflush(FILE *stream)
{
	HIDDEN(fflush, "fflush");
	return stream != NULL && fault_strikes_fd("fflush", fileno(stream), ENOSPC) ?
		       EOF :
		       hidden(stream);
}

/* It is gone, too, whose close fails. */
int
fclose(FILE *stream)
{
	HIDDEN(fclose, "fclose");
	bool fails = fault_strikes_fd("fclose", fileno(stream), EIO);
	int error = errno;
	int result = hidden(stream);

	if (!fails)
		return result;
	errno = error;
	return EOF;
}

ssize_t
getline(char **line, size_t *size, FILE *stream)
{
	HIDDEN(getline, "getline");
	return fault_strikes_fd("getline", fileno(stream), EIO) ? -1 : hidden(line, size, stream);
}

ssize_t
__getdelim(char **line, size_t *size, int end, FILE *stream)
{
	HIDDEN(getdelim, "getdelim");
	return fault_strikes_fd("getline", fileno(stream), EIO) ?
		       -1 :
		       hidden(line, size, end, stream);
}

/* ---- Directories ---- */

DIR *
opendir(const char *path)
{
	HIDDEN(opendir, "opendir");
	return fault_strikes_path("opendir", path, EMFILE) ? NULL : hidden(path);
}

DIR *
fdopendir(int fd)
{
	HIDDEN(fdopendir, "fdopendir");
	return fault_strikes_fd("fdopendir", fd, ENFILE) ? NULL : hidden(fd);
}

struct dirent *
readdir(DIR *dir)
{
	HIDDEN(readdir, "readdir");
	return fault_strikes_fd("readdir", dirfd(dir), EIO) ? NULL : hidden(dir);
}

int
scandirat(int dir, const char *path, struct dirent ***ret,
	  int (*wanted)(const struct dirent *entry),
	  int (*compare)(const struct dirent **a, const struct dirent **b))
{
	HIDDEN(scandirat, "scandirat");
	return fault_strikes_path("scandirat", path, ENFILE) ?
		       -1 :
		       hidden(dir, path, ret, wanted, compare);
}

int
scandir(const char *path, struct dirent ***ret, int (*wanted)(const struct dirent *entry),
	int (*compare)(const struct dirent **a, const struct dirent **b))
{
	HIDDEN(scandir, "scandir");
	return fault_strikes_path("scandir", path, ENFILE) ? -1 :
							     hidden(path, ret, wanted, compare);
}

int
scandir64(const char *path, struct dirent64 ***ret, int (*wanted)(const struct dirent64 *entry),
	  int (*compare)(const struct dirent64 **a, const struct dirent64 **b))
{
	HIDDEN(scandir64, "scandir64");
	return fault_strikes_path("scandir", path, ENFILE) ? -1 :
							     hidden(path, ret, wanted, compare);
}

/* ---- The clock, and waiting for it ---- */

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (fault_strikes(FAULT_CLOCK, "clock_gettime",
			  clock == CLOCK_REALTIME ? "realtime" : "monotonic")) {
		errno = EINVAL;
		return -1;
	}
	if (clock == CLOCK_REALTIME && fault_time != 0) {
		*ret = (struct timespec){ .tv_sec = fault_time };
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, ret);
}
