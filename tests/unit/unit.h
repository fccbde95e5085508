/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the unit tests share: cmocka with the headers that it wants, and
 * numbers that look random and are the same in each run.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lrkey/error.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An error is compared by its name, so that a failure says which one it was. */
#define assert_err(result, expected) \
	assert_string_equal(lrk_err_name(result), lrk_err_name(expected))
#define assert_ok(result) assert_err(result, LRK_OK)

/* The bytes that a string of hexadecimal digits writes, and how many. */
static inline size_t
hex_bytes(const char *hex, uint8_t *bytes, size_t size)
{
	size_t length = strlen(hex) / 2;

	assert_true(length <= size);
	for (size_t i = 0; i < length; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

/* Marsaglia's xorshift64, seeded by whoever needs a sequence of its own. */
static inline uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A number below limit. */
static inline unsigned
random_below(uint64_t *state, unsigned limit)
{
	return (unsigned)((next_random(state) >> 16) % limit);
}

static inline void
random_bytes(uint64_t *state, uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(next_random(state) >> 24);
}

#endif
