#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Random mutations of a valid store; tests/long has ten thousand under AddressSanitizer. That what
# must not happen is found when it does, one that lies shows: the program "mutations" judges logins
# to a store that is whole by their exact codes, too.
load ../lib.bash

@test "400 mutations of a store: no crash, no hang, no wrong key, no wrong identity" {
	run "$LRKEY_BUILD/tests/fuzz/mutations" 400 7
	expect_status 0
	expect_match "$output" '^400 mutations, 3208 logins: [1-9][0-9]+ let in, [1-9][0-9]+ refused, '
	# Most must reach the engine and what lies behind it, and fail there.
	expect_match "$output" ' [0-9]{3,} unavailable'
}

@test "a module that lets everybody in is found" {
	cat >"$BATS_TEST_TMPDIR/open.c" <<-'EOC'
		int pam_sm_authenticate(void *pamh, int flags, int argc, const char **argv);
		int pam_sm_authenticate(void *pamh, int flags, int argc, const char **argv)
		{
			(void)pamh, (void)flags, (void)argc, (void)argv;
			return 0;
		}
	EOC
	gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/open.so" "$BATS_TEST_TMPDIR/open.c"
	LRKEY_MODULE=$BATS_TEST_TMPDIR/open.so run "$LRKEY_BUILD/tests/fuzz/mutations" 1
	[ "$status" -ne 0 ]
	expect_match "$output" 'does not hold: '
}
