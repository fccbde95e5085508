#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Owners of keys who are locked, expired or gone: what the module refuses, review finds as root.
load ../lib.bash
load stage.bash

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
	stage install -m 0644 "$LRKEY_SOURCE/etc/pam.d/lrkey" /etc/pam.d/lrkey
	stage sed -i 's/pam_lrkey\.so.*/pam_lrkey.so owner=active scope=lrkey/' /etc/pam.d/lrkey
}

teardown_file() {
	stage_close
}

# owned USER: a key of a new user with a password, in $KEY and $ID.
owned() {
	stage_user "$1"
	stage usermod --password '*' "$1"
	stage_key --org acme --owner "$1"
}

# login: root's process lets in whoever presents $KEY, or does not.
login() {
	run stage pamhost --confdir /etc/pam.d --service lrkey --user acme <<<"$KEY"
}

# found: the finding of $ID, as root sees it.
found() {
	stage lrkeyadm review --json | jq -c --arg id "$ID" '.findings[] | select(.id == $id) |
		[.reason, .detail]'
}

# expect_inactive USER: the module refuses $KEY and review finds it, which they did not before.
expect_inactive() {
	login
	expect_match "$output" 'pam_authenticate: PAM_PERM_DENIED'
	[ "$(found)" = "[\"inactive-owner\",\"owner $1 is missing, expired or locked\"]" ]
}

expect_active() {
	login
	expect_match "$output" 'pam_acct_mgmt: PAM_SUCCESS'
	[ -z "$(found)" ]
}

@test "an owner whose password is locked" {
	owned lrkt-locked
	expect_active
	stage usermod --lock lrkt-locked
	expect_inactive lrkt-locked
	stage usermod --unlock lrkt-locked
	expect_active
}

@test "an owner whose account has expired" {
	owned lrkt-expired
	stage chage --expiredate 2999-01-01 lrkt-expired
	expect_active
	stage chage --expiredate 2001-01-01 lrkt-expired
	expect_inactive lrkt-expired
	# The last day does not count.
	stage chage --expiredate "$(date -u +%F)" lrkt-expired
	expect_inactive lrkt-expired
	stage chage --expiredate "$(date -u -d '2 days' +%F)" lrkt-expired
	expect_active
}

@test "an owner who is gone" {
	owned lrkt-gone
	expect_active
	stage userdel lrkt-gone
	expect_inactive lrkt-gone
	# The key stays what it is: it is switched off by nobody.
	[ "$(stage lrkeyadm show --json "$ID" | jq -r '.keys[0].state')" = active ]
	# It is not given to anybody who does not exist, but may be taken from him.
	run stage lrkeyadm edit "$ID" --owner lrkt-gone
	expect_status 64
	stage lrkeyadm edit "$ID" --owner ''
	expect_active
}

@test "a manager sees who is missing, and that he cannot see the rest" {
	owned lrkt-left
	local left=$ID
	owned lrkt-shut
	stage usermod --lock lrkt-shut
	stage userdel lrkt-left
	run --separate-stderr as "$MANAGER" lrkeyadm review
	expect_status 1
	expect_match "$output" "$left acme inactive-owner: owner lrkt-left is missing"
	expect_no_match "$output" "$ID"
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = 'lrkeyadm: owners: only root sees which of them are expired or locked' ]
	run --separate-stderr stage lrkeyadm review
	expect_status 1
	expect_match "$output" "$ID acme inactive-owner"
	[ -z "$stderr" ]
}
