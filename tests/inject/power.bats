#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Power cuts at each step of a change: the store that is left is the old one or the new one, and what
# was reported as done is done. tests/long looks at each store that may be left, here at some.
load ../lib.bash
load ../power/power.bash

setup_file() {
	power_setup
}

@test "each change, the power cut at each step: the old store or the new one" {
	local change

	for change in "${POWER_CHANGES[@]}"; do
		power_change "$change" 64 20
	done
}

@test "a key for one use, the power cut at each step of its use: once let in, never again" {
	power_begin
	pam_service scim
	recorded_program -- "$LRKEY_BUILD/tests/pam/pamhost" --confdir "$CONFDIR" --service scim \
		--user acme <<<"$ONCE"
	grep -qx 'pam_authenticate: PAM_SUCCESS' "$BATS_TEST_TMPDIR/stdout"
	power_cut login 1 1000
	# Without its sync it would be.
	power_begin
	recorded_program LRKEY_POWER_NO_SYNC=1 -- "$LRKEY_BUILD/tests/pam/pamhost" \
		--confdir "$CONFDIR" --service scim --user acme <<<"$ONCE"
	power_cut login 1 1000 1
}

@test "a change that does not sync what it writes is found out" {
	power_begin
	power_words revoke
	recorded LRKEY_POWER_NO_SYNC=1 -- "${WORDS[@]}"
	power_cut revoke 16 1000 1
	expect_match "$output" 'the store cannot be read'
	expect_match "$output" ' changed again; [1-9][0-9]+ wrong$'
}
@test "a change that was killed before it was synced, and asked for again: when that says done, it is" {
	local change

	for change in deactivate activate revoke; do
		power_killed "$change" is_current
		recorded -- "${WORDS[@]}"
		grep -q 'left as it is' "$BATS_TEST_TMPDIR/stderr"
		power_cut "$change" 16 20
	done
}

@test "a change behind a rekey that was killed before its new master key was synced" {
	local change

	for change in generate revoke; do
		power_killed rekey has_two_master_keys
		power_words "$change"
		recorded -- "${WORDS[@]}"
		power_cut "$change" 16 20
	done
}

# syncs: how many of them a change has
syncs() {
	strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=fsync "$LRKEYADM" --root "$ROOT" \
		generate --org acme >/dev/null 2>&1
	grep -c 'fsync(' "$BATS_TEST_TMPDIR/trace"
}

@test "the first change syncs the master key that init has made" {
	local first

	make_store
	first=$(syncs)
	[ "$first" -eq $(($(syncs) + 1)) ]
}
