#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where API keys, their secrets and master keys must not be found.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
load ../lib.bash
load helpers.bash

setup() {
	make_store
	TRACE=$BATS_TEST_TMPDIR/trace
}

# traced ARGUMENTS...: lrkeyadm, each byte that it gives away recorded in $TRACE as \x..
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -xx -s 1000000 -o "$TRACE" \
		-E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/traceable.so" \
		-e trace=write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,execve,openat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,mknodat,mkdir,mkdirat \
		"$LRKEYADM" --root "$ROOT" "$@"
}

# as_hex: standard input as strace writes it
as_hex() {
	od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g'
}

# given TEXT: the calls that gave it away
given() {
	grep -F "$(printf %s "$1" | as_hex)" "$TRACE" || true
}

# master_key: the bytes of the master key, and its text
master_text() {
	sed -n 's/^active [0-9a-f]* //p' "$ROOT/etc/lrkey/system/master.key"
}

master_bytes() {
	master_text | sed 's/../\\x&/g'
}

@test "the tracer finds what is given away, and the needles are what they should be" {
	traced generate --org acme --label needle >/dev/null
	[ -n "$(given acme)" ]
	# What is sealed is not given away.
	run ! grep -v ' execve(' <<<"$(given needle)"
	expect_match "$(master_text)" '^[0-9a-f]{32}$'
	expect_match "$(master_bytes)" '^(\\x[0-9a-f]{2}){16}$'
	traced -s other init >/dev/null
	[ -n "$(given "$(sed -n 's/^active [0-9a-f]* //p' "$ROOT/etc/lrkey/other/master.key")")" ]
}

@test "generate gives a key away in one place: standard output, or the file that was asked for" {
	KEY=$(traced generate --org acme 2>"$BATS_TEST_TMPDIR/err")
	[ "$(given "${KEY:17:32}" | grep -c ' write(1, ')" -eq 1 ]
	[ "$(given "${KEY:17:32}" | wc -l)" -eq 1 ]
	run ! grep -q "${KEY:17:32}" "$BATS_TEST_TMPDIR/err"

	KEY=$(traced generate --org acme --json 2>/dev/null | jq -r '.keys[0].key')
	[ "$(given "${KEY:17:32}" | grep -vc ' write(1, ')" -eq 0 ]

	traced generate --org acme --output "$BATS_TEST_TMPDIR/out" 2>/dev/null
	KEY=$(cat "$BATS_TEST_TMPDIR/out")
	[ "$(given "${KEY:17:32}" | wc -l)" -eq 1 ]
	run ! grep -q ' write(1, ' <<<"$(given "${KEY:17:32}")"
}

@test "no other command gives a key or a master key away" {
	local command

	make_key --org acme
	for command in list 'list --json --all' 'list --csv' "show $ID" "show --json $ID" '' --json verify \
		'verify --json' 'verify --org globex' "deactivate $ID" "activate --json $ID" \
		'generate --org globex' "revoke --yes --force $ID"; do
		# shellcheck disable=SC2086 # words
		traced $command <<<"$KEY" >"$BATS_TEST_TMPDIR/out" 2>&1 || true
		[ -s "$TRACE" ]
		[ -z "$(given "${KEY:17:32}")" ] || fail "$command"
		[ -z "$(given "$(master_text)")" ] || fail "$command"
		run ! grep -qF "$(master_bytes)" "$TRACE"
	done
}

@test "a key lies in no file of the store, nor in a log, nor in an error" {
	local log=$BATS_TEST_TMPDIR/syslog

	KEY=$(logged "$log" generate --org acme --label 'a label' 2>>"$BATS_TEST_TMPDIR/errors")
	{
		logged "$log" verify --org globex <<<"$KEY" || true
		logged "$log" verify <<<"x$KEY" || true
		logged "$log" verify <<<"$KEY $KEY" || true
		logged "$log" revoke --yes "${KEY:4:12}" || true
		logged "$log" show "$KEY" || true
		logged "$log" deactivate "${KEY:4:12}" "$KEY" || true
		logged "$log" generate --org acme --label "$KEY" || true
		logged "$log" revoke --yes --force "${KEY:4:12}"
	} >>"$BATS_TEST_TMPDIR/errors" 2>&1
	[ -s "$log" ]
	grep -q 'begins with lrk_' "$BATS_TEST_TMPDIR/errors"
	run grep -rlF -e "${KEY:17:32}" -e "$KEY" "$ROOT" "$BATS_TEST_TMPDIR/errors" "$log"
	expect_status 1
	run grep -rlF -e "$(master_text)" "$BATS_TEST_TMPDIR/errors" "$log" "$ROOT/var"
	expect_status 1
}

