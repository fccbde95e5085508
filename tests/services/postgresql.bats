#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PostgreSQL and psql: keys as the passwords of roles.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

PROGRAMS=/usr/lib/postgresql/15/bin
CLUSTER=/var/lib/postgresql/15/main

setup_file() {
	daemon_stage postgres
	install_example pam.d/postgresql-lrkey /etc/pam.d
	certificate db.example.org
	stage chown postgres /etc/ssl/private/db.example.org.key
	stage install -d -o postgres -g postgres /run/postgresql /var/lib/postgresql/15
	as postgres "$PROGRAMS/initdb" --no-sync --auth=peer -D "$CLUSTER" >"$STAGE/initdb"
	# Above those of initdb, as the example says.
	stage sh -c "cat '$LRKEY_SOURCE/etc/postgresql/pg_hba.conf' '$CLUSTER/pg_hba.conf' \
		>'$STAGE/tree/pg_hba.conf'"
	stage tee -a "$CLUSTER/postgresql.conf" >/dev/null <<-EOS
		hba_file = '$STAGE/tree/pg_hba.conf'
		unix_socket_directories = '/run/postgresql'
		ssl = on
		ssl_cert_file = '/etc/ssl/certs/db.example.org.pem'
		ssl_key_file = '/etc/ssl/private/db.example.org.key'
		fsync = off
		log_connections = on
	EOS
	as postgres "$PROGRAMS/pg_ctl" --pgdata="$CLUSTER" --log="$CLUSTER/log" --wait start \
		>"$STAGE/start" || fail "$(cat "$STAGE/start")" "$(stage cat "$CLUSTER/log")"
	as postgres psql --quiet --dbname=postgres <<-'EOS'
		CREATE ROLE lrkey_clients;
		CREATE ROLE acme LOGIN;
		GRANT lrkey_clients TO acme;
		CREATE ROLE plain LOGIN;
	EOS
}

teardown_file() {
	stage_close
}

# connect HOST USER KEY [SETTING]: what psql printed is left in $STAGE/out and $STAGE/err.
connect() {
	local host=$1 user=$2 result=0

	key_file "$STAGE/secret" "*:*:*:*:$3"
	shift 3
	stage timeout 30 psql --no-psqlrc --no-password --tuples-only --no-align \
		--dbname="host=$host user=$user dbname=postgres passfile=$STAGE/secret ${1-sslmode=require}" \
		--command='SELECT current_user' >"$STAGE/out" 2>"$STAGE/err" </dev/null || result=$?
	rm -f "$STAGE/secret"
	if [ "$result" -eq 2 ] && grep -q 'FATAL:  PAM authentication failed for user' "$STAGE/err"
	then
		return 1
	fi
	[ "$result" -eq 0 ] || { echo "psql: $result: $(cat "$STAGE/err")" >&2; return 2; }
	[ "$(cat "$STAGE/out")" = "$user" ] || { cat "$STAGE/out" >&2; return 2; }
}

login() {
	connect 127.0.0.1 "$@"
}

@test "the life of a key" {
	assert_life login postgresql 127.0.0.1
}

@test "the service, and the client's address as a number, are counted" {
	stage_key --org acme --scope postgresql
	login acme "$KEY"
	expect_use "$ID" 1 postgresql-lrkey 127.0.0.1
}

@test "a role that may not log in, or does not exist, is not let in, whatever its key" {
	stage_key --org lrkey_clients --scope postgresql
	# Such a role is asked for its key first.
	run login lrkey_clients "$KEY"
	expect_status 2
	expect_match "$(cat "$STAGE/err")" 'role "lrkey_clients" is not permitted to log in'
	stage_key --org nobody_here --scope postgresql
	run login nobody_here "$KEY"
	expect_status 2
	expect_match "$(cat "$STAGE/err")" 'FATAL'
	expect_use "$ID" 0 null null
}

@test "a key goes over TLS only, and these roles come in with a key only" {
	stage_key --org acme --scope postgresql
	run connect 127.0.0.1 acme "$KEY" sslmode=disable
	expect_status 2
	expect_match "$(cat "$STAGE/err")" 'pg_hba.conf rejects connection'
	run connect /run/postgresql acme "$KEY"
	expect_status 2
	expect_match "$(cat "$STAGE/err")" 'pg_hba.conf rejects connection'
	expect_use "$ID" 0 null null
	# Those of others are as they were.
	stage_key --org plain --scope postgresql
	run login plain "$KEY"
	expect_status 2
	expect_use "$ID" 0 null null
	as postgres psql --dbname=postgres --command='SELECT 1' >/dev/null
}

@test "a client that sends no password uses nothing up" {
	local result=0

	stage_key --org acme --scope postgresql --max-uses 1
	stage timeout 30 psql --no-psqlrc --no-password \
		--dbname="host=127.0.0.1 user=acme dbname=postgres sslmode=require" \
		--command='SELECT 1' >/dev/null 2>"$STAGE/err" </dev/null || result=$?
	[ "$result" -eq 2 ]
	expect_match "$(cat "$STAGE/err")" 'no password supplied'
	login acme "$KEY"
	run login acme "$KEY"
	expect_status 1
}

@test "a server that is not in the verifier group: refused, and an alarm that says so" {
	stage_key --org acme --scope postgresql
	# A server has the groups that its user had when it started.
	stage gpasswd --delete postgres _lrkey >/dev/null
	as postgres "$PROGRAMS/pg_ctl" --pgdata="$CLUSTER" --log="$CLUSTER/log" --wait \
		--mode=fast restart >/dev/null
	stage_log_clear
	run login acme "$KEY"
	expect_status 1
	expect_match "$(stage_log)" 'store system unavailable: .*: permission denied: '
	expect_match "$(stage_log)" "uid $(stage id -u postgres) is not in group _lrkey"
	stage usermod --append --groups _lrkey postgres
	as postgres "$PROGRAMS/pg_ctl" --pgdata="$CLUSTER" --log="$CLUSTER/log" --wait \
		--mode=fast restart >/dev/null
	login acme "$KEY"
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope postgresql
	login acme "$KEY"
	stage_key --org globex --scope postgresql
	run login acme "$KEY"
	expect_status 1
	expect_secret_logs "$CLUSTER/log"
}
