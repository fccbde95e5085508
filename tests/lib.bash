# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the shell tests share. In a test file, first thing:
#
#	load ../lib.bash
#
# make sets LRKEY_SOURCE, LRKEY_BUILD, LRKEY_MODULE and LRKEYADM. A file that is run by hand,
# "bats tests/cli/x.bats", finds what "make programs" built with gcc.
#
# - A key MUST NOT be an argument of a program: other users see those. Functions of the
#   shell and its builtins are no programs.
bats_require_minimum_version 1.5.0

: "${LRKEY_SOURCE:=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}"
: "${LRKEY_BUILD:=$LRKEY_SOURCE/build/gcc}"
: "${LRKEY_MODULE:=$LRKEY_BUILD/pam_lrkey.so}"
: "${LRKEYADM:=$LRKEY_BUILD/lrkeyadm}"
export LRKEY_SOURCE LRKEY_BUILD LRKEY_MODULE LRKEYADM

# The throw-away tree of one test, and the folder of its PAM service files; bats removes both.
ROOT=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/root
CONFDIR=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/pam.d

# shellcheck disable=SC2034 # for the tests
KEY_PATTERN='lrk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}'

# fail TEXT...: ends the test, and says why.
fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# ---- The utility -------------------------------------------------------------

# adm ARGUMENTS...: lrkeyadm on the test's own tree.
adm() {
	"$LRKEYADM" --root "$ROOT" "$@"
}

# make_store [NAME]: an empty store in the test's own tree.
make_store() {
	mkdir -p "$ROOT"
	chmod 0755 "$ROOT"
	adm --store "${1:-system}" init >/dev/null
}

# make_key ARGUMENTS...: makes a key, which is left in $KEY, and its id in $ID.
make_key() {
	KEY=$(adm generate "$@" 2>/dev/null) || fail "no key: generate $*"
	ID=${KEY:4:12}
	export ID
}

# other_secret: a well-formed key with the id of $KEY, and a secret of nobody's.
other_secret() {
	printf '%s' "${KEY:0:17}00000000000000000000000000000000" | perl -e '
		my @digits = (0 .. 9, "A" .. "Z", "a" .. "z");
		my ($text, $crc, $check) = (scalar <STDIN>, 0xffffffff, "");
		for my $byte (unpack "C*", $text) {
			$crc ^= $byte;
			$crc = $crc >> 1 ^ ($crc & 1 ? 0xedb88320 : 0) for 1 .. 8;
		}
		$crc ^= 0xffffffff;
		for (1 .. 6) {
			$check = $digits[$crc % 62] . $check;
			$crc = int($crc / 62);
		}
		print "$text$check";
	'
}

# state_of ID: the state of a key, also of a revoked one.
state_of() {
	adm show --json "$1" | jq -r '.keys[0].state'
}

# store_sum: one line that changes when any file of the tree does, or its mode or owner.
store_sum() {
	(
		cd "$ROOT" || exit
		find . -printf '%p %y %m %u %g\n' | sort
		find . -type f -exec sha256sum {} + | sort
	) | sha256sum
}

# ---- Real libpam -------------------------------------------------------------

# pam_service NAME [OPTION...]: a service whose auth and account are the module, with options.
pam_service() {
	local name=$1

	shift
	pam_service_lines "$name" <<-EOS
		auth required $LRKEY_MODULE root=$ROOT $*
		account required $LRKEY_MODULE root=$ROOT $*
	EOS
}

# pam_service_lines NAME: the same, but its lines come from standard input.
pam_service_lines() {
	mkdir -p "$CONFDIR"
	cat >"$CONFDIR/$1"
}

# pam_try USER TOKEN SERVICE [OPTION...]: one login through libpam; what it prints is pamhost's.
pam_try() {
	local user=$1 token=$2 service=$3

	shift 3
	printf '%s\n' "$token" | "$LRKEY_BUILD/tests/pam/pamhost" --confdir "$CONFDIR" \
		--service "$service" --user "$user" "$@"
}

# ---- Judging what "run" left -------------------------------------------------

# expect_status N: of the last run.
expect_status() {
	# shellcheck disable=SC2154 # set by run
	[ "$status" -eq "$1" ] || fail "exit status $status, not $1" "$output" "${stderr-}"
}

# expect_match TEXT EXPRESSION: an extended regular expression.
expect_match() {
	[[ $1 =~ $2 ]] || fail "does not match: $2" "$1"
}

# expect_no_match TEXT EXPRESSION
expect_no_match() {
	[[ ! $1 =~ $2 ]] || fail "matches, but must not: $2" "$1"
}

# expect_refused STATUS EXPRESSION ARGUMENTS...: lrkeyadm ends with the status, prints
# nothing but one line on standard error, which is an error of its and matches, and leaves the
# store as it is.
expect_refused() {
	local wanted=$1 expression=$2 before after

	shift 2
	before=$(store_sum 2>/dev/null)
	run --separate-stderr adm "$@" </dev/null
	after=$(store_sum 2>/dev/null)
	expect_status "$wanted"
	[ -z "$output" ] || fail "standard output: $output"
	# shellcheck disable=SC2154 # set by run
	[ "${#stderr_lines[@]}" -eq 1 ] || fail 'not one line of error:' "$stderr"
	expect_match "$stderr" '^lrkeyadm: '
	expect_match "$stderr" "$expression"
	[ "$before" = "$after" ] || fail "the store was changed: $*"
}
