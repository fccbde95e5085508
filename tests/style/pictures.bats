#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The pictures of README.md: the recorded one shows what its list says, in answers of the program as it
# is now; and svg.pl shows nothing wrongly.
load ../lib.bash

PICTURES=$LRKEY_SOURCE/tests/picture

# words PICTURE: its text, a line for each, as it was before it became SVG.
words() {
	sed -nE 's/.*<text [^>]*>([^<]*)<.*/\1/p' "$1" | sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

# missing_commands PICTURE: which of the list it does not show; ID in them is any.
missing_commands() {
	local line

	words "$1" | sed -E 's/\<[0-9A-Za-z]{12}\>/ID/g' >"$BATS_TEST_TMPDIR/words"
	grep -vE '^(#|$)' "$PICTURES/terminal.list" | while IFS= read -r line; do
		grep -qxF -- "$line" "$BATS_TEST_TMPDIR/words" || echo "$line"
	done
}

@test "the recorded picture shows every line of its list: else \"make picture\"" {
	[ -z "$(missing_commands "$PICTURES/terminal.svg")" ] ||
		fail "$(missing_commands "$PICTURES/terminal.svg")"
	sed 's/lrkeyadm rotate/lrkeyadm renew/' "$PICTURES/terminal.svg" >"$BATS_TEST_TMPDIR/other.svg"
	[ -n "$(missing_commands "$BATS_TEST_TMPDIR/other.svg")" ]
}

@test "README.md shows both, and says in words what is on them" {
	local name

	for name in terminal architecture; do
		perl -0ne 'exit !/!\[[^]]{40,}\]\(tests\/picture\/'"$name"'\.svg\)/' "$LRKEY_SOURCE/README.md"
		grep -q '^<title>' "$PICTURES/$name.svg"
		# A ground of its own: pages are light or dark.
		grep -qE '^<rect x="0.5" y="0.5" width="[0-9]+(\.[0-9])?" height="[0-9]+(\.[0-9])?" rx="9"' \
			"$PICTURES/$name.svg"
	done
}

@test "svg.pl: colours, long lines, and letters that mean something in SVG" {
	printf 'a \e[32mgreen\e[0m \e[1;33mb<&>\e[0m\r\n123456789012\r\n' |
		"$PICTURES/svg.pl" 10 'a <title>' >"$BATS_TEST_TMPDIR/a.svg"
	run words "$BATS_TEST_TMPDIR/a.svg"
	[ "$(printf '%s\n' 'a <title>' a green 'b<' '&>' 1234567890 12)" = "$output" ] || fail "$output"
	grep -q 'class="c32" xml:space="preserve">green<' "$BATS_TEST_TMPDIR/a.svg"
	grep -q 'class="c33 b" xml:space="preserve">b&lt;<' "$BATS_TEST_TMPDIR/a.svg"
}

@test "svg.pl refuses what it cannot show" {
	run "$PICTURES/svg.pl" 10 x <<<$'\e[2J'
	[ "$status" -ne 0 ]
	expect_match "$output" 'cannot be shown'
	run "$PICTURES/svg.pl" 10 x <<<$'\e[45mx'
	expect_match "$output" 'no such style: 45'
}
