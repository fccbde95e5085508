/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * To preload: the program stays dumpable, or an ordinary user's tracer could
 * not see what it writes.
 */
#include <sys/prctl.h>

int
prctl(int option, ...)
{
	(void)option;
	return 0;
}
