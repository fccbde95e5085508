/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "log.h"

const char *
call_item(const struct call *call, int item)
{
	const void *text = NULL;

	if (pam_get_item(call->pamh, item, &text) != PAM_SUCCESS || text == NULL)
		return "";
	return text;
}

bool
call_store_is_by_user(const struct call *call)
{
	return strstr(call->options.store, OPTIONS_STORE_USER) != NULL;
}

const char *
call_name_store(struct call *call)
{
	const char *user = strstr(call->options.store, OPTIONS_STORE_USER);
	int length;

	if (user == NULL)
		return call->options.store;
	length = snprintf(call->store, sizeof(call->store), "%.*s%s",
			  (int)(user - call->options.store), call->options.store,
			  call_item(call, PAM_USER));
	if (length < 0 || (size_t)length >= sizeof(call->store) ||
	    !lrk_is_store_name(call->store) || strcmp(call->store, LRK_STORE_DEFAULT) == 0)
		return NULL;
	return call->store;
}

int
call_read_options(struct call *call)
{
	char error[256];

	if (!options_parse(call->argc, call->argv, &call->options, error, sizeof(error))) {
		log_bad_option(call, error);
		return PAM_SERVICE_ERR;
	}
	return PAM_SUCCESS;
}
