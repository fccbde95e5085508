#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# People with passwords and machines with keys at one prompt: that of Debian's sshd, as it
# is configured by default, with etc/pam.d/people-and-machines as its PAM service.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

# Of no person; with quotes and blanks, as people have them.
PASSWORD="correct 'horse' battery"

setup_file() {
	daemon_stage
	stage useradd --no-create-home --home-dir / --shell /bin/sh acme
	stage useradd --no-create-home --home-dir / --shell /bin/sh --no-user-group anna
	printf 'anna:%s\n' "$PASSWORD" | stage chpasswd
	stack nodelay
	stage sh -c 'rm -f /etc/ssh/ssh_host_*'
	stage ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
	ssh_client 22
	stage install -d /run/sshd
	stage /usr/sbin/sshd 2>"$STAGE/start" || fail 'sshd did not start:' "$(cat "$STAGE/start")"
	await_port 22
}

teardown_file() {
	stage_close
}

# stack [nodelay]: the example as it is; or without the two seconds for which pam_unix has
# everybody wait who is refused.
stack() {
	install_example pam.d/people-and-machines /etc/pam.d sshd
	[ $# -eq 0 ] || stage sed -i 's/pam_unix.so try_first_pass$/& nodelay/' /etc/pam.d/sshd
	[ "$(stage grep -c nodelay /etc/pam.d/sshd)" -eq $# ]
}

login() {
	ssh_login 22 password "$@"
}

@test "the life of a machine's key" {
	assert_life login ssh 127.0.0.1
}

@test "people log in with their passwords, of which the module says nothing" {
	stack
	stage_log_clear
	login anna "$PASSWORD" 'id -un; env'
	expect_match "$(cat "$STAGE/out")" '^anna'
	expect_no_match "$(cat "$STAGE/out")" 'LRKEY_'
	run login anna "$PASSWORD "
	expect_status 1
	run stage_log
	expect_no_match "$output" 'pam_lrkey\('
	expect_match "$output" 'pam_unix\(sshd:auth\): authentication failure'
	stack nodelay
}

@test "a machine logs in with its key, and needs no password" {
	stage_key --org acme --scope ssh
	[ "$(stage passwd --status acme | cut -d' ' -f2)" = L ]
	login acme "$KEY" 'id -un; env'
	expect_match "$(cat "$STAGE/out")" '^acme'
	expect_match "$(cat "$STAGE/out")" "LRKEY_ID=$ID"
	expect_use "$ID" 1 sshd 127.0.0.1
}

@test "a key does not make its holder a person, nor a password a machine" {
	stage_key --org acme --scope ssh
	stage_log_clear
	run login anna "$KEY"
	expect_status 1
	expect_match "$(stage_log)" "pam_lrkey\\(sshd:auth\\): denied: key $ID org acme: organization"
	run login acme "$PASSWORD"
	expect_status 1
}

@test "a person whose account has expired is refused, by pam_unix" {
	stage usermod --expiredate 2020-01-01 anna
	stage_log_clear
	run login anna "$PASSWORD"
	[ "$status" -ne 0 ]
	expect_match "$(stage_log)" 'pam_unix\(sshd:account\): account anna has expired'
	stage usermod --expiredate '' anna
	login anna "$PASSWORD"
}

@test "without a store people log in all the same" {
	stage_key --org acme --scope ssh
	stage mv "$LIFE_FILE" "$LIFE_FILE.away"
	login anna "$PASSWORD"
	run login acme "$KEY"
	stage mv "$LIFE_FILE.away" "$LIFE_FILE"
	expect_status 1
	login acme "$KEY"
}

@test "neither keys nor passwords are in a log of anybody's" {
	stage_key --org acme --scope ssh
	login acme "$KEY"
	run login anna "$KEY"
	expect_status 1
	expect_secret_logs
	run grep -F "$PASSWORD" "$STAGE/log"
	expect_status 1
}
