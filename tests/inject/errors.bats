#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A change whose disk fails it, at whatever point: exit status 74, one line that says so, the old
# store or the new one, and no remains.
load ../lib.bash
load inject.bash

ERRORS=(ENOSPC EIO EDQUOT EROFS)

setup_file() {
	inject_setup
}

setup() {
	inject_begin
}

# fail_at CHANGE CALL COUNT EXPECTED WHERE ERROR
fail_at() {
	local grew=no id

	at_point "$1, $6 at $2 $3"
	fresh_store
	change_with "$1" -o /dev/null -e "trace=$2" -e "inject=$2:error=$6:when=$3"
	[ "$(ls -A "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ] || wrong 'remains'
	! audit_grew || grew=yes
	judge_store "$1"
	# shellcheck disable=SC2153 # STATUS is set by change_with
	case $5 in
	# What nobody could be told, and counters that nothing hangs on, do not stop a change.
	stderr | usage) [ "$STATUS $STORE" = '0 new' ] ;;
	*) [ "$STATUS $STORE" = "74 $4" ] ;;
	esac || wrong "exit status $STATUS, the $STORE store" "$STDERR"
	# One line of error, among notes; a disk that stays full may be standard error's too.
	[ "$STATUS" -eq 0 ] || [[ $3 == *+ ]] || [[ $STDERR == *'lrkeyadm: '*': '* ]] ||
		wrong "what it says is:" "$STDERR"
	if [ "$1 $5" = 'generate stdout' ] && [[ $3 != *+ ]]; then
		# Nobody has seen this key; it must not be lost sight of.
		id=$(comm -13 <(echo "$OLD") <(states))
		[[ $STDERR == *"${id%,active}"* ]] || wrong "${id%,active} is not named" "$STDERR"
	fi
	# The store is the same whatever the error's name, and this takes most of the time.
	[ "$6" = "${ERRORS[0]}" ] || return 0
	expect_keys "$1"
	expect_mended "$grew"
}

# fail_everywhere CHANGE
fail_everywhere() {
	local call count expected where error n=0

	while read -r call count expected where; do
		[ "$where" != after ] || continue
		for error in "${ERRORS[@]}"; do
			fail_at "$1" "$call" "$count" "$expected" "$where" "$error"
		done
		n=$((n + 1))
	done < <(points "$1")
	[ "$n" -ge 15 ] || fail "only $n points"
}

@test "generate, failed at each write, sync, rename and change of mode" {
	fail_everywhere generate
}

@test "deactivate, failed at each of them" {
	fail_everywhere deactivate
}

@test "revoke, failed at each of them" {
	fail_everywhere revoke
}

@test "a disk that is full from some write on, to the end" {
	local change call count expected where n=0

	for change in "${CHANGES[@]}"; do
		while read -r call count expected where; do
			[[ "$call $where" =~ ^write\ (file|stdout)$ ]] || continue
			fail_at "$change" write "$count+" "$expected" "$where" ENOSPC
			n=$((n + 1))
		done < <(points "$change")
	done
	[ "$n" -ge 30 ] || fail "only $n points"
}
