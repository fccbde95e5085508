/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a test's process sees and says in place of the system: log lines come
 * here, the clock can be set, libraries can be made to fail, and the audit system is not
 * there. It works on the module because the program's symbols are found before those of
 * libraries (-rdynamic).
 */
#ifndef TESTS_PAM_HOOKS_H
#define TESTS_PAM_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOKS_LINES 64
#define HOOKS_LINE_SIZE 2048

struct hooks_line {
	int level;    /* LOG_NOTICE */
	int facility; /* LOG_AUTHPRIV */
	char text[HOOKS_LINE_SIZE];
};

/* The lines logged since hooks_forget(); more than HOOKS_LINES are counted, not kept. */
extern struct hooks_line hooks_lines[HOOKS_LINES];
extern size_t hooks_n_lines;
/* Called for each line besides, unless NULL. */
extern void (*hooks_on_line)(const struct hooks_line *line);

void hooks_forget(void);
/* How many lines of a level hold this text. */
size_t hooks_count(int level, const char *text);
const char *hooks_level_name(int level);

/* What CLOCK_REALTIME says from now on. */
void hooks_set_clock(int64_t seconds, long nanoseconds);
/* The system's own again. */
void hooks_release_clock(void);

/* What fails from now on, until it is set to false. */
extern bool hooks_no_clock;	  /* clock_gettime, EINVAL */
extern bool hooks_no_environment; /* pam_putenv, for lack of memory */
extern bool hooks_no_data;	  /* pam_set_data, for lack of memory */
extern bool hooks_no_engine;	  /* gdbm_fd_open, for lack of memory */
extern bool hooks_no_digest;	  /* EVP_Digest */

/* How often EVP_Digest and gdbm_fd_open were called. */
extern _Atomic unsigned hooks_n_digests;
extern _Atomic unsigned hooks_n_engines;

#endif
