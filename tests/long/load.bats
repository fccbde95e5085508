#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An hour of a busy host, compressed: a change every two seconds, 500 logins a second. And a
# thousand commands that are killed while others authenticate.
load ../lib.bash
load ../load/load.bash

# told PATTERN: what the run said, for the record; it was right, and says this.
told() {
	printf '# %s\n' "${lines[@]}" >&3
	[ "$status" -eq 0 ] || fail "$output"
	expect_match "$output" "$1"
}

@test "1,800 changes, 1,800,000 logins: each answer is one that may be at its time" {
	load_store 20
	run load changes 1800 1800000
	told ' commands, 0 killed, 0 wrong$'
	load_aftermath
}

@test "1,000 commands killed at random: nothing is lost or comes back, no good login fails" {
	load_store 80
	run load kills 1000 0
	told ' commands, 1[0-9]{3} killed, 0 wrong$'
	# Each kind of command, by the hundred.
	[ "$(grep -cE ': [0-9]+ done, [0-9]{2,3} killed' <<<"$output")" -eq 9 ]
	load_aftermath
}
