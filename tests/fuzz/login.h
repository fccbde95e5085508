/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole logins, through libpam and the module, to a store whose files are damaged. */
#ifndef TESTS_FUZZ_LOGIN_H
#define TESTS_FUZZ_LOGIN_H

#include <stddef.h>
#include <stdint.h>

/* What came of the logins so far. */
struct login_counts {
	uint64_t programs;
	uint64_t logins;
	uint64_t let_in;
	uint64_t unavailable; /* PAM_AUTHINFO_UNAVAIL */
	uint64_t refused;
	int64_t slowest_ms; /* processor time of one login */
};

extern struct login_counts login_counts;

/* Damages the store by a program of trove_damage, then has every key try to log in. */
void login_try_all(const uint8_t *program, size_t length);

#endif
