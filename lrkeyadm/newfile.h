/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file for secrets, made anew where the user wants it. */
#ifndef LRKEYADM_NEWFILE_H
#define LRKEYADM_NEWFILE_H

#include <stdbool.h>

#include "message.h"

struct newfile {
	const char *path; /* NULL: none */
	const char *base; /* the last part of path */
	int dir;
	int fd;
};

#define NEWFILE_NONE { .path = NULL, .dir = -1, .fd = -1 }

/* Makes the file anew, with mode 0600 whatever the umask; STATUS_CREATE where that cannot be. */
enum status newfile_make(const char *path, struct newfile *ret);

/* Syncs the file and its directory. */
enum status newfile_sync(const struct newfile *file);

/* Closes it, and removes it when it is not to be kept. */
void newfile_end(struct newfile *file, bool keep);

#endif
