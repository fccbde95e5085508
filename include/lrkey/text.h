/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting short texts together where it is done for each authentication: snprintf(3) costs ten
 * times as much.
 */
#ifndef LRKEY_TEXT_H
#define LRKEY_TEXT_H

#include <string.h>

/*
 * Appends text to the first used bytes of a buffer of size bytes, cut to fit and always
 * terminated; used is below size. Returns how many bytes are used then.
 */
static inline size_t
lrk_append(char *to, size_t used, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1 - used);

	memcpy(to + used, text, length);
	to[used + length] = '\0';
	return used + length;
}

#endif
