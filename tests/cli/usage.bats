#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What keys were used for, as the module records it, in all that shows it.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

USAGE=$ROOT/var/lib/lrkey/system/usage

setup() {
	make_store
	pam_service scim
	NOW=$(date +%s)
}

# use_key [RHOST]: a login with $KEY.
use_key() {
	run pam_try acme "$KEY" scim --rhost "${1:-192.0.2.7}"
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
}

# shown COLUMN...: the values of $ID, as the table, CSV, "show" and JSON agree that they are.
shown() {
	local column value values=()

	for column in "$@"; do
		value=$(adm list --all --no-headings --columns "id,$column" | awk -v id="$ID" '$1 == id { print $2 }')
		[ "$(adm list --all --csv --no-headings --columns "id,$column" | grep "^$ID,")" = "$ID,$value" ]
		[ "$(adm show "$ID" | awk -v name="$column" '$1 == name { print $2 }')" = "$value" ]
		[ "$(adm list --all --json | jq -r --arg id "$ID" --arg name "$column" \
			'.keys[] | select(.id == $id) | .[$name] // "-"')" = "$value" ]
		[ "$(adm show --json "$ID" | jq -r --arg name "$column" '.keys[0][$name] // "-"')" = "$value" ]
		values+=("$value")
	done
	echo "${values[*]}"
}

@test "a key that was never used" {
	make_key --org acme
	[ "$(shown uses max_uses denied last_used last_service last_rhost)" = '0 - 0 - - -' ]
	[ "$(field "$ID" uses)$(field "$ID" denied)$(field "$ID" last_used)" = 00null ]
}

@test "uses and refusals, with time, service and address of the last use" {
	make_key --org acme --scope scim
	use_key 192.0.2.7
	use_key 2001:db8::7
	run pam_try globex "$KEY" scim --rhost 192.0.2.9
	expect_match "$output" 'pam_authenticate: PAM_PERM_DENIED'
	[ "$(shown uses denied last_service last_rhost)" = '2 1 scim 2001:db8::7' ]
	last=$(date -d "$(shown last_used)" +%s)
	((last >= NOW && last <= NOW + 60))
	# What changes a key leaves its uses alone.
	[ "$(adm deactivate --json "$ID" | jq -c '.keys[0] | [.uses, .denied, .last_service]')" = \
		'[2,1,"scim"]' ]
	adm activate "$ID"
	[ "$(shown uses denied)" = '2 1' ]
}

@test "a use limit: exhausted when it is used up, in list, show, verify, the summary and JSON" {
	make_key --org acme --max-uses 2
	[ "$(shown uses max_uses state)" = '0 2 active' ]
	use_key
	use_key
	[ "$(shown uses max_uses state)" = '2 2 exhausted' ]
	[ "$(ids --state exhausted)" = "$ID" ]
	[ -z "$(ids --state active)" ]
	[ -z "$(ids --expiring-within 9000d)" ]
	[ "$(adm --json | jq .exhausted)" = 1 ]
	run adm
	expect_match "$output" 'exhausted    1'
	run adm verify <<<"$KEY"
	expect_status 1
	[ "$output" = 'refused: use limit' ]
	[ "$(adm verify --json <<<"$KEY" | jq -c '[.valid, .state, .reason]')" = \
		'[false,"exhausted","use limit"]' ]
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_MAXTRIES'
	[ "$(shown uses denied)" = '2 1' ]
}

@test "verify counts as no use" {
	make_key --org acme --max-uses 1
	for _ in 1 2 3; do
		run adm verify <<<"$KEY"
		expect_status 0
	done
	[ "$(shown uses denied)" = '0 0' ]
	use_key
}

@test "bad use limits" {
	for limit in 0 -1 '' 1.5 none 1e3 0x10 ' 5' 9007199254740992 99999999999999999999; do
		expect_refused 64 "^lrkeyadm: --max-uses '.*': not a number from 1 to 9007199254740991$" \
			generate --org acme --max-uses="$limit"
	done
	make_key --org acme --max-uses 9007199254740991
	[ "$(field "$ID" max_uses)" = 9007199254740991 ]
	expect_refused 64 '^lrkeyadm: --max-uses: given twice' generate --org acme --max-uses 1 --max-uses 2
}

