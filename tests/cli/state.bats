#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# deactivate, activate, revoke.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	make_key --org acme
	A=$ID KEY_A=$KEY
	make_key --org acme
	B=$ID
}

@test "deactivate and activate, several at once, each one change" {
	local before

	before=$(generation)
	run --separate-stderr adm deactivate "$A" "$B"
	expect_status 0
	[ "$output" = "$A deactivated
$B deactivated" ]
	[ -z "$stderr" ]
	[ "$(generation)" -eq $((before + 1)) ]
	run adm verify <<<"$KEY_A"
	expect_status 1
	[ "$output" = 'refused: deactivated' ]

	run adm activate --json "$B" "$A"
	expect_status 0
	[ "$(jq -c '.keys | map([.id, .state])' <<<"$output")" = "[[\"$B\",\"active\"],[\"$A\",\"active\"]]" ]
	[ "$(generation)" -eq $((before + 2)) ]
	adm verify <<<"$KEY_A"
}

@test "what is in that state already is left, with a note; without any change there is no change" {
	local before sum

	adm deactivate "$A"
	before=$(generation)
	run --separate-stderr adm deactivate "$A" "$B" "$A"
	expect_status 0
	[ "$output" = "$B deactivated" ]
	[ "$stderr" = "lrkeyadm: $A: already deactivated; left as it is" ]
	[ "$(audit | jq -c .ids)" = "[\"$B\"]" ]
	[ "$(generation)" -eq $((before + 1)) ]

	sum=$(store_sum)
	run --separate-stderr adm deactivate "$A" "$B"
	expect_status 0
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[ "$(store_sum)" = "$sum" ]
	[ "$(adm deactivate --json "$A" 2>/dev/null | jq -r '.keys[0].state')" = deactivated ]
	adm activate "$A" "$B"
	run --separate-stderr adm activate "$A"
	expect_status 0
	[ "$stderr" = "lrkeyadm: $A: not deactivated; left as it is" ]
}

@test "all or nothing: one unknown id, and nothing is changed" {
	for command in deactivate activate 'revoke --yes --force'; do
		# shellcheck disable=SC2086 # words
		expect_refused 66 "^lrkeyadm: $UNKNOWN: no such key in store system; 'lrkeyadm --root $ROOT list' shows the ids\$" \
			$command "$A" "$UNKNOWN" "$B"
	done
}

@test "activating an expired key is done, and said to be of no use" {
	KEY=$(at "$NOON" generate --org acme --expires 1d 2>/dev/null)
	at $((NOON + 5)) deactivate "${KEY:4:12}"
	run --separate-stderr at $((NOON + 2 * DAY)) activate "${KEY:4:12}"
	expect_status 0
	[ "$output" = "${KEY:4:12} activated" ]
	[ "$stderr" = "lrkeyadm: ${KEY:4:12}: activated, but expired 2027-01-16T08:00:00Z" ]
	[ "$(at $((NOON + 2 * DAY)) show --json "${KEY:4:12}" | jq -r '.keys[0].state')" = expired ]
}

@test "a revoked key can be neither deactivated nor activated" {
	at "$NOON" revoke --yes "$A"
	for command in deactivate activate; do
		expect_refused 78 "^lrkeyadm: $A: revoked 2027-01-15T08:00:00Z, which is for good" \
			$command "$B" "$A"
	done
}

@test "revoke leaves a tombstone: the entry, and when, who and why" {
	local before

	adm deactivate "$A"
	before=$(adm show --json "$A" | jq -cS '.keys[0] | del(.state)')
	run --separate-stderr at "$NOON" revoke --yes --reason obsolete "$A"
	expect_status 0
	[ "$output" = "$A revoked" ]
	[ -z "$stderr" ]
	[ "$(adm show --json "$A" | jq -cS '.keys[0] | del(.state, .revoked, .revoked_by, .reason)')" = \
		"$before" ]
	[ "$(adm show --json "$A" | jq -c '.keys[0] | [.state, .revoked, .revoked_by, .reason]')" = \
		"[\"revoked\",\"2027-01-15T08:00:00Z\",\"$(id -un)\",\"obsolete\"]" ]
	[ "$(ids)" = "$B" ]
	run adm verify <<<"$KEY_A"
	expect_status 1
	[ "$output" = 'refused: revoked 2027-01-15T08:00:00Z obsolete' ]
}

@test "revoke --json, and again: left as it is, with a note" {
	run adm revoke --yes --json "$A"
	expect_status 0
	[ "$(jq -c '.keys | map([.id, .state, .reason])' <<<"$output")" = "[[\"$A\",\"revoked\",\"other\"]]" ]
	sum=$(store_sum)
	run --separate-stderr adm revoke --yes --reason misused "$A"
	expect_status 0
	[ "$stderr" = "lrkeyadm: $A: already revoked; left as it is" ]
	[ "$(store_sum)" = "$sum" ]
}

@test "every reason; others are refused" {
	for reason in compromised misused usage-limit inactive-owner obsolete renewal other; do
		make_key --org globex
		adm revoke --yes --force --reason "$reason" "$ID"
		[ "$(field "$ID" reason)" = "\"$reason\"" ]
		[ "$(audit | jq -r .reason)" = "$reason" ]
	done
	expect_refused 64 "^lrkeyadm: --reason 'compromise': not a reason \(did you mean 'compromised'\?\); allowed are compromised, misused, usage-limit, inactive-owner, obsolete, renewal and other$" \
		revoke --yes --reason compromise "$A"
	expect_refused 64 "^lrkeyadm: --reason '': not a reason; allowed" revoke --yes --reason '' "$A"
}

@test "without a terminal revoke needs --yes, whatever else is given" {
	expect_refused 64 '^lrkeyadm: revoke: needs --yes where there is no terminal' revoke "$A"
	expect_refused 64 'needs --yes' revoke --force --reason compromised "$A"
	run bash -c 'echo y | "$@"' - "$LRKEYADM" --root "$ROOT" revoke "$A"
	expect_status 64
}

@test "at a terminal: scopes and last use are shown, and only y or yes is a yes" {
	local answer sum

	make_key --org globex --label 'the bridge' --scope scim,dns
	sum=$(store_sum)
	for answer in $'\n' $'n\n' $'no\n' $'yess\n' $'x y\n' ''; do
		run typed "$answer" revoke --force "$ID"
		expect_status 1
		expect_match "$output" "$ID +org globex +label the bridge +scopes scim,dns +state active +last_used -"
		expect_match "$output" 'Revoke 1 key for good\? \[y/N\]'
		expect_match "$output" 'lrkeyadm: revoke: not confirmed; nothing was changed'
		[ "$(store_sum)" = "$sum" ]
	done
	run typed $'Y\n' revoke --force "$ID"
	expect_status 0
	expect_match "$output" "$ID revoked"
	run typed $'yes\n' revoke --force "$A" "$B" "$ID"
	expect_status 0
	expect_match "$output" 'Revoke 2 keys for good\?'
	# --yes is not asked, nor is there anything to ask about keys that are revoked.
	run typed '' revoke "$A"
	expect_status 0
	expect_match "$output" 'already revoked'
	make_key --org globex
	run typed '' revoke --yes --force "$ID"
	expect_status 0
	expect_no_match "$output" Revoke
}

@test "at a terminal the guard speaks before the question is put" {
	make_key --org globex
	run typed $'y\n' revoke "$ID"
	expect_status 78
	expect_no_match "$output" 'for good'
	run typed $'y\n' revoke "$UNKNOWN"
	expect_status 66
	expect_no_match "$output" 'for good'
}

# ---- The guard ---------------------------------------------------------------

# keys SCOPES...: revokes all keys of globex, and makes one for each list of scopes: K0 K1 ...
keys() {
	local i=0 scopes old

	mapfile -t old < <(ids --org globex)
	[ ${#old[@]} -eq 0 ] || adm revoke --yes --force "${old[@]}" >/dev/null
	for scopes in "$@"; do
		make_key --org globex --scope "$scopes"
		printf -v "K$i" %s "$ID"
		i=$((i + 1))
	done
}

# last SCOPE OPTIONS...: the guard refuses, and names the scope
last() {
	local scope=$1

	shift
	expect_refused 78 "^lrkeyadm: [0-9A-Za-z]{12}: organization globex would be left without a working key for scope $scope; rotate the key first, or use --force$" \
		revoke --yes "$@"
}

@test "guard: the last key of an organization; others' keys do not count" {
	keys scim
	last scim "$K0"
	adm revoke --yes "$A"
	expect_refused 78 'organization acme would be left' revoke --yes "$B"
}

@test "guard: another key must hold each scope, or *" {
	keys scim scim,dns dns
	adm revoke --yes "$K0"
	last scim "$K1"
	keys scim,dns dns scim
	adm revoke --yes "$K0"
	keys scim '*'
	adm revoke --yes "$K0"
	# For * it takes another *.
	keys '*' scim
	last '\*' "$K0"
	keys '*' '*'
	adm revoke --yes "$K0"
}

@test "guard: keys named together do not stand in for each other" {
	keys scim scim
	last scim "$K0" "$K1"
	keys scim scim dns,scim
	adm revoke --yes "$K0" "$K1"
	keys scim dns '*'
	adm revoke --yes "$K0" "$K1"
	# Different organizations are looked at one by one.
	keys scim
	last scim "$A" "$K0"
}

@test "guard: only keys that work are guarded, and only such stand in" {
	keys scim
	adm deactivate "$K0"
	adm revoke --yes "$K0"
	keys scim scim
	adm deactivate "$K1"
	last scim "$K0"
	adm revoke --yes "$K1"
	last scim "$K0"
}

@test "guard: keys that wait for their time, or have had it, do not stand in" {
	at "$NOON" generate --org globex --not-before 9d >/dev/null
	at "$NOON" generate --org globex --expires 1d >/dev/null
	KEY=$(at "$NOON" generate --org globex 2>/dev/null)
	run at $((NOON + 3 * DAY)) revoke --yes "${KEY:4:12}"
	expect_status 78
	at $((NOON + 9 * DAY)) revoke --yes "${KEY:4:12}"
}

@test "guard: not with compromised or misused, and not with --force" {
	keys scim
	adm revoke --yes --reason compromised "$K0"
	keys scim
	adm revoke --yes --reason misused "$K0"
	keys scim
	last scim --reason obsolete "$K0"
	adm revoke --yes --force --reason obsolete "$K0"
}
