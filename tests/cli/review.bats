#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each reason to revoke a key can be come by, and is found.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	pam_service scim
	NOW=$(date +%s)
}

policy() {
	printf '%s\n' "$@" >"$ROOT/etc/lrkey/system/policy.conf"
}

# found [SECONDS]: "ID REASON" of each finding, as text and JSON agree, and exit status 1.
found() {
	local when=${1:-$NOW} text

	text=$(at "$when" review 2>/dev/null) && return 2
	[ $? -eq 1 ] || return 2
	text=$(cut -d' ' -f1,3 <<<"$text" | tr -d :)
	[ "$(at "$when" review --json 2>/dev/null | jq -r '.findings[] | .id + " " + .reason' | sort)" = \
		"$(sort <<<"$text")" ] || return 3
	echo "$text"
}

# refuse_key TIMES: logins with $KEY of a user who has no right to it
refuse_key() {
	for _ in $(seq "$1"); do
		run pam_try nobody-of-acme "$KEY" scim
		expect_match "$output" 'pam_authenticate: PAM_PERM_DENIED'
	done
}

# finding ID: its line, and that JSON says the same
finding() {
	local line

	line=$(adm review 2>/dev/null | grep "^$1 ") || fail "no finding of $1"
	[ "$(adm review --json 2>/dev/null | jq -r --arg id "$1" '.findings[] | select(.id == $id) |
		.id + " " + .org + " " + .reason + ": " + .detail + ": " + .command')" = "$line" ]
	echo "$line"
}

expect_nothing() {
	run --separate-stderr at "${1:-$NOW}" review
	expect_status 0
	[ -z "$output" ] || fail "$output"
	run --separate-stderr at "${1:-$NOW}" review --json
	expect_status 0
	[ "$(jq -c . <<<"$output")" = '{"findings":[]}' ]
}

@test "a key in order is no finding" {
	expect_nothing
	make_key --org acme --owner "$(id -un)" --max-uses 5
	run pam_try acme "$KEY" scim
	expect_nothing
}

@test "a person at a terminal is told that there is nothing, and nobody else" {
	make_key --org acme
	run typed '' review
	expect_status 0
	[ "$output" = 'lrkeyadm: review: no key should be revoked or rotated' ] || fail "$output"
	run adm review
	expect_status 0
	[ -z "$output" ]
	run typed '' review --json
	expect_no_match "$output" 'no key should'
	make_key --org acme --expires 2d
	run typed '' review
	expect_status 1
	expect_no_match "$output" 'no key should'
}

@test "usage limit: used up" {
	make_key --org acme --max-uses 2
	run pam_try acme "$KEY" scim
	expect_nothing
	run pam_try acme "$KEY" scim
	[ "$(finding "$ID")" = \
		"$ID acme usage-limit: used 2 of 2 times: lrkeyadm --root $ROOT revoke $ID --reason usage-limit" ]
	# Refusals for the limit are no misuse.
	policy review-refusals=0
	run pam_try acme "$KEY" scim
	expect_match "$(finding "$ID")" ' usage-limit: '
	# What it proposes can be done.
	finding_command=$(adm review --json | jq -r '.findings[0].command')
	eval "\"$LRKEYADM\" ${finding_command#lrkeyadm } --yes"
	expect_nothing
}

@test "misused: proven refusals above the threshold, and no unproven ones" {
	make_key --org acme
	refuse_key 10
	expect_nothing
	for _ in 1 2 3; do
		run pam_try acme "lrk_${ID}_$(printf '0%.0s' {1..38})" scim
		expect_match "$output" PAM_AUTH_ERR
	done
	expect_nothing
	refuse_key 1
	[ "$(finding "$ID")" = \
		"$ID acme misused: refused 11 times, with the right secret: lrkeyadm --root $ROOT revoke $ID --reason misused" ]
	policy review-refusals=11
	expect_nothing
	policy review-refusals=2
	expect_match "$(finding "$ID")" ' misused: '
	# The guard does not hold up who revokes for that.
	adm revoke --yes --reason misused "$ID"
	expect_nothing
}

@test "misused: whoever still comes with a key that is switched off or expired" {
	policy review-refusals=1
	make_key --org acme
	OFF=$ID
	adm deactivate "$ID"
	for _ in 1 2; do
		run pam_try acme "$KEY" scim
	done
	KEY=$(at $((NOW - 10 * DAY)) generate --org acme --expires 1d 2>/dev/null)
	for _ in 1 2; do
		run pam_try acme "$KEY" scim
		expect_match "$output" PAM_ACCT_EXPIRED
	done
	[ "$(found | sort)" = "$(printf '%s misused\n' "$OFF" "${KEY:4:12}" | sort)" ]
}

@test "obsolete: not used for so long, by the last use or else the creation" {
	KEY=$(at $((NOW - 100 * DAY)) generate --org acme --expires never 2>/dev/null)
	ID=${KEY:4:12}
	[ "$(finding "$ID")" = \
		"$ID acme obsolete: never used since $(date -u -d "@$((NOW - 100 * DAY))" +%FT%TZ): lrkeyadm --root $ROOT revoke $ID --reason obsolete" ]
	run pam_try acme "$KEY" scim
	expect_nothing
	expect_nothing $((NOW + 89 * DAY))
	[ "$(found $((NOW + 91 * DAY)))" = "$ID obsolete" ]
	run at $((NOW + 91 * DAY)) review
	expect_match "$output" "obsolete: last used $(date -u -d "@$NOW" +%F)"
	policy review-unused=never
	expect_nothing $((NOW + 91 * DAY))
	policy review-unused=1d
	[ "$(found $((NOW + 2 * DAY)))" = "$ID obsolete" ]
	# One that waits for its time, and one that is being replaced, need not be used.
	adm revoke --yes --force "$ID"
	at $((NOW - 100 * DAY)) generate --org acme --not-before 101d --expires never >/dev/null 2>&1
	expect_nothing
	KEY=$(at $((NOW - 100 * DAY)) generate --org acme --expires never 2>/dev/null)
	at "$NOW" rotate "${KEY:4:12}" --overlap 3d >/dev/null 2>&1
	expect_nothing
	expect_nothing $((NOW + DAY - 60))
}

@test "obsolete: no record is no sign" {
	at $((NOW - 100 * DAY)) generate --org acme --expires never >/dev/null 2>&1
	[ "$(found | cut -d' ' -f2)" = obsolete ]
	mv "$ROOT/var/lib/lrkey/system/usage" "$BATS_TEST_TMPDIR"
	expect_nothing
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "renewal: what works and ends soon" {
	KEY=$(at $((NOW - 80 * DAY)) generate --org acme 2>/dev/null)
	ID=${KEY:4:12}
	run pam_try acme "$KEY" scim
	[ "$(finding "$ID")" = \
		"$ID acme renewal: ends $(date -u -d "@$((NOW + 10 * DAY))" +%FT%TZ): lrkeyadm --root $ROOT rotate $ID" ]
	policy review-renewal=9d
	expect_nothing
	policy review-renewal=11d
	[ "$(found)" = "$ID renewal" ]
	# Once rotated, it is renewed; switched off or over, it has no need to.
	at "$NOW" rotate "$ID" --expires never >/dev/null 2>&1
	expect_nothing
	expect_nothing $((NOW + 11 * DAY))
	KEY=$(at $((NOW - 80 * DAY)) generate --org acme 2>/dev/null)
	at "$NOW" deactivate "${KEY:4:12}"
	expect_nothing
}

@test "inactive owner: one who is no more" {
	local me other

	me=$(id -un)
	make_key --org acme --owner root
	other=$ID
	make_key --org acme --owner "$me"
	make_key --org acme --owner "$me"
	expect_nothing
	# Here users cannot be removed: tests/root does.
	export LRKEY_TEST_NO_USER=$me
	adm() {
		LD_PRELOAD=$LRKEY_BUILD/tests/cli/nouser.so "$LRKEYADM" --root "$ROOT" "$@"
	}
	expect_match "$(finding "$ID")" "^$ID acme inactive-owner: owner $me is missing, expired or locked: lrkeyadm --root $ROOT revoke $ID --reason inactive-owner$"
	run --separate-stderr adm review
	expect_status 1
	[ "${#lines[@]}" -eq "$([ "$me" = root ] && echo 3 || echo 2)" ]
	# Who is gone may still be filtered by.
	[ "$(adm list --no-headings --columns id --owner "$me" | grep -cv "^$other$")" -eq 2 ]
}

@test "inactive owner: where nobody can tell, it is said once a user, and the rest is reviewed" {
	make_key --org acme --owner "$(id -un)"
	make_key --org acme --owner "$(id -un)"
	make_key --org acme --max-uses 1
	run pam_try acme "$KEY" scim
	run --separate-stderr env LRKEY_TEST_USER_ERROR=5 LD_PRELOAD="$LRKEY_BUILD/tests/cli/nouser.so" \
		"$LRKEYADM" --root "$ROOT" review
	expect_status 74
	[ "${#lines[@]}" -eq 1 ]
	expect_match "$output" "^$ID acme usage-limit: "
	[ "$(grep -c "^lrkeyadm: owner: user $(id -un) cannot be looked up: Input/output error$" \
		<<<"$stderr")" -eq 1 ]
}

@test "one line a key, sorted by organization; the first reason that holds" {
	policy review-refusals=0 review-unused=1d review-renewal=80d
	make_key --org beta --expires never
	BETA=$ID
	refuse_key 1
	KEY=$(at $((NOW - 20 * DAY)) generate --org alpha 2>/dev/null)
	ALPHA=${KEY:4:12}
	[ "$(found)" = "$ALPHA obsolete
$BETA misused" ]
	run adm -s system review
	expect_status 1
	[ "${#lines[@]}" -eq 2 ]
}

@test "revoked and expired keys are past reviewing" {
	policy review-unused=1d
	KEY=$(at $((NOW - 20 * DAY)) generate --org alpha --expires 5d 2>/dev/null)
	KEY=$(at $((NOW - 20 * DAY)) generate --org alpha 2>/dev/null)
	[ "$(found)" = "${KEY:4:12} obsolete" ]
	adm revoke --yes --force --reason obsolete "${KEY:4:12}"
	expect_nothing
}

@test "every reason is recorded by revoke, in the tombstone, the audit log and the alarm" {
	for reason in compromised misused usage-limit inactive-owner obsolete renewal other; do
		make_key --org acme
		adm revoke --yes --force --reason "$reason" "$ID"
		[ "$(field "$ID" reason)" = "\"$reason\"" ]
		[ "$(audit | jq -c '[.command, .ids, .reason]')" = "[\"revoke\",[\"$ID\"],\"$reason\"]" ]
		run pam_try acme "$KEY" scim
		expect_match "$output" "log: alert .*key $ID .*revoked 20[^ ]* $reason"
	done
}

@test "it changes nothing, takes nothing, and a full disk is an error" {
	make_key --org acme --max-uses 1
	run pam_try acme "$KEY" scim
	before=$(store_sum)
	run adm review
	run adm review --json
	[ "$(store_sum)" = "$before" ]
	for command in review 'review --json'; do
		run --separate-stderr eval "adm $command >/dev/full"
		expect_status 74
	done
	expect_refused 64 "^lrkeyadm: argument 'x': too many" review x
	expect_refused 64 "^lrkeyadm: option '--org': unknown" review --org acme
	policy review-unused=soon
	expect_refused 78 review-unused review
	rm "$ROOT/var/lib/lrkey/system/keys/keys.gdbm"
	expect_refused 69 'keys\.gdbm' review
}
