/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *	mutations COUNT [SEED]
 *
 * Damages a valid store COUNT times, by random programs that are the same for the same seed, and
 * has every key try to log in each time. Ends with 0 when no wrong key got in, nobody came in as
 * somebody else, and nothing hung; a sanitizer that it is built with says the rest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "login.h"
#include "trove.h"

#define PROGRAM_MAX 256

int
main(int argc, char **argv)
{
	uint64_t state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	uint8_t program[PROGRAM_MAX];

	if (count == 0 || state == 0) {
		fputs("usage: mutations COUNT [SEED]\n", stderr);
		return 64;
	}
	/* Whole, first: what is refused later was not refused anyway. */
	login_try_all(NULL, 0);
	for (unsigned long i = 0; i < count; i++)
		login_try_all(program, trove_random_program(&state, program, sizeof(program)));
	printf("%" PRIu64 " mutations, %" PRIu64 " logins: %" PRIu64 " let in, %" PRIu64
	       " refused, %" PRIu64 " unavailable; the slowest took %" PRId64 " ms\n",
	       login_counts.programs - 1, login_counts.logins, login_counts.let_in,
	       login_counts.refused, login_counts.unavailable, login_counts.slowest_ms);
	return 0;
}
