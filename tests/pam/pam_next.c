/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM module that stands beside pam_lrkey in the tests' stacks. It answers with
 * the code that it is told as a number, auth=N or account=N (default 0, PAM_SUCCESS), and tells
 * the test in the PAM environment that it was asked: NEXT_AUTH and NEXT_ACCOUNT, and as
 * NEXT_AUTHTOK the token that it found. With give=TOKEN it leaves this token for the
 * modules behind it, as if it had asked for one. It finds errno as NEXT_ERRNO, and leaves
 * it as errno=N, default 0.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#define EXPORT __attribute__((visibility("default")))

static const char *
find_option(int argc, const char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, length) == 0)
			return argv[i] + length;
	return NULL;
}

static int
find_number(int argc, const char **argv, const char *name)
{
	const char *value = find_option(argc, argv, name);

	return value != NULL ? (int)strtol(value, NULL, 10) : 0;
}

static void
put_number(pam_handle_t *pamh, const char *name, int number)
{
	char text[64];

	snprintf(text, sizeof(text), "%s=%d", name, number);
	pam_putenv(pamh, text);
}

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *give = find_option(argc, argv, "give=");
	int code = find_number(argc, argv, "auth=");
	const void *token = NULL;

	(void)flags;
	put_number(pamh, "NEXT_ERRNO", errno);
	if (pam_get_item(pamh, PAM_AUTHTOK, &token) == PAM_SUCCESS && token != NULL) {
		char text[1024];

		snprintf(text, sizeof(text), "NEXT_AUTHTOK=%s", (const char *)token);
		pam_putenv(pamh, text);
	}
	pam_putenv(pamh, "NEXT_AUTH=asked");
	if (give != NULL && pam_set_item(pamh, PAM_AUTHTOK, give) != PAM_SUCCESS)
		return PAM_BUF_ERR;
	errno = find_number(argc, argv, "errno=");
	return code;
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int code = find_number(argc, argv, "account=");

	(void)flags;
	put_number(pamh, "NEXT_ERRNO", errno);
	pam_putenv(pamh, "NEXT_ACCOUNT=asked");
	errno = find_number(argc, argv, "errno=");
	return code;
}

EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
