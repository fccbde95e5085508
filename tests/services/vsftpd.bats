#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vsftpd: keys as passwords of guests, over TLS.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

HOST=ftp.example.org

setup_file() {
	daemon_stage
	stage useradd --system --user-group --no-create-home --home-dir /var/lib/lrkey-ftp lrkey-ftp
	stage install -d -o lrkey-ftp -g lrkey-ftp /var/lib/lrkey-ftp /var/lib/lrkey-ftp/acme
	stage install -d /run/vsftpd/empty
	install_example pam.d/vsftpd-lrkey /etc/pam.d
	install_example vsftpd/vsftpd.conf /etc
	certificate "$HOST"
	# No waiting for those who try wrong keys.
	stage vsftpd /etc/vsftpd.conf -obackground=YES -odelay_failed_login=0 2>"$STAGE/start" ||
		fail 'vsftpd did not start:' "$(cat "$STAGE/start")"
	await_port 21
}

teardown_file() {
	stage_close
}

# ftp USER KEY [OPTION...]: a login, and the list of the folder, which is left in $STAGE/out.
ftp() {
	local user=$1 key=$2 result=0

	shift 2
	[ $# -gt 0 ] || set -- --ssl-reqd
	printf 'user = "%s:%s"\n' "$user" "$key" |
		stage curl --config - --silent --show-error --noproxy '*' --max-time 20 \
			--cacert "/etc/ssl/certs/$HOST.pem" --resolve "$HOST:21:127.0.0.1" \
			--output "$STAGE/out" "$@" "ftp://$HOST/" 2>"$STAGE/err" || result=$?
	case $result in
	0) return 0 ;;
	67) return 1 ;;	# CURLE_LOGIN_DENIED
	*) echo "curl: $result: $(cat "$STAGE/err")" >&2; return 2 ;;
	esac
}

@test "the life of a key" {
	assert_life ftp ftp 127.0.0.1
}

@test "the organization need not be a user of the machine, and sees its folder alone" {
	run stage getent passwd acme
	expect_status 2
	stage_key --org acme --scope ftp
	echo text | stage tee /var/lib/lrkey-ftp/acme/file-of-acme >/dev/null
	ftp acme "$KEY"
	expect_match "$(cat "$STAGE/out")" ' file-of-acme$'
	[ "$(wc -l <"$STAGE/out")" -eq 1 ]
	expect_use "$ID" 1 vsftpd-lrkey 127.0.0.1
	echo other | stage tee /var/lib/lrkey-ftp/file-of-nobody >/dev/null
	printf 'user = "acme:%s"\n' "$KEY" >"$STAGE/config"
	run stage curl --config "$STAGE/config" --silent --noproxy '*' --max-time 20 --ssl-reqd \
		--path-as-is --cacert "/etc/ssl/certs/$HOST.pem" --resolve "$HOST:21:127.0.0.1" \
		"ftp://$HOST/../file-of-nobody"
	rm "$STAGE/config"
	expect_status 78
}

@test "what it uploads belongs to the guest" {
	stage_key --org acme --scope ftp
	echo text >"$STAGE/upload"
	ftp acme "$KEY" --ssl-reqd --upload-file "$STAGE/upload"
	[ "$(stage stat -c '%U %s' /var/lib/lrkey-ftp/acme/upload)" = 'lrkey-ftp 5' ]
}

@test "an organization without a folder is not let in" {
	stage_key --org globex --scope ftp
	stage_log_clear
	run ftp globex "$KEY"
	# The key is a good one; vsftpd breaks the connection off, for it cannot go there.
	expect_status 2
	expect_no_match "$(stage_log)" 'pam_lrkey\('
	stage install -d -o lrkey-ftp -g lrkey-ftp /var/lib/lrkey-ftp/globex
	ftp globex "$KEY"
	[ ! -s "$STAGE/out" ]
}

@test "a key goes over TLS only" {
	stage_key --org acme --scope ftp
	run ftp acme "$KEY" --ftp-pasv
	expect_status 1
	expect_use "$ID" 0 null null
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope ftp
	ftp acme "$KEY"
	run ftp globex "$KEY"
	expect_status 1
	expect_secret_logs
}
