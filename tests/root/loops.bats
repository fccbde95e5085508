#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Disks that are over their quota or broken, for real, some of each: in a loop device, which not every
# machine lends out. tests/long tries each change on both.
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

@test "EDQUOT: a btrfs with a qgroup limit" {
	local room

	faulty_disk quota
	until_it_works 0 64 generate revoke
	for room in 0 64; do
		try_logins "$room"
	done
	faulty_tell
}

@test "EIO: an ext4 that is shut down at some step" {
	local step

	faulty_disk broken
	until_it_works 0 5 generate-output revoke
	for step in 0 1 2; do
		try_logins "$step"
	done
	faulty_tell
}
