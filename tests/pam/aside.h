/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts of a test that run in a process of their own: what the module says once a process, what
 * needs other privileges, and what is to be killed.
 */
#ifndef TESTS_PAM_ASIDE_H
#define TESTS_PAM_ASIDE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * In a part, in place of cmocka's assertions, which are the test process's own: what does not hold
 * is what the part returns.
 */
#define ASIDE_TEXT(line) #line
#define ASIDE_LINE(line) ASIDE_TEXT(line)
#define EXPECT(condition)                                                              \
	do {                                                                           \
		if (!(condition))                                                      \
			return __FILE__ ":" ASIDE_LINE(__LINE__) ": " #condition;      \
	} while (0)

/* A part returns NULL, or what is wrong: then the test fails, and says so. */
void aside_run(const char *(*part)(const void *data), const void *data);

/*
 * Starts one that ends with a status of its own, or when the test does, and is the caller's to wait
 * for.
 */
pid_t aside_start(int (*part)(const void *data), const void *data);

/*
 * Gives up root, for good, but stays in the group of the tests' stores: what a service's user is.
 * An ordinary user is one already. False when that cannot be done.
 */
bool aside_become_verifier(void);

/*
 * Makes mounts this process's own, in a user namespace unless it is root's. False where the
 * machine has none to give, which is said aloud with what is left out by that.
 */
bool aside_own_mounts(const char *left_out);

#endif
