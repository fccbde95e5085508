/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durations, dates and times as users write them: what is written of what was read reads as the
 * same, and never leaves the range of times.
 */
#include <stdlib.h>
#include <string.h>

#include <lrkey/when.h>

#include "fuzz.h"
#include "lrkeyadm/values.h"

#define NOW INT64_C(1800000000)

static void
try_duration(const char *text)
{
	char again[DURATION_TEXT];
	int64_t seconds = -1, reread;

	if (lrk_duration_parse(text, &seconds) != LRK_OK) {
		fuzz_require(seconds == -1);
		return;
	}
	fuzz_require(seconds >= 0 && seconds <= LRK_TIME_MAX);
	duration_format(seconds, again);
	fuzz_require(lrk_duration_parse(again, &reread) == LRK_OK && reread == seconds);
}

static void
try_when(const char *text, int64_t now)
{
	char again[LRK_TIME_TEXT];
	int64_t when = -1, reread;

	if (lrk_when_parse(text, now, &when) != LRK_OK) {
		fuzz_require(when == -1);
		return;
	}
	fuzz_require(when == LRK_NEVER || (when >= 0 && when <= LRK_TIME_MAX));
	lrk_time_format(when, again);
	fuzz_require(strlen(again) < sizeof(again));
	fuzz_require(lrk_when_parse(again, now, &reread) == LRK_OK && reread == when);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	char *text = fuzz_text(data, size), formatted[LRK_TIME_TEXT];
	int64_t when, reread;

	try_duration(text);
	try_when(text, NOW);
	try_when(text, LRK_TIME_MAX);
	free(text);
	when = (int64_t)(fuzz_number(&input, 8) % (uint64_t)(LRK_TIME_MAX + 1));
	lrk_time_format(when, formatted);
	fuzz_require(lrk_when_parse(formatted, NOW, &reread) == LRK_OK && reread == when);
	return 0;
}
