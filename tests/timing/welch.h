/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether two kinds of input take the same time, as dudect asks it: measured in a random order,
 * one beside the other, and compared with Welch's t-test; once with all measurements, and a
 * hundred times without the slowest ones, which say more of the machine than of the code.
 *
 * Reparaz, Balasch, Verbauwhede: Dude, is my code constant time? (2017)
 */
#ifndef TESTS_TIMING_WELCH_H
#define TESTS_TIMING_WELCH_H

#include <stddef.h>
#include <stdint.h>

/* From here on dudect calls it a leak beyond doubt; from 5 on it would look again. */
#define WELCH_LEAK 10.0

struct welch_result {
	double t;	      /* the greatest of all, without its sign */
	double mean[2];	      /* in nanoseconds, of those below the 90th percentile */
	double difference;    /* of the second's mean to the first's, in per cent */
	unsigned long n[2];
};

/* One measurement: does it with an input of the kind that is asked for, in nanoseconds. */
typedef double (*welch_fn)(unsigned kind);

struct welch_result welch_compare(welch_fn measure, unsigned long n);

/* A clock that costs little, in its own ticks. */
uint64_t welch_ticks(void);
double welch_nanoseconds(uint64_t ticks);

#endif
