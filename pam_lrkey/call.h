/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call of the module: what every function needs to know of it. It stands
 * on the stack of an entry point, and nothing of it outlives the call.
 */
#ifndef PAM_LRKEY_CALL_H
#define PAM_LRKEY_CALL_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include <lrkey/names.h>

#include "options.h"

struct call {
	pam_handle_t *pamh;
	int flags;
	const char *phase; /* "auth", "account": as Linux-PAM's own log lines have it */
	int argc;
	const char **argv;
	struct options options;
	char store[LRK_STORE_MAX + 1]; /* what call_name_store has made; "" where it has not */
};

/* A PAM item that is a string, or "" where there is none. */
const char *call_item(const struct call *call, int item);

/*
 * The name of the store that is asked, the PAM user filled in; NULL when there is no user, or that
 * makes no name, or makes the one which is meant when none is named: no user's name reaches that.
 */
const char *call_name_store(struct call *call);

/* Reads the options: PAM_SUCCESS, or PAM_SERVICE_ERR, logged. */
int call_read_options(struct call *call);

#endif
