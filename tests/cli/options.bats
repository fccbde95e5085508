#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The command line: what is accepted where, and what a wrong one gets.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	make_key --org acme
}

# expect_usage EXPRESSION ARGUMENTS...: 64, one line that matches, nothing written
expect_usage() {
	local expression=$1

	shift
	expect_refused 64 "$expression" "$@"
}

@test "options of every command stand before or behind it" {
	adm --store other init
	for args in '--store other --json list' '-s other list --json' 'list -s other --json' \
		'list --json --store=other' '--json list -sother' 'list --js --sto other'; do
		# shellcheck disable=SC2086 # words
		run adm $args
		expect_status 0
		[ "$(jq -c . <<<"$output")" = '{"keys":[]}' ]
	done
}

@test "the environment does not decide where options may stand" {
	POSIXLY_CORRECT=1 run adm show "$ID" --json
	expect_status 0
	[ "$(jq -r '.keys[0].id' <<<"$output")" = "$ID" ]
}

@test "-- ends the options" {
	run adm show --json -- "$ID"
	expect_status 0
	expect_usage "^lrkeyadm: key '--json': not a key id" show -- --json
	expect_usage "^lrkeyadm: argument '--json': too many" -- list --json
}

@test "--help: of all, and of each command, from the table" {
	run adm --help
	expect_status 0
	expect_match "${lines[0]}" '^Usage: lrkeyadm \[OPTIONS\] COMMAND'
	for command in init generate list show edit deactivate activate rotate revoke verify review \
		prune; do
		expect_match "$output" "
  $command  "
		run adm "$command" --help
		expect_status 0
		expect_match "${lines[0]}" "^Usage: lrkeyadm $command \[OPTIONS\]"
		expect_match "$output" '--root DIR'
		run adm --help
	done
	run adm generate --help
	for option in --org --label --expires --not-before --scope --owner --max-uses --allow-from \
		--output --count; do
		expect_match "$output" "$option "
	done
}

