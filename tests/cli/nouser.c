/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To preload: the user database does not know the user LRKEY_TEST_NO_USER; or cannot be asked
 * about any user, where LRKEY_TEST_USER_ERROR is the number of an error.
 */
#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

int
getpwnam_r(const char *name, struct passwd *passwd, char *buffer, size_t size,
	   struct passwd **ret)
{
	const char *missing = getenv("LRKEY_TEST_NO_USER"), *error = getenv("LRKEY_TEST_USER_ERROR");
	__typeof__(getpwnam_r) *real;
	void *symbol;

	*ret = NULL;
	if (error != NULL)
		return atoi(error);
	if (missing != NULL && strcmp(name, missing) == 0)
		return 0;
	symbol = dlsym(RTLD_NEXT, "getpwnam_r");
	if (symbol == NULL)
		abort();
	memcpy(&real, &symbol, sizeof(symbol));
	return real(name, passwd, buffer, size, ret);
}
