/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <lrkey/names.h>

#include "escape.h"

/* How many bytes a character that begins with this byte claims to have. */
static size_t
claimed_length(unsigned char first)
{
	if (first >= 0xf0)
		return 4;
	if (first >= 0xe0)
		return 3;
	return first >= 0xc0 ? 2 : 1;
}

/* The length of the displayable character at text, or 0. What a label may hold is displayable. */
static size_t
displayable(const char *text)
{
	size_t length = claimed_length((unsigned char)text[0]);
	char character[5] = "";

	if (strnlen(text, length) < length)
		return 0;
	memcpy(character, text, length);
	return lrk_is_label(character) ? length : 0;
}

void
escape_print(FILE *stream, const char *text)
{
	while (*text != '\0') {
		size_t length = displayable(text);

		if (length > 0) {
			fwrite(text, 1, length, stream);
			text += length;
		} else {
			fprintf(stream, "\\x%02x", (unsigned char)*text++);
		}
	}
}

bool
escape_close(FILE *stream, char *const *text)
{
	bool whole = ferror(stream) == 0;

	return fclose(stream) == 0 && whole && *text != NULL;
}
