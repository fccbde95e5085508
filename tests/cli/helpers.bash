# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the tests of lrkeyadm share, besides ../lib.bash.

# 2027-01-15T08:00:00Z, for tests that need a clock. What one clock has made is judged
# by one that is near to it.
# shellcheck disable=SC2034 # for the tests
NOON=1800000000
# shellcheck disable=SC2034
DAY=86400

# at SECONDS ARGUMENTS...: lrkeyadm on the test's own tree, when the clock shows SECONDS.
at() {
	local when=$1

	shift
	LRKEY_TEST_TIME=$when LD_PRELOAD=$LRKEY_BUILD/tests/cli/clock.so adm "$@"
}

# logged FILE ARGUMENTS...: lrkeyadm on the test's own tree, what it sends to syslog goes to FILE.
logged() {
	local file=$1

	shift
	LRKEY_TEST_SYSLOG=$file LD_PRELOAD=$LRKEY_BUILD/tests/cli/syslog.so adm "$@"
}

# typed TEXT ARGUMENTS...: lrkeyadm at a terminal where TEXT is typed, when the clock shows $CLOCK.
# Standard input, output and error are the terminal.
typed() {
	local text=$1

	shift
	set -- env ${CLOCK:+LRKEY_TEST_TIME="$CLOCK" LD_PRELOAD="$LRKEY_BUILD/tests/cli/clock.so"} \
		"$LRKEYADM" --root "$ROOT" "$@"
	printf '%s' "$text" |
		script -qec "stty cols ${WIDTH:-200}; $(printf '%q ' "$@")" /dev/null | tr -d '\r'
	return "${PIPESTATUS[1]}"
}

generation() {
	adm --json | jq .generation
}

# field ID NAME: what JSON says of a key
field() {
	adm show --json "$1" | jq -c ".keys[0].$2"
}

# audit [N]: the line N of the audit log from its end
audit() {
	tail -n "${1:-1}" "$AUDIT" | head -n 1
}

# ids: one a line, as the table sorts them
ids() {
	adm list --no-headings --columns id "$@"
}

AUDIT=$ROOT/var/lib/lrkey/system/audit.log
# shellcheck disable=SC2034 # for the tests
UNKNOWN=000000000000
