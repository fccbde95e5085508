/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <string.h>

#include <lrkey/names.h>

/* Not <ctype.h>: its answers depend on the host's locale. */
static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool
is_org_tail(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool
is_scope_head(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool
is_scope_tail(char c)
{
	return is_scope_head(c) || c == '.' || c == '_' || c == '-';
}

static bool
is_store_tail(char c)
{
	return is_scope_head(c) || c == '-';
}

static bool
is_name(const char *text, size_t max, bool (*head)(char), bool (*tail)(char))
{
	if (!head(text[0]))
		return false;
	for (size_t i = 1; text[i] != '\0'; i++)
		if (i >= max || !tail(text[i]))
			return false;
	return true;
}

bool
lrk_is_id(const char *text)
{
	return strnlen(text, LRK_ID_LEN + 1) == LRK_ID_LEN &&
	       is_name(text, LRK_ID_LEN, is_alnum, is_alnum);
}

bool
lrk_is_store_name(const char *text)
{
	return is_name(text, LRK_STORE_MAX, is_lower, is_store_tail);
}

bool
lrk_is_org(const char *text)
{
	return is_name(text, LRK_ORG_MAX, is_alnum, is_org_tail);
}

bool
lrk_is_scope(const char *text)
{
	return strcmp(text, LRK_SCOPE_ANY) == 0 ||
	       is_name(text, LRK_SCOPE_MAX, is_scope_head, is_scope_tail);
}

static bool
is_user_char(char c)
{
	return c > 0x20 && c < 0x7f && c != ':';
}

bool
lrk_is_user_name(const char *text)
{
	return is_name(text, LRK_USER_MAX, is_user_char, is_user_char);
}

/* The next code point of well-formed UTF-8, and how many bytes it took; 0 bytes when it is not. */
static size_t
utf8_next(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t point;
	size_t n;

	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	if ((s[0] & 0xe0) == 0xc0) {
		n = 2;
		point = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3;
		point = s[0] & 0x0f;
	} else if ((s[0] & 0xf8) == 0xf0) {
		n = 4;
		point = s[0] & 0x07;
	} else {
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) /* a NUL ends here, too */
			return 0;
		point = (point << 6) | (s[i] & 0x3f);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return n;
}

static bool
is_label_point(uint32_t point)
{
	bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
	bool separator = point == 0x2028 || point == 0x2029;
	bool direction = point == 0x061c || point == 0x200e || point == 0x200f ||
			 (point >= 0x202a && point <= 0x202e) ||
			 (point >= 0x2066 && point <= 0x2069);

	return !control && !separator && !direction;
}

bool
lrk_is_label(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t points = 0;

	while (*s != '\0') {
		uint32_t point;
		size_t n = utf8_next(s, &point);

		if (n == 0 || !is_label_point(point) || ++points > LRK_LABEL_CHARS)
			return false;
		s += n;
	}
	return points > 0;
}
