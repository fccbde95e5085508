/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/apikey.h>

#include "frame.h"
#include "terminal.h"

struct frame
frame_of(const struct request *request, bool in_file)
{
	return (struct frame){
		.wanted = !request->json && !in_file && terminal_is(STDOUT_FILENO) &&
			  terminal_is(STDERR_FILENO),
		.color = terminal_has_color(request->color, STDERR_FILENO),
	};
}

/* A line of so many dashes; in one write, as standard error has no buffer. */
static void
draw(unsigned n, const char *end)
{
	const char *dash = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\u2500" : "-";
	char line[LRK_APIKEY_LEN * sizeof("\u2500") + 2] = "", *at = line;

	while (n-- > 0)
		at = stpcpy(at, dash);
	fprintf(stderr, "%s%s", line, end);
}

/* As wide as a key. */
static unsigned
rule_width(void)
{
	unsigned width = terminal_width(STDERR_FILENO);

	return width < LRK_APIKEY_LEN ? width : LRK_APIKEY_LEN;
}

void
frame_begin(const struct frame *frame, const char *title)
{
	unsigned width = rule_width(), used = (unsigned)strlen(title) + 4;

	if (!frame->wanted)
		return;
	draw(2, " ");
	terminal_print(stderr, frame->color, TERMINAL_BOLD, title);
	fputc(' ', stderr);
	draw(used < width ? width - used : 0, "\n");
}

void
frame_end(const struct frame *frame)
{
	if (frame->wanted)
		draw(rule_width(), "\n");
}
