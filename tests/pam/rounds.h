/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often a test does what it does: less often for each change than for a release.
 */
#ifndef TESTS_PAM_ROUNDS_H
#define TESTS_PAM_ROUNDS_H

#include <stdlib.h>

/* What LRKEY_ROUNDS says, as tests/long does, or so many. */
static inline unsigned long
rounds(unsigned long usual)
{
	const char *text = getenv("LRKEY_ROUNDS");

	return text != NULL ? strtoul(text, NULL, 10) : usual;
}

#endif
