/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many who use one key at once, as threads and as processes, and what all of them have met with.
 */
#ifndef TESTS_PAM_CROWD_H
#define TESTS_PAM_CROWD_H

#include <stdatomic.h>
#include <stdint.h>

#include <security/pam_appl.h>

#include "stock.h"

/* What all processes of a test write to, and what a killed one has written stays. */
struct crowd {
	atomic_uint codes[32];	   /* what pam_authenticate returned */
	atomic_uint no_handle;	   /* who did not get as far */
	atomic_uint begun;	   /* attempts */
	atomic_uint accepted;	   /* successes, as of the module's line, before it returns */
	atomic_uint unsaid;	   /* successes without that line */
	atomic_uint not_on_record; /* successes that the file does not show when they are said */
};

extern struct crowd *crowd;

/* Their key. */
extern struct stock_key crowd_key;

/* cmocka's setup and teardown. */
int crowd_set_up(void **state);
int crowd_tear_down(void **state);

/* Makes the key, which may be used so often, 0 is without a limit; and forgets what was. */
void crowd_make_key(uint64_t max_uses);

/* What is on record of the key. */
struct lrk_usage crowd_usage(void);

/*
 * From now on, counts each success as the module's line says it, and looks whether it is on record
 * then. The line comes before pam_authenticate returns: nobody can have a success without it.
 */
void crowd_watch(void);

/* A handle of its own, whose modules are loaded, so that what follows is theirs alone. */
pam_handle_t *crowd_open_handle(void);

/* pam_authenticate with the key. */
int crowd_attempt(pam_handle_t *pamh);

#endif
