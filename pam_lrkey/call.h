/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call of the module: what every function needs to know of it. It stands
 * on the stack of an entry point, and nothing of it outlives the call.
 */
#ifndef PAM_LRKEY_CALL_H
#define PAM_LRKEY_CALL_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include "options.h"

struct call {
	pam_handle_t *pamh;
	int flags;
	const char *phase; /* "auth", "account": as Linux-PAM's own log lines have it */
	int argc;
	const char **argv;
	struct options options;
};

/* A PAM item that is a string, or "" where there is none. */
const char *call_item(const struct call *call, int item);

/* Reads the options: PAM_SUCCESS, or PAM_SERVICE_ERR, logged. */
int call_read_options(struct call *call);

#endif
