#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many keys at once: several ids in one change, and ids from a filter.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	adm generate --org acme --label old --count 40 >"$BATS_TEST_TMPDIR/keys" 2>/dev/null
	adm generate --org acme --label new --count 10 >/dev/null 2>&1
}

@test "ids from a filter, through xargs: one change, one line in the audit log" {
	local before lines command

	before=$(generation)
	lines=$(wc -l <"$AUDIT")
	for command in deactivate activate 'revoke --yes --reason obsolete'; do
		# shellcheck disable=SC2086 # words
		adm list --org acme --label old --no-headings --columns ID |
			xargs "$LRKEYADM" --root "$ROOT" $command >"$BATS_TEST_TMPDIR/out"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 40 ]
		[ "$(generation)" -eq $((before += 1)) ]
		[ "$(wc -l <"$AUDIT")" -eq $((lines += 1)) ]
		[ "$(audit | jq -r '.ids[]' | sort)" = "$(cut -c5-16 "$BATS_TEST_TMPDIR/keys" | sort)" ]
		[ "$(audit | jq -r .org)" = acme ]
	done
	[ "$(adm list --json | jq '.keys | map(.label) | unique == ["new"]')" = true ]
	[ "$(ids | wc -l)" -eq 10 ]
	run adm verify <<<"$(head -n 1 "$BATS_TEST_TMPDIR/keys")"
	expect_status 1
	expect_match "$output" 'revoked .* obsolete'
}

@test "keys of several organizations: the audit line names none" {
	make_key --org globex
	adm deactivate "$ID" "$(ids --org acme | head -n 1)"
	[ "$(audit | jq -c '[.org, (.ids | length)]')" = '[null,2]' ]
}

@test "all or nothing" {
	local all

	mapfile -t all < <(ids)
	for command in deactivate activate 'revoke --yes --force'; do
		# shellcheck disable=SC2086 # words
		expect_refused 66 "^lrkeyadm: $UNKNOWN: no such key" $command "${all[@]}" "$UNKNOWN"
		# shellcheck disable=SC2086 # words
		expect_refused 64 "^lrkeyadm: key 'not-an-id': not a key id" $command "${all[@]}" not-an-id
	done
	# The guard judges all of them together.
	expect_refused 78 'organization acme would be left without a working key' \
		revoke --yes "${all[@]}"
	adm revoke --yes --force "${all[@]}" >/dev/null
	[ -z "$(ids)" ]
}

@test "the same id twice is one key" {
	ID=$(ids | head -n 1)
	run adm deactivate "$ID" "$ID"
	[ "$output" = "$ID deactivated" ]
	[ "$(audit | jq -c .ids)" = "[\"$ID\"]" ]
}

@test "no id at all is a bad command line" {
	for command in deactivate activate revoke; do
		expect_refused 64 "^lrkeyadm: $command: an argument is missing: lrkeyadm $command ID\.\.\.; 'lrkeyadm --root $ROOT list' shows the ids$" $command
	done
	adm list --org nobody --no-headings --columns id | xargs -r "$LRKEYADM" --root "$ROOT" revoke --yes
}
