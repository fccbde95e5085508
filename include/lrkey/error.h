/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can go wrong, once, for the core and both products.
 *
 * Functions of the core return an enum lrk_err; 0 is success. Where one line
 * can say which file and why, they also take a struct lrk_why and fill it
 * when they fail. The core neither prints nor logs: the edge does, once.
 */
#ifndef LRKEY_ERROR_H
#define LRKEY_ERROR_H

#include <stddef.h>

#define LRK_MUST_CHECK __attribute__((warn_unused_result))

enum lrk_err {
	LRK_OK = 0,
	LRK_ERR_NOMEM,		/* an allocation failed */
	LRK_ERR_SYNTAX,		/* text that is not what it should be */
	LRK_ERR_NO_STORE,	/* the store does not exist */
	LRK_ERR_ACCESS,		/* the kernel refused: EACCES, EPERM */
	LRK_ERR_UNSAFE,		/* a file or directory breaks the opening rules */
	LRK_ERR_DAMAGED,	/* a file's content is not what was written */
	LRK_ERR_VERSION,	/* made by a newer version of this software */
	LRK_ERR_MASTER_KEY,	/* sealed under another master key */
	LRK_ERR_NOT_FOUND,	/* no such key or file */
	LRK_ERR_EXISTS,		/* it is there already */
	LRK_ERR_IO,		/* input or output failed */
	LRK_ERR_LOCKED,		/* the lock was not had in time */
	LRK_ERR_LIMIT,		/* a limit of the format is reached */
	LRK_ERR_CRYPTO,		/* OpenSSL failed */
	LRK_ERR_USAGE,		/* a use cannot be recorded, and must be */
	LRK_ERR_CLOCK,		/* the system's clock cannot be read */
	LRK_ERR_INTERNAL,	/* a mistake in this software */
	LRK_ERR_COUNT
};

/* The name of an error, "LRK_ERR_IO", or "LRK_ERR_?" for what is none. */
const char *lrk_err_name(enum lrk_err err);

/* A short text for an error, never NULL, without a newline or a final stop. */
const char *lrk_err_text(enum lrk_err err);

/*
 * One line that says what failed and why: no newline, always terminated,
 * cut when it is too long. It may hold file names and numbers, never a secret.
 * Content that came from a file is not in it; print it as it is.
 */
struct lrk_why {
	char text[512];
};

/*
 * Sets the text of why (which may be NULL) and returns err, so that a failing
 * function ends in one statement: return lrk_fail(why, LRK_ERR_IO, "...");
 */
enum lrk_err lrk_fail(struct lrk_why *why, enum lrk_err err, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* The same, followed by ": " and the text of the system's error number. */
enum lrk_err lrk_fail_errno(struct lrk_why *why, enum lrk_err err, int error,
			    const char *format, ...)
	__attribute__((cold, format(printf, 4, 5)));

#endif
