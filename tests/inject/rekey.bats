#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A change of the master key of 10,000 entries that is killed, at fifty points and more, and run again:
# at every moment every key works.
load ../lib.bash
load inject.bash

COUNT=10000
# Of the writes of entries, which are 30,000, so many; of all other calls each.
WRITES=32

MASTER=$BATS_FILE_TMPDIR/root/etc/lrkey/system/master.key

setup_file() {
	ROOT=$BATS_FILE_TMPDIR/root
	[[ $LRKEY_BUILD != *-address* ]] || fail 'this is for the build without sanitizers'
	make_store
	adm generate --org acme --count "$COUNT" >"$BATS_FILE_TMPDIR/keys" 2>/dev/null
	awk 'NR % 100 == 1' "$BATS_FILE_TMPDIR/keys" >"$BATS_FILE_TMPDIR/sample"
	rekey_with -o "$BATS_FILE_TMPDIR/rekey.trace" -s 0
	[ "$STATUS" -eq 0 ] || fail "the good run: $STATUS" "$STDERR"
}

setup() {
	ROOT=$BATS_FILE_TMPDIR/root
	LOOP=
}

teardown() {
	# A test that failed has not ended it.
	if [ -n "$LOOP" ]; then
		kill "$LOOP" 2>/dev/null || true
	fi
}

# rekey_with STRACE-OPTION...: a rekey under strace; its outcome is left in $STATUS and $STDERR.
rekey_with() {
	STATUS=0
	strace -f "$@" "$LRKEYADM" --root "$ROOT" rekey >"$BATS_FILE_TMPDIR/stdout" \
		2>"$BATS_FILE_TMPDIR/stderr" </dev/null || STATUS=$?
	STDERR=$(cat "$BATS_FILE_TMPDIR/stderr")
}

# chosen: the points, each other than a write, and some of those, the first and last among them
chosen() {
	points rekey >"$BATS_TEST_TMPDIR/points"
	awk -v wanted="$WRITES" '
		$1 !~ /write/ {
			print
			next
		}
		{
			write[++n] = $0
		}
		END {
			for (i = 0; i < wanted; i++)
				print write[1 + int(i * (n - 1) / (wanted - 1))]
		}
	' "$BATS_TEST_TMPDIR/points" | sort -u
}

n_master_keys() {
	grep -cE '^[a-z]+ [0-9a-f]{8} [0-9a-f]{32}$' "$MASTER"
}

# kill_at CALL COUNT: what it leaves is completed by the next rekey, which says so where it must.
kill_at() {
	local left

	rekey_with -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2"
	[ "$STATUS" -eq 137 ] || fail "not killed at $1 $2: $STATUS" "$STDERR"
	kill -0 "$LOOP" || fail "a key did not work when it was killed at $1 $2:" \
		"$(cat "$BATS_TEST_TMPDIR/loop.err")"
	left=$(n_master_keys)
	run adm rekey
	expect_status 0
	case $left in
	1) expect_no_match "$output" 'broken off' ;;
	2) expect_match "$output" "; this completed a rekey that was broken off\$" ;;
	*) fail "$left master keys after $1 $2" ;;
	esac
	[ "$(n_master_keys)" -eq 1 ]
	SEEN[left]=$((SEEN[left] + 1))
}

@test "killed at fifty points and more, and run again: every key works at every moment" {
	local call count n=0

	SEEN=(0 0 0)
	"$LRKEY_BUILD/tests/inject/verifyloop" "$ROOT" <"$BATS_FILE_TMPDIR/sample" \
		>"$BATS_TEST_TMPDIR/loop.out" 2>"$BATS_TEST_TMPDIR/loop.err" &
	LOOP=$!
	while read -r call count _; do
		kill_at "$call" "$count"
		n=$((n + 1))
		# Each fifth time the whole store is looked at, too.
		[ $((n % 5)) -ne 0 ] || adm check >"$BATS_TEST_TMPDIR/check" || fail "$(cat "$BATS_TEST_TMPDIR/check")"
	done < <(chosen)
	kill -TERM "$LOOP"
	wait "$LOOP" || fail 'a key did not work:' "$(cat "$BATS_TEST_TMPDIR/loop.err")"
	[ "$n" -ge 50 ] || fail "only $n points"
	# Both kinds of remains were met: before the new key was known, and after.
	[ "${SEEN[1]}" -ge 3 ] || fail "${SEEN[*]}"
	[ "${SEEN[2]}" -ge 30 ] || fail "${SEEN[*]}"
	[ "$(cat "$BATS_TEST_TMPDIR/loop.out")" -ge 10000 ] || fail "only $(cat "$BATS_TEST_TMPDIR/loop.out") answers"

	adm check
	[ "$(adm list --no-headings | wc -l)" -eq "$COUNT" ]
	[ "$(ls -A "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
	[ "$(ls -A "$ROOT/etc/lrkey/system")" = master.key ]
}

@test "the loop that looks on does find a key that does not work" {
	local status=0

	make_key --org acme
	adm deactivate "$ID" >/dev/null
	"$LRKEY_BUILD/tests/inject/verifyloop" "$ROOT" <<<"$KEY" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 1 ]
	grep -q "$ID: deactivated" "$BATS_TEST_TMPDIR/err"
}
