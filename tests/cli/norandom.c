/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To preload: OpenSSL has no random bytes to give, after as many calls as LRKEY_TEST_RANDOM says
 * that had some. The bytes of those that fail are all zero.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

int
RAND_priv_bytes(unsigned char *bytes, int length)
{
	static int calls;
	const char *allowed = getenv("LRKEY_TEST_RANDOM");
	__typeof__(RAND_priv_bytes) *real;
	void *symbol;

	if (calls++ >= (allowed != NULL ? atoi(allowed) : 0)) {
		memset(bytes, 0, (size_t)length);
		return 0;
	}
	symbol = dlsym(RTLD_NEXT, "RAND_priv_bytes");
	if (symbol == NULL)
		abort();
	memcpy(&real, &symbol, sizeof(symbol));
	return real(bytes, length);
}
