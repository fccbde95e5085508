/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files for secrets.
 *
 * - A file MUST be new, and the caller's alone from its first moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "newfile.h"

enum status
newfile_make(const char *path, struct newfile *ret)
{
	struct newfile file = { .path = path, .dir = -1, .fd = -1 };
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);

	if (dir == NULL)
		return fail_memory();
	file.base = slash == NULL ? path : slash + 1;
	file.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (file.dir >= 0)
		file.fd = openat(file.dir, file.base,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file.fd < 0) {
		int error = errno;

		newfile_end(&file, true);
		if (error == EEXIST)
			return fail(STATUS_CREATE, path, "File exists; it must be a new one");
		return fail_errno(STATUS_CREATE, path, error);
	}
	if (fchmod(file.fd, 0600) != 0) {
		int error = errno;

		newfile_end(&file, false);
		return fail_errno(STATUS_CREATE, path, error);
	}
	*ret = file;
	return STATUS_OK;
}

enum status
newfile_sync(const struct newfile *file)
{
	if (fsync(file->fd) != 0 || fsync(file->dir) != 0)
		return fail_errno(STATUS_IO, file->path, errno);
	return STATUS_OK;
}

void
newfile_end(struct newfile *file, bool keep)
{
	if (file->fd >= 0 && !keep)
		unlinkat(file->dir, file->base, 0);
	if (file->fd >= 0)
		close(file->fd);
	if (file->dir >= 0)
		close(file->dir);
	file->fd = file->dir = -1;
}
