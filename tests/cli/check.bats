#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lrkeyadm check: each thing that it looks for, made on purpose.
# shellcheck disable=SC2153,SC2154 # make_key sets KEY; run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

ETC=$ROOT/etc/lrkey/system
VAR=$ROOT/var/lib/lrkey/system
KEYFILE=$VAR/keys/keys.gdbm

setup() {
	make_store
	make_key --org acme
	A=$ID AKEY=$KEY
	make_key --org acme
	B=$ID
}

spoil() {
	"$LRKEY_BUILD/tests/inject/spoil" "$ROOT" "$@"
}

# finds SEVERITY EXPRESSION...: "check" ends with 1 and finds as many things as there are pairs, each
# of them in its line; the same in JSON; and it changes nothing.
finds() {
	local before count=$(($# / 2)) line

	before=$(store_sum)
	run --separate-stderr adm check
	expect_status 1
	[ -z "$stderr" ] || fail "standard error: $stderr"
	[ "${#lines[@]}" -eq "$count" ] || fail "not $count findings:" "$output"
	while [ $# -gt 0 ]; do
		grep -qE "^$1: .*$2" <<<"$output" || fail "not found: $1: $2" "$output"
		shift 2
	done
	# Each says behind a semicolon what mends it.
	for line in "${lines[@]}"; do
		expect_match "$line" '^(error|warning): [^:]+: .+; .'
	done
	text=$output
	run adm check --json
	expect_status 1
	[ "$(jq -r '.findings[] | .severity + ": " + .what + ": " + .why' <<<"$output")" = "$text" ] ||
		fail "JSON differs: $output"
	[ "$(store_sum)" = "$before" ] || fail 'check has changed the store'
}

finds_nothing() {
	run --separate-stderr adm check
	expect_status 0
	expect_match "$output" '^Store system: nothing found; [0-9]+ entries, generation [0-9]+$'
	[ "$(adm check --json)" = '{"findings":[]}' ]
}

@test "a store as lrkeyadm makes it: nothing, whatever was done with it" {
	finds_nothing
	adm deactivate "$A"
	make_key --org acme --max-uses 3 --label limited
	adm edit "$ID" --max-uses 5
	adm rotate "$B" 2>/dev/null
	adm revoke --yes --force "$B"
	adm rekey
	adm generate --org acme --count 300 >/dev/null 2>&1
	mkdir -p "$ETC/policy.conf.d"
	echo 'max-expiry=1y' >"$ETC/policy.conf"
	echo 'max-expiry=2y' >"$ETC/policy.conf.d/x.conf"
	finds_nothing
	for generation in 1 2; do
		mv "$AUDIT" "$AUDIT.$generation"
		install -m 0660 /dev/null "$AUDIT"
	done
	finds_nothing
}

@test "modes of every file and directory" {
	local path mode

	while read -r path mode; do
		right=$(stat -c %a "$ROOT/$path")
		chmod "$mode" "$ROOT/$path"
		finds error "has mode 0*$mode, not 0*$right; chmod 0*$right .*$path\$"
		chmod "0$right" "$ROOT/$path"
	done <<-EOS
		etc/lrkey 0711
		var/lib/lrkey 0700
		etc/lrkey/system 0755
		etc/lrkey/system/master.key 0600
		var/lib/lrkey/system 0755
		var/lib/lrkey/system/keys 2755
		var/lib/lrkey/system/keys/keys.gdbm 0640
		var/lib/lrkey/system/lock 0666
		var/lib/lrkey/system/usage 0640
		var/lib/lrkey/system/audit.log 0644
	EOS
	finds_nothing
	chmod g+w "$ROOT/var"
	finds error 'is writable by others than its owner \(mode 0775\); chmod go-w .*/var$'
	chmod g-w "$ROOT/var"
	chmod 0777 "$ROOT"
	finds error 'is writable by others than its owner \(mode 0777\)'
	chmod 1777 "$ROOT"
	finds_nothing
	# A directory that lrkeyadm refuses does not hide what lies in it.
	chmod 0777 "$VAR"
	rm "$VAR/lock"
	finds error 'has mode 0777, not 0750' error 'lock: does not exist'
}

@test "files that are missing, of another kind, or have two names" {
	local path

	for path in var/lib/lrkey/system/{lock,usage,audit.log,keys/keys.gdbm} etc/lrkey/system/master.key; do
		mv "$ROOT/$path" "$BATS_TEST_TMPDIR/away"
		finds error 'does not exist; '
		ln "$BATS_TEST_TMPDIR/away" "$ROOT/$path"
		finds error 'has 2 names, so that it is refused; '
		rm "$ROOT/$path"
		mkfifo "$ROOT/$path"
		run timeout 20 "$LRKEYADM" --root "$ROOT" check
		expect_status 1
		expect_match "$output" "$path: is not a regular file; "
		rm "$ROOT/$path"
		ln -s "$BATS_TEST_TMPDIR/away" "$ROOT/$path"
		run adm check
		expect_status 1
		expect_match "$output" "$path: is not a regular file; "
		rm "$ROOT/$path"
		mv "$BATS_TEST_TMPDIR/away" "$ROOT/$path"
	done
	finds_nothing
	mv "$VAR/keys" "$BATS_TEST_TMPDIR/keys"
	ln -s "$BATS_TEST_TMPDIR/keys" "$VAR/keys"
	finds error 'keys: is a symbolic link or no directory; '
	rm "$VAR/keys"
	finds error 'keys: does not exist; '
}

@test "leftovers and strangers" {
	touch "$KEYFILE.new"
	finds warning 'was left by a change that was killed; the next change removes it'
	adm deactivate "$A"
	finds_nothing
	install -m 0600 /dev/null "$ETC/master.key.new"
	finds warning 'was left by a rekey that was killed, and holds master keys; remove it'
	rm "$ETC/master.key.new"
	touch "$VAR/keys/copy" "$VAR/.x" "$ETC/$(printf 'a\nb')"
	finds warning 'keys/copy: is nothing that lrkeyadm makes; ' warning '/\.x: is nothing' \
		warning 'a\\x0ab: is nothing'
}

@test "while another holds the lock, what may be his is no leftover" {
	touch "$KEYFILE.new"
	# The lock is held until check has told that it could not have it.
	exec 8>>"$VAR/lock"
	flock 8
	run --separate-stderr adm check
	exec 8>&-
	expect_status 1
	[ "${#lines[@]}" -eq 1 ] || fail "$output"
	expect_match "$output" '^warning: lock: store system: another change has held its lock for 10 seconds; '
}

@test "a key file that cannot be opened, in every way" {
	cp "$KEYFILE" "$BATS_TEST_TMPDIR/good"
	: >"$KEYFILE"
	finds error '.*keys\.gdbm: .*; restore it from a backup of the machine, or make the store anew and import'
	head -c 1000 "$BATS_TEST_TMPDIR/good" >"$KEYFILE"
	finds error 'keys\.gdbm: .*damaged.*; restore'
	{
		cat "$BATS_TEST_TMPDIR/good"
		printf x
	} >"$KEYFILE"
	finds error 'keys\.gdbm: .*damaged.*; restore'
	head -c 20000 /dev/urandom >"$KEYFILE"
	finds error 'keys\.gdbm: .*damaged.*; restore'
}

@test "records that do not open: each is told of, the others are checked all the same" {
	spoil damage "$A"
	finds error "record $A: .*; restore"
	spoil damage "$B"
	finds error "record $A: .*; restore" error "record $B: .*; restore"
	rm -rf "$ROOT"
	setup
	spoil newer "$A"
	spoil short "$B"
	finds error "record $A: made by a newer version" error "record $B: "
	rm -rf "$ROOT"
	setup
	spoil strange-name "$A"
	finds error 'record with a strange name: '
	rm -rf "$ROOT"
	setup
	spoil other-master "$A"
	finds error '1 records are sealed under master key [0-9a-f]{8}, which master\.key does not hold; ' \
		error '1 records were sealed under a master key whose seals are not counted; '
}

@test "header and master key" {
	cp "$ETC/master.key" "$BATS_TEST_TMPDIR/old"
	spoil damage header || true
	adm rekey
	cp "$BATS_TEST_TMPDIR/old" "$ETC/master.key"
	run adm check
	expect_status 1
	expect_match "$output" 'no master key in .*/master\.key opens it'
	expect_match "$output" '3 records are sealed under master key [0-9a-f]{8}, which master\.key does not hold'
	echo nonsense >"$ETC/master.key"
	finds error 'master\.key: .*; restore it from a backup of the machine'
}

@test "two seals with one IV" {
	spoil same-iv "$A" "$B"
	run adm check
	expect_status 1
	expect_match "$output" "keys\.gdbm: records [^ ]+ and [^ ]+ were sealed with one IV under master key [0-9a-f]{8}; as root: rekey"
	# Header, A and B share it.
	[ "$(grep -c 'with one IV' <<<"$output")" -eq 2 ]
	adm rekey
	run adm check
	expect_no_match "$output" 'one IV'
}

@test "counts of seals" {
	spoil many-seals "$A"
	run adm check
	expect_match "$output" 'warning: .* master key [0-9a-f]{8} has sealed 42949671[0-9]{2} records, of 4294967296 that it may; as root: rekey'
	adm rekey
	spoil few-seals "$A"
	run adm check
	expect_match "$output" 'error: .* master key [0-9a-f]{8} has sealed 3 records that are here, but 2 are counted; as root: rekey'
	adm rekey
	spoil no-seals "$A"
	run adm check
	expect_match "$output" 'master key [0-9a-f]{8} has sealed 3 records that are here, but 2 are counted'
	adm rekey
	run adm check
	expect_no_match "$output" seal
}

@test "places in the usage file" {
	spoil same-slot "$A" "$B"
	run adm check
	expect_status 1
	expect_match "$output" "error: ($A|$B): has the same place in the usage file as key ($A|$B); rotate"
	[ "$(grep -c 'same place' <<<"$output")" -eq 1 ]
	rm -rf "$ROOT"
	setup
	spoil slot-beyond "$A"
	run adm check
	expect_match "$output" "error: $A: has place 7 in the usage file, which was not given to it; rotate"
	rm -rf "$ROOT"
	setup
	spoil slot-free "$A"
	run adm check
	expect_match "$output" "error: $A: has place 0 in the usage file, which was not given to it; rotate"
}

@test "a key with a use limit and no valid record of its uses" {
	make_key --org acme --max-uses 3
	finds_nothing
	spoil slot-other "$ID"
	spoil slot-other "$A" # without a limit nothing hangs on it
	run adm check
	expect_match "$output" "error: $ID: has a use limit, but no valid record of its uses, and is refused; edit $ID --max-uses N"
	expect_no_match "$output" "$A"
	adm edit "$ID" --max-uses 3
	run adm check
	expect_no_match "$output" 'use limit'
	truncate -s 0 "$VAR/usage"
	run adm check
	expect_match "$output" "error: $ID: has a use limit"
	# A tombstone's is of no use to anybody.
	adm revoke --yes --force "$ID"
	run adm check
	expect_no_match "$output" 'use limit'
}

@test "the audit log: torn, no event, beyond the current change, missing lines, twice" {
	local good

	good=$(audit)
	printf '{"time":"2027' >>"$AUDIT"
	finds warning 'audit\.log line 4: is torn; the next change ends it'
	adm deactivate "$A"
	finds warning 'audit\.log line 4: is no JSON object; compare'
	jq -c . <<<"$good" | sed -i '4d' "$AUDIT"
	finds_nothing
	echo nonsense >>"$AUDIT"
	finds warning 'audit\.log line 6: is no JSON object; compare'
	sed -i '$d' "$AUDIT"
	audit | jq -c '.gen = 9' >>"$AUDIT"
	finds warning 'audit\.log line 6: tells of a change that never became current; '
	sed -i '$d' "$AUDIT"
	audit | jq -c '.gen = 2' >>"$AUDIT"
	finds warning 'audit\.log line 6: tells of a generation that the log has had already; '
	sed -i '$d' "$AUDIT"
	adm activate "$A"
	finds_nothing
	sed -i '$d' "$AUDIT"
	finds warning 'audit\.log: ends with generation 3, but 4 is current: lines are missing; '
	adm deactivate "$A"
	finds warning 'audit\.log line 6: does not follow the line before: lines are missing; '
	rm "$AUDIT"
	mkdir "$AUDIT"
	finds error 'is not a regular file'
}

@test "the clock" {
	run at 1000000000 check
	expect_status 1
	expect_match "$output" '^error: clock: shows 2001-09-09T01:46:40Z, which is before key .{12} was made, 20[0-9-]+T[0-9:]+Z; set the clock$'
	[ "${#lines[@]}" -eq 1 ]
}

@test "the policy" {
	echo nonsense >"$ETC/policy.conf"
	finds error 'policy: .*/policy\.conf line 1: is no setting; .*; until this is mended, no key can be made'
	echo 'max-expiry=1y' >"$ETC/policy.conf"
	chmod 0600 "$ETC/policy.conf"
	finds error 'policy\.conf: has mode 0600, not 0644; '
	rm "$ETC/policy.conf"
	mkdir "$ETC/policy.conf.d"
	echo 'max-expiry=1y' >"$ETC/policy.conf.d/a.conf"
	chmod 0664 "$ETC/policy.conf.d/a.conf"
	finds error 'policy\.conf\.d/a\.conf: has mode 0664, not 0644; '
}

@test "no store, bad arguments, a full disk" {
	local status=0

	expect_refused 69 "^lrkeyadm: store other: does not exist; '.* -s other .*init' makes the store" -s other check
	ROOT=$ROOT/nowhere expect_refused 69 '^lrkeyadm: .*nowhere: No such file' check
	expect_refused 64 "^lrkeyadm: argument 'x': too many" check x
	adm check >/dev/full 2>/dev/null || status=$?
	[ "$status" -eq 74 ]
	adm verify <<<"$AKEY"
}
