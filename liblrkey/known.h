/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What needs no second look in this process: a way from a directory under which stores lie, on
 * which only root can exchange anything, and the directories that it has led to.
 */
#ifndef LIBLRKEY_KNOWN_H
#define LIBLRKEY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Which directory it is, among all that there were: its own number alone is given anew. */
struct lrk_identity {
	bool is_whole; /* all of it was to be had */
	dev_t dev;
	ino_t ino;
	uint64_t mount;
	uint64_t made; /* when, in nanoseconds */
	uint64_t changed; /* likewise, of one under which stores lie; else 0 */
};

static inline bool
lrk_is_same(const struct lrk_identity *a, const struct lrk_identity *b)
{
	return a->is_whole && b->is_whole && a->ino == b->ino && a->dev == b->dev &&
	       a->mount == b->mount && a->made == b->made && a->changed == b->changed;
}

/* A path of length bytes below a directory: from is its identity, or NULL for /. */
struct lrk_way {
	const struct lrk_identity *from;
	const char *path;
	size_t length;
};

/* Whether the way was noted, with any directory, if there was room for that. No lock is taken. */
bool lrk_is_known_way(const struct lrk_way *way);

/* Whether it was noted with this directory. No lock is taken. */
bool lrk_is_known(const struct lrk_way *way, const struct lrk_identity *dir);

/* Notes both, where there is room and nobody else is noting something. */
void lrk_note_known(const struct lrk_way *way, const struct lrk_identity *dir);

/* Forgets all of them; for tests, which do what only root can. No other thread may be here. */
void lrk_forget_known(void);

#endif
