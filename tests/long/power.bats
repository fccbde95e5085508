#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Power cuts at each step of a change, and each store that may be left of it; tests/inject takes some
# of them only.
load ../lib.bash
load ../power/power.bash

setup_file() {
	export POWER_TELL=yes
	power_setup
}

@test "each change, the power cut at each step, each subset of what is not synced" {
	local change

	for change in "${POWER_CHANGES[@]}"; do
		power_change "$change" 1 50
	done
}
