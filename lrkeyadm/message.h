/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lrkeyadm says on standard error, and the status it ends with.
 *
 * A function that returns an enum status has said why when it is not
 * STATUS_OK. Nobody says it again.
 */
#ifndef LRKEYADM_MESSAGE_H
#define LRKEYADM_MESSAGE_H

#include <stdbool.h>

#include <lrkey/error.h>

/* The numbers are a promise to scripts; lrkeyadm.8 lists them. */
enum status {
	STATUS_OK = 0,
	STATUS_NO = 1,		/* the answer is no */
	STATUS_USAGE = 64,	/* a bad argument */
	STATUS_DATA = 65,	/* a malformed backup */
	STATUS_NO_KEY = 66,	/* no such key, or no such input file */
	STATUS_STORE = 69,	/* the store is missing, unsafe or damaged */
	STATUS_CREATE = 73,	/* exists, or cannot be created */
	STATUS_IO = 74,		/* input, output or the system failed */
	STATUS_LOCKED = 75,	/* the lock was not had in time */
	STATUS_PERMISSION = 77, /* not permitted */
	STATUS_POLICY = 78,	/* a policy, guard, group or the configuration forbids it */
};

/*
 * Prints "lrkeyadm: what: why" and returns status, so that a failing function
 * ends in one statement. Both texts may come from outside: they are escaped.
 */
enum status fail(enum status status, const char *what, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a system call that failed with this error number. */
enum status fail_errno(enum status status, const char *what, int error);

/* The same for an allocation that failed. */
enum status fail_memory(void);

/*
 * The same for an error of the core, with the text of why, or else with the one
 * that belongs to the error.
 */
enum status fail_core(enum lrk_err err, const char *what, const struct lrk_why *why);

/* The same for the value of an option or argument: "name 'value': why". A long value is cut. */
enum status fail_value(const char *name, const char *value, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* Something worth knowing that is no error: "lrkeyadm: what: text". */
void note(const char *what, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* The status that stands for an error of the core. */
enum status status_from_err(enum lrk_err err);

/* From now on messages are kept for last_failure, but not printed; and back. */
void messages_silence(bool silent);

/* The last error that was printed, without "lrkeyadm: "; "" when none was. Cut when long. */
const char *last_failure(void);

#endif