@test "every option of the usage text stands in the manual, and the other way around" {
	for command in $(adm --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		adm "$command" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'
	done | sort -u >"$BATS_TEST_TMPDIR/usage"
	sed -nE 's/^\.(It|Op) F[lo] -([a-z][a-z-]*).*/\2/p; s/^\.It Fl s Ar name , Fl -([a-z]*).*/\1/p;
		s/^\.Fl -([a-z-]+) Ar org$/\1/p' "$LRKEY_SOURCE/lrkeyadm/lrkeyadm.8" | sort -u \
		>"$BATS_TEST_TMPDIR/manual"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/usage")" -gt 20 ]
	diff "$BATS_TEST_TMPDIR/usage" "$BATS_TEST_TMPDIR/manual"
}

@test "--version" {
	run adm --version
	expect_status 0
	expect_match "$output" '^lrkeyadm [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "an unknown command, with the one that was meant" {
	expect_usage "command 'genrate': unknown \(did you mean 'generate'\?\)" genrate --org acme
	expect_usage "command 'gen': unknown \(did you mean 'generate'\?\)" gen
	expect_usage "command 'lsit': unknown \(did you mean 'list'\?\)" lsit
	expect_usage "command 'help': unknown \(did you mean '--help'\?\)" help
	expect_usage "command 'version': unknown \(did you mean '--version'\?\)" version
	expect_usage "command 'listing-of-all': unknown \(did you mean 'list'\?\)" listing-of-all
	expect_usage "option '--organization': unknown \(did you mean '--org'\?\)" \
		generate --organization acme
	expect_usage "command 'frobnicate': unknown; 'lrkeyadm --help'" frobnicate
	expect_usage "command '': unknown" ''
}

@test "options that are unknown, ambiguous, repeated, or lack a value" {
	expect_usage "option '--frob': unknown; 'lrkeyadm list --help'" list --frob
	expect_usage "option '--stats': unknown \(did you mean '--state'\?\)" list --stats x
	expect_usage "option '--columns': unknown before a command" --columns id list
	expect_usage "option '--c': could be several" list --c
	expect_usage "option '-x': unknown" list -x
	expect_usage "option '-x': unknown" list -xjs
	expect_usage "option '--org': unknown" show --org acme "$ID"
	expect_usage "option '--org': needs a value" generate --org
	expect_usage "option '-s': needs a value: NAME" list -s
	expect_usage "option '--json': takes no value" list --json=yes
	expect_usage '^lrkeyadm: --org: given twice' generate --org acme --org globex
	expect_usage '^lrkeyadm: --store: given twice' -s system list -s system
	expect_usage '^lrkeyadm: --color: given twice' --color=never list --color=never
	expect_usage '^lrkeyadm: --root: given twice' --root /
	expect_usage "^lrkeyadm: --root '': empty" list --root ''
	expect_usage "^lrkeyadm: --color 'blue': allowed are auto, always and never" list --color blue
	for name in '' System 1a a_b "$(printf 'a%.0s' {1..33})" ../x; do
		expect_usage "^lrkeyadm: --store '.*': not a store name: at most 32 of" -s "$name" list
	done
}

@test "arguments that are missing, or too many" {
	expect_usage '^lrkeyadm: show: an argument is missing: lrkeyadm show ID' show
	expect_usage "^lrkeyadm: argument '$ID': too many" show "$ID" "$ID"
	expect_usage "^lrkeyadm: argument 'acme': too many" generate acme --org acme
	expect_usage "^lrkeyadm: argument 'x': too many" verify x
	# An organization, most likely; but not where one is given.
	expect_usage "argument 'acme': too many \(did you mean '--org acme'\?\): lrkeyadm list \[" list acme
	expect_usage "argument 'acme': too many \(did you mean '--org acme'\?\): lrkeyadm generate \[" \
		generate acme
	expect_usage "argument 'acme': too many: lrkeyadm list \[" list acme --org other
	expect_usage "argument 'a c': too many: lrkeyadm list \[" list 'a c'
	for command in deactivate activate revoke; do
		expect_usage "^lrkeyadm: $command: an argument is missing" "$command"
	done
}

@test "ids: exactly 12 characters, never a part of one" {
	for id in "${ID:0:11}" "${ID}x" '' "${ID:0:11}-" "${ID:0:11}é" ' '; do
		for command in show deactivate activate 'revoke --yes'; do
			# shellcheck disable=SC2086 # words
			expect_usage "^lrkeyadm: key '.*': not a key id: exactly 12 of A-Z a-z 0-9" \
				$command "$id"
		done
	done
}

@test "a key in a command line is refused, and not repeated" {
	local place

	for place in "show $KEY" "deactivate $ID $KEY" "generate --org $KEY" "generate --org=$KEY" \
		"--root=$KEY list" "verify $KEY" "list --label x$KEY" "$KEY" "-s$KEY list" \
		"show lrk_" "generate --org acme --output lrk_x"; do
		# shellcheck disable=SC2086 # words
		expect_usage '^lrkeyadm: an argument: begins with lrk_' $place
		expect_no_match "$stderr" "${KEY:4}"
		expect_no_match "$stderr" "${KEY:17:32}"
	done
}

@test "what comes from outside reaches the terminal without control characters, in one line" {
	local evil=$'a\e[2J\n\rb\x7f\xc2\x9b\xe2\x80\xae\xff'

	expect_usage "^lrkeyadm: --org 'a.x1b\[2J.x0a.x0db.x7f.xc2.x9b.xe2.x80.xae.xff': " \
		generate --org "$evil"
	expect_usage "^lrkeyadm: command 'a.x1b" "$evil"
	expect_usage "^lrkeyadm: option '--a.x1b" list "--$evil"
	run ! grep -q '[[:cntrl:]]' <<<"${stderr//$'\n'/}"
	# Displayable text of any language stays as it is; a long value is cut.
	expect_usage "^lrkeyadm: --org 'Grüße 日本': not an organization" generate --org 'Grüße 日本'
	expect_usage "^lrkeyadm: --org 'x{80}\.\.\.': not" generate --org "$(printf 'x%.0s' {1..5000})"
}
