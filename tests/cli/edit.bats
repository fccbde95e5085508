#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	KEY=$(at "$NOON" generate --org acme --label old --owner "$(id -un)" --scope scim,dns \
		--allow-from 192.0.2.0/24 --max-uses 5 2>/dev/null)
	ID=${KEY:4:12}
}

# now NAME: what JSON says of the key, a little later
now() {
	at $((NOON + 60)) show --json "$ID" | jq -c ".keys[0].$1"
}

edit() {
	at $((NOON + 60)) edit "$ID" "$@"
}

policy() {
	printf '%s\n' "$@" >"$ROOT/etc/lrkey/system/policy.conf"
}

@test "each attribute, and nothing else with it" {
	local before after option value name wanted

	while IFS='|' read -r option value name wanted; do
		before=$(at "$NOON" show --json "$ID" | jq -cS "del(.keys[0].$name, .keys[0].state) | .keys[0]")
		run --separate-stderr edit "$option" "$value"
		expect_status 0
		[ "$output" = "$ID edited" ]
		[ -z "$stderr" ]
		[ "$(now "$name")" = "$wanted" ] || fail "$option: $(now "$name")"
		after=$(at "$NOON" show --json "$ID" | jq -cS "del(.keys[0].$name, .keys[0].state) | .keys[0]")
		[ "$before" = "$after" ] || fail "$option changed more" "$before" "$after"
		[ "$(audit | jq -c '[.command, .ids, .org, .reason, .outcome]')" = \
			"[\"edit\",[\"$ID\"],\"acme\",\"${option#--}\",\"done\"]" ] || fail "$(audit)"
	done <<-'EOS'
		--label|new, "quoted" Grüße|label|"new, \"quoted\" Grüße"
		--label||label|null
		--owner||owner|null
		--owner|root|owner|"root"
		--scope|prometheus|scopes|["prometheus"]
		--scope|*|scopes|["*"]
		--scope|b,a,b|scopes|["b","a"]
		--allow-from||allow_from|[]
		--allow-from|2001:db8::/32,192.0.2.7|allow_from|["2001:db8::/32","192.0.2.7"]
		--max-uses|7|max_uses|7
		--max-uses|none|max_uses|null
		--max-uses|1|max_uses|1
		--expires|2027-06-01|expires|"2027-06-01T00:00:00Z"
		--expires|1d|expires|"2027-01-16T08:01:00Z"
		--not-before|2h|not_before|"2027-01-15T10:01:00Z"
		--expires|never|expires|null
		--not-before|2027-01-01|not_before|"2027-01-01T00:00:00Z"
	EOS
	# It is the same key all the while.
	run at $((NOON + 60)) verify --org acme --from 192.0.2.7 <<<"$KEY"
	expect_status 0
}

@test "several at once are one change, which names them; JSON shows the key" {
	local before

	before=$(generation)
	run edit --json --label both --max-uses none --expires 10d --not-before 1d --scope x --owner '' \
		--allow-from ''
	expect_status 0
	[ "$(jq -cS '.keys | map(del(.created_by))' <<<"$output")" = "$(jq -cSn --arg id "$ID" '[{id: $id,
		org: "acme", label: "both", scopes: ["x"], owner: null, state: "pending",
		created: "2027-01-15T08:00:00Z", expires: "2027-01-25T08:01:00Z",
		not_before: "2027-01-16T08:01:00Z", last_used: null, last_service: null, last_rhost: null,
		uses: 0, max_uses: null, denied: 0, allow_from: [], predecessor: null, successor: null}]')" ] ||
		fail "$output"
	[ "$(generation)" -eq $((before + 1)) ]
	[ "$(audit | jq -r .reason)" = label,scope,owner,allow-from,not-before,expires,max-uses ]
}

@test "what is so already is left, with a note, and without a change" {
	local sum

	edit --expires 2027-06-01 >/dev/null
	sum=$(store_sum)
	run --separate-stderr edit --label old --owner "$(id -un)" --scope scim,dns \
		--allow-from 192.0.2.0/24 --max-uses 5 --expires 2027-06-01
	expect_status 0
	[ -z "$output" ]
	[ "$stderr" = "lrkeyadm: $ID: is so already; left as it is" ]
	[ "$(store_sum)" = "$sum" ]
	[ "$(edit --json --label old 2>/dev/null | jq -r '.keys[0].label')" = old ]
}

