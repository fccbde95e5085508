#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Dovecot: keys as passwords for IMAP, over TLS.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

HOST=mail.example.org

setup_file() {
	daemon_stage
	stage useradd --system --user-group --no-create-home --home-dir /var/lib/vmail vmail
	stage install -d -o vmail -g vmail /var/lib/vmail
	stage install -d /var/lib/dovecot /run/dovecot
	install_example pam.d/dovecot-lrkey /etc/pam.d
	install_example dovecot/auth-lrkey.conf.ext /etc/dovecot/conf.d
	stage sed -i 's/^!include auth-system.conf.ext/!include auth-lrkey.conf.ext/' \
		/etc/dovecot/conf.d/10-auth.conf
	# Where Debian's configuration looks for them.
	certificate "$HOST"
	stage install -D -m 0644 "/etc/ssl/certs/$HOST.pem" /etc/dovecot/private/dovecot.pem
	stage install -D -m 0600 "/etc/ssl/private/$HOST.key" /etc/dovecot/private/dovecot.key
	# Not of the example: what a mail server has besides, and no waiting for those who
	# try wrong keys.
	stage tee /etc/dovecot/local.conf >/dev/null <<-EOS
		mail_location = maildir:~/Maildir
		auth_failure_delay = 0
		service anvil {
			unix_listener anvil-auth-penalty {
				mode = 0
			}
		}
	EOS
	stage dovecot 2>"$STAGE/start" || fail 'Dovecot did not start:' "$(cat "$STAGE/start")"
	await_port 993
}

teardown_file() {
	stage_close
}

# imap USER KEY [OPTION...]: a login over TLS, and the list of folders.
imap() {
	local user=$1 key=$2 result=0

	shift 2
	printf 'user = "%s:%s"\n' "$user" "$key" |
		stage curl --config - --silent --show-error --noproxy '*' --max-time 20 \
			--cacert "/etc/ssl/certs/$HOST.pem" --resolve "$HOST:993:127.0.0.1" \
			--output "$STAGE/out" "$@" "imaps://$HOST/" 2>"$STAGE/err" || result=$?
	case $result in
	0) return 0 ;;
	67) return 1 ;;	# CURLE_LOGIN_DENIED
	*) echo "curl: $result: $(cat "$STAGE/err")" >&2; return 2 ;;
	esac
}

@test "IMAP: the life of a key" {
	assert_life imap imap 127.0.0.1
}

@test "both mechanisms; the client's address is counted, not the server's" {
	stage_key --org acme --scope imap
	imap acme "$KEY" --login-options AUTH=PLAIN --interface 127.0.0.7
	expect_use "$ID" 1 dovecot-lrkey 127.0.0.7
	expect_items dovecot-lrkey 'rhost=127.0.0.1 ruser=acme tty=dovecot' \
		imap acme "$KEY" --login-options AUTH=LOGIN
	expect_use "$ID" 2 dovecot-lrkey 127.0.0.1
	stage_key --org acme --scope imap --allow-from 127.0.0.7
	imap acme "$KEY" --interface 127.0.0.7
	stage_log_clear
	run imap acme "$KEY"
	expect_status 1
	expect_match "$(stage_log)" "denied: key $ID org acme: address 127.0.0.1 rhost 127.0.0.1"
}

@test "without an address: doveadm, and a key with allowed ones never works" {
	stage_key --org acme --scope imap
	expect_items dovecot-lrkey 'rhost= ruser=acme tty=dovecot' doveadm_test acme "$KEY"
	expect_use "$ID" 1 dovecot-lrkey null
	stage_key --org acme --scope imap --allow-from 0.0.0.0/0,::/0
	stage_log_clear
	run doveadm_test acme "$KEY"
	expect_status 77
	expect_match "$(stage_log)" "denied: key $ID org acme: address"
}

# doveadm_test USER KEY: it asks for the password at its terminal.
doveadm_test() {
	key_file "$STAGE/secret" "$2"
	stage test -e /dev/ptmx || {
		stage mkdir /dev/pts
		stage mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
		stage ln -s pts/ptmx /dev/ptmx
	}
	cat >"$STAGE/doveadm" <<-'EOS'
		log_user 0
		set timeout 20
		lassign $argv user file
		set channel [open $file]
		gets $channel key
		spawn -noecho doveadm auth test -x service=imap $user
		expect {
			"Password:" {}
			timeout { exit 98 }
			eof { exit 99 }
		}
		# What comes before it has switched the echo off is thrown away.
		set end [expr [clock seconds] + 10]
		while {[string match "* echo *" [exec stty -a <$spawn_out(slave,name)]]} {
			if {[clock seconds] > $end} { exit 97 }
			after 20
		}
		send -- "$key\r"
		expect {
			eof {}
			timeout { exit 96 }
		}
		exit [lindex [wait] 3]
	EOS
	stage timeout 60 expect -f "$STAGE/doveadm" "$1" "$STAGE/secret"
}

@test "the organization need not be a user of the machine, and may have capitals" {
	local org

	for org in acme Acme.Example-2; do
		run stage getent passwd "$org"
		expect_status 2
		stage_key --org "$org" --scope imap
		imap "$org" "$KEY"
		[ "$(stage stat -c %U "/var/lib/vmail/$org/Maildir")" = vmail ]
		stage_key --org "${org^^}" --scope imap
		run imap "$org" "$KEY"
		expect_status 1
	done
}

@test "who checks the keys is not root" {
	local worker

	stage_key --org acme --scope imap
	imap acme "$KEY"
	worker=$(stage pgrep -f '^dovecot/auth -w')
	[ "$(stage ps -o user= -p "$worker")" = dovecot ] || fail "$(stage ps -fp "$worker")"
}

# cache on|off: as another file would set it, or as the example does; Dovecot knows when this
# returns.
cache() {
	if [ "$1" = on ]; then
		stage sed -i -e 's/^auth_cache_size = 0$/auth_cache_size = 1M/' \
			-e 's/ max_requests=0 / max_requests=0 cache_key=%u%s /' "$EXAMPLE"
	else
		install_example dovecot/auth-lrkey.conf.ext "${EXAMPLE%/*}"
	fi
	stage doveadm stop
	stage timeout 10 sh -c 'while test -e /run/dovecot/master.pid; do sleep 0.05; done'
	stage dovecot
	await_port 993
}

@test "why its cache is off: with it a revoked key is let in" {
	EXAMPLE=/etc/dovecot/conf.d/auth-lrkey.conf.ext

	stage_key --org acme --scope imap
	cache on
	imap acme "$KEY"
	stage lrkeyadm revoke --yes --reason compromised "$ID"
	imap acme "$KEY"
	cache off
	run imap acme "$KEY"
	expect_status 1
}

@test "a key goes over TLS only" {
	local result=0

	stage_key --org acme --scope imap
	# From the address that it listens on it would let plain text pass.
	printf 'user = "acme:%s"\n' "$KEY" | stage curl --config - --silent --noproxy '*' \
		--max-time 20 --interface 127.0.0.7 --output /dev/null imap://127.0.0.1/ || result=$?
	[ "$result" -eq 67 ] || fail "curl: $result"
	expect_use "$ID" 0 null null
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope imap
	imap acme "$KEY"
	run imap globex "$KEY"
	expect_status 1
	expect_secret_logs
}
