#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The version stands in the Makefile; what must name it too, agrees.
load ../lib.bash

# disagree FOLDER: who names another version than its Makefile.
disagree() {
	local version

	version=$(sed -n 's/^version := //p' "$1/Makefile")
	[[ $version =~ ^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$ ]] || echo "Makefile: $version"
	[ "$(sed -nE '1s/^pam-lrkey \(([^)]*)\).*/\1/p' "$1/debian/changelog")" = "$version" ] ||
		echo 'debian/changelog'
	[ "$(sed -nE 's/^([0-9][^ ]*), [0-9]{4}-[0-9]{2}-[0-9]{2}$/\1/p' "$1/NEWS" | sed -n 1p)" = \
		"$version" ] || echo 'NEWS'
}

# finds WHO FILE SED: in a copy.
finds() {
	local copy=$BATS_TEST_TMPDIR/copy found

	rm -rf "$copy"
	mkdir -p "$copy/debian"
	cp "$LRKEY_SOURCE/Makefile" "$LRKEY_SOURCE/NEWS" "$copy"
	cp "$LRKEY_SOURCE/debian/changelog" "$copy/debian"
	sed -i -E "$3" "$copy/$2"
	found=$(disagree "$copy")
	grep -qE "$1" <<<"$found" || fail "$3 is not seen in $2: $found"
}

@test "debian/changelog and NEWS begin with the version of the Makefile" {
	[ -z "$(disagree "$LRKEY_SOURCE")" ] || fail "$(disagree "$LRKEY_SOURCE")"
	finds NEWS Makefile 's/^(version := ).*/\19.9.9/'
	finds debian/changelog Makefile 's/^(version := ).*/\19.9.9/'
	finds Makefile Makefile 's/^(version := .*)/\1-rc1/'
	finds debian/changelog debian/changelog '1s/\)/-1)/'
	finds NEWS NEWS 's/^[0-9][^ ]*, [0-9-]+$/0.0.1, 2026-01-01/'
}

@test "the utility says the same" {
	expect_match "$("$LRKEYADM" --version)" \
		"(^| )$(sed -n 's/^version := //p' "$LRKEY_SOURCE/Makefile" | sed 's/\./\\./g')( |$)"
}

@test "the version stands nowhere else" {
	local version

	version=$(sed -n 's/^version := //p' "$LRKEY_SOURCE/Makefile")
	run ! grep -rnwF "$version" "$LRKEY_SOURCE"/{include,liblrkey,pam_lrkey,lrkeyadm,etc} \
		--include='*.[ch1-8]' --include='*.service' --include='*.timer'
}
