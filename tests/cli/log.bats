#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lrkeyadm log, and the audit log while logrotate is at it.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	ME=$(id -un)
}

# events ARGUMENTS...: one event a line, without who did it
events() {
	adm log --json "$@" | jq -c '.events[] | [.time, .gen, .command, .ids, .org, .reason, .outcome]'
}

# text: the log as it is printed, without who logged in
text() {
	adm log "$@" | sed -E 's/ login [^ ]+//'
}

@test "a month of work is told line by line as it was done" {
	local day=$DAY wanted
	rm -rf "$ROOT"
	mkdir -m 0755 "$ROOT"

	at "$NOON" init >/dev/null
	A=$(at $((NOON + day)) generate --org acme --scope scim --expires 30d 2>/dev/null)
	A=${A:4:12}
	B=$(at $((NOON + 2 * day)) generate --org globex --max-uses 3 2>/dev/null)
	B=${B:4:12}
	at $((NOON + 3 * day)) deactivate "$A" "$B"
	at $((NOON + 4 * day)) deactivate "$A" 2>/dev/null # is so already: no change
	run at $((NOON + 5 * day)) revoke --yes "$UNKNOWN"
	expect_status 66
	at $((NOON + 6 * day)) activate "$A" "$B"
	at $((NOON + 7 * day)) edit "$A" --label changed
	C=$(at $((NOON + 8 * day)) rotate "$A" --overlap 2d 2>/dev/null)
	C=${C:4:12}
	run at $((NOON + 9 * day)) revoke --yes "$B" # the guard
	expect_status 78
	at $((NOON + 10 * day)) revoke --yes --reason usage-limit --force "$B"
	at $((NOON + 11 * day)) rekey >/dev/null
	at $((NOON + 12 * day)) generate --org acme --count 2 2>/dev/null >"$BATS_TEST_TMPDIR/keys"
	mapfile -t D < <(cut -c 5-16 "$BATS_TEST_TMPDIR/keys")
	at $((NOON + 400 * day)) prune

	wanted=$(
		cat <<-EOS
			["2027-01-15T08:00:00Z",0,"init",[],null,null,"done"]
			["2027-01-16T08:00:00Z",1,"generate",["$A"],"acme",null,"done"]
			["2027-01-17T08:00:00Z",2,"generate",["$B"],"globex",null,"done"]
			["2027-01-18T08:00:00Z",3,"deactivate",["$A","$B"],null,null,"done"]
			["2027-01-21T08:00:00Z",4,"activate",["$A","$B"],null,null,"done"]
			["2027-01-22T08:00:00Z",5,"edit",["$A"],"acme","label","done"]
			["2027-01-23T08:00:00Z",6,"rotate",["$A","$C"],"acme",null,"done"]
			["2027-01-25T08:00:00Z",7,"revoke",["$B"],"globex","usage-limit","done"]
			["2027-01-26T08:00:00Z",8,"rekey",[],null,null,"done"]
			["2027-01-27T08:00:00Z",9,"generate",["${D[0]}","${D[1]}"],"acme",null,"done"]
		EOS
	)
	[ "$(events | head -n 10)" = "$wanted" ] || fail "$(events)"
	[ "$(events | tail -n +11 | jq -c '[.[1], .[2], (.[3] | sort), .[6]]')" = \
		"[10,\"prune\",$(jq -nc --arg a "$A" --arg b "$B" '[$a, $b] | sort'),\"done\"]" ] ||
		fail "$(events)"
	[ "$(adm log --json | jq -r '.events[].user' | uniq)" = "$ME" ]
	[ "$(adm log --json | jq -r '.events[].uid' | uniq)" = "$(id -u)" ]
	# Only what became of keys is in the log, and all of that.
	[ "$(adm log | wc -l)" -eq 11 ]
	[ "$(text | head -n 9 | tail -n 5)" = "$(
		cat <<-EOS
			2027-01-21T08:00:00Z gen 4 user $ME activate outcome done ids $A $B
			2027-01-22T08:00:00Z gen 5 user $ME edit org acme reason label outcome done ids $A
			2027-01-23T08:00:00Z gen 6 user $ME rotate org acme outcome done ids $A $C
			2027-01-25T08:00:00Z gen 7 user $ME revoke org globex reason usage-limit outcome done ids $B
			2027-01-26T08:00:00Z gen 8 user $ME rekey outcome done
		EOS
	)" ] || fail "$(text)"

	[ "$(events --id "$B" | jq -c '.[1:3]')" = "$(printf '%s\n' '[2,"generate"]' '[3,"deactivate"]' \
		'[4,"activate"]' '[7,"revoke"]' '[10,"prune"]')" ] || fail "$(events --id "$B")"
	[ "$(events --id "$C" | jq -c '.[2]')" = '"rotate"' ]
	[ -z "$(events --id "$UNKNOWN")" ]
	[ "$(adm log --json --id "$UNKNOWN")" = '{"events":[]}' ]
	[ "$(events --since 2027-01-25 | jq -c '.[1]' | xargs)" = '7 8 9 10' ]
	[ "$(events --since 2027-01-25T08:00:00Z | wc -l)" -eq 4 ]
	[ "$(events --since 2027-01-25T08:00:01Z | wc -l)" -eq 3 ]
	[ "$(events --since 2027-01-23 --id "$B" | jq -c '.[1]' | xargs)" = '7 10' ]
	# A duration counts back.
	[ "$(at $((NOON + 14 * day)) log --json --since 3d | jq -c '.events[].gen' | xargs)" = '8 9 10' ]
	[ "$(at $((NOON + 14 * day)) log --since 100y | wc -l)" -eq 11 ]
}

