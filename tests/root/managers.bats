#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two managers at work on the default store, without any privilege, and a service's user that
# authenticates against it through real libpam.
load ../lib.bash
load stage.bash

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
	stage install -m 0644 "$LRKEY_SOURCE/etc/pam.d/lrkey" /etc/pam.d/lrkey
}

teardown_file() {
	stage_close
}

# login NAME ORG: NAME's process lets in whoever presents $KEY, or does not.
login() {
	run as "$1" pamhost --confdir /etc/pam.d --service lrkey --user "$2" \
		--rhost 192.0.2.7 <<<"$KEY"
}

@test "a manager generates, another sees, deactivates, activates and revokes" {
	local key id

	key=$(as "$MANAGER" lrkeyadm generate --org acme --label 'first of two' 2>/dev/null)
	id=${key:4:12}
	expect_match "$key" "^$KEY_PATTERN\$"
	as "$VERIFIER" lrkeyadm verify --org acme <<<"$key"

	run as "$SECOND" lrkeyadm list --json
	expect_status 0
	[ "$(jq -r '.keys[] | .id + " " + .created_by' <<<"$output")" = "$id $MANAGER" ]

	as "$SECOND" lrkeyadm deactivate "$id"
	run as "$VERIFIER" lrkeyadm verify --org acme <<<"$key"
	expect_status 1
	as "$MANAGER" lrkeyadm activate "$id"
	as "$VERIFIER" lrkeyadm verify --org acme <<<"$key"

	as "$SECOND" lrkeyadm revoke --yes --reason compromised "$id"
	run as "$VERIFIER" lrkeyadm verify --org acme <<<"$key"
	expect_status 1
	run as "$MANAGER" lrkeyadm list --json --all
	[ "$(jq -r '.keys[] | .id + " " + .created_by + " " + .revoked_by' <<<"$output")" = \
		"$id $MANAGER $SECOND" ]
}

@test "the audit log and syslog name who did what, by the uid that cannot be chosen" {
	local uid key

	stage_log_clear
	uid=$(stage id -u "$MANAGER")
	key=$(as "$MANAGER" env USER=root LOGNAME=root SUDO_USER=root \
		lrkeyadm generate --org globex 2>/dev/null)
	run stage tail -n 1 /var/lib/lrkey/system/audit.log
	expect_status 0
	[ "$(jq -r '[.uid, .user, .command, .org, .ids[0]] | join(" ")' <<<"$output")" = \
		"$uid $MANAGER generate globex ${key:4:12}" ]
	expect_match "$(stage_log)" '^<85>.* lrkeyadm\[[0-9]+\]: generate: store system '
	expect_match "$(stage_log)" " uid $uid user $MANAGER .* ids ${key:4:12}\$"
	expect_no_match "$(stage_log)" "$key"
}

@test "a service's user lets in who has a key; so do root and a manager" {
	local name

	stage_key --org acme
	for name in "$VERIFIER" "$MANAGER"; do
		login "$name" acme
		expect_status 0
		expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
		expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
		expect_match "$output" "LRKEY_ID=$ID"
	done
	run stage pamhost --confdir /etc/pam.d --service lrkey --user acme <<<"$KEY"
	expect_status 0
}

@test "a process that is not in the verifier group lets nobody in, and says which group it needs" {
	local name uid

	stage_key --org acme
	for name in "$OUTSIDER" "$HALF"; do
		uid=$(stage id -u "$name")
		login "$name" acme
		expect_status 1
		expect_match "$output" 'pam_authenticate: PAM_AUTHINFO_UNAVAIL'
		[ "$(grep -c "uid $uid is not in group _lrkey\$" <<<"$output")" -eq 1 ] ||
			fail "$output"
		expect_no_match "$output" LRKEY_
		# What is no key at all is refused before any file is looked for.
		KEY=lrk_ login "$name" acme
		expect_match "$output" 'pam_authenticate: PAM_AUTH_ERR'
	done
}
