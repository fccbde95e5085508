#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# debian/tests under autopkgtest, with its chroot backend: each of them passes, and none is skipped.
load ../lib.bash
load package.bash

setup_file() {
	tree_open
}

@test "every test of debian/tests passes in a fresh tree" {
	local name names

	names=$(sed -n 's/^Tests: //p' "$LRKEY_SOURCE/debian/tests/control")
	[ "$(wc -l <<<"$names")" -ge 3 ]
	run autopkgtest --no-built-binaries --output-dir="$BATS_TEST_TMPDIR/result" \
		"$TREE"/debs/*.deb "$DEBS/pam-lrkey/" -- chroot "$TREE" </dev/null
	expect_status 0
	for name in $names; do
		grep -qxE "$name +PASS" "$BATS_TEST_TMPDIR/result/summary" ||
			fail "$name:" "$(cat "$BATS_TEST_TMPDIR/result/summary")"
	done
	[ "$(wc -l <"$BATS_TEST_TMPDIR/result/summary")" -eq "$(wc -l <<<"$names")" ]
}
