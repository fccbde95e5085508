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

# serve FILE LOG [OPTION...]: a server, which takes clients when this returns.
serve() {
	local file=$1 log=$2

	shift 2
	stage openvpn --config "$file" --daemon --log "$log" "$@"
	stage timeout 15 sh -c '
		until grep -q "Initialization Sequence Completed" "$1"; do sleep 0.05; done
	' sh "$log" || fail 'OpenVPN did not start:' "$(cat "$log")"
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
	' openvpn --client --dev tun --proto udp --remote 127.0.0.1 1194 --nobind \
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
	vpn acme "$KEY" --local 127.0.0.7 --bind
	expect_use "$ID" 2 openvpn-lrkey 127.0.0.7
}

@test "the tunnel is a real one, and the server no longer root" {
	stage test -e /sys/class/net/lo
	expect_match "$(cat "$STAGE/server.log")" 'TUN/TAP device tun0 opened'
	expect_match "$(cat "$STAGE/server.log")" 'UID set to nobody'
}

# hold KEY LOG: a client of the second server that stays, until it is told to go.
hold() {
	key_file "$STAGE/held" acme$'\n'"$1"
	stage timeout --kill-after=5 60 openvpn --client --dev tun --proto udp --remote 127.0.0.1 1195 --nobind \
		--ca "/etc/ssl/certs/$HOST.pem" --verify-x509-name "$HOST" name --ifconfig-noexec \
		--route-noexec --auth-retry none --auth-user-pass "$STAGE/held" \
		--daemon --log "$2" --writepid "$STAGE/tree/held.pid"
	stage timeout 15 sh -c '
		until grep -q "Initialization Sequence Completed" "$1"; do sleep 0.05; done
	' sh "$2" || fail "$(cat "$2")"
}

@test "an open tunnel ends at the next question after its key was revoked" {
	sed -e 's/^port 1194/port 1195/' -e 's/^reneg-sec 3600/reneg-sec 3/' \
		-e 's/10\.8\.0\.0/10.9.0.0/' "$LRKEY_SOURCE/etc/openvpn/server.conf" |
		stage tee /etc/openvpn/server/often.conf >/dev/null
	serve /etc/openvpn/server/often.conf "$STAGE/often.log"
	stage_key --org acme --scope vpn
	hold "$KEY" "$STAGE/held.log"
	stage lrkeyadm revoke --yes --reason compromised "$ID"
	stage timeout 30 sh -c 'until grep -q AUTH_FAILED "$1"; do sleep 0.05; done' sh \
		"$STAGE/held.log" || fail "$(cat "$STAGE/held.log")" "$(cat "$STAGE/often.log")"
}
