/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

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
