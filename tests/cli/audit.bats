#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The audit log, and its copy in the system log.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	LOG=$BATS_TEST_TMPDIR/syslog
}

@test "each change is one line that says who did what" {
	local login=null

	at "$NOON" generate --org acme --count 2 >"$BATS_TEST_TMPDIR/keys"
	mapfile -t keys < <(cut -c 5-16 "$BATS_TEST_TMPDIR/keys")
	read -r uid </proc/self/loginuid || uid=4294967295
	[ "$uid" = 4294967295 ] || login=$(getent passwd "$uid" | cut -d: -f1 | jq -R .)
	at $((NOON + 1)) deactivate "${keys[1]}"
	at $((NOON + 2)) activate "${keys[1]}"
	at $((NOON + 3)) revoke --yes --force --reason obsolete "${keys[@]}"
	[ "$(tail -n 4 "$AUDIT")" = "$(
		who="\"uid\":$(id -u),\"user\":\"$(id -un)\",\"login\":$login"
		cat <<-EOS
			{"time":"2027-01-15T08:00:00Z","gen":1,$who,"command":"generate","ids":["${keys[0]}","${keys[1]}"],"org":"acme","reason":null,"outcome":"done"}
			{"time":"2027-01-15T08:00:01Z","gen":2,$who,"command":"deactivate","ids":["${keys[1]}"],"org":"acme","reason":null,"outcome":"done"}
			{"time":"2027-01-15T08:00:02Z","gen":3,$who,"command":"activate","ids":["${keys[1]}"],"org":"acme","reason":null,"outcome":"done"}
			{"time":"2027-01-15T08:00:03Z","gen":4,$who,"command":"revoke","ids":["${keys[0]}","${keys[1]}"],"org":"acme","reason":"obsolete","outcome":"done"}
		EOS
	)" ] || fail "$(cat "$AUDIT")"
}

@test "keys of several organizations: org is null" {
	make_key --org acme
	A=$ID
	make_key --org globex
	adm deactivate "$A" "$ID"
	[ "$(audit | jq -c .org)" = null ]
}

@test "what reads, or is refused, writes no line" {
	make_key --org acme
	count=$(wc -l <"$AUDIT")
	adm list
	adm show "$ID"
	adm
	adm verify <<<"$KEY"
	run adm revoke --yes "$ID"
	expect_status 78
	run adm deactivate "$UNKNOWN"
	expect_status 66
	[ "$(wc -l <"$AUDIT")" -eq "$count" ]
}

@test "a torn last line is ended, and taken back; the next one stands on its own" {
	local torn

	make_key --org acme
	# Torn before its generation, and behind it.
	for torn in '{"ti' '{"time":"2027-01-15T08:00:00Z","gen":3,"uid":0,"us'; do
		count=$(wc -l <"$AUDIT")
		printf %s "$torn" >>"$AUDIT"
		make_key --org acme
		[ "$(tail -n +$((count + 1)) "$AUDIT" | head -n 1)" = "$torn" ]
		[ "$(audit 2 | jq -c '[.gen, .command, .ids, .org, .reason, .outcome]')" = \
			"[$(generation),\"void\",[],null,\"interrupted\",\"void\"]" ]
		[ "$(audit | jq -c '[.gen, .command, .ids[0]]')" = "[$(generation),\"generate\",\"$ID\"]" ]
		[ "$(wc -l <"$AUDIT")" -eq $((count + 3)) ]
	done
}

@test "a line whose change never became current is taken back, once" {
	make_key --org acme
	next=$(($(generation) + 1))
	audit | jq -c ".gen = $next | .command = \"revoke\"" >>"$AUDIT"
	# Also by a change that turns out to be none.
	adm activate "$ID"
	[ "$(audit | jq -c '[.gen, .command, .outcome]')" = "[$next,\"void\",\"void\"]" ]
	count=$(wc -l <"$AUDIT")
	adm activate "$ID"
	[ "$(wc -l <"$AUDIT")" -eq "$count" ]
	adm deactivate "$ID"
	[ "$(wc -l <"$AUDIT")" -eq $((count + 1)) ]
	[ "$(audit | jq -c '[.gen, .command]')" = "[$next,\"deactivate\"]" ]
}

@test "a line whose change never became current is taken back, also when the log was rotated since" {
	make_key --org acme
	next=$(($(generation) + 1))
	audit | jq -c ".gen = $next | .command = \"revoke\"" >>"$AUDIT"
	mv "$AUDIT" "$AUDIT.1"
	install -m 0660 /dev/null "$AUDIT"
	adm deactivate "$ID"
	[ "$(wc -l <"$AUDIT")" -eq 2 ]
	[ "$(audit 2 | jq -c '[.gen, .command, .outcome]')" = "[$next,\"void\",\"void\"]" ]
	[ "$(audit | jq -c '[.gen, .command]')" = "[$next,\"deactivate\"]" ]
}

@test "lines of others do not confuse it: a rotated log, a long line, a newer one, nonsense" {
	make_key --org acme
	: >"$AUDIT"
	adm deactivate "$ID"
	[ "$(wc -l <"$AUDIT")" -eq 1 ]
	for line in nonsense '{}' '{"gen":99}' '{"time":"x","gen":99999999999999999999999,"uid":0}' \
		"{\"time\":\"x\",\"gen\":1,\"uid\":0,\"ids\":[\"$(printf 'x%.0s' {1..20000})\"]}" ''; do
		count=$(wc -l <"$AUDIT")
		printf '%s\n' "$line" >>"$AUDIT"
		adm activate "$ID"
		adm deactivate "$ID"
		[ "$(wc -l <"$AUDIT")" -eq $((count + 3)) ] || fail "$line" "$(tail -n 4 "$AUDIT")"
	done
	# A long line of the next change is found, and taken back.
	printf '{"time":"x","gen":%d,"uid":0,"user":"u","login":null,"command":"generate","ids":["%s"]}\n' \
		$(($(generation) + 1)) "$(printf 'x%.0s' {1..20000})" >>"$AUDIT"
	adm activate "$ID"
	[ "$(audit 2 | jq -r .command)" = void ]
}

