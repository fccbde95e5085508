#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# owner=active with real users: an owner who is there, locked, expired, or gone; as seen by root, by
# a service's user, and by one who may read shadow(5).
load ../lib.bash
load stage.bash

OWNER=lrkt-owner
READER=lrkt-reader

# An account that can be used, though not with a password: "*" is no lock.
usable() {
	stage usermod --password '*' --expiredate '' "$OWNER"
}

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
	stage_user "$READER" _lrkey,shadow
	stage_user "$OWNER"
	usable
	stage tee /etc/pam.d/active /etc/pam.d/ignore /etc/pam.d/late >/dev/null <<-EOS
		auth     required  pam_lrkey.so
		account  required  pam_lrkey.so owner=ignore
	EOS
	stage sed -i 's/\.so.*/.so owner=active/' /etc/pam.d/active
	stage sed -i '/^account/s/\.so.*/.so owner=active/' /etc/pam.d/late
	UNOWNED=$(stage lrkeyadm generate --org acme 2>/dev/null)
	OWNED=$(stage lrkeyadm generate --org acme --owner "$OWNER" 2>/dev/null)
	export OWNED UNOWNED
}

teardown_file() {
	stage_close
}

setup() {
	stage id "$OWNER" >/dev/null 2>&1 || stage_user "$OWNER"
	usable
}

# login NAME SERVICE KEY: as root or as another
login() {
	local name=$1 words=(pamhost --confdir /etc/pam.d --service "$2" --user acme --rhost 192.0.2.7)

	shift 2
	if [ "$name" = root ]; then
		run stage "${words[@]}" <<<"$1"
	else
		run as "$name" "${words[@]}" <<<"$1"
	fi
}

# expect_in NAME... and expect_out NAME...: whom their processes let in with the owned key.
expect_in() {
	local name

	for name; do
		login "$name" active "$OWNED"
		[ "$status" -eq 0 ] || fail "$name does not let in:" "$output"
		expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
		expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	done
}

expect_out() {
	local name

	for name; do
		login "$name" active "$OWNED"
		[ "$status" -eq 1 ] || fail "$name lets in:" "$output"
		expect_match "$output" 'pam_authenticate: PAM_PERM_DENIED'
		expect_match "$output" \
			"log: notice .*: denied: key ${OWNED:4:12} org acme: owner $OWNER rhost 192.0.2.7"
		expect_no_match "$output" LRKEY_
	done
}

denied() {
	stage lrkeyadm show --json "${OWNED:4:12}" | jq '.keys[0].denied'
}

# others: nothing of the owner is anything to a key without one, or to a line that does not ask.
others() {
	local name

	for name in root "$VERIFIER" "$READER"; do
		login "$name" active "$UNOWNED"
		expect_status 0
		login "$name" ignore "$OWNED"
		expect_status 0
	done
}

@test "an owner who can use his account" {
	expect_in root "$VERIFIER" "$READER"
	stage usermod --password x "$OWNER"
	expect_in root "$VERIFIER" "$READER"
	others
}

@test "a locked owner: refused by whoever can see that" {
	local before

	before=$(denied)
	stage usermod --lock "$OWNER"
	expect_out root "$READER"
	[ "$(denied)" -eq $((before + 2)) ]
	expect_in "$VERIFIER"
	others
	stage usermod --unlock "$OWNER"
	expect_in root "$READER"
}

@test "a user who was made and has no password yet is locked" {
	stage userdel "$OWNER"
	stage_user "$OWNER"
	expect_out root "$READER"
}

@test "an expired owner: refused by whoever can see that, from the day on" {
	local day

	for day in 1970-01-02 yesterday today; do
		stage usermod --expiredate "$(date --utc --date="$day" +%F)" "$OWNER"
		expect_out root "$READER"
		expect_in "$VERIFIER"
	done
	others
	stage usermod --expiredate "$(date --utc --date='2 days' +%F)" "$OWNER"
	expect_in root "$READER"
}

@test "an owner who is gone: refused by everybody" {
	stage userdel "$OWNER"
	expect_out root "$VERIFIER" "$READER"
	others
	# Whoever gets that name is the owner.
	stage_user "$OWNER"
	usable
	expect_in root "$VERIFIER" "$READER"
}

@test "a line for account may ask where the one for auth has not" {
	stage usermod --lock "$OWNER"
	login root late "$OWNED"
	expect_status 1
	expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
	expect_match "$output" 'pam_acct_mgmt: PAM_PERM_DENIED'
	expect_match "$output" "log: notice pam_lrkey\(late:account\): denied: .*: owner $OWNER "
	login "$VERIFIER" late "$OWNED"
	expect_status 0
}

@test "root as an owner: to a service's user, what NSS makes up about him is nothing" {
	local key

	stage usermod --password '*' --expiredate '' root
	key=$(stage lrkeyadm generate --org acme --owner root 2>/dev/null)
	login root active "$key"
	expect_status 0
	login "$VERIFIER" active "$key"
	expect_status 0
}
