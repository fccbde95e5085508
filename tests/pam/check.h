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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* PAM codes are compared by name, so that a failure says which one it was. */
#define assert_code(actual, expected) \
	assert_string_equal(code_name(actual), code_name(expected))

#endif
