#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; run sets stderr, stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
}

policy() {
	printf '%s\n' "$@" >"$ROOT/etc/lrkey/system/policy.conf"
}

# old_key ARGUMENTS...: a key made at noon, in $OLD_KEY and $OLD
old_key() {
	OLD_KEY=$(at "$NOON" generate --org acme "$@" 2>/dev/null)
	OLD=${OLD_KEY:4:12}
}

# rotate_at SECONDS ARGUMENTS...: rotates it; the new one in $NEW_KEY and $NEW
rotate_at() {
	local when=$1

	shift
	NEW_KEY=$(at "$when" rotate "$OLD" "$@" 2>/dev/null)
	NEW=${NEW_KEY:4:12}
}

# works SECONDS KEY, fails SECONDS KEY REASON
works() {
	run at "$1" verify --org acme <<<"$2"
	expect_status 0
}

fails() {
	run at "$1" verify --org acme <<<"$2"
	expect_status 1
	expect_match "$output" "^refused: $3"
}

# as_of SECONDS ID NAME
as_of() {
	at "$1" show --json "$2" | jq -c ".keys[0].$3"
}

@test "a successor has the same attributes, and no uses; the old key is deprecated" {
	local before

	pam_service scim
	make_key --org acme --label 'HR sync' --scope scim,dns --owner "$(id -un)" --max-uses 9 \
		--allow-from 192.0.2.0/24
	run pam_try acme "$KEY" scim --rhost 192.0.2.7
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	before=$(generation)
	run --separate-stderr adm rotate "$ID"
	expect_status 0
	expect_match "$output" "^$KEY_PATTERN\$"
	[ "${#stderr_lines[@]}" -eq 2 ]
	NEW=${output:4:12}
	expect_match "${stderr_lines[0]}" "^lrkeyadm: $NEW: made for organization acme, expires 2.*; the key is shown only now$"
	expect_match "${stderr_lines[1]}" "^lrkeyadm: $ID: goes on until 2"
	[ "$(generation)" -eq $((before + 1)) ]
	[ "$(adm show --json "$NEW" | jq -c '.keys[0] | [.org, .label, .scopes, .owner, .max_uses,
		.allow_from, .uses, .denied, .last_used, .state, .predecessor, .successor]')" = \
		"[\"acme\",\"HR sync\",[\"scim\",\"dns\"],\"$(id -un)\",9,[\"192.0.2.0/24\"],0,0,null,\"active\",\"$ID\",null]" ]
	[ "$(adm show --json "$NEW" | jq '.keys[0] | .not_before == .created')" = true ]
	[ "$(adm show --json "$ID" | jq -c '.keys[0] | [.uses, .state, .predecessor, .successor]')" = \
		"[1,\"deprecated\",null,\"$NEW\"]" ]
	[ "$(audit | jq -c '[.command, .ids, .org, .outcome]')" = \
		"[\"rotate\",[\"$ID\",\"$NEW\"],\"acme\",\"done\"]" ]
}

@test "both work during the overlap, only the new one after it" {
	old_key
	rotate_at $((NOON + DAY)) --overlap 2d
	works $((NOON + DAY)) "$OLD_KEY"
	works $((NOON + DAY)) "$NEW_KEY"
	works $((NOON + 3 * DAY - 1)) "$OLD_KEY"
	works $((NOON + 3 * DAY - 1)) "$NEW_KEY"
	fails $((NOON + 3 * DAY)) "$OLD_KEY" 'expired 2027-01-18T08:00:00Z'
	works $((NOON + 3 * DAY)) "$NEW_KEY"
	[ "$(as_of $((NOON + 2 * DAY)) "$OLD" state)" = '"deprecated"' ]
	[ "$(as_of $((NOON + 3 * DAY)) "$OLD" state)" = '"expired"' ]
	[ "$(at $((NOON + 2 * DAY)) list --no-headings --columns id --state deprecated)" = "$OLD" ]
}

@test "the module says the same, and tells the holder of the old key when it ends" {
	local now

	now=$(date +%s)
	pam_service scim
	KEY=$(at $((now - 20 * DAY)) generate --org acme 2>/dev/null)
	SHORT_KEY=$(at $((now - 20 * DAY)) generate --org acme 2>/dev/null)
	NEW_KEY=$(at $((now - 3 * DAY)) rotate "${KEY:4:12}" 2>/dev/null)
	at $((now - 3 * DAY)) rotate "${SHORT_KEY:4:12}" --overlap 2d >/dev/null 2>&1
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	expect_match "$output" "text: .*$(date -u -d "@$((now + 4 * DAY))" +%Y-%m-%d)"
	run pam_try acme "$NEW_KEY" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	expect_no_match "$output" 'text:'
	run pam_try acme "$SHORT_KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_ACCT_EXPIRED'
}

