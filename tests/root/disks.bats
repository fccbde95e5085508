#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Disks that are full or read-only, for real, some of each. tests/long tries each change on all of them.
load ../lib.bash
load ../power/power.bash
load ../power/mounted.bash
load ../power/faulty.bash

setup_file() {
	faulty_setup
}

setup() {
	mounted_begin
}

teardown() {
	mounted_end
}

@test "ENOSPC: a full tmpfs: 74, one line, the old store; revoke is done or not" {
	faulty_disk blocks
	until_it_works 0 1 generate-output revoke rekey
	try_logins 0
	faulty_tell
}

@test "ENOSPC: nothing can be revoked, and the store is taken out of use, as lrkeyadm(8) says" {
	local etc

	faulty_disk blocks
	etc=$ROOT/etc/lrkey/system
	faulty_hurt 0
	run adm revoke --yes --force "$(id_of "$OTHER")"
	expect_status 74
	POINT='full'
	login "$OTHER"
	expect_code PAM_SUCCESS
	POINT='without a master key'
	inside mv "$etc/master.key" "$etc/master.key.off"
	login "$OTHER"
	expect_code PAM_AUTHINFO_UNAVAIL
	faulty_heal
	inside mv "$etc/master.key.off" "$etc/master.key"
	adm revoke --yes --force "$(id_of "$OTHER")"
	# shellcheck disable=SC2034 # for login
	POINT='revoked'
	login "$OTHER"
	expect_code PAM_AUTH_ERR
	adm check
}

@test "ENOSPC: a tmpfs without inodes" {
	faulty_disk inodes
	until_it_works 0 1 revoke init
	try_logins 0
	faulty_tell
}

@test "EROFS: a read-only bind mount of the store, and of its parts" {
	local change part

	faulty_disk read-only
	for change in "${FAULTY_CHANGES[@]}"; do
		try_change "$change" .
	done
	for part in "${FAULTY_PARTS[@]}"; do
		try_change revoke "$part"
		try_logins "$part"
	done
	faulty_tell
}
