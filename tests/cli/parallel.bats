#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Several managers at once.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
}

# revoke_each FILE: one command for each id in it
revoke_each() {
	local id

	while read -r id; do
		adm revoke --yes --force "$id" >/dev/null || return
	done <"$1"
}

@test "two generate --count 100 and two loops of revoke at once: nothing is lost, every key verifies" {
	local dir=$BATS_TEST_TMPDIR jobs=() before key

	adm generate --org acme --count 40 2>/dev/null | cut -c 5-16 >"$dir/old"
	split -n l/2 "$dir/old" "$dir/half."
	before=$(generation)

	adm generate --org one --count 100 >"$dir/one" 2>/dev/null &
	jobs+=($!)
	adm generate --org two --count 100 >"$dir/two" 2>/dev/null &
	jobs+=($!)
	for half in "$dir"/half.*; do
		revoke_each "$half" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job"
	done

	[ "$(generation)" -eq $((before + 42)) ]
	[ "$(cut -c 5-16 "$dir/one" "$dir/two" | sort)" = "$(ids | sort)" ]
	[ "$(ids | wc -l)" -eq 200 ]
	[ "$(ids --state revoked | sort)" = "$(sort "$dir/old")" ]
	for org in one two; do
		while read -r key; do
			adm verify --org "$org" <<<"$key" >/dev/null || fail "$key"
		done <"$dir/$org"
	done
	# Every change has its line, and no two the same generation.
	[ "$(jq -s -c 'map(.gen) == [range(0; length)]' "$AUDIT")" = true ]
	[ "$(jq -s -c '[.[].ids[]] | length' "$AUDIT")" -eq 280 ]
	[ "$(ls "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
}

@test "eight managers who make 100 keys each, one by one: 800 keys, 800 changes" {
	local dir=$BATS_TEST_TMPDIR jobs=() before job org

	before=$(generation)
	for org in a b c d e f g h; do
		for ((job = 0; job < 100; job++)); do
			adm generate --org "$org" 2>/dev/null || break
		done >"$dir/keys.$org" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job"
	done
	[ "$(ids | wc -l)" -eq 800 ]
	[ "$(cat "$dir"/keys.* | cut -c 5-16 | sort)" = "$(ids | sort)" ]
	# Who waited began with what the one before had put in place: no change was lost.
	[ "$(generation)" -eq $((before + 800)) ]
	[ "$(jq -s -c 'map(.gen) == [range(0; length)]' "$AUDIT")" = true ]
}

@test "who waits for the lock in vain: 75, and nothing is changed" {
	local sum lock=$ROOT/var/lib/lrkey/system/lock

	make_key --org acme
	sum=$(store_sum)
	exec 7<>"$lock"
	flock 7
	run --separate-stderr adm deactivate "$ID" 7>&-
	exec 7>&-
	expect_status 75
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" '^lrkeyadm: .*lock.* 10 seconds$'
	[ "$(store_sum)" = "$sum" ]
	adm deactivate "$ID"
}

@test "readers need no lock" {
	make_key --org acme
	exec 7<>"$ROOT/var/lib/lrkey/system/lock"
	flock 7
	adm list 7>&-
	adm show "$ID" 7>&-
	adm verify 7>&- <<<"$KEY"
	adm 7>&-
	exec 7>&-
}

@test "a signal while a change is made: all of it or nothing, and the lock is free" {
	local before status

	make_key --org acme
	before=$(generation)
	# SIGTERM reaches it when the new key file is synced.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$BATS_TEST_TMPDIR/trace" \
		-e 'inject=fsync:signal=TERM:when=1' "$LRKEYADM" --root "$ROOT" generate --org acme \
		--output "$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	grep -q 'SIGTERM' "$BATS_TEST_TMPDIR/trace"
	[ "$status" -eq 143 ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = 'lrkeyadm: generate: interrupted; nothing was changed' ]
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
	[ "$(generation)" -eq "$before" ]
	[ "$(ls "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
	adm deactivate "$ID"
}

@test "a signal that was to be ignored is" {
	local status=0

	make_key --org acme
	(trap '' HUP
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$BATS_TEST_TMPDIR/trace" \
		-e 'inject=fsync:signal=HUP:when=1' "$LRKEYADM" --root "$ROOT" deactivate "$ID") || status=$?
	[ "$status" -eq 0 ]
	[ "$(field "$ID" state)" = '"deactivated"' ]
}
