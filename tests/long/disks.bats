#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Disks that are full, read-only, over their quota or broken, for real: each change with less room, or
# fewer steps, than it takes, up to where it is made; and logins. The same errors, injected with strace
# into each of their calls. tests/root and tests/inject try some of it.
load ../lib.bash
load ../power/power.bash
load ../power/mounted.bash
load ../power/faulty.bash

ERRORS=(ENOSPC EIO EDQUOT EROFS)

setup_file() {
	faulty_setup
}

setup() {
	[[ $BATS_TEST_DESCRIPTION == *injected* ]] || mounted_begin
}

teardown() {
	mounted_end
}

@test "ENOSPC: each change on a tmpfs, page by page fuller" {
	faulty_disk blocks
	until_it_works 0 1 "${FAULTY_CHANGES[@]}"
	faulty_tell
}

@test "ENOSPC: each change on a tmpfs, with ever fewer inodes" {
	faulty_disk inodes
	until_it_works 0 1 "${FAULTY_CHANGES[@]}"
	faulty_tell
}

@test "EROFS: each change with each part of the store on a read-only bind mount" {
	local change part

	faulty_disk read-only
	for change in "${FAULTY_CHANGES[@]}"; do
		for part in "${FAULTY_PARTS[@]}"; do
			try_change "$change" "$part"
		done
	done
	faulty_tell
}

@test "EDQUOT: each change on a btrfs with a qgroup limit, ever closer" {
	local room

	faulty_disk quota
	until_it_works 0 16 "${FAULTY_CHANGES[@]}"
	for room in 0 4 8 16 32 64 128; do
		try_logins "$room"
	done
	faulty_tell
}

@test "EIO: each change on an ext4 that is shut down behind each of its steps" {
	local step

	faulty_disk broken
	until_it_works 0 1 "${FAULTY_CHANGES[@]}"
	for step in 0 1 2 3; do
		try_logins "$step"
	done
	faulty_tell
}

@test "four errors, injected into each call of each change that meets the disk" {
	local change

	faulty_disk injected
	for change in "${FAULTY_CHANGES[@]}"; do
		inject_change "$change" 1 "${ERRORS[@]}"
	done
	faulty_tell
}

@test "four errors, injected into each call of a login" {
	faulty_disk injected
	inject_login unlimited "$OTHER" all "${ERRORS[@]}"
	inject_login limited "$ACTIVE" all "${ERRORS[@]}"
	inject_login once "$ONCE" all "${ERRORS[@]}"
	inject_login wrong "$(wrong_key)" all "${ERRORS[@]}"
	inject_login revoked "$GONE" all "${ERRORS[@]}"
	faulty_tell
}
