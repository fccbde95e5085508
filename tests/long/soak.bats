#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A process that authenticates a million times is no larger for it.
load ../lib.bash
load ../load/soak.bash

@test "1,000,000 transactions in one process: no growth of heap, memory, mappings, descriptors" {
	soak_logins >"$BATS_TEST_TMPDIR/logins"
	run soak 1000000 <"$BATS_TEST_TMPDIR/logins"
	printf '# %s\n' "${lines[@]}" >&3
	expect_status 0
}
