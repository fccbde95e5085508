#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many authenticate while managers change keys: no answer is wrong for its time. And the same while
# the managers' commands are killed, at random. tests/long has more of both.
load ../lib.bash
load ../load/load.bash

# judged STATUS LINE...: what the judge says of a history
judged() {
	local wanted=$1

	shift
	run "$LRKEY_BUILD/tests/load/load" judge < <(printf '%s\n' "$@")
	expect_status "$wanted"
}

@test "the judge: before a change the old, behind it the new, meanwhile either" {
	judged 0 'key 0' 'turn 10 20 1' 'turn 30 40 33' 'login 1 9 PAM_AUTH_ERR' \
		'login 9 11 PAM_AUTH_ERR' 'login 12 13 PAM_SUCCESS' 'login 21 29 PAM_SUCCESS' \
		'login 31 39 PAM_SUCCESS' 'login 31 39 PAM_AUTH_ERR' 'login 41 49 PAM_AUTH_ERR'
	judged 1 'key 0' 'turn 10 20 1' 'login 1 9 PAM_SUCCESS'
	judged 1 'key 0' 'turn 10 20 1' 'login 21 29 PAM_AUTH_ERR'
	judged 1 'key 0' 'turn 10 20 1' 'turn 30 40 33' 'login 41 49 PAM_SUCCESS'
	judged 1 'key 0' 'turn 10 20 1' 'turn 30 40 33' 'login 31 39 PAM_PERM_DENIED'
}

@test "the judge: who saw the new is followed by nobody who sees the old" {
	judged 0 'key 0' 'turn 10 40 1' 'login 11 13 PAM_AUTH_ERR' 'login 14 16 PAM_SUCCESS'
	judged 0 'key 0' 'turn 10 40 1' 'login 11 15 PAM_SUCCESS' 'login 14 16 PAM_AUTH_ERR'
	judged 1 'key 0' 'turn 10 40 1' 'login 11 13 PAM_SUCCESS' 'login 14 16 PAM_AUTH_ERR'
}

@test "the judge: each state has its answer" {
	local flags

	for flags in '0 PAM_AUTH_ERR' '1 PAM_SUCCESS' '3 PAM_SUCCESS' '5 PAM_ACCT_EXPIRED' \
		'9 PAM_PERM_DENIED' '17 PAM_PERM_DENIED' '25 PAM_PERM_DENIED' '33 PAM_AUTH_ERR'; do
		judged 0 'key 0' "turn 1 2 ${flags% *}" "login 3 4 ${flags#* }"
		judged 1 'key 0' "turn 1 2 ${flags% *}" 'login 3 4 PAM_AUTHINFO_UNAVAIL'
	done
}

@test "the judge: a limit" {
	judged 0 'key 2' 'turn 1 2 1' 'login 3 4 PAM_SUCCESS' 'login 5 9 PAM_SUCCESS' \
		'login 6 7 PAM_MAXTRIES' 'login 10 11 PAM_MAXTRIES'
	judged 1 'key 2' 'turn 1 2 1' 'login 3 4 PAM_SUCCESS' 'login 5 6 PAM_MAXTRIES'
	judged 1 'key 1' 'turn 1 2 1' 'login 3 4 PAM_SUCCESS' 'login 5 6 PAM_SUCCESS'
	judged 1 'key 1' 'turn 1 2 1' 'login 3 9 PAM_SUCCESS' 'login 4 5 PAM_MAXTRIES' \
		'login 6 7 PAM_SUCCESS'
}

@test "100 changes, 20,000 logins: each answer is one that may be at its time" {
	load_store 2
	run load changes 100 20000
	[ "$status" -eq 0 ] || fail "$output"
	expect_match "$output" 'commands, 0 killed, 0 wrong$'
	load_aftermath
}

@test "a manager who is told that a key is switched off, and it is not, is heard" {
	load_store 0
	cat >"$LOAD/lrkeyadm" <<-EOS
		#!/bin/sh
		[ "\$3" != deactivate ] || exit 0
		exec "$LRKEYADM" "\$@"
	EOS
	chmod +x "$LOAD/lrkeyadm"
	LRKEYADM=$LOAD/lrkeyadm run load changes 200 4000
	expect_status 1
	# Many, for a key may be none that could show it. A login shows it, or the next look at the state;
	# a key whose uses are up says so, instead of what it should.
	expect_match "$output" 'wrong: key [0-9A-Za-z]{12}(: PAM_[A-Z_]+ at | is [a-z]+, )'
}

@test "50 commands killed at random: nothing is lost, nothing comes back, no good login fails" {
	load_store 8
	run load kills 50 0
	[ "$status" -eq 0 ] || fail "$output"
	expect_match "$output" 'commands, [0-9]+ killed, 0 wrong$'
	load_aftermath
}