@test "bad arguments: one line, 64" {
	expect_refused 64 "^lrkeyadm: --id 'abc': not a key id" log --id abc
	expect_refused 64 "^lrkeyadm: --since 'never': not a time: a duration back from now" log --since never
	expect_refused 64 "^lrkeyadm: --since 'yesterday': not a time" log --since yesterday
	expect_refused 64 "^lrkeyadm: argument 'x': too many" log x
	expect_refused 69 '^lrkeyadm: store other: .*does not exist' -s other log
}

@test "a line that was taken back is shown, and so is the one that takes it back" {
	make_key --org acme
	audit | jq -c '.gen = 2 | .command = "revoke" | .reason = "other"' >>"$AUDIT"
	adm activate "$ID" 2>/dev/null
	[ "$(events | jq -c '.[1:3] + .[5:]')" = "$(printf '%s\n' '[0,"init",null,"done"]' \
		'[1,"generate",null,"done"]' '[2,"revoke","other","done"]' \
		'[2,"void","interrupted","void"]')" ]
	expect_match "$(text | tail -n 1)" " gen 2 user $ME void reason interrupted\$"
	# Whoever asks for one key is told as well, and of no other.
	[ "$(events --id "$ID" | jq -c '.[1:3]' | tail -n 2)" = "$(printf '%s\n' '[2,"revoke"]' '[2,"void"]')" ]
	audit 2 | jq -c '.gen = 2 | .ids = ["000000000001"]' >>"$AUDIT"
	adm activate "$ID" 2>/dev/null
	[ "$(audit | jq .gen)" -eq 2 ]
	[ "$(events --id "$ID" | wc -l)" -eq 3 ]
}

@test "a line that is no event is told of and passed over" {
	local line n=2

	make_key --org acme
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$AUDIT"
		n=$((n + 1))
		run --separate-stderr adm log --json
		expect_status 0
		[ "$(jq '.events | length' <<<"$output")" -eq 2 ] || fail "taken for an event: $line"
		expect_match "${stderr_lines[-1]}" "^lrkeyadm: warning: audit log: line $n is .*; passed over\$"
	done < <(
		good=$(head -n 1 "$AUDIT")
		printf '%s\n' 'nonsense' '[]' '"text"' '{}' '{"gen":1}' "${good%\}}" "$good$good"
		jq -c '.gen = "1"' <<<"$good"
		jq -c '.gen = -1' <<<"$good"
		jq -c '.gen = 1.5' <<<"$good"
		jq -c '.ids = ["short"]' <<<"$good"
		jq -c '.ids = {}' <<<"$good"
		jq -c '.time = "90d"' <<<"$good"
		jq -c '.time = "2027-01-15T08:00:00+01:00"' <<<"$good"
		jq -c '.user = null' <<<"$good"
		jq -c '.login = 1' <<<"$good"
		jq -c 'del(.outcome)' <<<"$good"
		printf '%s\n' "${good%\}},\"gen\":7}"
		printf '%s\n' "${good/init/in$'\xff'it}"
	)
	[ "$n" -eq 21 ]
	printf '{"time":"2027' >>"$AUDIT"
	run --separate-stderr adm log
	expect_status 0
	[ "${#lines[@]}" -eq 2 ]
	expect_match "${stderr_lines[-1]}" ': line 22 is cut off; passed over$'
}

@test "an empty line, a NUL, and a line of 300 MB are passed over, in bounded memory" {
	make_key --org acme
	printf '\n\0\n' >>"$AUDIT"
	{
		printf '{"x":"'
		head -c 300000000 /dev/zero | tr '\0' x
		printf '"}\n'
	} >>"$AUDIT"
	last=$(sed -n 2p "$AUDIT" | jq -c '.gen = 9')
	echo "$last" >>"$AUDIT"
	# A sanitizer maps more than any limit.
	limit=600000
	[[ $LRKEY_BUILD != *-address* ]] || limit=unlimited
	run --separate-stderr bash -c 'ulimit -v "$1"; shift; exec "$@"' - "$limit" "$LRKEYADM" --root "$ROOT" log
	expect_status 0
	[ "${#lines[@]}" -eq 3 ]
	[ "${#stderr_lines[@]}" -eq 3 ]
	expect_match "${stderr_lines[2]}" 'line 5 is too long; passed over'
}

