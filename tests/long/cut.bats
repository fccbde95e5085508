#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Power cuts for real: ext4 and XFS, each on a loop device in a mount namespace of the test's own, are
# shut down without a flush of their log behind each step of each change, and mounted again. The
# store is the old one or the new one, and the new one when that was told.
load ../lib.bash
load ../power/power.bash

COLUMNS_SHOWN=id,state,label

setup_file() {
	power_setup
}

setup() {
	MOUNT=$BATS_TEST_TMPDIR/mount
	IMAGE=$BATS_TEST_TMPDIR/image
	# shellcheck disable=SC2034 # of recorded; nobody reads it
	LOG=/dev/null
	mkdir "$MOUNT"
	unshare --mount --propagation private sleep infinity 3>&- &
	HOLDER=$!
	POWER_PLACE=(nsenter --mount --target "$HOLDER")
	# It has its namespace when that is not ours.
	while [ "$(readlink "/proc/$HOLDER/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]; do
		kill -0 "$HOLDER"
	done
}

# Its namespace goes with it, and with that the mount and the loop device.
teardown() {
	kill "$HOLDER"
	wait "$HOLDER" || true
}

inside() {
	"${POWER_PLACE[@]}" "$@"
}

adm() {
	inside "$LRKEYADM" --root "$ROOT" "$@"
}

keys() {
	adm list --all --csv --no-headings --columns "$COLUMNS_SHOWN" | sort
}

# fresh: the file system with the store of power_setup on it, all of it on the disk
fresh() {
	inside rm -rf "$ROOT"
	inside cp -a "$BATS_FILE_TMPDIR/template" "$ROOT"
	inside sync --file-system "$MOUNT"
}

# power_again: what the disk has now
power_again() {
	inside umount "$MOUNT"
	inside mount -o loop "$IMAGE" "$MOUNT"
}

# changed CHANGE: the keys of the new store, but for those that are new
changed() {
	local active other off

	# shellcheck disable=SC2153 # of power_setup
	active=$(id_of "$ACTIVE")
	# shellcheck disable=SC2153
	other=$(id_of "$OTHER")
	off=$(id_of "$OFF")
	case $1 in
	edit) sed "s/^$other,active,.*/$other,active,new/" ;;
	rotate) sed "s/^$other,active/$other,expired/" ;;
	deactivate) sed -E "s/^($active|$other),active/\\1,deactivated/" ;;
	activate) sed "s/^$off,deactivated/$off,active/" ;;
	revoke) sed -E "s/^($active|$off),[a-z]*/\\1,revoked/" ;;
	prune) grep -v ',revoked,' ;;
	*) cat ;;
	esac <<<"$OLD"
}

# n_new CHANGE: how many keys are new
n_new() {
	case $1 in
	generate | rotate | import) echo 1 ;;
	generate-output) echo 2 ;;
	*) echo 0 ;;
	esac
}

# judge CHANGE: leaves in STORE whether it is the old one or the new one; fails when it is a third.
judge() {
	local now generation

	now=$(keys) || fail "$POINT: the store cannot be read"
	generation=$(adm --json | jq .generation)
	if [ "$generation" -eq "$GENERATION" ]; then
		STORE=old
		[ "$now" = "$OLD" ] || fail "$POINT: not the old store:" "$now"
		return
	fi
	STORE=new
	[ "$generation" -eq $((GENERATION + 1)) ]
	[ -z "$(comm -13 <(echo "$now") <(changed "$1"))" ] || fail "$POINT: not the new store:" "$now"
	[ "$(comm -23 <(echo "$now") <(changed "$1") | grep -c ',active,')" -eq "$(n_new "$1")" ] ||
		fail "$POINT: not the new keys:" "$now"
	inside grep -q "\"gen\":$generation," "$ROOT/var/lib/lrkey/system/audit.log" ||
		fail "$POINT: not in the audit log"
	[ "$1" != generate-output ] || [ "$(inside grep -cxE "$KEY_PATTERN" "$ROOT/out/keys")" -eq 2 ]
}

# expect_mended: the store takes the next change, and is whole.
expect_mended() {
	adm generate --org next >/dev/null 2>&1 || fail "$POINT: the next change fails"
	adm rekey >/dev/null 2>&1 || fail "$POINT: the next rekey fails"
	adm check >"$BATS_TEST_TMPDIR/check" || fail "$POINT:" "$(cat "$BATS_TEST_TMPDIR/check")"
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
	ROOT=$MOUNT/root
	fresh
	OLD=$(keys)
	GENERATION=$(adm --json | jq .generation)
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

@test "XFS, shut down at each step of each change" {
	truncate --size 512M "$IMAGE"
	mkfs.xfs -q "$IMAGE"
	cut_all
}
