/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

/* A line is not written more often than this; quick work writes none. */
#define INTERVAL_MS 100

static struct {
	bool wanted; /* there is work, and a terminal */
	const char *what;
	uint64_t total;
	int shown; /* the length of the line that stands there */
	struct timespec last;
} progress;

static bool
is_due(void)
{
	struct timespec now;
	int64_t passed;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return false;
	passed = (int64_t)(now.tv_sec - progress.last.tv_sec) * 1000 +
		 (now.tv_nsec - progress.last.tv_nsec) / 1000000;
	if (passed < INTERVAL_MS)
		return false;
	progress.last = now;
	return true;
}

void
progress_begin(const char *what, uint64_t total)
{
	progress.wanted = isatty(STDERR_FILENO) == 1 &&
			  clock_gettime(CLOCK_MONOTONIC, &progress.last) == 0;
	progress.what = what;
	progress.total = total;
	progress.shown = 0;
}

void
progress_step(uint64_t done)
{
	char line[80];
	int length;

	if (!progress.wanted || !is_due())
		return;
	if (progress.total == 0)
		length = snprintf(line, sizeof(line), "%.20s: %" PRIu64, progress.what, done);
	else
		length = snprintf(line, sizeof(line), "%.20s: %" PRIu64 " of %" PRIu64,
				  progress.what, done, progress.total);
	/* A shorter line does not hide all of a longer one. */
	fprintf(stderr, "\r%-*s", progress.shown, line);
	if (length > progress.shown)
		progress.shown = length;
}

void
progress_hide(void)
{
	if (progress.shown > 0)
		fprintf(stderr, "\r%*s\r", progress.shown, "");
	progress.shown = 0;
}

void
progress_end(void)
{
	progress_hide();
	progress.wanted = false;
}