@test "the environment does not choose what OpenSSL loads" {
	printf 'openssl_conf = x\n[x]\nproviders = p\n[p]\nevil = e\n[e]\nmodule = %s\nactivate = 1\n' \
		"$BATS_TEST_TMPDIR/evil.so" >"$BATS_TEST_TMPDIR/evil.cnf"
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 OPENSSL_CONF=$BATS_TEST_TMPDIR/evil.cnf \
		OPENSSL_MODULES=$BATS_TEST_TMPDIR OPENSSL_ENGINES=$BATS_TEST_TMPDIR \
		strace -f -o "$TRACE" -E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/traceable.so" \
		-e trace=openat,open "$LRKEYADM" --root "$ROOT" generate --org acme \
		>/dev/null
	grep -q keys.gdbm "$TRACE"
	run grep evil "$TRACE"
	expect_status 1
}

@test "a core dump is impossible while keys are made" {
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$TRACE" \
		-e trace=prctl,prlimit64,setrlimit,openat "$LRKEYADM" --root "$ROOT" generate --org acme \
		>/dev/null
	expect_match "$(cat "$TRACE")" 'RLIMIT_CORE, \{rlim_cur=0, rlim_max=0\}.*= 0'
	expect_match "$(cat "$TRACE")" 'PR_SET_DUMPABLE, (0|SUID_DUMP_DISABLE)'
}

# scanned COMMAND...: runs it, and prints what its memory still held at its end
scanned() {
	LRKEY_TEST_SCAN=$BATS_TEST_TMPDIR/scan LRKEY_TEST_NEEDLE=${NEEDLE-} \
		LD_PRELOAD=$LRKEY_BUILD/tests/cli/scan.so "$@" >"$BATS_TEST_TMPDIR/out" 2>/dev/null || true
	cat "$BATS_TEST_TMPDIR/scan"
	rm "$BATS_TEST_TMPDIR/scan"
}

# complement: hexadecimal digits, each for the bits that it has not
complement() {
	tr 0123456789abcdef fedcba9876543210
}

# shellcheck disable=SC2016 # the variables are perl's
@test "the search of memory finds keys, lines of master.key, and bytes" {
	local bytes

	make_key --org acme
	expect_match "$(scanned perl -e '$key = <STDIN>' <<<"$KEY")" '^[1-9][0-9]* secrets in [1-9]'
	expect_match "$(scanned perl -e '@lines = <STDIN>' <"$ROOT/etc/lrkey/system/master.key")" \
		'^[1-9][0-9]* secrets'
	bytes=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	NEEDLE=$(complement <<<"$bytes")
	expect_match "$(scanned perl -e '$bytes = pack "H*", <STDIN>' <<<"$bytes")" '^[1-9][0-9]* secrets'
	expect_match "$(scanned perl -e '$digits = <STDIN>' <<<"$bytes")" '^0 secrets'
}

@test "when lrkeyadm ends, its memory holds no API key and no master key" {
	local command

	make_key --org acme
	NEEDLE=$(master_text | tr -d '\n' | complement)
	[ "${#NEEDLE}" -eq 32 ]
	for command in 'generate --org acme' 'generate --org acme --count 300' \
		'generate --org acme --count 3 --json' \
		"generate --org acme --output $BATS_TEST_TMPDIR/keys" verify 'verify --json --org globex' \
		list "show $ID" "edit $ID --max-uses 3" "rotate $ID" "rotate --json $UNKNOWN" review prune \
		"deactivate $ID" "revoke --yes --force $ID"; do
		# shellcheck disable=SC2086 # words
		expect_match "$(scanned "$LRKEYADM" --root "$ROOT" $command <<<"$KEY")" \
			'^0 secrets in [1-9]'
	done
	# Also where it was refused, or could not be printed.
	expect_match "$(scanned "$LRKEYADM" --root "$ROOT" verify <<<"x$KEY")" '^0 secrets'
	expect_match "$(scanned sh -c "exec '$LRKEYADM' --root '$ROOT' generate --org acme >/dev/full")" \
		'^0 secrets'
	NEEDLE=
	expect_match "$(scanned "$LRKEYADM" --root "$ROOT" -s other init)" '^0 secrets'
}
