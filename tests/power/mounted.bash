# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A store on a file system of its own, which is mounted in a namespace of the test's own: with the
# test, however it ends, that namespace ends, and with it the mount and the loop device.
#
# To be loaded behind power.bash, whose changes are made here.

COLUMNS_SHOWN=id,state,label

# mounted_begin: the namespace. MOUNT is the place for a file system, IMAGE one for its blocks.
mounted_begin() {
	[ "$(id -u)" -eq 0 ] || { fail 'this test needs root'; return 1; }
	MOUNT=$BATS_TEST_TMPDIR/mount
	IMAGE=$BATS_TEST_TMPDIR/image
	# shellcheck disable=SC2034 # of recorded; nobody reads it
	LOG=/dev/null
	mkdir "$MOUNT"
	# Also where this shell is killed.
	setpriv --pdeathsig KILL unshare --mount --propagation private sleep infinity 3>&- &
	HOLDER=$!
	POWER_PLACE=(nsenter --mount --target "$HOLDER")
	# It has its namespace when that is not ours.
	while [ "$(readlink "/proc/$HOLDER/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]; do
		kill -0 "$HOLDER"
	done
}

mounted_end() {
	[ -n "${HOLDER-}" ] || return 0
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

# mounted_store [ROOT]: puts the store of power_setup there, and knows what it is like from now on.
mounted_store() {
	ROOT=$MOUNT/${1-root}
	fresh
	OLD=$(keys)
	GENERATION=$(adm --json | jq .generation)
}

# fresh: the file system with the store of power_setup on it, or of TEMPLATE, all of it on the disk
fresh() {
	inside rm -rf "$ROOT"
	inside cp -a "$BATS_FILE_TMPDIR/${TEMPLATE-template}" "$ROOT"
	[ "${#POWER_PLACE[@]}" -eq 0 ] || inside sync --file-system "$MOUNT"
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
	edit | edit-uses) sed "s/^$other,active,.*/$other,active,new/" ;;
	rotate | rotate-output) sed "s/^$other,active/$other,expired/" ;;
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
	generate | rotate | rotate-output | import) echo 1 ;;
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
	# shellcheck disable=SC2034 # for the caller
	STORE=new
	[ "$generation" -eq $((GENERATION + 1)) ]
	[ -z "$(comm -13 <(echo "$now") <(changed "$1"))" ] || fail "$POINT: not the new store:" "$now"
	[ "$(comm -23 <(echo "$now") <(changed "$1") | grep -c ',active,')" -eq "$(n_new "$1")" ] ||
		fail "$POINT: not the new keys:" "$now"
	inside grep -q "\"gen\":$generation," "$ROOT/var/lib/lrkey/system/audit.log" ||
		fail "$POINT: not in the audit log"
	[[ $1 != *-output ]] || [ "$(inside grep -cxE "$KEY_PATTERN" "$ROOT/out/keys")" -eq "$(n_new "$1")" ]
}

# expect_mended: the store takes the next change, and is whole.
expect_mended() {
	adm generate --org next >/dev/null 2>&1 || fail "$POINT: the next change fails"
	adm rekey >/dev/null 2>&1 || fail "$POINT: the next rekey fails"
	adm check >"$BATS_TEST_TMPDIR/check" || fail "$POINT:" "$(cat "$BATS_TEST_TMPDIR/check")"
}
