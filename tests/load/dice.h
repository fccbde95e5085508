/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chance that a seed repeats: splitmix64. */
#ifndef TESTS_LOAD_DICE_H
#define TESTS_LOAD_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state;
};

/* A number below sides. */
static inline unsigned
dice_roll(struct dice *dice, unsigned sides)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (unsigned)(z >> 33) % sides;
}

#endif
