/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a store is, that a power cut has left. */
#ifndef TESTS_POWER_JUDGE_H
#define TESTS_POWER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

#define CONTENT_MAX 64

/* Says what is wrong, the first few times. */
void judge_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All that the key file says, but not how it is sealed. */
struct content {
	uint64_t generation;
	size_t n;
	struct content_entry {
		char id[16];
		size_t length;
		uint8_t plain[2048];
	} entries[CONTENT_MAX];
};

/* Reads the store below the tree; false, with the reason on standard output, when that fails. */
bool judge_read(const char *tree, struct content *ret);
bool judge_same(const struct content *one, const struct content *other);

/*
 * Reads from standard input a key a line, with what comes of it in the old store and in the new
 * one: KEY yes|no yes|no.
 */
bool judge_read_keys(void);
/* Whether each key is let in or not, as it must be; an invalid record of uses keeps one out. */
bool judge_keys(const char *tree, bool new, bool tell);

/* Whether the log of a store that has this generation tells of it. */
bool judge_audit(const struct disk *disk, uint64_t generation);

/*
 * Makes another change in the tree, with lrkeyadm: it must succeed, keep all that was there, and
 * leave a store in which nothing is to be found fault with.
 */
bool judge_next(const char *tree, const char *lrkeyadm, const struct content *before);

#endif