@test "bad values: one line, status 64, nothing changed" {
	expect_refused 64 '^lrkeyadm: edit: an argument is missing: lrkeyadm edit ID; .* shows the ids$' edit --label x
	expect_refused 64 "^lrkeyadm: argument '$ID': too many" edit "$ID" "$ID" --label x
	expect_refused 64 "^lrkeyadm: edit: nothing to change; 'lrkeyadm edit --help'" edit "$ID"
	expect_refused 64 "^lrkeyadm: edit: nothing to change" edit "$ID" --json
	expect_refused 64 "^lrkeyadm: key 'short': not a key id" edit short --label x
	expect_refused 64 "^lrkeyadm: option '--org': unknown" edit "$ID" --org globex
	expect_refused 64 "^lrkeyadm: --label: given twice" edit "$ID" --label x --label y
	expect_refused 64 "^lrkeyadm: --label '.*': not a label" edit "$ID" --label $'a\nb'
	expect_refused 64 "^lrkeyadm: --label '.*': not a label" edit "$ID" --label "$(printf 'x%.0s' {1..65})"
	expect_refused 64 "^lrkeyadm: --owner 'no-such-user': no such user" edit "$ID" --owner no-such-user
	expect_refused 64 "^lrkeyadm: --owner 'a b': not a user name" edit "$ID" --owner 'a b'
	for scope in '' 'A' 'a b' 'a,' 'a,,b'; do
		expect_refused 64 "^lrkeyadm: --scope '.*': not a scope" edit "$ID" --scope="$scope"
	done
	for network in localhost 192.0.2.7/24 '192.0.2.0/24,' 192.0.2.0/33; do
		expect_refused 64 "^lrkeyadm: --allow-from '.*': not a network" edit "$ID" --allow-from "$network"
	done
	for limit in 0 -1 '' NONE 1.5 9007199254740992; do
		expect_refused 64 "^lrkeyadm: --max-uses '.*': not a number from 1 to" edit "$ID" --max-uses="$limit"
	done
	for when in '' tomorrow 5 2027-02-30; do
		expect_refused 64 "^lrkeyadm: --expires '.*': not a time" edit "$ID" --expires="$when"
		expect_refused 64 "^lrkeyadm: --not-before '.*': not a time" edit "$ID" --not-before="$when"
	done
	expect_refused 64 "^lrkeyadm: --not-before 'never': a key must begin to work" edit "$ID" --not-before never
	expect_refused 64 "^lrkeyadm: --expires '2020-01-01': not ahead of now; deactivate or revoke" \
		edit "$ID" --expires 2020-01-01
	expect_refused 64 "^lrkeyadm: --expires '0s': not ahead of now" edit "$ID" --expires 0s
	expect_refused 66 "^lrkeyadm: $UNKNOWN: no such key in store system; 'lrkeyadm --root $ROOT list' shows the ids\$" edit "$UNKNOWN" --label x
}

@test "a key must end behind its beginning" {
	run --separate-stderr edit --not-before 100d
	expect_status 64
	expect_match "$stderr" "^lrkeyadm: --not-before '100d': not before 2027-04-15T08:00:00Z, when the key ends$"
	run --separate-stderr edit --not-before 10d --expires 10d
	expect_status 64
	expect_match "$stderr" "^lrkeyadm: --expires '10d': not ahead of 2027-01-25T08:01:00Z, when the key begins$"
	edit --not-before 100d --expires 200d
	[ "$(now state)" = '"pending"' ]
	run --separate-stderr edit --expires 50d
	expect_status 64
	expect_match "$stderr" 'not ahead of 2027-04-25T08:01:00Z, when the key begins'
}

@test "an expired key can be extended; a revoked one can be nothing" {
	at $((NOON + 91 * DAY)) edit "$ID" --label late
	[ "$(at $((NOON + 91 * DAY)) show --json "$ID" | jq -r '.keys[0].state')" = expired ]
	at $((NOON + 91 * DAY)) edit "$ID" --expires 30d
	run at $((NOON + 120 * DAY)) verify --from 192.0.2.1 <<<"$KEY"
	expect_status 0
	run at $((NOON + 121 * DAY)) verify --from 192.0.2.1 <<<"$KEY"
	expect_status 1
	at "$NOON" revoke --yes --force "$ID"
	expect_refused 78 "^lrkeyadm: $ID: revoked 2027-01-15T08:00:00Z, which is for good$" \
		edit "$ID" --label x
}

@test "a deprecated key may go on longer, but not for ever" {
	at "$NOON" rotate "$ID" --overlap 1d >/dev/null 2>&1
	edit --expires 5d
	[ "$(now expires)" = '"2027-01-20T08:01:00Z"' ]
	run --separate-stderr edit --expires never
	expect_status 78
	expect_match "$stderr" "^lrkeyadm: $ID: rotated, its successor is [0-9A-Za-z]{12}: a deprecated key ends"
}

