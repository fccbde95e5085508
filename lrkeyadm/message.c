/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages.
 *
 * - Text from outside MUST pass escape_print: a label, a file name or an argument
 *   must not reach the terminal as a control sequence, nor make a second line.
 * - No secret MUST ever be an argument here; values of arguments may be, because
 *   main() refuses every argument that holds an API key before anything else.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "message.h"
#include "progress.h"

#define PROGRAM "lrkeyadm"
/* A value longer than this is cut in messages. */
#define VALUE_SHOWN 80

static char last[1024];
static bool silence;

void
messages_silence(bool silent)
{
	silence = silent;
}

const char *
last_failure(void)
{
	return last;
}

/* One line, in one write, so that lines of parallel runs do not mix. */
static void
print_line(const char *what, const char *why, char *keep, size_t keep_size)
{
	size_t prefix = sizeof(PROGRAM ": ") - 1, length;
	char *line = NULL;
	FILE *stream = open_memstream(&line, &length);

	if (stream == NULL)
		goto plain;
	fputs(PROGRAM ": ", stream);
	escape_print(stream, what);
	fputs(": ", stream);
	escape_print(stream, why);
	fputc('\n', stream);
	if (!escape_close(stream, &line))
		goto plain;
	if (!silence) {
		progress_hide();
		fputs(line, stderr);
	}
	if (keep != NULL)
		snprintf(keep, keep_size, "%.*s", (int)(length - prefix - 1), line + prefix);
	free(line);
	return;
plain:
	free(line);
	fputs(PROGRAM ": not enough memory\n", stderr);
}

static void
print_formatted(const char *what, const char *format, va_list args, char *keep, size_t keep_size)
	__attribute__((format(printf, 2, 0)));

static void
print_formatted(const char *what, const char *format, va_list args, char *keep, size_t keep_size)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	print_line(what, text != NULL ? text : "not enough memory", keep, keep_size);
	free(text);
}

enum status
fail(enum status status, const char *what, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	print_formatted(what, why, args, last, sizeof(last));
	va_end(args);
	return status;
}

enum status
fail_errno(enum status status, const char *what, int error)
{
	/* Not strerror: what scripts match must not depend on the locale. */
	const char *text = strerrordesc_np(error);

	return fail(status, what, "%s", text != NULL ? text : "unknown error");
}

enum status
fail_memory(void)
{
	return fail(STATUS_IO, "memory", "not enough");
}

enum status
status_from_err(enum lrk_err err)
{
	switch (err) {
	case LRK_OK:
		return STATUS_OK;
	case LRK_ERR_SYNTAX:
		return STATUS_USAGE;
	case LRK_ERR_NO_STORE:
	case LRK_ERR_UNSAFE:
	case LRK_ERR_DAMAGED:
	case LRK_ERR_VERSION:
	case LRK_ERR_MASTER_KEY:
	case LRK_ERR_USAGE:
		return STATUS_STORE;
	case LRK_ERR_NOT_FOUND:
		return STATUS_NO_KEY;
	case LRK_ERR_EXISTS:
		return STATUS_CREATE;
	case LRK_ERR_LOCKED:
		return STATUS_LOCKED;
	case LRK_ERR_ACCESS:
		return STATUS_PERMISSION;
	case LRK_ERR_LIMIT:
		return STATUS_POLICY;
	case LRK_ERR_NOMEM:
	case LRK_ERR_IO:
	case LRK_ERR_CRYPTO:
	case LRK_ERR_CLOCK:
	case LRK_ERR_INTERNAL:
	case LRK_ERR_COUNT:
		break;
	}
	return STATUS_IO;
}

enum status
fail_core(enum lrk_err err, const char *what, const struct lrk_why *why)
{
	bool has_text = why != NULL && why->text[0] != '\0';

	return fail(status_from_err(err), what, "%s", has_text ? why->text : lrk_err_text(err));
}

enum status
fail_value(const char *name, const char *value, const char *why, ...)
{
	const char *dots = strlen(value) > VALUE_SHOWN ? "..." : "";
	char *what = NULL;
	va_list args;

	if (asprintf(&what, "%s '%.*s%s'", name, VALUE_SHOWN, value, dots) < 0)
		what = NULL;
	va_start(args, why);
	print_formatted(what != NULL ? what : name, why, args, last, sizeof(last));
	va_end(args);
	free(what);
	return STATUS_USAGE;
}

void
note(const char *what, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	print_formatted(what, text, args, NULL, 0);
	va_end(args);
}
