/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To preload: when the program ends, its memory is searched for API keys and lines of
 * master.key, which are told by their form, and for the bytes whose complement LRKEY_TEST_NEEDLE
 * gives in hexadecimal digits: so the search does not find what it searches for. How
 * many there are is written to the file LRKEY_TEST_SCAN.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sanitizer's shadow is larger, and no program's memory is here. */
#define MAPPING_MAX ((size_t)64 << 20)

static bool
is_base62(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* How many characters of a kind stand there, at most max. */
static size_t
run_of(const char *text, size_t max, bool (*is)(char))
{
	size_t n = 0;

	while (n < max && is(text[n]))
		n++;
	return n;
}

/* lrk_ id _ secret and check: 55 characters, and room for them is there. */
static bool
is_api_key(const char *text)
{
	return text[0] == 'l' && text[1] == 'r' && text[2] == 'k' && text[3] == '_' &&
	       run_of(text + 4, 12, is_base62) == 12 && text[16] == '_' &&
	       run_of(text + 17, 38, is_base62) == 38;
}

/* A line of master.key: a word, 8 digits, 32 digits. */
static bool
is_master_key(const char *text)
{
	return text[0] == 'e' && text[1] == ' ' && run_of(text + 2, 8, is_hex) == 8 &&
	       text[10] == ' ' && run_of(text + 11, 32, is_hex) == 32;
}

#define NEEDLE_MAX 32

static uint8_t needle[NEEDLE_MAX];
static size_t needle_length;

static void
read_needle(void)
{
	const char *text = getenv("LRKEY_TEST_NEEDLE");
	unsigned byte;

	while (text != NULL && needle_length < NEEDLE_MAX && sscanf(text, "%2x", &byte) == 1) {
		needle[needle_length++] = (uint8_t)byte;
		text += 2;
	}
}

static bool
is_needle(const char *bytes)
{
	size_t i = 0;

	while (i < needle_length && ((uint8_t)bytes[i] ^ needle[i]) == 0xff)
		i++;
	return needle_length > 0 && i == needle_length;
}

static unsigned
search(const char *from, size_t length)
{
	unsigned found = 0;

	for (size_t i = 0; i + 55 <= length; i++)
		found += is_api_key(from + i) || is_master_key(from + i) || is_needle(from + i);
	return found;
}

__attribute__((destructor)) static void
search_all(void)
{
	const char *path = getenv("LRKEY_TEST_SCAN");
	FILE *maps = path != NULL ? fopen("/proc/self/maps", "r") : NULL;
	FILE *report = maps != NULL ? fopen(path, "w") : NULL;
	unsigned found = 0, mappings = 0;
	char line[512], mode[8];
	uintptr_t from, to;

	read_needle();
	while (report != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    strncmp(mode, "rw", 2) != 0 || to - from > MAPPING_MAX)
			continue;
		mappings++;
		found += search((const char *)from, to - from);
	}
	if (report != NULL) {
		fprintf(report, "%u secrets in %u mappings\n", found, mappings);
		fclose(report);
	}
	if (maps != NULL)
		fclose(maps);
}
