#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Code and manuals name the same commands, options and exit statuses, both ways. The code's side is
# what the utility prints as its help, and the module's table of options.

load ../lib.bash

UTILITY_PAGE=$LRKEY_SOURCE/lrkeyadm/lrkeyadm.8
MODULE_PAGE=$LRKEY_SOURCE/pam_lrkey/pam_lrkey.8

# part HEADING [SUBHEADING]: the lines of a section, or of a subsection, of the page on standard input.
part() {
	awk -v head=".Sh $1" -v sub_head="${2:+.Ss $2}" '
		/^\.Sh / { in_section = $0 == head; in_part = in_section && sub_head == ""; next }
		/^\.Ss / { if (in_section && sub_head != "") { in_part = $0 == sub_head; next } }
		in_part'
}

# ---- The utility -------------------------------------------------------------

helped_commands() {
	"$LRKEYADM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# "COMMAND --option" for each option of its own.
helped_options() {
	local command

	for command in $(helped_commands); do
		"$LRKEYADM" "$command" --help | sed -n '/^Options:/,/^$/s/^  \(--[a-z-]*\).*/\1/p' |
			sed "s/^/$command /"
	done
}

helped_everywhere() {
	"$LRKEYADM" --help | sed -n '/^Options,/,/^$/s/^  \(--[a-z-]*\).*/\1/p'
}

# In a heading several commands may stand side by side.
described_commands() {
	part COMMANDS <"$1" | sed -n 's/^\.Ss //p' | tr -d ',' | xargs -n 1
}

described_options() {
	part COMMANDS <"$1" | awk '
		/^\.Ss / { n = split(substr($0, 5), commands, " , "); next }
		/^\.It Fl / {
			for (i = 3; i <= NF; i++)
				if ($i ~ /^-[a-z]/)
					for (c = 1; c <= n; c++)
						print commands[c], "-" $i
		}'
}

described_everywhere() {
	part DESCRIPTION Options <"$1" | grep '^\.It Fl ' | grep -oE ' -[a-z][a-z-]*' | sed 's/^ /-/'
}

# From the lines of the synopsis: each use begins with .Nm, its command is a .Cm.
synopsis_commands() {
	part SYNOPSIS <"$1" | sed -n 's/^\.Cm \([a-z-]*\)$/\1/p'
}

synopsis_options() {
	part SYNOPSIS <"$1" | awk '
		/^\.Nm/ { command = "" }
		/^\.Cm / { command = $2 }
		/^\.(Op )?Fl -/ { for (i = 1; i <= NF; i++) if ($i ~ /^-[a-z]/) print command, "-" $i }'
}

mentioned_options() {
	grep -oE 'Fl -[a-z][a-z-]*' "$1" | sed 's/^Fl /-/'
}

same() {
	diff <(sort -u <<<"$1") <(sort -u <<<"$2")
}

# Each of these asks one question of a page, and prints where it differs from the code.
commands_agree() {
	same "$(helped_commands)" "$(described_commands "$1")"
	same "$(helped_commands)" "$(synopsis_commands "$1")"
}

options_agree() {
	same "$(helped_options)" "$(described_options "$1")"
	same "$(helped_options)" "$(synopsis_options "$1")"
}

general_options_agree() {
	same "$(helped_everywhere)" "$(described_everywhere "$1")"
}

mentions_are_true() {
	comm -13 <({ helped_everywhere; helped_options | cut -d' ' -f2; } | sort -u) \
		<(mentioned_options "$1" | sort -u)
}

# The statuses are one enumeration, each with its number.
statuses_agree() {
	same "$(sed -nE 's/^\tSTATUS_[A-Z_]+ = ([0-9]+),.*/\1/p' "$LRKEY_SOURCE"/lrkeyadm/*.h)" \
		"$(part 'EXIT STATUS' <"$1" | sed -n 's/^\.It \([0-9]*\)$/\1/p')"
}

# agrees CHECK PAGE, and differs CHECK PAGE SED: so it does not when the page is edited.
agrees() {
	local found

	found=$("$1" "$2") || true
	[ -z "$found" ] || fail "$found"
}

differs() {
	local found page=$BATS_TEST_TMPDIR/page

	sed -E "$3" "$2" >"$page"
	run ! cmp -s "$2" "$page"
	found=$("$1" "$page") || true
	[ -n "$found" ] || fail "$1 does not see: $3"
}

@test "the help names commands and options at all" {
	[ "$(helped_commands | wc -l)" -ge 8 ]
	[ "$(helped_options | wc -l)" -ge 20 ]
	helped_options | grep -qx 'generate --org'
	helped_everywhere | grep -qx -- --store
}

@test "lrkeyadm: the same commands" {
	agrees commands_agree "$UTILITY_PAGE"
	differs commands_agree "$UTILITY_PAGE" 's/^\.Ss revoke$/.Ss revoke , forget/'
	differs commands_agree "$UTILITY_PAGE" 's/^\.Ss verify$/.Ss check/'
	differs commands_agree "$UTILITY_PAGE" 's/^\.Cm list$/.Cm lists/'
}

@test "lrkeyadm: the same options of each command" {
	agrees options_agree "$UTILITY_PAGE"
	differs options_agree "$UTILITY_PAGE" '/^\.It Fl -columns/d'
	differs options_agree "$UTILITY_PAGE" 's/^\.It Fl -force$/.It Fl -forced/'
	differs options_agree "$UTILITY_PAGE" 's/^\.Op Fl -yes$/.Op Fl -no/'
}

@test "lrkeyadm: the same options of all commands" {
	agrees general_options_agree "$UTILITY_PAGE"
	differs general_options_agree "$UTILITY_PAGE" '/^\.It Fl -json$/d'
	differs general_options_agree "$UTILITY_PAGE" 's/^\.It Fl -help$/.It Fl -help , Fl -quiet/'
}

@test "lrkeyadm: no option is mentioned that there is not" {
	agrees mentions_are_true "$UTILITY_PAGE"
	differs mentions_are_true "$UTILITY_PAGE" "\$a .Fl -nonsense"
}

@test "lrkeyadm: the same exit statuses" {
	agrees statuses_agree "$UTILITY_PAGE"
	differs statuses_agree "$UTILITY_PAGE" '/^\.It 77$/d'
	differs statuses_agree "$UTILITY_PAGE" 's/^\.It 78$/.It 79/'
}

# ---- The module --------------------------------------------------------------

known_options() {
	sed -nE 's/^\t\{ "([a-z_]+)", .*/\1/p' "$LRKEY_SOURCE/pam_lrkey/options.c"
}

module_options_agree() {
	same "$(known_options)" \
		"$(part OPTIONS <"$1" | sed -nE 's/^\.It Cm ([a-z_]+)( .*)?$/\1/p')"
}

@test "pam_lrkey: the same options" {
	[ "$(known_options | wc -l)" -ge 9 ]
	agrees module_options_agree "$MODULE_PAGE"
	differs module_options_agree "$MODULE_PAGE" '/^\.It Cm debug$/d'
	differs module_options_agree "$MODULE_PAGE" 's/^\.It Cm debug$/.It Cm debugging/'
}

# ---- Both --------------------------------------------------------------------

# References to our own pages lead somewhere.
dead_references() {
	local name section

	grep -ohE '^\.Xr (pam_)?lrkey[a-z._-]* [0-9]' "$1" | while read -r _ name section; do
		[ -n "$(find "$LRKEY_SOURCE/lrkeyadm" "$LRKEY_SOURCE/pam_lrkey" -name "$name.$section")" ] ||
			echo "$name($section)"
	done
}

@test "the pages refer to each other, and to nothing that there is not" {
	agrees dead_references "$UTILITY_PAGE"
	agrees dead_references "$MODULE_PAGE"
	grep -q '^\.Xr pam_lrkey 8' "$UTILITY_PAGE"
	grep -q '^\.Xr lrkeyadm 8' "$MODULE_PAGE"
	differs dead_references "$MODULE_PAGE" "\$a .Xr lrkey 9"
}

@test "every example and file of the repository that README.md names is there" {
	local name

	for name in $(grep -oE '\]\([A-Za-z][A-Za-z./_-]*\)|`(etc|tests|liblrkey|lrkeyadm|pam_lrkey)/[A-Za-z./_-]*' \
		"$LRKEY_SOURCE/README.md" | tr -d '`]()'); do
		[ -e "$LRKEY_SOURCE/$name" ] || fail "README.md: $name"
	done
}
