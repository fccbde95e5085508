/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One PAM transaction of a host that has many. */
#ifndef TESTS_LOAD_LOGIN_H
#define TESTS_LOAD_LOGIN_H

struct login {
	const char *confdir, *service, *user, *token;
};

/* What authenticate said, or, when that was success, what account did. Any thread may. */
int login_once(const struct login *login);

#endif
