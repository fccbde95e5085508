/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store with keys of all kinds, and some hundred more so that its key file has several buckets.
 * Ids are the same in each run. Its files are damaged and made whole again.
 */
#ifndef TESTS_FUZZ_TROVE_H
#define TESTS_FUZZ_TROVE_H

#include <stdbool.h>

#include <lrkey/apikey.h>

#include "damage.h"

/* 2027-01-15T08:00:00Z: what the keys call now. */
#define TROVE_NOW INT64_C(1800000000)
#define TROVE_ORG "acme"

enum trove_key {
	TROVE_PLAIN,
	TROVE_LIMITED, /* a limit that is never reached */
	TROVE_USED_UP,
	TROVE_REVOKED,
	TROVE_DEACTIVATED,
	TROVE_OTHER_ORG,
	TROVE_WRONG_SECRET, /* the id of the plain key */
	TROVE_UNKNOWN,
	TROVE_KEYS
};

enum trove_file { TROVE_KEY_FILE, TROVE_USAGE, TROVE_MASTER, TROVE_FILES };

struct trove {
	const char *root;
	struct {
		char text[LRK_APIKEY_LEN + 1];
		char id[LRK_ID_LEN + 1];
	} keys[TROVE_KEYS];
	struct damage_file whole[TROVE_FILES];
	bool damaged[TROVE_FILES]; /* now */
};

/* Fills the empty store "system" below root. */
void trove_fill(struct trove *trove, const char *root);

/*
 * Makes all files whole, then damages them by a program: its first byte says which (a bit each, in
 * the order above), 24 bytes are for each of the last two, what is left for the key file.
 */
void trove_damage(struct trove *trove, const uint8_t *program, size_t length);

/* A program of some random instructions, of at most size bytes. */
size_t trove_random_program(uint64_t *state, uint8_t *program, size_t size);

#endif
