#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sshd, run under a name of its own: keys as passwords, by both of the ways in which sshd asks
# for one.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

setup_file() {
	daemon_stage
	stage useradd --create-home --home-dir /var/lib/acme --shell /bin/sh acme
	install_example pam.d/sshd-lrkey /etc/pam.d
	install_example ssh/sshd_lrkey /etc/ssh
	stage rm -f /etc/ssh/ssh_host_ed25519_key
	stage ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
	ssh_client 2222 2223
	# In place of /usr/local/sbin, which is the machine's.
	stage ln -s /usr/sbin/sshd "$STAGE/tree/bin/sshd-lrkey"
	stage install -d /run/sshd
	serve 2222 /etc/ssh/sshd_lrkey
}

teardown_file() {
	stage_close
}

# serve PORT FILE [OPTION...]: an sshd with that configuration.
serve() {
	local port=$1

	shift
	stage "$STAGE/tree/bin/sshd-lrkey" -f "$@" 2>"$STAGE/start" ||
		fail 'sshd did not start:' "$(cat "$STAGE/start")"
	await_port "$port"
}

# login METHOD USER KEY [COMMAND]
login() {
	ssh_login "${SSH_PORT:-2222}" "$@"
}

by_keyboard_interactive() {
	login keyboard-interactive "$@"
}

by_password() {
	login password "$@"
}

@test "keyboard-interactive: the life of a key" {
	assert_life by_keyboard_interactive ssh 127.0.0.1
}

@test "password: the life of a key" {
	assert_life by_password ssh 127.0.0.1
}

@test "the service is called as the program is, and the client's address is counted" {
	stage_key --org acme --scope ssh
	by_password acme "$KEY"
	expect_use "$ID" 1 sshd-lrkey 127.0.0.1
	by_keyboard_interactive acme "$KEY"
	expect_use "$ID" 2 sshd-lrkey 127.0.0.1
	stage_key --org acme --scope backup
	stage_log_clear
	run by_password acme "$KEY"
	expect_status 1
	expect_match "$(stage_log)" "pam_lrkey\\(sshd-lrkey:auth\\): denied: key $ID org acme: scope ssh rhost 127.0.0.1"
}

@test "the session is the organization's, and knows its key's id" {
	local method

	stage_key --org acme --scope ssh,backup --label 'a label'
	for method in password keyboard-interactive; do
		login "$method" acme "$KEY" 'id -un; env'
		expect_match "$(cat "$STAGE/out")" '^acme'
		expect_match "$(cat "$STAGE/out")" "LRKEY_ID=$ID"
		expect_match "$(cat "$STAGE/out")" 'LRKEY_ORG=acme'
		expect_match "$(cat "$STAGE/out")" 'LRKEY_LABEL=a label'
		expect_no_match "$(cat "$STAGE/out")" "$KEY_PATTERN"
	done
}

@test "an organization that is no user of the machine: sshd hands no key on" {
	local method

	stage_key --org nobody-here --scope ssh --max-uses 1
	for method in password keyboard-interactive; do
		stage_log_clear
		run login "$method" nobody-here "$KEY"
		expect_status 1
		expect_no_match "$(stage_log)" 'pam_lrkey\('
		expect_match "$(stage_log)" 'Invalid user nobody-here from 127.0.0.1'
	done
	expect_use "$ID" 0 null null
	[ "$(stage lrkeyadm show --json "$ID" | jq '.keys[0].denied')" -eq 0 ]
}

@test "what sshd tells PAM: an address, and no terminal by which a key could be allowed" {
	local method

	for method in password keyboard-interactive; do
		stage_key --org acme --scope ssh --allow-from 127.0.0.1
		expect_items sshd-lrkey 'rhost=127.0.0.1 ruser= tty=ssh' login "$method" acme "$KEY"
	done
}

@test "root is not let in with a key either" {
	stage_key --org root --scope ssh
	run by_password root "$KEY"
	expect_status 1
	run by_keyboard_interactive root "$KEY"
	expect_status 1
	expect_use "$ID" 0 null null
}

@test "a host name in place of the address never matches" {
	local SSH_PORT=2223

	# sshd uses a name only where it leads back to the address.
	printf '127.0.0.1 client.example.org\n' | stage tee /etc/hosts >/dev/null
	serve 2223 /etc/ssh/sshd_lrkey -o Port=2223 -o PidFile=none -o UseDNS=yes
	stage_key --org acme --scope ssh --allow-from 127.0.0.1,0.0.0.0/0,::/0
	stage_log_clear
	run by_password acme "$KEY"
	expect_status 1
	expect_match "$(stage_log)" "denied: key $ID org acme: address client.example.org rhost client.example.org"
	SSH_PORT=2222
	by_password acme "$KEY"
}

@test "a user who may not log in now is not let in by a key" {
	stage_key --org acme --scope ssh
	stage touch /etc/nologin
	run by_password acme "$KEY"
	stage rm /etc/nologin
	[ "$status" -ne 0 ]
	by_password acme "$KEY"
}

@test "the unit of the example is one that systemd understands" {
	sed "s|/usr/local/sbin|$STAGE/tree/bin|" \
		"$LRKEY_SOURCE/etc/systemd/sshd-lrkey.service" |
		stage tee /etc/systemd/system/sshd-lrkey.service >/dev/null
	run stage systemd-analyze verify --man=no /etc/systemd/system/sshd-lrkey.service
	expect_status 0
	[ -z "$output" ] || fail "$output"
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope ssh
	by_password acme "$KEY"
	by_keyboard_interactive acme "${KEY}x" || true
	expect_secret_logs
}
