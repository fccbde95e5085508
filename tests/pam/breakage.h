/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests of a usage file that is of no use: two keys, one with a limit and one without, and what
 * both must meet with, whatever it is that broke the file.
 */
#ifndef TESTS_PAM_BREAKAGE_H
#define TESTS_PAM_BREAKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <lrkey/entry.h>

#include "stock.h"

/* Of the store "system"; each has been used once. */
extern struct stock_key breakage_limited, breakage_unlimited;
extern struct lrk_entry breakage_limited_entry, breakage_unlimited_entry;

/* cmocka's setup, which makes the keys; the teardown is the host's. */
int breakage_set_up(void **state);

/* The name of the usage file. */
const char *breakage_path(void);

struct breakage {
	const char *name;
	bool (*make)(void);
	const char *refused; /* the reason in the alarm, for the key with a limit */
	const char *let_in;  /* and in the warning, for the other */
	bool mounts;	     /* it needs mounts of its own */
	bool waits;	     /* the one with a limit waits for its slot */
};

/*
 * Makes each of them in a process of its own, on a store of its own. The key with a limit must be
 * refused, within the time that is allowed, with one alarm; the other must be let in without a
 * wait, with one warning in all.
 */
void breakage_run(void **state, const struct breakage *rows, size_t n);

#endif
