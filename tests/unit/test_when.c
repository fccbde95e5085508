/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lrkey/when.h>

#include "unit.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1763892000) /* 2025-11-23T10:00:00Z */

static void
expect_when(const char *text, int64_t expected)
{
	int64_t when = -1;

	if (lrk_when_parse(text, NOW, &when) != LRK_OK)
		fail_msg("\"%s\" is refused", text);
	if (when != expected)
		fail_msg("\"%s\" is %jd, not %jd", text, (intmax_t)when, (intmax_t)expected);
}

static void
expect_no_when(const char *text)
{
	int64_t when = -77;
	enum lrk_err err = lrk_when_parse(text, NOW, &when);

	if (err != LRK_ERR_SYNTAX || when != -77)
		fail_msg("\"%s\": %s, %jd", text, lrk_err_name(err), (intmax_t)when);
}

/* A calendar that only counts: the next day, and whether February has 29. */
static void
next_day(int *year, int *month, int *day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = *year % 400 == 0 || (*year % 4 == 0 && *year % 100 != 0);

	if (++*day <= days[*month - 1] || (*month == 2 && leap && *day == 29))
		return;
	*day = 1;
	if (++*month <= 12)
		return;
	*month = 1;
	++*year;
}

static void
test_every_day(void **state)
{
	int year = 1970, month = 1, day = 1;
	int64_t when, count = 0;

	(void)state;
	for (; year <= 9999; next_day(&year, &month, &day), count++) {
		char date[40], text[60], formatted[LRK_TIME_TEXT];

		snprintf(date, sizeof(date), "%04d-%02d-%02d", year, month, day);
		snprintf(text, sizeof(text), "%sT23:59:59Z", date);
		if (lrk_when_parse(date, NOW, &when) != LRK_OK || when != count * DAY)
			fail_msg("%s", date);
		lrk_time_format(when + DAY - 1, formatted);
		if (strcmp(formatted, text) != 0)
			fail_msg("%s is formatted as %s", text, formatted);
	}
	assert_int_equal(count * DAY - 1, LRK_TIME_MAX);
}

