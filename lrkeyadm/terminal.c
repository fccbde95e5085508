/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

/* Wider is no terminal, but a mistake. */
#define WIDTH_MAX 4096
#define WIDTH_DEFAULT 80

bool
terminal_is(int fd)
{
	return isatty(fd) == 1;
}

bool
terminal_has_color(enum color color, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color == COLOR_AUTO)
		return terminal_is(fd) && (no_color == NULL || no_color[0] == '\0') &&
		       term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
	return color == COLOR_ALWAYS;
}

/* COLUMNS as a number; 0 where it is none. */
static unsigned
asked_width(void)
{
	const char *text = getenv("COLUMNS");
	unsigned width = 0;

	if (text == NULL)
		return 0;
	for (; *text >= '0' && *text <= '9' && width <= WIDTH_MAX; text++)
		width = width * 10 + (unsigned)(*text - '0');
	return *text == '\0' && width <= WIDTH_MAX ? width : 0;
}

unsigned
terminal_width(int fd)
{
	unsigned width = asked_width();
	struct winsize size;

	if (width == 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return width > 0 ? width : WIDTH_DEFAULT;
}

void
terminal_print(FILE *stream, bool color, const char *sequence, const char *text)
{
	fprintf(stream, "%s%s%s", color ? sequence : "", text, color ? TERMINAL_PLAIN : "");
}
