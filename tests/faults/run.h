/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run of lrkeyadm, in a process of its own: a fork of this one, in which OpenSSL and the rest
 * are as they were.
 */
#ifndef TESTS_FAULTS_RUN_H
#define TESTS_FAULTS_RUN_H

#include <stdbool.h>

#include "fault.h"

#define RUN_ARGS 24

struct run {
	int status; /* of exit, or the signal's number negated */
	char out[16384];
	char err[8192];
	struct fault_log log;
	char fds_left[128]; /* descriptors that it has not closed */
};

/* In the tests' own tree; args end with NULL. What it draws at random is a matter of the seed. */
void run_lrkeyadm(const char *const *args, const char *input, unsigned long seed,
		  const struct fault_plan *plan, struct run *ret);

/* Makes this process's libraries what they are behind their first use. */
void run_warm_up(void);

#endif
