/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "tests/pam/check.h"

#include "welch.h"

#define N_CROPS 101
/* What the first so many say of the machine decides where to crop; they are not counted. */
#define N_CALIBRATION 2000

/* Mean and variance as they come (Welford). */
struct moments {
	double n[2], mean[2], m2[2];
};

static void
add(struct moments *m, unsigned kind, double x)
{
	double delta = x - m->mean[kind];

	m->n[kind]++;
	m->mean[kind] += delta / m->n[kind];
	m->m2[kind] += delta * (x - m->mean[kind]);
}

static double
t_of(const struct moments *m)
{
	double variance = 0;

	for (unsigned kind = 0; kind < 2; kind++) {
		if (m->n[kind] < 100)
			return 0;
		variance += m->m2[kind] / (m->n[kind] - 1) / m->n[kind];
	}
	return variance > 0 ? fabs(m->mean[0] - m->mean[1]) / sqrt(variance) : 0;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The last crop lets all pass; the others are denser the nearer they come to it, as dudect's. */
static void
find_crops(welch_fn measure, double crops[static N_CROPS])
{
	static double first[N_CALIBRATION];

	for (size_t i = 0; i < N_CALIBRATION; i++)
		first[i] = measure((unsigned)(i & 1));
	qsort(first, N_CALIBRATION, sizeof(first[0]), compare);
	for (size_t i = 0; i < N_CROPS - 1; i++) {
		double part = 1 - pow(0.5, 10 * (double)(i + 1) / (N_CROPS - 1));

		crops[i] = first[(size_t)(part * (N_CALIBRATION - 1))];
	}
	crops[N_CROPS - 1] = INFINITY;
}

struct welch_result
welch_compare(welch_fn measure, unsigned long n)
{
	static struct moments moments[N_CROPS];
	struct welch_result result = { 0 };
	double crops[N_CROPS];
	/* Of the crops, the one next to 90 of 100. */
	const struct moments *shown = &moments[32];

	for (size_t i = 0; i < N_CROPS; i++)
		moments[i] = (struct moments){ 0 };
	find_crops(measure, crops);
	for (unsigned long i = 0; i < n; i++) {
		unsigned kind = (unsigned)(random() >> 7 & 1);
		double x = measure(kind);

		for (size_t j = 0; j < N_CROPS; j++)
			if (x <= crops[j])
				add(&moments[j], kind, x);
	}
	for (size_t i = 0; i < N_CROPS; i++)
		if (t_of(&moments[i]) > result.t)
			result.t = t_of(&moments[i]);
	for (unsigned kind = 0; kind < 2; kind++) {
		result.mean[kind] = shown->mean[kind];
		result.n[kind] = (unsigned long)moments[N_CROPS - 1].n[kind];
	}
	result.difference = 100 * (shown->mean[1] / shown->mean[0] - 1);
	return result;
}

uint64_t
welch_ticks(void)
{
#if defined(__x86_64__)
	unsigned processor;

	return __builtin_ia32_rdtscp(&processor);
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* How long a tick is, against the system's clock. */
static double
measure_tick(void)
{
	struct timespec from, to;
	uint64_t ticks = welch_ticks();
	double passed;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &to);
		passed = (double)(to.tv_sec - from.tv_sec) * 1e9 +
			 (double)(to.tv_nsec - from.tv_nsec);
	} while (passed < 2e7);
	return passed / (double)(welch_ticks() - ticks);
}

double
welch_nanoseconds(uint64_t ticks)
{
	static double tick;

	if (tick == 0)
		tick = measure_tick();
	return (double)ticks * tick;
}
