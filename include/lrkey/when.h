/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times are seconds since 1970-01-01T00:00:00Z. Every time that a user meets
 * is written as RFC 3339 in UTC, with whole seconds: 2026-11-20T10:00:00Z.
 */
#ifndef LRKEY_WHEN_H
#define LRKEY_WHEN_H

#include <stdint.h>

#include <lrkey/error.h>

/* No end. Sorts behind every time. */
#define LRK_NEVER INT64_MAX
/* 9999-12-31T23:59:59Z, the last time that RFC 3339 can write. */
#define LRK_TIME_MAX INT64_C(253402300799)

#define LRK_TIME_TEXT 21 /* with the terminating NUL */

/* The system's clock (CLOCK_REALTIME), or LRK_ERR_CLOCK. */
LRK_MUST_CHECK enum lrk_err lrk_time_now(int64_t *ret);

/* Writes a time as text; "never" for LRK_NEVER; what is out of range is clamped. */
void lrk_time_format(int64_t when, char text[static LRK_TIME_TEXT]);

/*
 * A duration, "90d": a decimal number and one of s m h d w y (m is minutes,
 * y is 365 days), in seconds. LRK_ERR_SYNTAX for anything else, or what is longer than
 * any time that can be written.
 */
LRK_MUST_CHECK enum lrk_err lrk_duration_parse(const char *text, int64_t *ret);

/*
 * A time as users give it, WHEN: a duration from now, a date (00:00:00 UTC), an
 * RFC 3339 time with Z or an offset, or "never". LRK_ERR_SYNTAX for anything else.
 */
LRK_MUST_CHECK enum lrk_err lrk_when_parse(const char *text, int64_t now, int64_t *ret);

#endif
