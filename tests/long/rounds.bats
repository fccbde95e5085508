#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What "make check" does a few thousand times, as often as it was asked for.
load ../lib.bash

# many N TEST: so many rounds of a test program, which says what they came to.
many() {
	LRKEY_ROUNDS=$1 run "$LRKEY_BUILD/tests/$2"
	printf '%s\n' "${lines[@]}" | grep '^# ' >&3
	expect_status 0
}

@test "1,000,000 guesses leave every file of the store as it was, byte for byte" {
	many 1000000 pam/test_guesses
	expect_match "$output" '# 1000000 guesses'
}

@test "100,000 logins while the key file is cut and overwritten: the host lives, nobody gets in" {
	many 100000 pam/test_overwritten
	expect_match "$output" '# 100000 logins'
}
