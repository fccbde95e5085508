/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding back the signals that would end a program between two files that it writes.
 */
#ifndef LRKEYADM_SIGNALS_H
#define LRKEYADM_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct signals {
	bool held;
	sigset_t before;
};

/* From now on SIGINT, SIGTERM, SIGHUP and SIGPIPE wait; those that were ignored still are. */
void signals_hold(struct signals *ret);

/* Whether one waits that is to end the program. */
bool signals_end(void);

/* Delivers what waits, but a SIGPIPE: whoever wrote has seen the error. */
void signals_release(const struct signals *signals);

#endif
