#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How far long work is: on a terminal at standard error, and nowhere else.
load ../lib.bash
load helpers.bash

# Enough for any of the commands to take longer than a line of progress waits.
MANY=30000

setup_file() {
	ROOT=$BATS_FILE_TMPDIR/root
	make_store
	adm generate --org acme --count "$MANY" >/dev/null 2>&1
}

setup() {
	ROOT=$BATS_FILE_TMPDIR/root
}

# shows WHAT ARGUMENTS...: with standard error at a terminal a line is rewritten, and removed when
# the work is done; what standard output gets is the same as ever.
shows() {
	local what=$1 shown=$BATS_TEST_TMPDIR/shown

	shift
	script -qec "$(printf '%q ' "$LRKEYADM" --root "$ROOT" "$@") 3<<<x >$BATS_TEST_TMPDIR/stdout" /dev/null >"$shown"
	tr '\r' '\n' <"$shown" >"$BATS_TEST_TMPDIR/lines"
	grep -qE "^$what: [0-9]+( of [0-9]+)? *\$" "$BATS_TEST_TMPDIR/lines" || fail "no progress of $what" \
		"$(cat -A "$shown" | head -c 2000)"
	# It grows, and is at most what there is to do.
	sed -nE "s/^$what: ([0-9]+).*/\1/p" "$BATS_TEST_TMPDIR/lines" | sort -nc
	awk -v what="$what:" '$1 == what && $3 == "of" && $2 > $4 { exit 1 }' "$BATS_TEST_TMPDIR/lines"
	# The last thing that is done with the line is to remove it.
	grep -E "^ +\$|^$what: " "$BATS_TEST_TMPDIR/lines" | tail -n 1 | grep -qE '^ +$'
	run grep -c "$what: " "$BATS_TEST_TMPDIR/stdout"
	[ "$output" = 0 ]
}

# hides ARGUMENTS...: elsewhere there is none
hides() {
	adm "$@" 3<<<x >/dev/null 2>"$BATS_TEST_TMPDIR/stderr"
	run grep -cE $'\r|: [0-9]+ of ' "$BATS_TEST_TMPDIR/stderr"
	[ "$output" = 0 ]
}

@test "generate" {
	shows generate generate --org more --count "$MANY"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/stdout")" -eq "$MANY" ]
	hides generate --org more --count 10
}

@test "rekey" {
	shows rekey rekey
	hides rekey
}

@test "check" {
	shows check check
	hides check
}

@test "export and import" {
	shows export export --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup"
	rm "$BATS_TEST_TMPDIR/backup"
	hides export --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup"
	ROOT=$BATS_TEST_TMPDIR/other
	make_store
	shows import import --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup"
	rm -rf "$ROOT"
	make_store
	hides import --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup"
}

@test "a message does not run into it" {
	ROOT=$BATS_TEST_TMPDIR/other
	cp -a "$BATS_FILE_TMPDIR/root" "$ROOT"
	adm export --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup" 3<<<x
	script -qec "$(printf '%q ' "$LRKEYADM" --root "$ROOT" import --passphrase-fd 3 "$BATS_TEST_TMPDIR/backup") 3<<<x" \
		/dev/null >"$BATS_TEST_TMPDIR/shown"
	# Each note stands on a line of its own, behind a line that was removed.
	[ "$(tr '\r' '\n' <"$BATS_TEST_TMPDIR/shown" | grep -c '^lrkeyadm: .*already in the store')" -ge "$MANY" ]
}
