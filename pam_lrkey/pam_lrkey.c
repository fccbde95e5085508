/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pam_lrkey.so: the entry points, and only they.
 */
#include <errno.h>

#include "decide.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call call = {
		.pamh = pamh,
		.flags = flags,
		.phase = "auth",
		.argc = argc,
		.argv = argv,
	};
	int saved = errno;
	int code;

	code = decide_authenticate(&call);
	errno = saved;
	return code;
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call call = {
		.pamh = pamh,
		.flags = flags,
		.phase = "account",
		.argc = argc,
		.argv = argv,
	};
	int saved = errno;
	int code;

	code = decide_account(&call);
	errno = saved;
	return code;
}

/* A key brings no credentials; anything but success would end the host's session. */
EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
