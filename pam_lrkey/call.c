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

const char *
call_name_store(struct call *call)
{
	const char *option = call->options.store, *user;
	char name[LRK_STORE_MAX + 1];
	int length;

	if (!call->options.store_by_user)
		return option;
	user = call_item(call, PAM_USER);
	length = snprintf(name, sizeof(name), "%.*s%s",
			  (int)(strlen(option) - strlen(OPTIONS_STORE_USER)), option, user);
	/* Without a user there is nothing that completes the name. */
	if (user[0] == '\0' || length < 0 || (size_t)length >= sizeof(name) ||
	    !lrk_is_store_name(name) || strcmp(name, LRK_STORE_DEFAULT) == 0)
		return NULL;
	memcpy(call->store, name, (size_t)length + 1);
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