@test "the overlap is 7 days, or the policy's, and never longer than the old key's own life" {
	old_key
	rotate_at $((NOON + DAY))
	[ "$(as_of $((NOON + DAY)) "$OLD" expires)" = '"2027-01-23T08:00:00Z"' ]
	old_key --expires 3d
	rotate_at $((NOON + DAY))
	[ "$(as_of $((NOON + DAY)) "$OLD" expires)" = '"2027-01-18T08:00:00Z"' ]
	fails $((NOON + 3 * DAY)) "$OLD_KEY" expired
	old_key --expires 3d
	rotate_at $((NOON + DAY)) --overlap 7000y
	[ "$(as_of $((NOON + DAY)) "$OLD" expires)" = '"2027-01-18T08:00:00Z"' ]
	old_key --expires never
	rotate_at $((NOON + DAY)) --overlap 7990y
	[ "$(as_of $((NOON + DAY)) "$OLD" expires)" != null ]
	policy default-overlap=1h
	old_key
	rotate_at "$NOON"
	[ "$(as_of "$NOON" "$OLD" expires)" = '"2027-01-15T09:00:00Z"' ]
}

@test "an overlap of 0s ends the old key at once" {
	old_key
	run --separate-stderr at $((NOON + 5)) rotate "$OLD" --overlap 0s
	expect_status 0
	[ "${stderr_lines[1]}" = "lrkeyadm: $OLD: no longer works" ]
	works $((NOON + 5)) "$output"
	fails $((NOON + 5)) "$OLD_KEY" 'expired 2027-01-15T08:00:05Z'
}

@test "the new term is as long as the old key's original one; never stays never" {
	old_key --expires 10d
	rotate_at $((NOON + 9 * DAY))
	[ "$(as_of $((NOON + 9 * DAY)) "$NEW" expires)" = '"2027-02-03T08:00:00Z"' ]
	# Of a rotated key as well, although the overlap made the life of the one before shorter.
	OLD=$NEW
	rotate_at $((NOON + 10 * DAY)) --overlap 1h
	[ "$(as_of $((NOON + 10 * DAY)) "$NEW" expires)" = '"2027-02-04T08:00:00Z"' ]
	old_key --expires never
	rotate_at $((NOON + DAY))
	[ "$(as_of $((NOON + DAY)) "$NEW" expires)" = null ]
	# A term counts from when the key began.
	old_key --not-before 10d --expires 15d
	rotate_at $((NOON + 12 * DAY))
	[ "$(as_of $((NOON + 12 * DAY)) "$NEW" expires)" = '"2027-02-01T08:00:00Z"' ]
	# A term that would end behind all time ends with it.
	old_key --expires 7900y
	rotate_at $((NOON + 100 * 365 * DAY)) --overlap 1d
	[ "$(as_of $((NOON + 100 * 365 * DAY)) "$NEW" expires)" = '"9999-12-31T23:59:59Z"' ]
	old_key
	rotate_at "$NOON" --expires 5d
	[ "$(as_of "$NOON" "$NEW" expires)" = '"2027-01-20T08:00:00Z"' ]
	OLD=$NEW
	rotate_at "$NOON" --overlap 1d
	[ "$(as_of "$NOON" "$NEW" expires)" = '"2027-01-20T08:00:00Z"' ]
}

@test "a used up key can be rotated, and its successor begins from nothing" {
	pam_service scim
	make_key --org acme --max-uses 1
	run pam_try acme "$KEY" scim
	[ "$(field "$ID" state)" = '"exhausted"' ]
	run --separate-stderr adm rotate "$ID"
	expect_status 0
	[ "${stderr_lines[1]}" = "lrkeyadm: $ID: no longer works" ]
	[ "$(field "$ID" state)" = '"exhausted"' ]
	run pam_try acme "$output" scim
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	expect_refused 78 "^lrkeyadm: $ID: rotated already; its successor is [0-9A-Za-z]{12}$" rotate "$ID"
}

@test "what cannot be rotated is refused, with the reason" {
	local now=$((NOON + 60))

	refused() {
		run --separate-stderr at "$now" rotate "$OLD"
		expect_status 78
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		expect_match "$stderr" "^lrkeyadm: $OLD: $1"
	}
	old_key --not-before 1d
	refused 'pending until 2027-01-16T08:00:00Z; it can be rotated from then on$'
	old_key --expires 30s
	refused 'expired 2027-01-15T08:00:30Z; generate a new key, or extend it with edit --expires$'
	old_key
	at "$NOON" deactivate "$OLD"
	refused 'deactivated; activate it first$'
	old_key
	at "$NOON" revoke --yes "$OLD" --force
	refused 'revoked 2027-01-15T08:00:00Z, which is for good; generate a new key$'
	old_key
	rotate_at "$NOON"
	refused "rotated already; its successor is $NEW\$"
	# Its successor can be, and so on.
	FIRST=$OLD OLD=$NEW
	rotate_at "$now"
	[ "$(as_of "$now" "$NEW" predecessor)" = "\"$OLD\"" ]
	[ "$(at "$now" show --json "$OLD" | jq -c '.keys[0] | [.predecessor, .successor]')" = \
		"[\"$FIRST\",\"$NEW\"]" ]
}

