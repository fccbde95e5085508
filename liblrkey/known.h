/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories that need no second look in this process: all that leads to them from some
 * directory is root's, and only root can write it.
 */
#ifndef LIBLRKEY_KNOWN_H
#define LIBLRKEY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* Which directory it is: its numbers, and when it last changed, for numbers are given anew. */
struct lrk_identity {
	dev_t dev;
	ino_t ino;
	struct timespec changed;
};

/* A path of length bytes below a directory. */
struct lrk_place {
	struct lrk_identity from;
	const char *path;
	size_t length;
};

/* Whether somebody noted it. Takes no lock. */
bool lrk_is_known(const struct lrk_place *place);

/* Notes it, where there is room and nobody else is noting something. */
void lrk_note_known(const struct lrk_place *place);

/* Forgets all of them; for tests, which do what only root can. No other thread may be here. */
void lrk_forget_known(void);

#endif
