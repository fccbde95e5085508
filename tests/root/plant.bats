#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What others than root can write to, they can fill with traps: root's lrkeyadm must neither step
# outside the store through one, nor wait in one.
#
# shellcheck disable=SC2154 # stderr and stderr_lines are set by run
load ../lib.bash
load stage.bash

KEYS=/var/lib/lrkey/system/keys
# On the file system of the store, so that a hard link can lead to it.
VICTIM=/var/lib/victim

KINDS=(symlink dangling directory-link hard-link fifo socket directory)

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
	KEY=$(stage lrkeyadm generate --org acme 2>/dev/null)
	export KEY
	stage mkdir -m 0700 "$VICTIM" "$VICTIM/directory" /run/saved
	stage sh -c "echo precious >$VICTIM/file"
	stage cp -a /etc/lrkey /run/saved/etc
	stage cp -a /var/lib/lrkey /run/saved/var
	VICTIM_SUM=$(victim_sum)
	export VICTIM_SUM
}

teardown_file() {
	stage_close
}

setup() {
	stage rm -rf /etc/lrkey /var/lib/lrkey
	stage cp -a /run/saved/etc /etc/lrkey
	stage cp -a /run/saved/var /var/lib/lrkey
}

victim_sum() {
	stage find "$VICTIM" -printf '%P %y %m %U:%G %s %T@\n' | sort
	stage cat "$VICTIM/file"
}

expect_victim() {
	[ "$(victim_sum)" = "$VICTIM_SUM" ] || fail "$1: outside of the store:" "$(victim_sum)"
}

# plant KIND PATH: as a manager
plant() {
	as "$MANAGER" rm -rf "$2"
	case $1 in
	symlink) as "$MANAGER" ln -s "$VICTIM/file" "$2" ;;
	dangling) as "$MANAGER" ln -s "$VICTIM/new" "$2" ;;
	directory-link) as "$MANAGER" ln -s "$VICTIM/directory" "$2" ;;
	# A manager can where fs.protected_hardlinks is off.
	hard-link) stage ln "$VICTIM/file" "$2" ;;
	fifo) as "$MANAGER" mkfifo "$2" ;;
	socket) as "$MANAGER" perl -MSocket -e "$MAKE_SOCKET" "$2" ;;
	directory) as "$MANAGER" mkdir "$2" ;;
	esac
}

# shellcheck disable=SC2016 # perl's own
MAKE_SOCKET='
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	bind($s, pack_sockaddr_un($ARGV[0])) or die;
'

# root_runs COMMAND...: lrkeyadm, by root, within bounds of time
root_runs() {
	run --separate-stderr stage timeout -k 2 20 lrkeyadm "$@" <<<"$KEY"
	case $status in
	124 | 137) fail "it waits: $*" ;;
	esac
}

@test "a trap in the place of the key file: 69, one line, and nothing is done" {
	local kind command words

	for kind in "${KINDS[@]}"; do
		plant "$kind" "$KEYS/keys.gdbm"
		for command in list 'generate --org acme' "deactivate ${KEY:4:12}" \
			"revoke --yes --force ${KEY:4:12}" 'verify --org acme'; do
			read -ra words <<<"$command"
			root_runs "${words[@]}"
			[ "$status" -eq 69 ] || fail "$kind: $command: status $status" "$stderr"
			[ -z "$output" ]
			[ "${#stderr_lines[@]}" -eq 1 ] || fail "$kind: $command:" "$stderr"
			expect_match "$stderr" 'keys\.gdbm'
			expect_victim "$kind: $command"
			[ "$(stage ls "$KEYS")" = keys.gdbm ]
		done
	done
}

