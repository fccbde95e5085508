#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	make_aged REVOKED --expires never
	at "$NOON" revoke --yes --force --reason compromised "$REVOKED" >/dev/null
	make_aged LATER --expires never
	at $((NOON + DAY)) revoke --yes --force "$LATER" >/dev/null
	make_aged EXPIRED --expires 1h
	make_aged OFF --expires 1h
	at "$NOON" deactivate "$OFF" >/dev/null
	make_aged WORKING --expires never
}

# make_aged NAME ARGUMENTS...: a key made at noon, its id in $NAME
make_aged() {
	local name=$1

	shift
	KEY=$(at "$NOON" generate --org acme "$@" 2>/dev/null)
	printf -v "$name" %s "${KEY:4:12}"
}

policy() {
	printf '%s\n' "$@" >"$ROOT/etc/lrkey/system/policy.conf"
}

left() {
	adm list --all --json | jq -r '.keys[].id' | sort | xargs
}

sorted() {
	printf '%s\n' "$@" | sort | xargs
}

@test "tombstones past the age, and keys expired for as long, in one change" {
	local before year=$((365 * DAY))

	before=$(generation)
	run --separate-stderr at $((NOON + year - 1)) prune
	expect_status 0
	[ "$output" = 'pruned: 0 revoked, 0 expired' ]
	[ -z "$stderr" ]
	[ "$(generation)" -eq "$before" ]

	run at $((NOON + year)) prune
	[ "$output" = 'pruned: 1 revoked, 0 expired' ]
	[ "$(left)" = "$(sorted "$LATER" "$EXPIRED" "$OFF" "$WORKING")" ]
	[ "$(audit | jq -c '[.command, .ids, .org, .outcome]')" = "[\"prune\",[\"$REVOKED\"],null,\"done\"]" ]

	run at $((NOON + year + 3600)) prune --json
	[ "$(jq -c . <<<"$output")" = '{"store":"system","revoked":0,"expired":2}' ]
	[ "$(left)" = "$(sorted "$LATER" "$WORKING")" ]
	[ "$(audit | jq -c '.ids | sort')" = "$(jq -nc --arg a "$EXPIRED" --arg b "$OFF" '[$a, $b] | sort')" ]

	run at $((NOON + 50 * year)) prune
	[ "$output" = 'pruned: 1 revoked, 0 expired' ]
	[ "$(left)" = "$WORKING" ]
	[ "$(generation)" -eq $((before + 3)) ]
	expect_refused 66 'no such key' show "$REVOKED"
}

@test "the age is the policy's; never is never" {
	policy tombstone-age=never
	run at $((NOON + 7000 * 365 * DAY)) prune
	[ "$output" = 'pruned: 0 revoked, 0 expired' ]
	policy tombstone-age=0s
	run at $((NOON + 2 * DAY)) prune
	[ "$output" = 'pruned: 2 revoked, 2 expired' ]
	[ "$(left)" = "$WORKING" ]
	policy tombstone-age=sometimes
	expect_refused 78 'tombstone-age' prune
}

@test "a pruned key is unknown, and no longer an alarm" {
	pam_service scim
	make_key --org acme
	adm revoke --yes --force "$ID"
	run pam_try acme "$KEY" scim
	expect_match "$output" 'log: alert '
	at $((NOON + 50 * 365 * DAY)) prune
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_AUTH_ERR'
	expect_no_match "$output" 'log: alert '
}

@test "places in the usage file are used again, and begin from nothing" {
	local slots key

	pam_service scim
	for _ in 1 2 3 4 5; do
		make_key --org acme --max-uses 1
		run pam_try acme "$KEY" scim
		expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
		adm revoke --yes --force "$ID"
	done
	slots=$(stat -c %s "$ROOT/var/lib/lrkey/system/usage")
	policy tombstone-age=0s
	adm prune
	mapfile -t keys < <(adm generate --org acme --max-uses 1 --count 5 2>/dev/null)
	[ "$(stat -c %s "$ROOT/var/lib/lrkey/system/usage")" -eq "$slots" ]
	for key in "${keys[@]}"; do
		run pam_try acme "$key" scim
		expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
		run pam_try acme "$key" scim
		expect_match "$output" PAM_MAXTRIES
	done
	run at "$NOON" verify --org acme <<<"$(at "$NOON" generate --org acme 2>/dev/null)"
	expect_status 0
}

@test "it takes no arguments, and nothing but what every command takes" {
	expect_refused 64 "^lrkeyadm: argument 'all': too many: lrkeyadm prune \[OPTIONS\]$" prune all
	expect_refused 64 "^lrkeyadm: option '--age': unknown" prune --age 1d
	rm -r "$ROOT/etc/lrkey/system"
	expect_refused 69 'init' prune
}