@test "the guard takes the successor for the other key" {
	old_key
	run --separate-stderr at "$NOON" revoke --yes "$OLD"
	expect_status 78
	expect_match "$stderr" 'rotate the key first'
	rotate_at "$NOON"
	at "$NOON" revoke --yes --reason renewal "$OLD"
	works "$NOON" "$NEW_KEY"
}

@test "JSON is the new key, with the key itself" {
	old_key
	run --separate-stderr at "$NOON" rotate "$OLD" --json
	expect_status 0
	expect_match "$(jq -r '.keys[0].key' <<<"$output")" "^$KEY_PATTERN\$"
	[ "$(jq -c '.keys | map([.id == .key[4:16], .predecessor, .state, .created])' <<<"$output")" = \
		"[[true,\"$OLD\",\"active\",\"2027-01-15T08:00:00Z\"]]" ]
	works "$NOON" "$(jq -r '.keys[0].key' <<<"$output")"
}

@test "--output: a new file with mode 0600, and nothing on standard output" {
	local file=$BATS_TEST_TMPDIR/key

	make_key --org acme
	(umask 000 && adm rotate "$ID" --output "$file" 2>/dev/null) >"$BATS_TEST_TMPDIR/out"
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	[ "$(stat -c %a "$file")" = 600 ]
	adm verify <"$file"
	ID=$(field "$ID" successor | tr -d '"')
	expect_refused 73 "^lrkeyadm: $file: File exists; it must be a new one$" rotate "$ID" --output "$file"
	expect_refused 64 "^lrkeyadm: --output '': empty" rotate "$ID" --output ''
	expect_refused 73 '^lrkeyadm: /nonexistent/x: ' rotate "$ID" --output /nonexistent/x
	run --separate-stderr adm rotate "$ID" --json --output "$BATS_TEST_TMPDIR/other"
	expect_status 0
	[ "$(jq '.keys[0] | has("key")' <<<"$output")" = false ]
	adm verify <"$BATS_TEST_TMPDIR/other"
}

@test "when standard output fails, the error names the key to revoke, which is the new one" {
	old_key
	run --separate-stderr eval "at $NOON rotate $OLD >/dev/full"
	expect_status 74
	NEW=$(as_of "$NOON" "$OLD" successor | tr -d '"')
	expect_match "$stderr" "lrkeyadm revoke --yes --force $NEW\$"
	works "$NOON" "$OLD_KEY"
}

@test "bad values: one line, status 64, nothing changed" {
	make_key --org acme
	expect_refused 64 '^lrkeyadm: rotate: an argument is missing: lrkeyadm rotate ID; .* shows the ids$' rotate
	expect_refused 64 "^lrkeyadm: argument '$ID': too many" rotate "$ID" "$ID"
	expect_refused 64 "^lrkeyadm: key 'x': not a key id" rotate x
	expect_refused 66 "^lrkeyadm: $UNKNOWN: no such key in store system; 'lrkeyadm --root $ROOT list' shows the ids\$" rotate "$UNKNOWN"
	for overlap in '' never 5 -1d 2027-01-31; do
		expect_refused 64 "^lrkeyadm: --overlap '.*': not a duration" rotate "$ID" --overlap="$overlap"
	done
	for when in '' tomorrow 2027-13-01; do
		expect_refused 64 "^lrkeyadm: --expires '.*': not a time" rotate "$ID" --expires="$when"
	done
	for when in 2020-01-01 0s; do
		expect_refused 64 "^lrkeyadm: --expires '.*': not ahead of now" rotate "$ID" --expires "$when"
	done
	expect_refused 64 "^lrkeyadm: option '--label': unknown" rotate "$ID" --label x
}

@test "within the policy" {
	old_key --expires 60d
	policy max-expiry=30d allow-never=no
	run --separate-stderr at "$NOON" rotate "$OLD"
	expect_status 78
	expect_match "$stderr" "^lrkeyadm: term '60d': too long: max-expiry is 30d in .*/policy.conf$"
	run --separate-stderr at "$NOON" rotate "$OLD" --expires 31d
	expect_status 78
	expect_match "$stderr" "^lrkeyadm: --expires '31d': too long"
	run --separate-stderr at "$NOON" rotate "$OLD" --expires never
	expect_status 78
	expect_match "$stderr" 'allow-never is no'
	[ "$(as_of "$NOON" "$OLD" successor)" = null ]
	rotate_at "$NOON" --expires 30d
	works "$NOON" "$NEW_KEY"
	policy require-label=yes
	run --separate-stderr at "$NOON" rotate "$NEW"
	expect_status 78
	expect_match "$stderr" 'require-label is yes'
}
