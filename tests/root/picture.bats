#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The recorded picture of README.md, recorded again: the same is on it, but for what is new each time.
load ../lib.bash

PICTURES=$LRKEY_SOURCE/tests/picture

# words PICTURE: its text without ids, keys, times, and the order of keys that were made at once.
words() {
	sed -nE 's/.*<text [^>]*>([^<]*)<.*/\1/p' "$1" | sed -E \
		-e 's/lrk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}/KEY/' \
		-e 's/\<[0-9A-Za-z]{12}\>/ID/g' \
		-e 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g' \
		-e 's/\<in [0-9]+ days\>/in DAYS/' | sort
}

@test "the picture of README.md shows what would be recorded now: else \"make picture\"" {
	"$PICTURES/terminal.sh" >"$BATS_TEST_TMPDIR/now.svg"
	words "$PICTURES/terminal.svg" >"$BATS_TEST_TMPDIR/committed"
	words "$BATS_TEST_TMPDIR/now.svg" >"$BATS_TEST_TMPDIR/now"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/now")" -gt 40 ]
	diff "$BATS_TEST_TMPDIR/committed" "$BATS_TEST_TMPDIR/now"
	# The size too, which is the terminal's.
	[ "$(grep -o 'viewBox="[^"]*"' "$PICTURES/terminal.svg")" = \
		"$(grep -o 'viewBox="[^"]*"' "$BATS_TEST_TMPDIR/now.svg")" ]
}
