/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers as bytes in network order, as all files of a store have them.
 */
#ifndef LIBLRKEY_BYTES_H
#define LIBLRKEY_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Writes the low width bytes of a number. */
static inline void
lrk_put_number(uint8_t *at, uint64_t number, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(number >> (8 * (width - 1 - i)));
}

static inline uint64_t
lrk_get_number(const uint8_t *at, unsigned width)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < width; i++)
		number = number << 8 | at[i];
	return number;
}

/* Eight bytes at once: the usage file is made of them. */
static inline void
lrk_put_u64(uint8_t *at, uint64_t number)
{
	number = htobe64(number);
	memcpy(at, &number, sizeof(number));
}

static inline uint64_t
lrk_get_u64(const uint8_t *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return be64toh(number);
}

#endif
