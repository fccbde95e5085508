/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole logins, through libpam and the module as it is shipped, to a store whose key file, usage
 * file and master.key are damaged: no wrong key gets in, nobody as somebody else, nothing hangs.
 */
#include "fuzz.h"
#include "login.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	login_try_all(data, size);
	return 0;
}
