#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Owner, group and mode of every path of a store, as init makes them and as changes leave them.
load ../lib.bash
load stage.bash

setup_file() {
	stage_open
	stage_people
	stage groupadd --system lrkt-poolmgr
	stage groupadd --system lrkt-pool
}

teardown_file() {
	stage_close
}

setup() {
	stage rm -rf /etc/lrkey /var/lib/lrkey "$STAGE/tree/root"
}

# paths [ROOT]: every path of all stores: kind, mode, owner, group.
paths() {
	stage find "${1-}/etc/lrkey" "${1-}/var/lib/lrkey" -printf '%y %m %u:%g %p\n' | sort -k 4
}

# table ROOT NAME MANAGERS VERIFIERS WRITER: what they must be for the one store NAME.
table() {
	cat <<-EOS
		d 755 root:root $1/etc/lrkey
		d 750 root:$4 $1/etc/lrkey/$2
		f 640 root:$4 $1/etc/lrkey/$2/master.key
		d 755 root:root $1/var/lib/lrkey
		d 750 root:$4 $1/var/lib/lrkey/$2
		f 660 root:$3 $1/var/lib/lrkey/$2/audit.log
		d 2775 root:$3 $1/var/lib/lrkey/$2/keys
		f 644 $5:$3 $1/var/lib/lrkey/$2/keys/keys.gdbm
		f 660 root:$3 $1/var/lib/lrkey/$2/lock
		f 660 root:$4 $1/var/lib/lrkey/$2/usage
	EOS
}

# expect_table ARGUMENTS...: of table
expect_table() {
	local found

	found=$(paths "$1")
	[ "$found" = "$(table "$@")" ] || fail 'not as it must be:' "$found"
}

@test "init by root: every path, whatever the umask" {
	local mask

	for mask in 000 022 077 777; do
		stage rm -rf /etc/lrkey /var/lib/lrkey
		(umask "$mask"; stage lrkeyadm init)
		expect_table '' system _lrkeymgr _lrkey root
	done
}

@test "changes by two managers and root: every path, whatever the umask" {
	local mask key id

	stage lrkeyadm init
	for mask in 000 022 077 777; do
		key=$(umask "$mask"; as "$MANAGER" lrkeyadm generate --org acme)
		id=${key:4:12}
		expect_table '' system _lrkeymgr _lrkey "$MANAGER"

		(umask "$mask"; as "$SECOND" lrkeyadm deactivate "$id")
		expect_table '' system _lrkeymgr _lrkey "$SECOND"

		(umask "$mask"; stage lrkeyadm revoke --yes --force "$id")
		expect_table '' system _lrkeymgr _lrkey root
	done
}

@test "the group of the key file is right even where keys/ has lost its set-gid bit" {
	stage lrkeyadm init
	stage chmod 0775 /var/lib/lrkey/system/keys
	as "$MANAGER" lrkeyadm generate --org acme
	[ "$(stage stat -c '%U:%G %a' /var/lib/lrkey/system/keys/keys.gdbm)" = \
		"$MANAGER:_lrkeymgr 644" ]
}

@test "a store of another name: both groups must be given, and its readers are its own" {
	stage lrkeyadm init
	run stage lrkeyadm --store pool init
	expect_status 64
	run stage lrkeyadm --store pool init --managers lrkt-poolmgr
	expect_status 64
	run stage lrkeyadm --store pool init --managers lrkt-poolmgr --verifiers _lrkey
	expect_status 78
	expect_match "$output" '_lrkey'
	expect_match "$output" 'system'
	run stage lrkeyadm --store pool init --managers lrkt-poolmgr --verifiers lrkt-none
	expect_status 78
	expect_match "$output" 'groupadd --system lrkt-none'
	expect_table '' system _lrkeymgr _lrkey root

	stage rm -rf /etc/lrkey /var/lib/lrkey
	stage lrkeyadm --store pool init --managers lrkt-poolmgr --verifiers lrkt-pool
	expect_table '' pool lrkt-poolmgr lrkt-pool root
}

@test "init where a group is missing: 78, how to make it, and nothing is made" {
	stage groupmod --new-name _lrkey-gone _lrkey
	run stage lrkeyadm init
	stage groupmod --new-name _lrkey _lrkey-gone
	expect_status 78
	expect_match "$output" 'groupadd --system _lrkey'
	[ "${#lines[@]}" -eq 1 ]
	run stage find /etc/lrkey /var/lib/lrkey
	expect_status 1
}

@test "init under another root: by root with groups, and by a user alone" {
	local dir=$STAGE/tree/root

	stage mkdir -m 0755 "$dir"
	stage lrkeyadm --root "$dir" init --managers _lrkeymgr --verifiers _lrkey
	expect_table "$dir" system _lrkeymgr _lrkey root
	as "$MANAGER" lrkeyadm --root "$dir" generate --org acme
	expect_table "$dir" system _lrkeymgr _lrkey "$MANAGER"

	stage rm -rf "$dir"
	stage install -d -m 0700 -o "$OUTSIDER" -g "$OUTSIDER" "$dir"
	as "$OUTSIDER" lrkeyadm --root "$dir" init
	as "$OUTSIDER" lrkeyadm --root "$dir" generate --org acme
	found=$(paths "$dir")
	[ "$found" = "$(table "$dir" system "$OUTSIDER" "$OUTSIDER" "$OUTSIDER" |
		sed "s/ root:[^ ]*/ $OUTSIDER:$OUTSIDER/")" ] || fail "$found"
}

@test "init that was broken off can be run again, and repairs what it finds" {
	stage lrkeyadm init
	stage rm /etc/lrkey/system/master.key /var/lib/lrkey/system/usage
	stage chmod 0777 /var/lib/lrkey/system/keys
	stage chmod 0600 /var/lib/lrkey/system/lock
	stage chgrp 0 /var/lib/lrkey/system/audit.log /var/lib/lrkey/system
	stage lrkeyadm init
	expect_table '' system _lrkeymgr _lrkey root

	run stage lrkeyadm init
	expect_status 73
	[ "${#lines[@]}" -eq 1 ]
}
