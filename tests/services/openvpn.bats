#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# OpenVPN with its PAM plug-in: a server, and clients that bring keys through a real tunnel's
# handshake on loopback.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

HOST=vpn.example.org

setup_file() {
	daemon_stage
	install_example pam.d/openvpn-lrkey /etc/pam.d
	install_example openvpn/server.conf /etc/openvpn/server lrkey.conf
	certificate "$HOST"
	stage mkdir /dev/net
	stage mknod -m 0666 /dev/net/tun c 10 200
	serve /etc/openvpn/server/lrkey.conf "$STAGE/server.log"
}

teardown_file() {
	stage_close
}

# await_line TEXT FILE: returns when the file, which is a server's or a client's log, holds it.
await_line() {
	# shellcheck disable=SC2016 # for the shell on the stage
	stage timeout 20 sh -c 'until grep -q "$1" "$2"; do sleep 0.05; done' sh "$@" ||
		fail "not said: $1" "$(cat "$2")"
}

# serve FILE LOG: a server, which takes clients when this returns.
serve() {
	stage openvpn --config "$1" --daemon --log "$2"
	await_line 'Initialization Sequence Completed' "$2"
}

# vpn USER KEY [OPTION...]: a client, until the server has said yes or no.
vpn() {
	local user=$1 result=0

	key_file "$STAGE/secret" "$user"$'\n'"$2"
	shift 2
	stage perl -e '
		alarm 30;
		$SIG{ALRM} = sub { kill KILL => $client; die "no answer in time\n" };
		$client = open my $out, "-|", @ARGV or die "openvpn: $!\n";
		my $result = 2;
		while (<$out>) {
			$result = 0 if /Initialization Sequence Completed/;
			$result = 1 if /AUTH_FAILED/;
			last if $result != 2;
			print STDERR;
		}
		kill TERM => $client;
		waitpid $client, 0;
		exit $result;
	' openvpn --client --dev tun --proto udp --remote 127.0.0.1 1194 --lport 0 \
		--ca "/etc/ssl/certs/$HOST.pem" --verify-x509-name "$HOST" name \
		--ifconfig-noexec --route-noexec --connect-retry-max 1 --auth-retry none \
		--auth-user-pass "$STAGE/secret" "$@" >"$STAGE/out" 2>&1 || result=$?
	rm -f "$STAGE/secret"
	[ "$result" -lt 2 ] || cat "$STAGE/out" >&2
	return "$result"
}

@test "the life of a key" {
	assert_life vpn vpn 127.0.0.1
}

@test "the organization need not be a user of the machine, and the client's address is counted" {
	run stage getent passwd acme
	expect_status 2
	stage_key --org acme --scope vpn
	vpn acme "$KEY"
	expect_use "$ID" 1 openvpn-lrkey 127.0.0.1
	vpn acme "$KEY" --local 127.0.0.7
	expect_use "$ID" 2 openvpn-lrkey 127.0.0.7
}

@test "the tunnel is a real one, and the server no longer root" {
	expect_match "$(cat "$STAGE/server.log")" 'TUN/TAP device tun0 opened'
	expect_match "$(cat "$STAGE/server.log")" 'UID set to nobody'
}

# hold KEY PORT: a client that stays in its tunnel, and asks no longer once it is refused.
hold() {
	key_file "$STAGE/held" acme$'\n'"$1"
	stage openvpn --client --dev tun --proto udp --remote 127.0.0.1 "$2" --nobind \
		--ca "/etc/ssl/certs/$HOST.pem" --verify-x509-name "$HOST" name --ifconfig-noexec \
		--route-noexec --auth-retry none --auth-user-pass "$STAGE/held" \
		--daemon --log "$STAGE/held.log"
	await_line 'Initialization Sequence Completed' "$STAGE/held.log"
}

# serve_often PORT NETWORK: a server that asks for the keys of open tunnels after two seconds.
serve_often() {
	sed -e "s/^port 1194/port $1/" -e 's/^reneg-sec 3600/reneg-sec 2/' -e "s/10\.8\.0\.0/$2/" \
		"$LRKEY_SOURCE/etc/openvpn/server.conf" |
		stage tee "/etc/openvpn/server/$1.conf" >/dev/null
	serve "/etc/openvpn/server/$1.conf" "$STAGE/$1.log"
}

@test "an open tunnel ends when it asks again and its key was revoked" {
	serve_often 1195 10.9.0.0
	stage_key --org acme --scope vpn
	hold "$KEY" 1195
	stage lrkeyadm revoke --yes --reason compromised "$ID"
	await_line AUTH_FAILED "$STAGE/held.log"
}

@test "an open tunnel ends when it asks again and its key is used up" {
	serve_often 1196 10.10.0.0
	stage_key --org acme --scope vpn --max-uses 1
	hold "$KEY" 1196
	await_line AUTH_FAILED "$STAGE/held.log"
	expect_use "$ID" 1 openvpn-lrkey 127.0.0.1
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope vpn
	vpn acme "$KEY"
	run vpn globex "$KEY"
	expect_status 1
	expect_secret_logs "$STAGE/server.log" "$STAGE/out"
}
