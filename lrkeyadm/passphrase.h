/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The passphrase of a backup. */
#ifndef LRKEYADM_PASSPHRASE_H
#define LRKEYADM_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

#define PASSPHRASE_MAX 1024 /* bytes */

#define PASSPHRASE_OPTION \
	{ "passphrase-fd", "N", "read the passphrase from descriptor N, up to a newline" }

struct passphrase {
	char text[PASSPHRASE_MAX + 2]; /* room to see that it is too long */
	size_t length;
};

/*
 * Judges the value of --passphrase-fd, which is NULL when it was not given; without it there must
 * be a terminal. To be called before anything is opened, so that no file of ours takes
 * the number.
 */
enum status passphrase_check(const char *command, const char *fd);

/*
 * Reads it from there, or asks for it without echo, with twice a second time. It is the
 * caller's to wipe, also on failure.
 */
enum status passphrase_read(const char *fd, bool twice, struct passphrase *ret);

#endif
