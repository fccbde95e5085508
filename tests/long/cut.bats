#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Power cuts for real: ext4 and XFS, each on a loop device in a mount namespace of the test's own, are
# shut down without a flush of their log behind each step of each change, and mounted again. The
# store is the old one or the new one, and the new one when that was told.
load ../lib.bash
load ../power/power.bash
load ../power/mounted.bash

setup_file() {
	power_setup
}

setup() {
	mounted_begin
}

teardown() {
	mounted_end
}

# cut_everywhere CHANGE
cut_everywhere() {
	local step=0 status=137

	power_words "$1"
	while [ "$status" -ne 0 ]; do
		step=$((step + 1))
		POINT="$1, step $step"
		fresh
		status=0
		# shellcheck disable=SC2153 # of mounted_begin
		recorded "LRKEY_POWER_STOP=$step" "LRKEY_POWER_CUT=$MOUNT" -- "${WORDS[@]}" \
			<"$BATS_FILE_TMPDIR/passphrase" 2>/dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 137 ] || fail "$POINT: exit status $status"
		power_again
		judge "$1"
		COUNT[$STORE]=$((COUNT[$STORE] + 1))
		expect_mended
	done
	# This time all was done and told.
	[ "$STORE" = new ] || fail "$POINT: it was told, and is undone"
	[ "$step" -ge 15 ] || fail "only $step steps"
}

# judge_init: nothing, a store that is whole, or what init makes one of when it is run again; STORE tells
# which: none, new or begun.
judge_init() {
	local status=0

	STORE=new
	adm >/dev/null 2>"$BATS_TEST_TMPDIR/summary" || status=$?
	if [ "$status" -ne 0 ]; then
		grep -q "init' makes the store\$" "$BATS_TEST_TMPDIR/summary" ||
			fail "$POINT: exit status $status" "$(cat "$BATS_TEST_TMPDIR/summary")"
		[ "$status" -eq 69 ]
		STORE=none
		! inside test -e "$ROOT/var/lib/lrkey" || STORE=begun
		adm init >/dev/null 2>"$BATS_TEST_TMPDIR/again" ||
			fail "$POINT: init again:" "$(cat "$BATS_TEST_TMPDIR/again")"
	fi
	adm check >"$BATS_TEST_TMPDIR/check" || fail "$POINT:" "$(cat "$BATS_TEST_TMPDIR/check")"
}

# cut_init: init, where there is no store
cut_init() {
	local step=0 status=137

	declare -A count=([none]=0 [begun]=0 [new]=0)
	inside mount -o loop "$IMAGE" "$MOUNT"
	ROOT=$MOUNT/root
	while [ "$status" -ne 0 ]; do
		step=$((step + 1))
		POINT="init, step $step"
		inside rm -rf "$ROOT"
		inside mkdir -m 0755 "$ROOT"
		inside sync --file-system "$MOUNT"
		status=0
		recorded "LRKEY_POWER_STOP=$step" "LRKEY_POWER_CUT=$MOUNT" -- init 2>/dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 137 ] || fail "$POINT: exit status $status"
		power_again
		judge_init
		count[$STORE]=$((count[$STORE] + 1))
		expect_mended
	done
	[ "$STORE" = new ] || fail "$POINT: it was told, and is undone"
	[ "$step" -ge 30 ] || fail "only $step steps"
	printf '# %s cuts left no store, %s the begin of one, %s a store\n' "${count[none]}" \
		"${count[begun]}" "${count[new]}" >&3
}

# expect_cut: a cut is one: what was not synced is gone, and what was is not.
expect_cut() {
	inside sh -c "echo synced >'$MOUNT/synced'; sync --file-system '$MOUNT'; echo >'$MOUNT/unsynced'"
	inside env LD_PRELOAD="$LRKEY_BUILD/tests/power/preload.so" LRKEY_POWER_CUT="$MOUNT" \
		"$LRKEYADM" --version >/dev/null
	power_again
	[ "$(inside cat "$MOUNT/synced")" = synced ]
	inside test ! -e "$MOUNT/unsynced"
}

# cut_all: each change on the file system of the image
cut_all() {
	local change

	declare -gA COUNT=([old]=0 [new]=0)
	inside mount -o loop "$IMAGE" "$MOUNT"
	expect_cut
	mounted_store
	for change in "${POWER_CHANGES[@]}"; do
		cut_everywhere "$change"
	done
	printf '# %s cuts, after which the store was the old one, %s the new one\n' "${COUNT[old]}" \
		"${COUNT[new]}" >&3
}

@test "ext4, shut down at each step of each change" {
	truncate --size 64M "$IMAGE"
	mkfs.ext4 -q "$IMAGE"
	cut_all
}

@test "ext4, shut down at each step of init: no store, a whole one, or init is run again" {
	truncate --size 64M "$IMAGE"
	mkfs.ext4 -q "$IMAGE"
	cut_init
}

@test "XFS, shut down at each step of init" {
	truncate --size 512M "$IMAGE"
	mkfs.xfs -q "$IMAGE"
	cut_init
}

@test "XFS, shut down at each step of each change" {
	truncate --size 512M "$IMAGE"
	mkfs.xfs -q "$IMAGE"
	cut_all
}
