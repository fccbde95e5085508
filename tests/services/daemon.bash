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