@test "many keys with a limit are one change, and each has a slot of its own" {
	mapfile -t keys < <(adm generate --org acme --max-uses 1 --count 5 2>/dev/null)
	for KEY in "${keys[@]}"; do
		use_key
	done
	[ "$(ids --state exhausted | wc -l)" -eq 5 ]
	for KEY in "${keys[@]}"; do
		run pam_try acme "$KEY" scim
		expect_match "$output" 'PAM_MAXTRIES'
	done
}

@test "the usage file is opened once a command" {
	make_key --org acme
	make_key --org acme
	for command in list 'list --json' "show $ID" review '' "deactivate $ID" "activate $ID" \
		"revoke --yes $ID"; do
		# shellcheck disable=SC2086 # words
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -qq -e trace=openat \
			-o "$BATS_TEST_TMPDIR/trace" -E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/traceable.so" \
			"$LRKEYADM" --root "$ROOT" $command
		# Once to read; who changes holds it open to write, too.
		[ "$(grep -c '"usage", O_RDONLY' "$BATS_TEST_TMPDIR/trace")" -eq 1 ] ||
			fail "$command" "$(grep usage "$BATS_TEST_TMPDIR/trace")"
	done
}

@test "without a usage file: no uses, and one warning" {
	make_key --org acme
	use_key
	mv "$USAGE" "$USAGE.away"
	for command in list 'list --json' "show $ID" "show --json $ID" review '' --json; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr adm $command
		expect_status 0
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$command" "$stderr"
		expect_match "$stderr" '^lrkeyadm: warning: .*/usage: does not exist; uses and last uses are not known$'
	done
	[ "$(shown uses last_used denied 2>/dev/null)" = '0 - 0' ]
	mv "$USAGE.away" "$USAGE"
	[ "$(shown uses)" = 1 ]
	# What is no file of ours is not read.
	mv "$USAGE" "$USAGE.away"
	ln -s usage.away "$USAGE"
	run --separate-stderr adm list
	expect_status 0
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" '^lrkeyadm: warning: .*/usage: .*; uses and last uses are not known$'
}

