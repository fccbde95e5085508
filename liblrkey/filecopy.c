/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "filecopy.h"
#include "safeopen.h"

#define CHUNK ((size_t)1 << 30)

/* What the kernel has not copied by itself. */
static enum lrk_err
copy_by_hand(int from, int to, off_t at)
{
	char buffer[65536];
	ssize_t n;

	while ((n = pread(from, buffer, sizeof(buffer), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || lrk_file_write(to, buffer, (size_t)n) != LRK_OK)
			return LRK_ERR_IO;
		at += n;
	}
	return LRK_OK;
}

enum lrk_err
lrk_file_copy(int from, int to)
{
	loff_t at = 0;
	ssize_t n;

	do {
		n = copy_file_range(from, &at, to, NULL, CHUNK, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return LRK_ERR_IO;
	/* Where some file systems say that all is copied, nothing is: what is left, if any. */
	return copy_by_hand(from, to, at);
}
