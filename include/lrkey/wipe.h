/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wiping memory that held a secret, in ways that do not compile when misused:
 * an array goes to lrk_wipe_array, a pointer to one object to lrk_wipe_object,
 * a pointer with a length to lrk_wipe_bytes, a terminated string to
 * lrk_wipe_string. None of them can be optimised away: explicit_bzero(3).
 */
#ifndef LRKEY_WIPE_H
#define LRKEY_WIPE_H

#include <string.h>

#define LRK_IS_ARRAY(x) \
	(!__builtin_types_compatible_p(__typeof__(x), __typeof__(&(x)[0])))
/* 0, or a compile error where the condition does not hold. */
#define LRK_REQUIRE(condition) (sizeof(char[1 - 2 * !(condition)]) - 1)

#define lrk_wipe_array(x) explicit_bzero((x), sizeof(x) + LRK_REQUIRE(LRK_IS_ARRAY(x)))
/* The operand must be a pointer to one whole object, not an array. */
#define lrk_wipe_object(p) explicit_bzero((p), sizeof(*(p)) + LRK_REQUIRE(!LRK_IS_ARRAY(p)))

static inline void
lrk_wipe_bytes(void *bytes, size_t length)
{
	if (bytes != NULL)
		explicit_bzero(bytes, length);
}

static inline void
lrk_wipe_string(char *string)
{
	if (string != NULL)
		explicit_bzero(string, strlen(string));
}

#endif