@test "a usage file of garbage, or cut off: no uses; keys with a limit are said to be refused" {
	make_key --org acme --max-uses 5
	LIMITED=$ID KEY_LIMITED=$KEY
	use_key
	make_key --org acme
	use_key
	for damage in 'truncate -s 128' 'truncate -s 200' garble; do
		cp "$USAGE" "$BATS_TEST_TMPDIR/usage"
		if [ "$damage" = garble ]; then
			head -c 4096 /dev/urandom >"$USAGE"
		else
			$damage "$USAGE"
		fi
		run --separate-stderr adm list --json
		expect_status 0
		[ "$(jq -c '.keys | map(select(.id == "'"$LIMITED"'") | .uses)' <<<"$output")" = '[0]' ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		expect_match "$stderr" "^lrkeyadm: warning: key $LIMITED has a use limit, but no valid record of its uses: refused until 'lrkeyadm edit ID --max-uses N'"
		run --separate-stderr adm show "$LIMITED"
		expect_status 0
		[ "${#stderr_lines[@]}" -eq 1 ]
		run --separate-stderr adm show "$ID"
		expect_status 0
		[ "${#stderr_lines[@]}" -eq 0 ]
		# It is no answer of the key's, but the store's trouble.
		run --separate-stderr adm verify <<<"$KEY_LIMITED"
		expect_status 69
		run pam_try acme "$KEY_LIMITED" scim
		expect_match "$output" 'PAM_AUTHINFO_UNAVAIL'
		cat "$BATS_TEST_TMPDIR/usage" >"$USAGE"
	done
	adm generate --org acme --max-uses 5 --count 3 >/dev/null 2>&1
	truncate -s 128 "$USAGE"
	run --separate-stderr adm list
	expect_match "$stderr" '^lrkeyadm: warning: 4 keys, [0-9A-Za-z]{12} the first, have a use limit'
}

@test "what the usage file says cannot reach the terminal as a control sequence" {
	make_key --org acme
	run pam_try acme "$KEY" scim --rhost $'\e[31mred\n'
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	[ "$(field "$ID" last_rhost)" = '"?[31mred?"' ]
	run adm show "$ID"
	expect_no_match "$output" $'\e'
}

@test "--unused-for: by the last use, else by the creation" {
	KEY=$(at $((NOW - 100 * DAY)) generate --org acme --expires never 2>/dev/null)
	OLD_USED=${KEY:4:12}
	use_key
	KEY=$(at $((NOW - 100 * DAY)) generate --org acme --expires never 2>/dev/null)
	OLD=${KEY:4:12}
	make_key --org acme
	[ "$(ids --unused-for 99d)" = "$OLD" ]
	[ -z "$(ids --unused-for 101d)" ]
	[ "$(at $((NOW + 50 * DAY)) list --no-headings --columns id --unused-for 49d | wc -l)" -eq 3 ]
	[ "$(at $((NOW + 50 * DAY)) list --no-headings --columns id --unused-for 149d)" = "$OLD" ]
	[ "$(ids --unused-for 1d --org globex)" = '' ]
	[ "$(ids --unused-for 0s | wc -l)" -eq 3 ]
	[ "$(adm list --json --unused-for 99d | jq -r '.keys[].id')" = "$OLD" ]
	[ "$(ids --unused-for 0s --expiring-within 91d)" = "$ID" ]
	expect_no_match "$(ids --unused-for 99d)" "$OLD_USED"
	for duration in never 2027-01-31 5 '' -5d; do
		expect_refused 64 "^lrkeyadm: --unused-for '.*': not a duration: a number and one of" \
			list --unused-for="$duration"
	done
}

@test "--owner: one of several, also of users who are gone" {
	make_key --org acme --owner "$(id -un)"
	make_key --org acme
	[ "$(ids --owner "$(id -un)" | wc -l)" -eq 1 ]
	[ "$(ids --owner "nobody-here,$(id -un)" | wc -l)" -eq 1 ]
	[ -z "$(ids --owner nobody-here)" ]
	[ -z "$(ids --owner "$(id -un)" --org globex)" ]
	for owner in '' 'a b' 'a:b' "$(id -un),"; do
		expect_refused 64 "^lrkeyadm: --owner '.*': not a user name: 1 to 64" list --owner="$owner"
	done
	expect_refused 64 "^lrkeyadm: --owner 'no-such-user': no such user on this host" \
		generate --org acme --owner no-such-user
}

@test "revoke asks with the last use, and its tombstone still counts refusals" {
	make_key --org acme
	use_key
	last=$(shown last_used)
	run typed $'n\n' revoke --force "$ID"
	expect_status 1
	expect_match "$output" "$ID .*last_used $last"
	adm revoke --yes --force --reason obsolete "$ID"
	run pam_try acme "$KEY" scim
	expect_match "$output" 'PAM_AUTH_ERR'
	run adm list --json --all
	[ "$(jq -c '.keys[0] | [.state, .reason, .uses, .denied, .last_service]' <<<"$output")" = \
		'["revoked","obsolete",1,1,"scim"]' ]
}

@test "the guard does not count on a key that is used up, or refused for lack of a record" {
	make_key --org acme --max-uses 1
	LIMITED=$ID
	KEY_LIMITED=$KEY
	make_key --org acme
	# As long as it can be used, it stands in for the other.
	cp -a "$ROOT" "$BATS_TEST_TMPDIR/before"
	adm revoke --yes "$ID"
	rm -r "$ROOT"
	cp -a "$BATS_TEST_TMPDIR/before" "$ROOT"
	run pam_try acme "$KEY_LIMITED" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	expect_refused 78 "^lrkeyadm: $ID: organization acme would be left without a working key for scope \*" \
		revoke --yes "$ID"
	rm -r "$ROOT"
	cp -a "$BATS_TEST_TMPDIR/before" "$ROOT"
	truncate -s 128 "$USAGE"
	run --separate-stderr adm revoke --yes "$ID"
	expect_status 78
	# A key that is used up is no loss.
	rm -r "$ROOT"
	cp -a "$BATS_TEST_TMPDIR/before" "$ROOT"
	run pam_try acme "$KEY_LIMITED" scim
	adm revoke --yes "$LIMITED"
}

@test "activating a key that is used up is said to be of no use" {
	make_key --org acme --max-uses 1
	use_key
	adm deactivate "$ID"
	run --separate-stderr adm activate "$ID"
	expect_status 0
	[ "$stderr" = "lrkeyadm: $ID: activated, but exhausted" ]
}