# oath-toolkit and pam-u2f: root wrote to, or read from, what a user had put in the place of a file of
# the module's. Every name that others than root can make is planted here, in every way.
@test "CVE-2024-47191, CVE-2019-12209: root's logins, with every name planted by another" {
	local kind name

	printf 'auth required pam_lrkey.so debug\naccount required pam_lrkey.so\n' |
		stage tee /etc/pam.d/lrkey-plant >/dev/null
	for kind in "${KINDS[@]}"; do
		for name in keys.gdbm keys.gdbm.new keys.gdbm.lock keys.gdbm.old lock usage audit.log \
			master.key master.key.new; do
			setup
			plant "$kind" "$KEYS/$name"
			run stage timeout -k 2 60 pamhost --confdir /etc/pam.d --service lrkey-plant \
				--user acme <<<"$KEY"
			[ "$status" -lt 2 ] || fail "$kind: $name: $status" "$output"
			if [ "$name" = keys.gdbm ]; then
				expect_match "$output" 'pam_authenticate: PAM_AUTHINFO_UNAVAIL'
			else
				expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
			fi
			expect_victim "$kind: $name"
			root_runs generate --org acme
			expect_victim "$kind: $name: generate"
		done
	done
}

@test "a trap under the name of the next key file: it is removed, or refused" {
	local kind

	for kind in "${KINDS[@]}"; do
		plant "$kind" "$KEYS/keys.gdbm.new"
		root_runs generate --org "$kind"
		expect_victim "$kind"
		# A directory is not what a killed change leaves: it is somebody's to look at.
		if [ "$kind" = directory ]; then
			expect_status 74
			[ "${#stderr_lines[@]}" -eq 1 ]
			expect_match "$stderr" 'keys\.gdbm\.new'
			as "$SECOND" rmdir "$KEYS/keys.gdbm.new"
		else
			expect_status 0
			stage lrkeyadm verify --org "$kind" <<<"$output"
		fi
		[ "$(stage ls "$KEYS")" = keys.gdbm ]
	done
	stage lrkeyadm verify --org acme <<<"$KEY"
}

@test "a second name of the key file, and everybody may write: the next change repairs both" {
	local before

	as "$MANAGER" sh -c "cd $KEYS && cp keys.gdbm other && mv other keys.gdbm &&
		ln keys.gdbm $KEYS/second && chmod 0666 keys.gdbm"
	before=$(stage sha256sum "$KEYS/second")
	root_runs list
	expect_status 69
	root_runs generate --org acme
	expect_status 0
	expect_match "$stderr" 'warning: .*keys\.gdbm'
	[ "$(stage stat -c '%U:%G %a %h' "$KEYS/keys.gdbm")" = 'root:_lrkeymgr 644 1' ]
	[ "$(stage sha256sum "$KEYS/second")" = "$before" ]
	root_runs verify --org acme
	expect_status 0
}

@test "traps in keys/ while init was broken off: removed or refused when it is run again" {
	local kind

	for kind in "${KINDS[@]}"; do
		setup
		stage rm /etc/lrkey/system/master.key "$KEYS/keys.gdbm"
		plant "$kind" "$KEYS/keys.gdbm"
		root_runs init
		[ "$status" -eq 69 ] || [ "$status" -eq 73 ] || fail "$kind: $status" "$stderr"
		[ "${#stderr_lines[@]}" -eq 1 ]
		expect_victim "$kind in the place of the key file"
		run stage test -e /etc/lrkey/system/master.key
		expect_status 1

		stage rm -rf "$KEYS/keys.gdbm"
		plant "$kind" "$KEYS/keys.gdbm.new"
		root_runs init
		expect_victim "$kind in the place of the next key file"
		if [ "$kind" = directory ]; then
			expect_status 74
		else
			expect_status 0
			[ "$(stage ls "$KEYS")" = keys.gdbm ]
		fi
	done
}

@test "traps under another root that everybody can write to: refused" {
	local root=$STAGE/tree/root name

	for name in etc var; do
		stage rm -rf "$root"
		stage mkdir -m 1777 "$root"
		as "$OUTSIDER" ln -s "$VICTIM/directory" "$root/$name"
		root_runs --root "$root" init
		expect_status 69
		[ "${#stderr_lines[@]}" -eq 1 ]
		expect_victim "$name as a link"

		stage rm -rf "$root"
		stage mkdir -m 1777 "$root"
		as "$OUTSIDER" mkdir "$root/$name"
		root_runs --root "$root" init
		expect_status 69
		expect_match "$stderr" "$root/$name: belongs to uid $(stage id -u "$OUTSIDER")"
		[ -z "$(stage find "$root/$name" -mindepth 1)" ]
	done
}
