/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#include "login.h"

static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	const struct login *login = data;
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(login->token);
	*ret = responses;
	return PAM_SUCCESS;
}

int
login_once(const struct login *login)
{
	const struct pam_conv conversation = { converse, (void *)(unsigned long)login };
	pam_handle_t *pamh = NULL;
	int code;

	code = pam_start_confdir(login->service, login->user, &conversation, login->confdir, &pamh);
	if (code != PAM_SUCCESS)
		return code;
	code = pam_authenticate(pamh, PAM_SILENT);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pamh, PAM_SILENT);
	pam_end(pamh, code);
	return code;
}
