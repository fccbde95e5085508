#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Check, rekey, metrics, policy and log rotation on the default store, with its real owners and groups.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load stage.bash

VAR=/var/lib/lrkey/system
ETC=/etc/lrkey/system

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
}

teardown_file() {
	stage_close
}

# clean: neither root nor a manager finds anything
clean() {
	run stage lrkeyadm check
	expect_status 0
	expect_match "$output" '^Store system: nothing found; '
	[ "$(as "$MANAGER" lrkeyadm check)" = "$output" ]
}

# found LINE: this is what root finds, and nothing else
found() {
	run stage lrkeyadm check
	expect_status 1
	[ "$output" = "$1" ] || fail "$output"
}

@test "a new store, and one that managers changed: nothing is found" {
	clean
	as "$MANAGER" lrkeyadm generate --org acme >/dev/null 2>&1
	as "$SECOND" lrkeyadm generate --org acme --max-uses 3 >/dev/null 2>&1
	clean
	stage lrkeyadm rekey
	clean
	stage install -m 0644 "$LRKEY_SOURCE/etc/policy.conf" "$ETC/policy.conf"
	clean
}

@test "owners and groups: each wrong one is named, with the command that mends it" {
	local path owner right commands=()

	while read -r path owner right; do
		commands=("chown $right $path")
		stage chown "$owner" "$path"
		case $owner in
		:*) found "error: $path: belongs to group ${owner#:}, not to ${right#:}; chgrp ${right#:} $path" ;;
		*) found "error: $path: belongs to $owner, not to $right; chown $right $path" ;;
		esac
		stage sh -c "${commands[0]}"
	done <<-EOS
		$ETC/master.key $MANAGER root
		$ETC/master.key :$OUTSIDER :_lrkey
		$VAR/lock $MANAGER root
		$VAR/lock :_lrkey :_lrkeymgr
		$VAR/usage :_lrkeymgr :_lrkey
		$VAR/audit.log :_lrkey :_lrkeymgr
		$VAR/keys/keys.gdbm :_lrkey :_lrkeymgr
		$ETC/policy.conf :_lrkey :root
	EOS
	stage chmod 0640 "$ETC/master.key"
	clean
}

@test "a manager who left: check tells of his key file, rekey makes it root's" {
	stage_user lrkt-leaver _lrkeymgr,_lrkey
	KEY=$(as lrkt-leaver lrkeyadm generate --org acme 2>/dev/null)
	clean
	stage gpasswd --delete lrkt-leaver _lrkey
	stage gpasswd --delete lrkt-leaver _lrkeymgr
	found "error: $VAR/keys/keys.gdbm: belongs to lrkt-leaver, who is no manager now and knew the master key; as root: lrkeyadm -s system rekey"
	stage userdel lrkt-leaver
	run stage lrkeyadm check
	expect_status 1
	expect_match "$output" 'belongs to [0-9]+, who is no manager now'
	old=$(stage cat "$ETC/master.key")
	stage lrkeyadm rekey
	[ "$(stage stat -c '%U %G %a' "$VAR/keys/keys.gdbm")" = 'root _lrkeymgr 644' ]
	[ "$(stage stat -c '%U %G %a' "$ETC/master.key")" = 'root _lrkey 640' ]
	[ "$old" != "$(stage cat "$ETC/master.key")" ]
	as "$VERIFIER" lrkeyadm verify --org acme <<<"$KEY"
	clean
}

@test "groups that are one, or serve two stores, are found" {
	stage groupadd --system lrkt-other
	stage lrkeyadm -s pool init --managers _lrkeymgr --verifiers lrkt-other
	clean
	stage chgrp _lrkey /var/lib/lrkey/pool
	run stage lrkeyadm check
	expect_status 1
	expect_match "$output" "error: $VAR: group _lrkey also verifies for store pool, and can read both; "
	stage rm -r /var/lib/lrkey/pool /etc/lrkey/pool
	clean
	stage chgrp _lrkey "$VAR/keys"
	run stage lrkeyadm check
	expect_match "$output" "error: $VAR/keys: group _lrkey both manages and verifies: "
	stage chgrp _lrkeymgr "$VAR/keys"
	stage chmod 2775 "$VAR/keys"
	clean
}

@test "who may: rekey is root's, metrics for verifiers, the rest for managers" {
	local name

	before=$(stage cat "$ETC/master.key")
	run --separate-stderr as "$MANAGER" lrkeyadm rekey
	expect_status 77
	[ "$stderr" = 'lrkeyadm: rekey: not permitted: only root writes master keys; as root: lrkeyadm -s system rekey' ]
	[ "$(stage cat "$ETC/master.key")" = "$before" ]
	run as "$VERIFIER" lrkeyadm metrics
	expect_status 0
	expect_match "$output" 'lrkey_key_uses_total'
	[ "$output" = "$(stage lrkeyadm metrics)" ]
	for name in "$HALF" "$OUTSIDER"; do
		run --separate-stderr as "$name" lrkeyadm metrics
		expect_status 77
		expect_match "$stderr" "user $name is not in group _lrkey; as root: usermod -aG _lrkey $name"
	done
	for name in "$VERIFIER" "$HALF" "$OUTSIDER"; do
		for command in log check rekey 'export --passphrase-fd 0 /tmp/lrkt-none' \
			'import --passphrase-fd 0 /etc/passwd'; do
			# shellcheck disable=SC2086 # words
			run --separate-stderr as "$name" lrkeyadm $command <<<passphrase
			expect_status 77
			[ -z "$output" ]
			[ "${#stderr_lines[@]}" -eq 1 ]
		done
	done
	[ ! -e /tmp/lrkt-none ]
}

@test "a policy binds managers; what they cannot read is refused, not passed over" {
	stage sh -c "echo max-expiry=30d >$ETC/policy.conf"
	run --separate-stderr as "$MANAGER" lrkeyadm generate --org acme --expires never
	expect_status 78
	expect_match "$stderr" "max-expiry is 30d in $ETC/policy\.conf"
	run as "$MANAGER" sh -c "echo max-expiry=never >$ETC/policy.conf"
	[ "$status" -ne 0 ]
	stage chmod 0600 "$ETC/policy.conf"
	run --separate-stderr as "$MANAGER" lrkeyadm generate --org acme
	expect_status 78
	expect_match "$stderr" "^lrkeyadm: policy: $ETC/policy\.conf: permission denied"
	stage rm "$ETC/policy.conf"
	clean
}

@test "logrotate as it is installed: managers write on, and nobody else can" {
	stage install -m 0644 "$LRKEY_SOURCE/etc/logrotate.d/lrkeyadm" /etc/logrotate.d/lrkeyadm
	stage logrotate --force --state /run/logrotate.state /etc/logrotate.d/lrkeyadm
	[ "$(stage stat -c '%U %G %a %s' "$VAR/audit.log")" = 'root _lrkeymgr 660 0' ]
	[ "$(stage stat -c '%U %G %a' "$VAR/audit.log.1")" = 'root _lrkeymgr 660' ]
	as "$MANAGER" lrkeyadm generate --org acme >/dev/null 2>&1
	[ "$(stage cat "$VAR/audit.log" | jq -r .user)" = "$MANAGER" ]
	run as "$VERIFIER" cat "$VAR/audit.log.1"
	[ "$status" -ne 0 ]
	stage logrotate --force --state /run/logrotate.state /etc/logrotate.d/lrkeyadm
	stage test -e "$VAR/audit.log.2.gz"
	clean
}
