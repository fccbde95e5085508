#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "Each call in turn" is each call: a function that a product calls is failed by the programs of
# this folder, or stands in calls.list with the reason why not.
load ../lib.bash

# imports FILE: the functions of others that it calls.
imports() {
	nm -D -u "$1" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u
}

# failed_calls: the functions that this folder stands in place of.
failed_calls() {
	nm -D --defined-only "$LRKEY_BUILD/tests/faults/test_commands" | awk '{ print $3 }' | sort -u
}

# unknown_calls LIST: those of the products that are neither failed nor in the list.
unknown_calls() {
	local call pattern patterns

	mapfile -t patterns < <(grep -v '^#' "$1" | grep .)
	while read -r call; do
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # it is a pattern
			[[ $call != $pattern ]] || continue 2
		done
		echo "$call"
	done < <({ imports "$LRKEY_MODULE" && imports "$LRKEYADM"; } | sort -u |
		comm -23 - <(failed_calls))
}

@test "whatever the products call is failed, or is listed with a reason" {
	run unknown_calls "$LRKEY_SOURCE/tests/faults/calls.list"
	[ -z "$output" ] || fail 'stand for them in tests/faults, or list them in calls.list:' "$output"
	# It is not blind.
	grep -v '^nanosleep$' "$LRKEY_SOURCE/tests/faults/calls.list" >"$BATS_TEST_TMPDIR/list"
	run unknown_calls "$BATS_TEST_TMPDIR/list"
	[ "$output" = nanosleep ]
}
