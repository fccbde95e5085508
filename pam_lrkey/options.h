/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a line in a PAM service file.
 */
#ifndef PAM_LRKEY_OPTIONS_H
#define PAM_LRKEY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* No longer root= is taken. */
#define OPTIONS_ROOT_MAX 200

/* The words that org=, log= and owner= know. */
#define OPTIONS_ORG_MATCH "match"
#define OPTIONS_ORG_ANY "any"
#define OPTIONS_LOG_ALL "all"
#define OPTIONS_OWNER_ACTIVE "active"

/* Stands for the PAM user at the end of store=. */
#define OPTIONS_STORE_USER "%u"

/* Values point into the arguments that libpam gave, and live as long as the call. */
struct options {
	bool debug;
	bool try_first_pass;
	bool use_first_pass;
	const char *log;
	const char *org;
	const char *owner;
	const char *root;  /* NULL: the store lies under / */
	const char *scope; /* NULL: the name of the PAM service */
	const char *store; /* a name, or a beginning of one with OPTIONS_STORE_USER behind it */
	bool store_by_user; /* it is such a beginning */
};

/*
 * Reads the arguments of a line, for every phase alike. False when one is unknown,
 * given twice, or not what it must be: error then says so. It quotes the argument as
 * it came, cut to fit. *ret is written on success only.
 */
bool options_parse(int argc, const char *const *argv, struct options *ret, char *error,
		   size_t size);

#endif
