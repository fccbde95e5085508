/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmocka with the headers that it wants, and what these tests compare.
 */
#ifndef TESTS_PAM_CHECK_H
#define TESTS_PAM_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "code.h"

/* What a table of tests is at, for whoever reads a failure. */
extern const char *check_row;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* PAM codes are compared by name, so that a failure says which one it was. */
#define assert_code(actual, expected) check_code(actual, expected, __FILE__, __LINE__)

static inline void
check_code(int actual, int expected, const char *file, int line)
{
	if (actual != expected)
		print_error("%s (in row: %s)\n", code_name(actual), check_row);
	_assert_string_equal(code_name(actual), code_name(expected), file, line);
}

#endif
