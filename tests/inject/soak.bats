#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A process that authenticates often is no larger for it; tests/long has the million.
load ../lib.bash
load ../load/soak.bash

@test "20,000 transactions in one process: no growth of heap, memory, mappings, descriptors" {
	soak_logins >"$BATS_TEST_TMPDIR/logins"
	run soak 20000 <"$BATS_TEST_TMPDIR/logins"
	expect_status 0
}

@test "growth is found" {
	make_store
	pam_service scim
	make_key --org acme
	run soak 1000 leak <<<"scim acme $KEY PAM_SUCCESS"
	expect_status 1
	expect_match "$output" '1000 transactions, 0 wrong$'
}

@test "a wrong answer is found" {
	make_store
	pam_service scim
	make_key --org acme
	run soak 100 <<<"scim acme $KEY PAM_AUTH_ERR"
	expect_status 1
	expect_match "$output" '100 transactions, 100 wrong$'
}
