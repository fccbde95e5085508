#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What one login opens, as the kernel sees it.
load ../lib.bash

setup() {
	make_store
	make_key --org acme --max-uses 10
}

# opened [OPTION...]: logs in, and prints what was opened in the process from the module's own
# file on, as NAME FLAGS.
opened() {
	local trace=$BATS_TEST_TMPDIR/trace

	pam_service scim "$@"
	# LeakSanitizer cannot look at what is traced.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 \
		strace -f -e trace=open,openat,openat2,creat -o "$trace" \
		"$LRKEY_BUILD/tests/pam/pamhost" --confdir "$CONFDIR" --service scim --user acme \
		<<<"$KEY" >"$BATS_TEST_TMPDIR/answer"
	grep -q '^pam_authenticate: PAM_SUCCESS$' "$BATS_TEST_TMPDIR/answer"
	sed -nE '/pam_lrkey\.so"/,$ s/.*open[a-z0-9]*\(.*"([^"]*)", ([^)]*)\) = .*/\1 \2/p' "$trace" |
		sed 1d
}

# in_store: of those, what is the store's: all that is opened from one directory to the next.
in_store() {
	sed -E "s|^$ROOT/?|/|" | grep -vE '^/.*(openssl\.cnf|/pam\.d/other|/cap_last_cap)' || true
}

@test "one login opens the root and three files, each once, and nothing else" {
	local names

	names=$(opened | in_store | cut -d ' ' -f 1 | xargs)
	[ "$names" = "/ etc/lrkey/system/master.key \
var/lib/lrkey/system/keys/keys.gdbm var/lib/lrkey/system/usage" ] || fail "$names"
}

@test "each open follows no link, waits for nobody, and is closed in what is executed" {
	local name flags

	opened | in_store >"$BATS_TEST_TMPDIR/opens"
	while read -r name flags; do
		case $name in
		*/master.key | */keys.gdbm | */usage)
			expect_match "$flags" 'O_NOCTTY'
			expect_match "$flags" 'O_NONBLOCK'
			;;
		*)
			expect_match "$flags" 'O_PATH'
			expect_match "$flags" 'O_DIRECTORY'
			;;
		esac
		expect_match "$flags" 'O_NOFOLLOW'
		expect_match "$flags" 'O_CLOEXEC'
		expect_no_match "$flags" 'O_CREAT'
		[[ $flags != *O_RDWR* ]] || [ "${name##*/}" = usage ] || fail "$name: $flags"
	done <"$BATS_TEST_TMPDIR/opens"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/opens")" -ge 4 ]
}

# pam-u2f: its debug option took the name of a file, and root followed a link there.
@test "CVE-2019-12209: with debug nothing more is opened than without" {
	[ "$(opened debug log=all | in_store)" = "$(opened | in_store)" ]
	# And a name for such a file is no option.
	pam_service scim debug_file="$BATS_TEST_TMPDIR/debug"
	run pam_try acme "$KEY" scim
	expect_status 1
	expect_match "$output" 'there is no such option'
	[ ! -e "$BATS_TEST_TMPDIR/debug" ]
}
