#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of this folder rely on: a stage keeps to itself, and "as" takes every privilege.
load ../lib.bash
load stage.bash

setup_file() {
	MACHINE=$(machine)
	export MACHINE
	stage_open
	stage_people
}

teardown_file() {
	stage_close
}

# machine: what a test of this folder would change, were it not on a stage
machine() {
	find /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/pam.d /etc/lrkey /var/lib/lrkey \
		/dev/log -printf '%p %m %u %g %s %T@\n' 2>/dev/null || true
}

@test "the machine is as it was, whatever is made on the stage" {
	stage lrkeyadm init
	stage install -m 0644 "$LRKEY_SOURCE/etc/pam.d/lrkey" /etc/pam.d/lrkey
	[ "$(machine)" = "$MACHINE" ] || fail 'was changed:' "$(machine)" 'was:' "$MACHINE"
	run grep -F "$STAGE" /proc/self/mountinfo
	expect_status 1
	stage getent passwd "$MANAGER"
	run getent passwd "$MANAGER"
	expect_status 2
	# All the same these are no play: the kernel knows nothing but the numbers.
	as "$MANAGER" touch /dev/shm/file
	[ "$(stage stat -c %u /dev/shm/file)" = "$(stage id -u "$MANAGER")" ]
}

@test "as another user there is no privilege, and no way to one" {
	run as "$MANAGER" grep -E '^(Cap|NoNewPrivs|Uid|Groups)' /proc/self/status
	expect_status 0
	[ "$(grep -c '^Cap.*:.0000000000000000$' <<<"$output")" -eq 5 ]
	expect_match "$output" $'NoNewPrivs:\t1'
	uid=$(stage id -u "$MANAGER")
	expect_match "$output" $'Uid:\t'"$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid"
	[ "$(as "$MANAGER" id -Gn | tr ' ' '\n' | sort | tr '\n' ' ')" = \
		"_lrkey _lrkeymgr $MANAGER " ]
}

@test "the log holds a message a line, and can be waited for" {
	stage_log_clear
	stage perl -MSys::Syslog -e 'openlog("t", "", "authpriv"); syslog("info", "%s", "a\nb")'
	[ "$(stage_log | wc -l)" -eq 1 ]
	expect_match "$(stage_log)" '^<86>.* t: a\\x0ab(\\x0a)?$'
}

@test "with a stage ends all that was started on it" {
	local file=$BATS_TEST_TMPDIR/held
	# shellcheck disable=SC2034 # not those of the file: stage_open makes new ones
	local STAGE='' STAGE_PID='' STAGE_HOLD=''

	: >"$file"
	stage_open
	# A daemon, in a session of its own.
	stage setsid --fork flock "$file" tail -f /dev/null >/dev/null 2>&1 </dev/null
	stage timeout 10 sh -c "while flock -n $file true; do :; done"
	stage_close
	flock -n "$file" true
	[ ! -e "$STAGE" ]
}
