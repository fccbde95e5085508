#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lrkeyadm rekey; tests/inject/rekey.bats has it killed.
# shellcheck disable=SC2153,SC2154 # make_key sets KEY; run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

MASTER=$ROOT/etc/lrkey/system/master.key
KEYFILE=$ROOT/var/lib/lrkey/system/keys/keys.gdbm

setup() {
	make_store
}

# broken CALL[:when=N] ARGUMENTS...: lrkeyadm where this call fails with EIO
broken() {
	local call=$1

	shift
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o /dev/null \
		-e "inject=${call%%:*}:error=EIO${call#"${call%%:*}"}" "$LRKEYADM" --root "$ROOT" "$@"
}

# two_keys: what a rekey leaves that breaks off before its new key file is in place
two_keys() {
	run broken rename,renameat,renameat2:when=2 rekey
	expect_status 74
	[ "$(grep -c '^[a-z]* [0-9a-f]\{8\} [0-9a-f]\{32\}$' "$MASTER")" -eq 2 ] || fail "$(cat "$MASTER")"
}

@test "all entries are sealed anew, under a master key of which nothing was there before" {
	make_key --org acme --label one --max-uses 3
	AKEY=$KEY
	make_key --org acme
	B=$ID BKEY=$KEY
	adm revoke --yes --force "$B"
	adm list --all --json >"$BATS_TEST_TMPDIR/before"
	old=$(sed -n 's/^active \([0-9a-f]*\) .*/\1/p' "$MASTER")
	mode=$(stat -c '%a %u %g' "$MASTER" "$KEYFILE")
	cp "$KEYFILE" "$BATS_TEST_TMPDIR/old.gdbm"
	run adm rekey
	expect_status 0
	[ "$output" = 'Store system has a new master key: 2 keys sealed anew, generation 4' ]
	[ "$(stat -c '%a %u %g' "$MASTER" "$KEYFILE")" = "$mode" ]
	[ "$(adm list --all --json)" = "$(cat "$BATS_TEST_TMPDIR/before")" ]
	[ "$(grep -c . "$MASTER")" -eq 3 ]
	expect_no_match "$(cat "$MASTER")" "$old"
	adm verify --org acme <<<"$AKEY"
	run adm verify <<<"$BKEY"
	expect_match "$output" '^refused: revoked '
	[ "$(audit | jq -c '[.gen, .command, .ids, .org, .reason, .outcome]')" = \
		'[4,"rekey",[],null,null,"done"]' ]
	adm check
	# The old file and the new key are not of one store.
	cp "$BATS_TEST_TMPDIR/old.gdbm" "$KEYFILE"
	expect_refused 69 'no master key in .*master\.key opens it' list
	run adm check
	expect_status 1
}

@test "--json: one flat object; the generation grows by one" {
	make_key --org acme
	run adm rekey --json
	expect_status 0
	[ "$(jq -cS . <<<"$output")" = '{"generation":2,"keys":1,"resumed":false,"store":"system"}' ]
	run adm rekey --json
	[ "$(jq -c .generation <<<"$output")" -eq 3 ]
	# An empty store has a master key as well.
	rm -rf "$ROOT"
	make_store
	run adm rekey --json
	[ "$(jq -c .keys <<<"$output")" -eq 0 ]
}

@test "what was broken off is completed by the next rekey, which says so; keys work meanwhile" {
	make_key --org acme
	two_keys
	expect_match "$output" 'lrkeyadm: rekey: not finished; all keys work; .* rekey. completes it$'
	adm verify --org acme <<<"$KEY"
	run adm check
	expect_status 1
	expect_match "$output" 'master\.key: holds 2 master keys: a rekey was not finished; as root: rekey'
	# Other changes go on: they seal with the new key.
	make_key --org acme
	ids=$(sed -n 's/^[a-z]* \([0-9a-f]\{8\}\) [0-9a-f]*$/\1/p' "$MASTER" | sort)
	run adm rekey
	expect_status 0
	expect_match "$output" '2 keys sealed anew, generation 3; this completed a rekey that was broken off$'
	[ "$(grep -c . "$MASTER")" -eq 3 ]
	# No third key was made.
	expect_match "$ids" "$(sed -n 's/^active \([0-9a-f]*\) .*/\1/p' "$MASTER")"
	[ "$(audit | jq -c '[.command, .reason]')" = '["rekey","resumed"]' ]
	adm verify --org acme <<<"$KEY"
	adm check
	run adm rekey --json
	[ "$(jq -c .resumed <<<"$output")" = false ]
}

@test "the last step failed: the change is made, and the next rekey ends it" {
	make_key --org acme
	run broken rename,renameat,renameat2:when=3 rekey
	expect_status 74
	[ "$(generation)" -eq 2 ]
	adm verify --org acme <<<"$KEY"
	run adm rekey
	expect_match "$output" 'completed a rekey'
	adm check
}

@test "it cannot begin: nothing is changed" {
	make_key --org acme
	before=$(store_sum)
	run broken rename,renameat,renameat2:when=1 rekey
	expect_status 74
	[ "$(store_sum)" = "$before" ]
}

@test "a limited key keeps its count" {
	pam_service scim
	make_key --org acme --max-uses 2
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
	adm rekey
	[ "$(field "$ID" uses)" -eq 1 ]
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
	run pam_try acme "$KEY" scim
	expect_match "$output" 'pam_authenticate: PAM_MAXTRIES'
}

@test "errors: bad arguments, no store, a damaged entry" {
	expect_refused 64 "^lrkeyadm: argument 'x': too many" rekey x
	expect_refused 69 '^lrkeyadm: store other: .*does not exist' -s other rekey
	mv "$AUDIT" "$AUDIT.away"
	expect_refused 69 '^lrkeyadm: audit log' rekey
}
