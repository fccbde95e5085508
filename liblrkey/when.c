/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <lrkey/when.h>

enum lrk_err
lrk_time_now(int64_t *ret)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return LRK_ERR_CLOCK;
	*ret = now.tv_sec;
	return LRK_OK;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, year 0 to 9999. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t leap_years = month > 2 ? year : year - 1;

	return 365 * (year - 1970) + (leap_years / 4 - leap_years / 100 + leap_years / 400) - 477 +
	       before[month - 1] + day - 1;
}

static bool
is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int64_t year, int64_t month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* The year that the day falls into, and in *day the day of that year, counted from 0. */
static int64_t
year_of_day(int64_t *day)
{
	/* No year is longer than 366 days: the estimate is never too late. */
	int64_t year = 1970 + *day / 366;

	while (days_from_date(year + 1, 1, 1) <= *day)
		year++;
	*day -= days_from_date(year, 1, 1);
	return year;
}

/* Not gmtime_r: it reads TZ and /etc/localtime, which are the host's. */
static void
put_digits(char *at, int width, int64_t number)
{
	for (; width > 0; number /= 10)
		at[--width] = (char)('0' + number % 10);
}

void
lrk_time_format(int64_t when, char text[static LRK_TIME_TEXT])
{
	int64_t seconds, day, year;
	int month = 1;

	if (when == LRK_NEVER) {
		memcpy(text, "never", sizeof("never"));
		return;
	}
	seconds = when < 0 ? 0 : when > LRK_TIME_MAX ? LRK_TIME_MAX : when;
	day = seconds / 86400;
	seconds %= 86400;
	year = year_of_day(&day);
	for (; day >= days_in_month(year, month); month++)
		day -= days_in_month(year, month);
	memcpy(text, "0000-00-00T00:00:00Z", LRK_TIME_TEXT);
	put_digits(text, 4, year);
	put_digits(text + 5, 2, month);
	put_digits(text + 8, 2, day + 1);
	put_digits(text + 11, 2, seconds / 3600);
	put_digits(text + 14, 2, seconds / 60 % 60);
	put_digits(text + 17, 2, seconds % 60);
}

enum lrk_err
lrk_duration_parse(const char *text, int64_t *ret)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {
		{ 's', 1 },	  { 'm', 60 },	       { 'h', 3600 },
		{ 'd', 86400 },	  { 'w', 7 * 86400 }, { 'y', 365 * 86400 },
	};
	int64_t number = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9'; i++) {
		number = number * 10 + (text[i] - '0');
		if (number > LRK_TIME_MAX)
			return LRK_ERR_SYNTAX;
	}
	if (i == 0 || text[i] == '\0' || text[i + 1] != '\0')
		return LRK_ERR_SYNTAX;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		if (text[i] != units[u].unit)
			continue;
		if (number > LRK_TIME_MAX / units[u].seconds)
			return LRK_ERR_SYNTAX;
		*ret = number * units[u].seconds;
		return LRK_OK;
	}
	return LRK_ERR_SYNTAX;
}

/* Reads exactly that many digits and moves on; -1 when they are not there. */
static int64_t
read_digits(const char **text, int digits)
{
	int64_t number = 0;

	for (int i = 0; i < digits; i++) {
		char c = **text;

		if (c < '0' || c > '9')
			return -1;
		number = number * 10 + (c - '0');
		(*text)++;
	}
	return number;
}

static bool
read_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* hh:mm, as in a time of day or an offset, in seconds; -1 when it is not there. */
static int64_t
read_hours_minutes(const char **text)
{
	int64_t hours = read_digits(text, 2);
	int64_t minutes;

	if (hours < 0 || hours > 23 || !read_char(text, ':'))
		return -1;
	minutes = read_digits(text, 2);
	if (minutes < 0 || minutes > 59)
		return -1;
	return hours * 3600 + minutes * 60;
}

/* What follows the date in RFC 3339, section 5.6: Thh:mm:ss[.fff](Z|+hh:mm|-hh:mm), in seconds. */
static bool
read_time_of_day(const char **text, int64_t *ret)
{
	int64_t time, seconds, offset = 0;

	if (!read_char(text, 'T') && !read_char(text, 't'))
		return false;
	time = read_hours_minutes(text);
	if (time < 0 || !read_char(text, ':'))
		return false;
	seconds = read_digits(text, 2);
	if (seconds < 0 || seconds > 60) /* a leap second counts as the next one */
		return false;
	if (read_char(text, '.')) {
		if (read_digits(text, 1) < 0)
			return false;
		while (read_digits(text, 1) >= 0)
			continue;
	}
	if (!read_char(text, 'Z') && !read_char(text, 'z')) {
		int sign = **text == '-' ? -1 : 1;

		if (!read_char(text, '+') && !read_char(text, '-'))
			return false;
		offset = read_hours_minutes(text);
		if (offset < 0)
			return false;
		offset *= sign;
	}
	*ret = time + seconds - offset;
	return true;
}

static enum lrk_err
parse_date(const char *text, int64_t *ret)
{
	int64_t year, month, day, of_day = 0, when;

	year = read_digits(&text, 4);
	if (year < 1970 || !read_char(&text, '-'))
		return LRK_ERR_SYNTAX;
	month = read_digits(&text, 2);
	if (month < 1 || month > 12 || !read_char(&text, '-'))
		return LRK_ERR_SYNTAX;
	day = read_digits(&text, 2);
	if (day < 1 || day > days_in_month(year, month))
		return LRK_ERR_SYNTAX;
	if (*text != '\0' && !read_time_of_day(&text, &of_day))
		return LRK_ERR_SYNTAX;
	when = days_from_date(year, month, day) * 86400 + of_day;
	if (*text != '\0' || when < 0 || when > LRK_TIME_MAX)
		return LRK_ERR_SYNTAX;
	*ret = when;
	return LRK_OK;
}

enum lrk_err
lrk_when_parse(const char *text, int64_t now, int64_t *ret)
{
	int64_t duration;

	if (strcmp(text, "never") == 0) {
		*ret = LRK_NEVER;
		return LRK_OK;
	}
	if (lrk_duration_parse(text, &duration) == LRK_OK) {
		if (duration > LRK_TIME_MAX - now)
			return LRK_ERR_SYNTAX;
		*ret = now + duration;
		return LRK_OK;
	}
	return parse_date(text, ret);
}
