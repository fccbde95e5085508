/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <lrkey/names.h>

#include "escape.h"
#include "hint.h"
#include "terminal.h"

static bool
needs_quotes(const char *text)
{
	static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "/._-+:@%,=";

	return text[0] == '\0' || text[strspn(text, plain)] != '\0';
}

/* Appends what a shell reads as text. */
static void
append_quoted(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);
	bool quotes = needs_quotes(text);

	if (quotes && used + 1 < size)
		to[used++] = '\'';
	for (; *text != '\0' && used + 5 < size; text++)
		if (*text == '\'')
			used += (size_t)(stpcpy(to + used, "'\\''") - (to + used));
		else
			to[used++] = *text;
	if (quotes && used + 1 < size)
		to[used++] = '\'';
	to[used] = '\0';
}

void
hint_prefix(const struct request *request, char text[static HINT_MAX])
{
	bool named = strcmp(request->store, LRK_STORE_DEFAULT) != 0;

	snprintf(text, HINT_MAX, "lrkeyadm%s%s%s", named ? " -s " : "", named ? request->store : "",
		 request->root != NULL ? " --root " : "");
	if (request->root != NULL)
		append_quoted(text, HINT_MAX, request->root);
}

void
hint_mkdir(const struct request *request, char text[static HINT_MAX])
{
	struct stat st;

	text[0] = '\0';
	if (request->root == NULL || stat(request->root, &st) == 0 || errno != ENOENT)
		return;
	snprintf(text, HINT_MAX, "mkdir -p ");
	append_quoted(text, HINT_MAX - sizeof(" && "), request->root);
	snprintf(text + strlen(text), HINT_MAX - strlen(text), " && ");
}

void
hints_add(struct hints *hints, const struct request *request, const char *command, const char *what)
{
	char *text = hints->hint[hints->n].command;
	size_t used;

	text[0] = '\0';
	if (request != NULL)
		hint_prefix(request, text);
	used = strlen(text);
	snprintf(text + used, HINT_MAX - used, "%s%s", used > 0 ? " " : "", command);
	snprintf(hints->hint[hints->n].what, sizeof(hints->hint[0].what), "%s", what);
	hints->n++;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void
hints_print(const struct hints *hints, FILE *stream)
{
	size_t width = terminal_is(fileno(stream)) ? terminal_width(fileno(stream)) : SIZE_MAX;
	size_t command = 0, what = 0;
	bool stacked;

	for (unsigned i = 0; i < hints->n; i++) {
		command = larger(command, strlen(hints->hint[i].command));
		what = larger(what, strlen(hints->hint[i].what));
	}
	stacked = 2 + command + 2 + what > width;
	fputs("Next:\n", stream);
	for (unsigned i = 0; i < hints->n; i++) {
		size_t length = strlen(hints->hint[i].command);

		fputs("  ", stream);
		escape_print(stream, hints->hint[i].command);
		if (stacked)
			fprintf(stream, "\n      %s\n", hints->hint[i].what);
		else
			fprintf(stream, "%*s%s\n", (int)(command - length) + 2, "",
				hints->hint[i].what);
	}
}
