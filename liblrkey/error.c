/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lrkey/error.h>

static const struct {
	const char *name;
	const char *text;
} errors[LRK_ERR_COUNT] = {
#define ERROR(code, text) [code] = { #code, text }
	ERROR(LRK_OK, "success"),
	ERROR(LRK_ERR_NOMEM, "not enough memory"),
	ERROR(LRK_ERR_SYNTAX, "not well formed"),
	ERROR(LRK_ERR_NO_STORE, "the store does not exist"),
	ERROR(LRK_ERR_ACCESS, "not permitted"),
	ERROR(LRK_ERR_UNSAFE, "a file or directory is not safe to use"),
	ERROR(LRK_ERR_DAMAGED, "the content of a file is damaged"),
	ERROR(LRK_ERR_VERSION, "made by a newer version of this software"),
	ERROR(LRK_ERR_MASTER_KEY, "sealed under another master key"),
	ERROR(LRK_ERR_NOT_FOUND, "not found"),
	ERROR(LRK_ERR_EXISTS, "exists already"),
	ERROR(LRK_ERR_IO, "input or output failed"),
	ERROR(LRK_ERR_LOCKED, "the lock was not had in time"),
	ERROR(LRK_ERR_LIMIT, "a limit is reached"),
	ERROR(LRK_ERR_CRYPTO, "a cryptographic operation failed"),
	ERROR(LRK_ERR_USAGE, "a use cannot be recorded"),
	ERROR(LRK_ERR_CLOCK, "the clock cannot be read"),
	ERROR(LRK_ERR_INTERNAL, "a mistake in this software"),
#undef ERROR
};

const char *
lrk_err_name(enum lrk_err err)
{
	return (unsigned)err < LRK_ERR_COUNT ? errors[err].name : "LRK_ERR_?";
}

const char *
lrk_err_text(enum lrk_err err)
{
	return (unsigned)err < LRK_ERR_COUNT ? errors[err].text : "an unknown error";
}

enum lrk_err
lrk_fail(struct lrk_why *why, enum lrk_err err, const char *format, ...)
{
	if (why != NULL) {
		va_list args;

		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
	}
	return err;
}

enum lrk_err
lrk_fail_errno(struct lrk_why *why, enum lrk_err err, int error, const char *format, ...)
{
	if (why != NULL) {
		va_list args;
		size_t used;
		/* The name of an error, as "ENOSPC" has one, needs no locale and no buffer. */
		const char *text = strerrordesc_np(error);

		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
		used = strlen(why->text);
		snprintf(why->text + used, sizeof(why->text) - used, ": %s",
			 text != NULL ? text : "unknown error");
	}
	return err;
}
