/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"

struct disk disk;

void
disk_reset(void)
{
	memset(&disk, 0, sizeof(disk));
}

static void
call(void (*function)(void))
{
	if (function != NULL)
		function();
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	ssize_t n;

	disk.writes++;
	call(disk.before_write);
	if (disk.write_error != 0) {
		errno = disk.write_error;
		return -1;
	}
	if (disk.short_write != 0 && size > (size_t)disk.short_write)
		size = (size_t)disk.short_write;
	n = syscall(SYS_pwrite64, fd, bytes, size, offset);
	call(disk.after_write);
	return n;
}

int
fdatasync(int fd)
{
	int result;

	disk.syncs++;
	if (disk.sync_error != 0) {
		errno = disk.sync_error;
		return -1;
	}
	result = (int)syscall(SYS_fdatasync, fd);
	call(disk.after_sync);
	return result;
}

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	disk.naps++;
	call(disk.before_nap);
	return (int)syscall(SYS_nanosleep, time, left);
}
