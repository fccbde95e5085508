/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories to which the way needs no second look in this process: all that leads to them, from
 * the directory under which they were found on, is root's, and only root can write it.
 */
#ifndef LIBLRKEY_KNOWN_H
#define LIBLRKEY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Which directory it is. */
struct lrk_identity {
	dev_t dev;
	ino_t ino;
};

/* A directory, and the way to the one above it: a path of length bytes below some other. */
struct lrk_place {
	struct lrk_identity from; /* 0, 0 for / */
	struct lrk_identity own;
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
