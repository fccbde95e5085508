# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the tests of servers other than web servers share. Load lib.bash, root/stage.bash,
# life.bash and web.bash before; install_example and certificate are web.bash's.

# daemon_stage [USER...]: a stage with an empty store, which these users may read; once in
# setup_file.
daemon_stage() {
	local user

	stage_open
	stage groupadd --system _lrkeymgr
	stage groupadd --system _lrkey
	for user in "$@"; do
		stage usermod --append --groups _lrkey "$user"
	done
	stage lrkeyadm init >/dev/null
	stage install -d /etc/ssl/certs /etc/ssl/private
}

# await_port PORT: returns when somebody listens there.
await_port() {
	stage perl -MIO::Socket::INET -e '
		my $end = time + 15;
		until (IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])) {
			die "nobody listens on port $ARGV[0]\n" if time > $end;
			select undef, undef, undef, 0.05;
		}
	' "$1" || fail "no server on port $1" "$(stage_log)"
}

# key_file FILE TEXT: a file with it, for a client that reads its password there.
key_file() {
	(umask 077 && printf '%s\n' "$2" >"$1")
}

# expect_use ID USES SERVICE RHOST: what the store counted of the key's successes.
expect_use() {
	local counted

	counted=$(stage lrkeyadm show --json "$1" |
		jq -r '.keys[0] | "\(.uses) \(.last_service) \(.last_rhost)"')
	[ "$counted" = "$2 $3 $4" ] || fail "counted: $counted, not: $2 $3 $4"
}

# expect_items SERVICE ITEMS LOGIN ARGUMENTS...: at this login the server tells PAM these items,
# "rhost=R ruser=R tty=T". The service file has one more line meanwhile.
expect_items() {
	local service=$1 items=$2

	shift 2
	printf '#!/bin/sh\necho "rhost=$PAM_RHOST ruser=$PAM_RUSER tty=$PAM_TTY" >%s\n' \
		"$STAGE/tree/items" | stage tee "$STAGE/tree/say-items" >/dev/null
	stage install -m 0666 /dev/null "$STAGE/tree/items"
	stage chmod 0755 "$STAGE/tree/say-items"
	stage cp "/etc/pam.d/$service" "$STAGE/tree/service"
	printf 'auth optional pam_exec.so quiet %s\n' "$STAGE/tree/say-items" |
		stage tee -a "/etc/pam.d/$service" >/dev/null
	"$@"
	stage cp "$STAGE/tree/service" "/etc/pam.d/$service"
	[ "$(stage cat "$STAGE/tree/items")" = "$items" ] ||
		fail "PAM was told: $(stage cat "$STAGE/tree/items"), not: $items"
}

# ---- The client of sshd ------------------------------------------------------

# ssh_client PORT...: what it needs to know of the servers at these ports, before they start.
ssh_client() {
	local port

	for port in "$@"; do
		printf '[127.0.0.1]:%s ' "$port"
		stage cat /etc/ssh/ssh_host_ed25519_key.pub
	done | sed 's/^\[127.0.0.1\]:22 /127.0.0.1 /' >"$STAGE/known_hosts"
	printf '#!/bin/sh\nexec cat %s/secret\n' "$STAGE" >"$STAGE/askpass"
	chmod 0755 "$STAGE/askpass"
}

# ssh_login PORT METHOD USER KEY [COMMAND]: what it printed is left in $STAGE/out. Status 0 and 1
# as assert_life wants them.
ssh_login() {
	local port=$1 method=$2 user=$3 result=0

	key_file "$STAGE/secret" "$4"
	shift 4
	stage env HOME="$STAGE" SSH_ASKPASS="$STAGE/askpass" SSH_ASKPASS_REQUIRE=force \
		timeout 30 ssh -F /dev/null -p "$port" -l "$user" -o NumberOfPasswordPrompts=1 \
		-o PreferredAuthentications="$method" -o StrictHostKeyChecking=yes \
		-o UserKnownHostsFile="$STAGE/known_hosts" \
		127.0.0.1 "${1-true}" >"$STAGE/out" 2>"$STAGE/err" </dev/null || result=$?
	rm -f "$STAGE/secret"
	if [ "$result" -eq 255 ] && grep -q 'Permission denied (' "$STAGE/err"; then
		return 1
	fi
	[ "$result" -eq 0 ] || { echo "ssh: $result: $(cat "$STAGE/err")" >&2; return 2; }
}