@test "without an audit log nothing is changed" {
	make_key --org acme
	mv "$AUDIT" "$AUDIT.away"
	expect_refused 69 '^lrkeyadm: audit log: .*audit\.log: does not exist$' deactivate "$ID"
	ln -s audit.log.away "$AUDIT"
	expect_refused 69 'audit\.log: is a symbolic link' deactivate "$ID"
	rm "$AUDIT"
	mkdir "$AUDIT"
	expect_refused 69 'audit\.log: is not a regular file' deactivate "$ID"
	rmdir "$AUDIT"
	mkfifo "$AUDIT"
	run timeout 20 "$LRKEYADM" --root "$ROOT" deactivate "$ID"
	expect_status 69
	[ "$(field "$ID" state)" = '"active"' ]
}

# broken CALL ARGUMENTS...: lrkeyadm where this system call fails with EIO
broken() {
	local call=$1

	shift
	# The leak checker of a sanitized build does not run below strace.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$BATS_TEST_TMPDIR/trace" \
		-e "inject=$call:error=EIO" "$LRKEYADM" --root "$ROOT" "$@"
}

@test "a change whose rename fails: 74, its line is taken back, its output removed" {
	make_key --org acme
	before=$(generation)
	run --separate-stderr broken '/^rename' generate --org acme --output "$BATS_TEST_TMPDIR/out"
	expect_status 74
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
	[ "$(generation)" -eq "$before" ]
	[ "$(audit 2 | jq -c '[.gen, .command, .outcome]')" = "[$((before + 1)),\"generate\",\"done\"]" ]
	[ "$(audit | jq -c '[.gen, .command, .reason, .outcome]')" = \
		"[$((before + 1)),\"void\",\"failed\",\"void\"]" ]
	[ "$(ids)" = "$ID" ]
	[ "$(ls "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
}

@test "an audit line that cannot be synced: 74, and nothing is changed" {
	make_key --org acme
	before=$(generation)
	run --separate-stderr broken fsync,fdatasync deactivate "$ID"
	expect_status 74
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(generation)" -eq "$before" ]
	[ "$(field "$ID" state)" = '"active"' ]
}

@test "syslog has a copy of every change, in authpriv" {
	logged "$LOG" generate --org acme >"$BATS_TEST_TMPDIR/key"
	id=$(cut -c 5-16 "$BATS_TEST_TMPDIR/key")
	logged "$LOG" revoke --yes --force --reason misused "$id"
	who="uid $(id -u) user $(id -un) login [^ ]+"
	mapfile -t lines <"$LOG"
	[ "${#lines[@]}" -eq 2 ]
	expect_match "${lines[0]}" "^<85>generate: store system gen 1 $who org acme reason - outcome done ids $id\$"
	expect_match "${lines[1]}" "^<85>revoke: store system gen 2 $who org acme reason misused outcome done ids $id\$"
}

@test "syslog: every id of a large change, in lines that no daemon cuts" {
	logged "$LOG" generate --org acme --count 200 >"$BATS_TEST_TMPDIR/keys"
	[ "$(grep -oE ' ids .*' "$LOG" | tr ' ' '\n' | grep -E '^.{12}$' | sort)" = \
		"$(cut -c 5-16 "$BATS_TEST_TMPDIR/keys" | sort)" ]
	[ "$(awk '{ if (length > n) n = length } END { print n }' "$LOG")" -lt 900 ]
}

@test "refused changes are told to syslog only; slips of the keyboard and a no are not" {
	make_key --org acme
	run logged "$LOG" revoke --yes "$ID"
	expect_status 78
	run logged "$LOG" deactivate "$UNKNOWN"
	expect_status 66
	mapfile -t lines <"$LOG"
	[ "${#lines[@]}" -eq 2 ]
	expect_match "${lines[0]}" "^<84>refused: command revoke store system uid $(id -u) user $(id -un) login [^ ]+ why $ID: organization acme would be left"
	expect_match "${lines[1]}" "^<84>refused: command deactivate .* why $UNKNOWN: no such key"
	run logged "$LOG" generate --org 'a b'
	expect_status 64
	run logged "$LOG" show "$UNKNOWN"
	expect_status 66
	run logged "$LOG" verify </dev/null
	expect_status 1
	[ "$(wc -l <"$LOG")" -eq 2 ]
}

@test "syslog hears of a change before it is current: nobody ends himself in between" {
	make_key --org acme
	run env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" \
		strace -o "$BATS_TEST_TMPDIR/trace" -e 'inject=/^rename:error=EIO' \
		-E "LRKEY_TEST_SYSLOG=$LOG" -E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/syslog.so" \
		"$LRKEYADM" --root "$ROOT" deactivate "$ID"
	expect_status 74
	[ "$(state_of "$ID")" = active ]
	[ "$(grep -o '^<[0-9]*>[a-z]*' "$LOG" | head -n 2 | xargs)" = '<85>deactivate <85>void' ] ||
		fail "$(cat "$LOG")"
}

@test "a void line is told to syslog too" {
	make_key --org acme
	audit | jq -c ".gen = $(($(generation) + 1))" >>"$AUDIT"
	logged "$LOG" activate "$ID"
	expect_match "$(cat "$LOG")" '^<85>void: store system gen 2 .* reason interrupted outcome void$'
}
