#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The errors of a disk, injected with strace: into each call of a login, one of them, and into some calls
# of each change. errors.bats has all of them for three changes, tests/long for the others.
load ../lib.bash
load ../power/power.bash
load ../power/mounted.bash
load ../power/faulty.bash

ERRORS=(ENOSPC EIO EDQUOT EROFS)

setup_file() {
	faulty_setup
}

setup() {
	faulty_disk injected
}

@test "each change, failed at each tenth of its calls that meet the disk" {
	local change

	for change in "${FAULTY_CHANGES[@]}"; do
		inject_change "$change" 10 "${ERRORS[@]}"
	done
	faulty_tell
}

@test "a login, failed at each of its calls: a key without a limit, and one with" {
	inject_login unlimited "$OTHER" one "${ERRORS[@]}"
	inject_login limited "$ACTIVE" one "${ERRORS[@]}"
	faulty_tell
}

@test "a login, failed at each of its calls: a key for one use, a wrong and a revoked one" {
	inject_login once "$ONCE" one "${ERRORS[@]}"
	inject_login wrong "$(wrong_key)" one "${ERRORS[@]}"
	inject_login revoked "$GONE" one "${ERRORS[@]}"
	faulty_tell
}

# last_of CALL CHANGE: which of its occurrences is the last one
last_of() {
	points_of_change "$2" | sed -n "s/^$1://p" | tail -n 1
}

# Each of these was 69, as if the store were damaged, and the last one 75, as if somebody held the lock.
@test "a disk that fails at a new record of uses, at a new key file, at the lock of init: 74" {
	try_change generate pwrite64:error=ENOSPC:when=1
	# shellcheck disable=SC2153 # of try_change
	[ "$STATUS" -eq 74 ]
	try_change edit-uses pwrite64:error=ENOSPC:when=1
	try_change rekey fsync:error=EIO:when=3
	[ "$STATUS" -eq 74 ]
	try_change init flock:error=EIO:when=1
	[ "$STATUS" -eq 74 ]
}

# And these did not tell that all was done but for the last step.
@test "what is done, although its last sync failed, is told" {
	local change

	for change in init generate revoke rekey; do
		try_change "$change" "fsync:error=EIO:when=$(last_of fsync "$change")"
		[ "$STATUS" -eq 74 ]
		is_told "$change" || fail "$POINT: not told" "$(cat "$BATS_TEST_TMPDIR/stderr")"
	done
	# Of the master key's directory, which the first change, that of the audit log, syncs once more.
	try_change init "fsync:error=EIO:when=$(($(last_of fsync init) - 2))"
	is_told init
}