@test "what a log holds does not reach the terminal as it is, nor makes a line of its own" {
	make_key --org acme
	audit | jq -c '.user = "e\u001b[31mvil\n2027 gen 1 user root" | .org = "a\u202eb" | .x = 1' >>"$AUDIT"
	run adm log
	[ "${#lines[@]}" -eq 3 ]
	expect_match "${lines[2]}" 'user e\\x1b\[31mvil\\x0a2027 gen 1 user root '
	expect_match "${lines[2]}" 'org a\\xe2\\x80\\xaeb '
	# JSON has ten members, whatever stands there.
	[ "$(adm log --json | jq -c '.events[2] | keys_unsorted')" = \
		'["time","gen","uid","user","login","command","ids","org","reason","outcome"]' ]
}

@test "a damaged or missing key file does not hide who did it; a missing log does" {
	make_key --org acme
	: >"$ROOT/var/lib/lrkey/system/keys/keys.gdbm"
	[ "$(adm log | wc -l)" -eq 2 ]
	rm "$ROOT/var/lib/lrkey/system/keys/keys.gdbm" "$ROOT/etc/lrkey/system/master.key"
	[ "$(adm log | wc -l)" -eq 2 ]
	mv "$AUDIT" "$AUDIT.away"
	expect_refused 69 '^lrkeyadm: audit log: .*audit\.log: does not exist$' log
	ln -s audit.log.away "$AUDIT"
	expect_refused 69 'audit\.log: is a symbolic link' log
}

@test "a full disk is an error, and a broken-off list is no JSON" {
	local status=0

	make_key --org acme
	adm log >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 74 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
	status=0
	adm log --json >/dev/full 2>/dev/null || status=$?
	[ "$status" -eq 74 ]
}

@test "a key of 10,000: all of its ids are shown, in text and JSON" {
	adm generate --org acme --count 10000 2>/dev/null | cut -c 5-16 >"$BATS_TEST_TMPDIR/ids"
	[ "$(adm log --json | jq -r '.events[1].ids[]')" = "$(cat "$BATS_TEST_TMPDIR/ids")" ]
	[ "$(text | sed -n '2s/.* ids //p' | tr ' ' '\n')" = "$(cat "$BATS_TEST_TMPDIR/ids")" ]
}

# rotate_logs: logrotate as it is configured for the machine, on this tree.
rotate_logs() {
	sed "s|^/var/lib/lrkey/|$ROOT/var/lib/lrkey/|" "$LRKEY_SOURCE/etc/logrotate.d/lrkeyadm" \
		>"$BATS_TEST_TMPDIR/logrotate.conf"
	chmod 0644 "$BATS_TEST_TMPDIR/logrotate.conf"
	grep -qF "$ROOT/var/lib/lrkey/*/audit.log {" "$BATS_TEST_TMPDIR/logrotate.conf"
	PATH=$PATH:/usr/sbin logrotate --force --state "$BATS_TEST_TMPDIR/logrotate.state" \
		"$BATS_TEST_TMPDIR/logrotate.conf"
}

@test "logrotate: the log goes on in a new file with the same owner, group and mode" {
	make_key --org acme
	before=$(stat -c '%U %G %a' "$AUDIT")
	old=$(cat "$AUDIT")
	rotate_logs
	[ "$(stat -c '%U %G %a' "$AUDIT")" = "$before" ]
	[ ! -s "$AUDIT" ]
	[ "$(cat "$AUDIT.1")" = "$old" ]
	adm log
	adm deactivate "$ID"
	[ "$(events | jq -c '.[1:3]')" = '[2,"deactivate"]' ]
	rotate_logs
	adm activate "$ID"
	[ "$(events | jq -c '.[1:3]')" = '[3,"activate"]' ]
	# Compressed one rotation later; nothing of it is a stranger to "check".
	[ "$(zcat "$AUDIT.2.gz")" = "$old" ]
	adm check
	adm check --json | jq -e '.findings == []'
}

@test "logrotate: a change under way keeps its line, in the old file" {
	local strace id

	make_key --org acme
	# It stops when it syncs the new key file: the log is open by then, and not written to.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$BATS_TEST_TMPDIR/trace" \
		-e trace=fsync -e inject=fsync:signal=STOP:when=1 \
		"$LRKEYADM" --root "$ROOT" deactivate "$ID" &
	strace=$!
	until grep -qs 'stopped by SIGSTOP' "$BATS_TEST_TMPDIR/trace"; do
		kill -0 "$strace" || fail 'it has ended'
	done
	rotate_logs
	id=$(pgrep -P "$strace")
	kill -CONT "$id"
	wait "$strace"
	[ ! -s "$AUDIT" ]
	[ "$(jq -r .command "$AUDIT.1" | xargs)" = 'init generate deactivate' ]
	adm activate "$ID"
	[ "$(cat "$AUDIT.1" "$AUDIT" | jq -c .gen | xargs)" = '0 1 2 3' ]
	adm check
}