static void
test_format(void **state)
{
	static const struct {
		int64_t when;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:01Z" },
		{ INT64_C(951782400), "2000-02-29T00:00:00Z" },
		{ INT64_C(2147483648), "2038-01-19T03:14:08Z" },
		{ INT64_C(4294967296), "2106-02-07T06:28:16Z" },
		{ LRK_TIME_MAX, "9999-12-31T23:59:59Z" },
		{ LRK_TIME_MAX + 1, "9999-12-31T23:59:59Z" },
		{ LRK_NEVER - 1, "9999-12-31T23:59:59Z" },
		{ LRK_NEVER, "never" },
		{ -1, "1970-01-01T00:00:00Z" },
		{ INT64_MIN, "1970-01-01T00:00:00Z" },
	};
	char text[LRK_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		memset(text, 'x', sizeof(text));
		lrk_time_format(rows[i].when, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void
test_time_zone_of_host(void **state)
{
	char text[LRK_TIME_TEXT];

	(void)state;
	assert_int_equal(setenv("TZ", "Pacific/Kiritimati", 1), 0);
	tzset();
	lrk_time_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	expect_when("1970-01-01", 0);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
test_leap_years(void **state)
{
	(void)state;
	expect_when("1972-02-29", 789 * DAY);
	expect_when("2000-02-29", 11016 * DAY);
	expect_when("2024-02-29", 19782 * DAY);
	expect_when("2400-02-29", INT64_C(157113) * DAY);
	expect_no_when("1971-02-29");
	expect_no_when("2023-02-29");
	expect_no_when("2100-02-29");
	expect_no_when("2200-02-29");
	expect_no_when("9900-02-29");
	expect_no_when("2024-02-30");
}

static void
test_rfc3339(void **state)
{
	(void)state;
	expect_when("2026-11-20T10:00:00Z", INT64_C(1795168800));
	expect_when("2026-11-20t10:00:00z", INT64_C(1795168800));
	expect_when("2026-11-20T12:00:00+02:00", INT64_C(1795168800));
	expect_when("2026-11-20T04:30:00-05:30", INT64_C(1795168800));
	expect_when("2026-11-20T10:00:00+00:00", INT64_C(1795168800));
	expect_when("2026-11-20T10:00:00-00:00", INT64_C(1795168800));
	expect_when("2026-11-21T09:59:00+23:59", INT64_C(1795168800));
	expect_when("2026-11-20T10:00:00.9Z", INT64_C(1795168800));
	expect_when("2026-11-20T10:00:00.123456789012345678901234567890Z",
		    INT64_C(1795168800));
	expect_when("2026-11-20T10:00:00.5+00:00", INT64_C(1795168800));
	/* Year and day change with the offset. */
	expect_when("2026-01-01T00:30:00+01:00", INT64_C(1767223800));
	expect_when("2025-12-31T23:30:00-01:00", INT64_C(1767227400));
	/* A leap second is the second after it. */
	expect_when("2016-12-31T23:59:60Z", INT64_C(1483228800));
	/* Both ends of what can be written. */
	expect_when("1970-01-01T00:00:00Z", 0);
	expect_when("1970-01-01T01:00:00+01:00", 0);
	expect_when("9999-12-31T23:59:59Z", LRK_TIME_MAX);
	expect_no_when("1970-01-01T00:59:59+01:00");
	expect_no_when("1969-12-31T23:59:59Z");
	expect_no_when("1969-12-31T23:59:59-01:00");
	expect_no_when("9999-12-31T23:59:60Z");
	expect_no_when("9999-12-31T23:59:59-00:01");
}

static void
test_bad_times(void **state)
{
	static const char *const bad[] = {
		"", " ", "x", "-", "now", "Never", "NEVER", "never ", " never", "nevermore",
		"tomorrow", "0", "7", "2027", "2027-01", "2027-01-", "2027-1-31", "27-01-31",
		"02027-01-31", "20270131", "2027/01/31", "2027-01-31 ", " 2027-01-31",
		"+2027-01-31", "-2027-01-31", "2027-00-10", "2027-13-10", "2027-01-00",
		"2027-01-32", "2027-04-31", "0000-01-01", "10000-01-01",
		"2027-01-31T", "2027-01-31T10", "2027-01-31T10:00", "2027-01-31T10:00Z",
		"2027-01-31T10:00:00", "2027-01-31 10:00:00Z", "2027-01-31_10:00:00Z",
		"2027-01-31T24:00:00Z", "2027-01-31T23:60:00Z", "2027-01-31T23:59:61Z",
		"2027-01-31T1:00:00Z", "2027-01-31T10:0:00Z", "2027-01-31T10:00:0Z",
		"2027-01-31T10:00:00.Z", "2027-01-31T10:00:00,5Z", "2027-01-31T10:00:00.5",
		"2027-01-31T10:00:00ZZ", "2027-01-31T10:00:00Z ", "2027-01-31T10:00:00+",
		"2027-01-31T10:00:00+1", "2027-01-31T10:00:00+01", "2027-01-31T10:00:00+0100",
		"2027-01-31T10:00:00+1:00", "2027-01-31T10:00:00+24:00",
		"2027-01-31T10:00:00+01:60", "2027-01-31T10:00:00+01:00:00",
		"2027-01-31T10:00:00 +01:00", "2027-01-31T10:00:00*01:00",
		"2027-01-31T-1:00:00Z", "2027-01--1", "\331\242027-01-31",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		expect_no_when(bad[i]);
}

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {
		{ "0s", 0 },	     { "1s", 1 },	    { "007s", 7 },
		{ "1m", 60 },	     { "1h", 3600 },	    { "1d", DAY },
		{ "1w", 7 * DAY },   { "1y", 365 * DAY },   { "90d", 90 * DAY },
		{ "0y", 0 },	     { "00000000000000000000000000000000000001d", DAY },
		{ "253402300799s", LRK_TIME_MAX },
		{ "4223371679m", INT64_C(253402300740) },
		{ "2932896d", INT64_C(2932896) * DAY },	    { "8035y", 8035 * 365 * DAY },
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		seconds = -1;
		assert_ok(lrk_duration_parse(rows[i].text, &seconds));
		assert_true(seconds == rows[i].seconds);
	}
}

static void
test_bad_durations(void **state)
{
	static const char *const bad[] = {
		"", "s", "d", "1", "90", "-1d", "+1d", " 1d", "1d ", "1 d", "1D", "1M", "1S",
		"1H", "1W", "1Y", "1ms", "1mo", "1min", "1d1h", "1.5d", "1,5d", "0x1d", "1e3s",
		"1\xc2\xb5s", "d1", "never", "1x", "1t", "1/s", "1:s",
		/* one more than any time that can be written, for each unit */
		"253402300800s", "4223371680m", "70389528h", "2932897d", "418986w", "8036y",
		/* what would wrap around in 32 and 64 bits */
		"4294967296y", "9223372036854775807s", "9223372036854775808s",
		"18446744073709551616s", "18446744073709551617s", "292277026597y",
		"106751991167301d", "99999999999999999999999999999999999999999999d",
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		seconds = -77;
		if (lrk_duration_parse(bad[i], &seconds) != LRK_ERR_SYNTAX || seconds != -77)
			fail_msg("\"%s\" is %jd", bad[i], (intmax_t)seconds);
	}
}

static void
test_when_durations(void **state)
{
	int64_t when = -1;

	(void)state;
	expect_when("0s", NOW);
	expect_when("90d", NOW + 90 * DAY);
	expect_when("1y", NOW + 365 * DAY);
	expect_when("never", LRK_NEVER);
	assert_ok(lrk_when_parse("253402300799s", 0, &when));
	assert_true(when == LRK_TIME_MAX);
	assert_ok(lrk_when_parse("0s", LRK_TIME_MAX, &when));
	assert_true(when == LRK_TIME_MAX);
	assert_err(lrk_when_parse("1s", LRK_TIME_MAX, &when), LRK_ERR_SYNTAX);
	assert_err(lrk_when_parse("253402300799s", 1, &when), LRK_ERR_SYNTAX);
	expect_no_when("8036y");
	expect_no_when("8000y");
	expect_no_when("-1d");
}

static void
test_now(void **state)
{
	struct timespec before, after;
	int64_t now = -1;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &before), 0);
	assert_ok(lrk_time_now(&now));
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
	assert_true(before.tv_sec <= now && now <= after.tv_sec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_time_zone_of_host),
		cmocka_unit_test(test_leap_years),
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_bad_times),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bad_durations),
		cmocka_unit_test(test_when_durations),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
