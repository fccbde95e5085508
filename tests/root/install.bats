#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What "make install" puts into a system carries no privilege with it.
load ../lib.bash
load stage.bash

setup_file() {
	stage_open
	make --silent -C "$LRKEY_SOURCE" install DESTDIR="$STAGE/installed" >/dev/null
}

teardown_file() {
	stage_close
}

@test "nothing is set-uid, set-gid or sticky, or writable by any but root" {
	run find "$STAGE/installed" ! -type l -perm /7022
	expect_status 0
	[ -z "$output" ] || fail "$output"
	run find "$STAGE/installed" ! -user 0 -o ! -group 0
	[ -z "$output" ] || fail "$output"
	# The module, the utility and the manuals are really there.
	[ "$(find "$STAGE/installed" -type f \( -name pam_lrkey.so -o -name lrkeyadm -o \
		-name pam_lrkey.8 -o -name lrkeyadm.8 \) -size +0 | wc -l)" -ge 4 ]
}

@test "nothing carries a file capability" {
	local tool=$LRKEY_BUILD/tests/root/filecaps

	run "$tool" "$STAGE/installed"
	expect_status 0
	[ -z "$output" ] || fail "$output"
	# It would have been seen.
	: >"$STAGE/installed/planted"
	"$tool" --give "$STAGE/installed/planted"
	[ "$("$tool" "$STAGE/installed")" = "$STAGE/installed/planted" ]
	rm "$STAGE/installed/planted"
}
