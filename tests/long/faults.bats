#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each call of each command in turn, as tests/faults does it, in other ways: all behind it fail
# as well, it does half of what it should, it is interrupted by a signal.
load ../lib.bash

# in_turn HOW
in_turn() {
	run env CMOCKA_MESSAGE_OUTPUT=TAP "$LRKEY_BUILD/tests/faults/test_commands" "$1"
	grep ' calls$' <<<"$output" | sed 's/^/# /' >&3
	expect_status 0
	# Each of the commands was there.
	[ "$(grep -c '^ok ' <<<"$output")" -ge 24 ] || fail "$output"
}

@test "each call fails, and all behind it" {
	in_turn onwards
}

@test "each read and write does half of what it should" {
	in_turn short
}

@test "each read, write and sync is interrupted" {
	in_turn signal
}
