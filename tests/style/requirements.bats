#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What tests/REQUIREMENTS.md and SECURITY.md say is shown is shown by a test that there is.
load ../lib.bash

PAGE=tests/REQUIREMENTS.md

setup() {
	cd "$LRKEY_SOURCE" || return
}

# named_tests PAGE: each `FILE: TEST` of it.
named_tests() {
	grep -oE '`tests/[^`:]+: [^`]+`' "$1" | tr -d '\`' | sort -u
}

# is_test FILE TEST: a function of cmocka that is defined and run, or a test of bats.
is_test() {
	case $1 in
	*.c)
		grep -qE "^$2\(void \*\*state\)" "$1" &&
			grep -qE "[(,[:space:]]$2[,)]" <(grep -vE "^$2\(" "$1")
		;;
	*.bats)
		grep -qxF "@test \"$2\" {" "$1"
		;;
	*)
		return 1
		;;
	esac
}

# missing_tests PAGE: those that are named, and are not there.
missing_tests() {
	local name

	named_tests "$1" | while IFS= read -r name; do
		is_test "${name%%: *}" "${name#*: }" 2>/dev/null || echo "$name"
	done
}

@test "every test that is named is there" {
	local page found

	for page in "$PAGE" SECURITY.md; do
		[ -n "$(named_tests "$page")" ]
		found=$(missing_tests "$page")
		[ -z "$found" ] || fail "$page:" "$found"
	done
}

@test "a test that is not there, or not run, is missed" {
	local page=$BATS_TEST_TMPDIR/page name

	cat >"$BATS_TEST_TMPDIR/test.c" <<-'EOC'
		static void
		test_not_run(void **state)
		{
		}
	EOC
	for name in "tests/none.c: test_a" 'tests/unit/test_net.c: test_b' \
		'tests/unit/test_net.c: test_ba' 'tests/style/source.bats: no test skips' \
		'tests/lib.bash: fail'; do
		printf 'x `%s` y\n' "$name" >"$page"
		[ "$(missing_tests "$page")" = "$name" ] || fail "not missed: $name"
	done
	run is_test "$BATS_TEST_TMPDIR/test.c" test_not_run
	[ "$status" -ne 0 ]
	printf 'x `tests/unit/test_net.c: test_bad` y\n' >"$page"
	[ -z "$(missing_tests "$page")" ]
}

# rows_of PAGE: what its tables say, without their heads.
rows_of() {
	grep -E '^\|' "$1" | grep -vE '^\| (---|no|where|what|the two kinds) \|'
}

@test "forty requirements, each in one row, and no row without a test" {
	local numbers bare

	numbers=$(rows_of "$PAGE" | sed -nE 's/^\| ([0-9]+) \|.*/\1/p' | xargs)
	[ "$numbers" = "$(seq 40 | xargs)" ] || fail "$numbers"
	bare=$(rows_of "$PAGE" | grep -vE '`tests/[^`:]+: [^`]+`' || true)
	[ -z "$bare" ] || fail "$bare"
}

@test "where the contract decided otherwise, the row says so: 3, 17, 33, 34, 40" {
	local number

	for number in 3 17 33 34 40; do
		grep -qE "^\| $number \|.*Decided otherwise" "$PAGE" || fail "$number"
	done
	[ "$(grep -cE '^\| [0-9]+ \|.*Decided otherwise' "$PAGE")" -eq 5 ]
}

# Each replayed fault is told of: whoever adds one adds its row.
@test "every replayed fault is named in a row" {
	local name

	grep -hoE '^test_(cve|oath|faillock|pam|pwdfile|google|mod)_[a-z0-9_]+' \
		tests/replay/*.c >"$BATS_TEST_TMPDIR/names"
	[ -s "$BATS_TEST_TMPDIR/names" ]
	while read -r name; do
		grep -qF ": $name\`" "$PAGE" || fail "not in $PAGE: $name"
	done <"$BATS_TEST_TMPDIR/names"
}

@test "the manual says what the host's OpenSSL decides" {
	grep -q 'OPENSSL_CONF' pam_lrkey/pam_lrkey.8
	grep -q 'OPENSSL_CONF' lrkeyadm/lrkeyadm.8
}
