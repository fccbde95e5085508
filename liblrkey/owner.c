/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <paths.h>
#include <pwd.h>
#include <shadow.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "owner.h"

#define SECONDS_PER_DAY 86400

static bool
is_no_such_user(int error)
{
	/* What getpwnam_r(3) lists for a user that is not there. */
	return error == 0 || error == ENOENT || error == ESRCH || error == EBADF ||
	       error == EPERM;
}

/* NSS makes up what it may not read: of root, nss-systemd(8) then says that he is locked. */
bool
lrk_owner_is_wholly_seen(void)
{
	return euidaccess(_PATH_SHADOW, R_OK) == 0 || errno == ENOENT;
}

/* Says yes where shadow(5) cannot be read: that is root's to know. Any other failure is one. */
static int
is_open_account(const char *user, int64_t now, bool *ret_open)
{
	char buffer[4096];
	struct spwd shadow, *found = NULL;
	int error = 0;

	*ret_open = true;
	if (!lrk_owner_is_wholly_seen())
		return 0;
	error = getspnam_r(user, &shadow, buffer, sizeof(buffer), &found);
	if (found != NULL) {
		/* An empty field is -1; 0 is a day long past, as for pam_unix and sshd. */
		bool expired = found->sp_expire >= 0 && now / SECONDS_PER_DAY >= found->sp_expire;
		bool locked = found->sp_pwdp != NULL && found->sp_pwdp[0] == '!';

		*ret_open = !expired && !locked;
	}
	lrk_wipe_array(buffer);
	return found == NULL && !is_no_such_user(error) ? error : 0;
}

enum lrk_err
lrk_owner_is_usable(const char *user, int64_t now, bool *ret_usable, struct lrk_why *why)
{
	char buffer[4096];
	struct passwd passwd, *found = NULL;
	bool open = false;
	int error;

	error = getpwnam_r(user, &passwd, buffer, sizeof(buffer), &found);
	if (found == NULL && is_no_such_user(error)) {
		*ret_usable = false;
		return LRK_OK;
	}
	if (found != NULL)
		error = is_open_account(user, now, &open);
	if (error != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, error, "user %s cannot be looked up", user);
	*ret_usable = open;
	return LRK_OK;
}