@test "the term of a successor is the original one, unless never has a part in it" {
	local later=$((NOON + 3600))

	# expect_life TIME: of the successor, which is the key from then on
	expect_life() {
		KEY=$(at "$later" rotate "$ID" 2>/dev/null)
		ID=${KEY:4:12}
		[ "$(at "$later" show --json "$ID" | jq -r '.keys[0].expires')" = "$1" ]
	}
	edit --expires 5d
	expect_life 2027-04-15T09:00:00Z
	at "$later" edit "$ID" --expires never
	expect_life null
	at "$later" edit "$ID" --expires 10d
	expect_life 2027-01-25T09:00:00Z
}

@test "a use limit counts what was used before" {
	pam_service scim
	make_key --org acme
	for _ in 1 2 3; do
		run pam_try acme "$KEY" scim
	done
	run --separate-stderr adm edit "$ID" --max-uses 3
	expect_status 0
	[ "$stderr" = "lrkeyadm: $ID: used up: it was used 3 times before" ]
	[ "$(field "$ID" state)" = '"exhausted"' ]
	run pam_try acme "$KEY" scim
	expect_match "$output" PAM_MAXTRIES
	run --separate-stderr adm edit "$ID" --max-uses 4
	[ -z "$stderr" ]
	[ "$(field "$ID" uses)" = 3 ]
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	run pam_try acme "$KEY" scim
	expect_match "$output" PAM_MAXTRIES
	adm edit "$ID" --max-uses none
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
}

@test "a limited key without a valid slot gets a new one when the limit is set again" {
	local usage=$ROOT/var/lib/lrkey/system/usage

	pam_service scim
	make_key --org acme --max-uses 2
	run pam_try acme "$KEY" scim
	truncate -s 128 "$usage"
	run pam_try acme "$KEY" scim
	expect_match "$output" PAM_AUTHINFO_UNAVAIL
	# Nothing else makes it valid.
	adm edit "$ID" --label x
	run pam_try acme "$KEY" scim
	expect_match "$output" PAM_AUTHINFO_UNAVAIL
	run --separate-stderr adm edit "$ID" --max-uses 2
	expect_status 0
	[ "$output" = "$ID edited" ]
	[ "$stderr" = "lrkeyadm: $ID: had no valid record of its uses; a new one begins" ]
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	run pam_try acme "$KEY" scim
	expect_match "$output" PAM_MAXTRIES
	# The slots of others are left alone.
	make_key --org acme --max-uses 1
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	# With the file gone altogether, the change makes it anew.
	rm "$usage"
	run --separate-stderr adm edit "$ID" --max-uses 1
	expect_status 0
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
}

@test "within the policy: longest life, no life without end, labels" {
	policy max-expiry=30d allow-never=no require-label=yes
	# What it forbids, but nobody asked for, is left as it is.
	edit --scope x
	run --separate-stderr edit --expires 31d
	expect_status 78
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" "^lrkeyadm: --expires '31d': too long: max-expiry is 30d in .*/policy.conf$"
	edit --expires 30d
	run --separate-stderr edit --expires never
	expect_status 78
	expect_match "$stderr" "allow-never is no in .*/policy.conf$"
	run --separate-stderr edit --label ''
	expect_status 78
	expect_match "$stderr" "require-label is yes in .*/policy.conf"
	[ "$(now label)" = '"old"' ]
	# A life is no longer for beginning later.
	edit --not-before 20d
	edit --expires 50d
	run --separate-stderr edit --not-before 1d
	expect_status 78
	expect_match "$stderr" "^lrkeyadm: --not-before '1d': too long: max-expiry is 30d"
	policy max-expiry=nonsense
	run --separate-stderr edit --label y
	expect_status 78
	expect_match "$stderr" 'max-expiry'
}

@test "a record of uses that cannot be read is not a lost one: nothing begins anew" {
	make_key --org acme --max-uses 2
	pam_service scim
	pam_try acme "$KEY" scim | grep -q 'pam_acct_mgmt: PAM_SUCCESS'
	pam_try acme "$KEY" scim | grep -q 'pam_acct_mgmt: PAM_SUCCESS'
	before=$(store_sum)
	run --separate-stderr env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" \
		strace -qq -f -o /dev/null -e trace=pread64 -e inject=pread64:error=EIO \
		-P "$ROOT/var/lib/lrkey/system/usage" \
		-E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/traceable.so" \
		"$LRKEYADM" --root "$ROOT" edit "$ID" --max-uses 2
	expect_status 74
	expect_no_match "$stderr" 'new one begins'
	[ "$(store_sum)" = "$before" ]
	[ "$(state_of "$ID")" = exhausted ]
}
