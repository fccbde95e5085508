/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM module with a fault: threads count in it without a lock. What watches pam_lrkey for
 * such faults must see this one. It lets everybody in.
 */
#include <stddef.h>

#include <security/pam_modules.h>

static unsigned long racing;

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	racing++;
	return PAM_SUCCESS;
}

int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
