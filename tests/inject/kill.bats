#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A change that is killed, at whatever point, leaves the old store or the new one, never a
# third; and the next change finds and removes what it left.
load ../lib.bash
load inject.bash

setup_file() {
	inject_setup
}

setup() {
	inject_begin
}

# kill_at CHANGE CALL COUNT EXPECTED
kill_at() {
	local grew=no

	at_point "$1, killed at $2 $3"
	fresh_store
	change_with "$1" -o /dev/null -e "trace=$2" -e "inject=$2:signal=KILL:when=$3"
	# shellcheck disable=SC2153 # set by change_with
	[ "$STATUS" -eq 137 ] || wrong "not killed: $STATUS"
	! audit_grew || grew=yes
	judge_store "$1"
	[ "$STORE" = "$4" ] || wrong "the $STORE store, not the $4 one"
	expect_keys "$1"
	# A key that was shown is a key.
	[ "$1" != generate ] || [ -z "$STDOUT" ] || expect_verdict "$STDOUT" 0
	expect_mended "$grew"
}

# kill_everywhere CHANGE
kill_everywhere() {
	local call count expected n=0

	while read -r call count expected _; do
		kill_at "$1" "$call" "$count" "$expected"
		n=$((n + 1))
	done < <(points "$1")
	# Fewer would mean that the trace was not understood.
	[ "$n" -ge 15 ] || fail "only $n points"
}

@test "a change is synced, then its audit line, then renamed, then synced, then told" {
	local change order

	for change in "${CHANGES[@]}"; do
		# The copy is whole when it is given its mode.
		order=$(points "$change" | sed -n '/ after$/!p' | cut -d ' ' -f 1,4 | tr '\n' ',' |
			sed 's/.*fchmod file,//; s/ file,/,/g')
		expect_match "$order" \
			'^fsync,(fdatasync,)?write,fsync,rename(at|at2)?,fsync,write std'
		expect_no_match "$(points "$change" | sed '/^rename/,$d')" ' stdout$'
	done
}

@test "generate, killed at each write, sync, rename and change of mode, and after the last" {
	kill_everywhere generate
}

@test "deactivate, killed at each of them" {
	kill_everywhere deactivate
}

@test "revoke, killed at each of them" {
	kill_everywhere revoke
}
