#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Debian packages as files: lintian's verdict, what is in them, how they are hardened, and that
# built anywhere they are the same. "make deb" made those in build/deb.
load ../lib.bash
load ../package/package.bash

setup_file() {
	[ "$(deb_files "$DEBS" | wc -l)" -eq 2 ] || fail 'no packages: make deb'
	# Elsewhere, another day, by somebody with other habits, one job at a time.
	export OTHER=$BATS_FILE_TMPDIR/elsewhere/and/deeper
	(
		export TZ=Pacific/Kiritimati LC_ALL=C HOME=/nonexistent
		export DEB_BUILD_OPTIONS='nocheck parallel=1'
		umask 077
		"$LRKEY_SOURCE/tests/package/build.sh" "$OTHER" --build=binary
	) >"$BATS_FILE_TMPDIR/log" 2>&1 || fail "$(tail -n 50 "$BATS_FILE_TMPDIR/log")"
}

field() {
	dpkg-deb --field "$DEBS/$1"_*.deb "$2"
}

files_of() {
	dpkg-deb --fsys-tarfile "$DEBS/$1"_*.deb | tar -t | sed 's|^\.||' | grep -v '/$'
}

control_file() {
	dpkg-deb --ctrl-tarfile "$DEBS/$1"_*.deb | tar -xO "./$2"
}

# unpack DIR: both, without their maintainers' scripts.
unpack() {
	local deb

	deb_files "$DEBS" | while read -r deb; do
		dpkg-deb --extract "$deb" "$1"
	done
}

@test "lintian --pedantic has nothing to say, and no override hushes it" {
	run lintian --pedantic --show-overrides --allow-root --fail-on error,warning,pedantic \
		"$DEBS"/pam-lrkey_*.changes
	expect_status 0
	[ -z "$output" ] || fail "$output"
	[ -z "$(find "$LRKEY_SOURCE/debian" -name '*lintian-overrides*')" ]
}

@test "lintian would say something" {
	local tree=$BATS_TEST_TMPDIR/tree

	dpkg-deb --raw-extract "$DEBS"/lrkeyadm_*.deb "$tree"
	chmod 4755 "$tree/usr/bin/lrkeyadm"
	dpkg-deb --build --root-owner-group "$tree" "$BATS_TEST_TMPDIR/lrkeyadm_0_any.deb" >/dev/null
	run lintian --pedantic --allow-root "$BATS_TEST_TMPDIR/lrkeyadm_0_any.deb"
	expect_match "$output" elevated-privileges
}

@test "built elsewhere, at another umask, time zone and language, it is the same to a byte" {
	diff <(cd "$DEBS" && sha256sum -- *.deb) <(cd "$OTHER" && sha256sum -- *.deb)
	[ "$(find "$OTHER" -name '*.deb' | wc -l)" -eq 4 ]
}

@test "neither the path of the build nor its time is in the packages" {
	local tree=$BATS_TEST_TMPDIR/tree

	unpack "$tree"
	run ! grep -rlF -e "$DEBS" -e "$LRKEY_SOURCE" "$tree"
	[ -z "$(find "$tree" -type f -newermt '@'"$(($(
		dpkg-parsechangelog -l "$LRKEY_SOURCE/debian/changelog" -S Timestamp) + 1))" -print)" ]
}

@test "the module's package: the module, its manual, examples, and no script" {
	local files

	files=$(files_of libpam-lrkey)
	grep -qxE '/lib/[^/]*-linux-gnu[^/]*/security/pam_lrkey\.so' <<<"$files"
	grep -qx '/usr/share/man/man8/pam_lrkey.8.gz' <<<"$files"
	grep -qx '/usr/share/doc/libpam-lrkey/examples/pam.d/lrkey' <<<"$files"
	run ! grep -vE '/security/pam_lrkey\.so$|^/usr/share/(man|doc)/' <(files_of libpam-lrkey)
	[ "$(dpkg-deb --ctrl-tarfile "$DEBS"/libpam-lrkey_*.deb | tar -t | sort | xargs)" = \
		'./ ./control ./md5sums' ]
}

@test "everything that make install installs is in one of the packages" {
	local tree=$BATS_TEST_TMPDIR/tree name

	MAKEFLAGS=${LRKEY_MAKEFLAGS-} make -s --no-print-directory -C "$LRKEY_SOURCE" DESTDIR="$tree" \
		install
	{ files_of libpam-lrkey; files_of lrkeyadm; } | sed -E 's/\.gz$//; s|.*/||' | sort -u \
		>"$BATS_TEST_TMPDIR/packed"
	find "$tree" -type f -printf '%f\n' | sort -u >"$BATS_TEST_TMPDIR/installed"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/installed")" -gt 30 ]
	name=$(comm -23 "$BATS_TEST_TMPDIR/installed" "$BATS_TEST_TMPDIR/packed")
	[ -z "$name" ] || fail "in no package: $name"
}

@test "the manuals' folder of examples is there" {
	local tree=$BATS_TEST_TMPDIR/tree

	unpack "$tree"
	[ -f "$tree/usr/share/doc/pam_lrkey/examples/pam.d/scim-lrkey" ]
}

@test "scripts are debhelper's, but for what tells that keys are left" {
	local script

	for script in preinst postinst prerm postrm; do
		control_file lrkeyadm "$script" 2>/dev/null | sed '/^# Automatically added/,/^# End auto/d' |
			sed -E '/^(#.*|set -e|)$/d' >"$BATS_TEST_TMPDIR/$script" || true
	done
	[ ! -s "$BATS_TEST_TMPDIR/preinst" ]
	[ ! -s "$BATS_TEST_TMPDIR/postinst" ]
	[ ! -s "$BATS_TEST_TMPDIR/prerm" ]
	run ! grep -vE "^(case|esac|remove\)|purge\)|;;|echo|'|	)" "$BATS_TEST_TMPDIR/postrm"
	run ! grep -E 'rm -|delgroup|groupdel|userdel' <(sed "s/'[^']*'//g" "$BATS_TEST_TMPDIR/postrm")
}

@test "the compiler got dpkg's flags and the Makefile's own, and no flag is taken back" {
	blhc --all --debian "$DEBS/log" || fail "$(blhc --all --debian "$DEBS/log")"
	# It would find a missing one.
	sed 's/ -D_FORTIFY_SOURCE=2//' "$DEBS/log" >"$BATS_TEST_TMPDIR/log"
	run ! blhc --all --debian "$BATS_TEST_TMPDIR/log"
	run ! grep -E -- '-fno-stack|-no-pie|-z,(lazy|norelro)|-U_FORTIFY_SOURCE' \
		<(grep -E '^(gcc|cc) ' "$DEBS/log")
	grep -E '^gcc .*-fcf-protection=full.* -c ' "$DEBS/log" | grep -q -- ' -fstack-clash-protection '
}

@test "both files are hardened" {
	local tree=$BATS_TEST_TMPDIR/tree file

	unpack "$tree"
	for file in "$tree"/lib/*/security/pam_lrkey.so "$tree/usr/bin/lrkeyadm"; do
		readelf -dW "$file" | grep -q 'FLAGS_1.*\<NOW\>'
		readelf -lW "$file" | grep -q GNU_RELRO
		readelf -lW "$file" | grep GNU_STACK | grep -q ' RW '
		readelf -hW "$file" | grep -q 'DYN'
		nm -D --undefined-only "$file" | grep -q __stack_chk_fail
		nm -D --undefined-only "$file" | grep -qE '__[a-z]+_chk'
		run ! grep -E 'RPATH|RUNPATH' <(readelf -dW "$file")
	done
}

@test "what each depends on is what it is linked with, and nothing else" {
	[ "$(field libpam-lrkey Depends | tr , '\n' | sed 's/^ *//; s/ .*//' | sort | xargs)" = \
		'libc6 libgdbm6 libpam0g libssl3' ] || fail "$(field libpam-lrkey Depends)"
	expect_match "$(field lrkeyadm Depends)" systemd-sysusers
	expect_no_match "$(field lrkeyadm Depends)" libpam
	[ "$(field libpam-lrkey Multi-Arch)" = same ]
}

@test "completion lies where bash, zsh and fish look for it" {
	grep -qx /usr/share/bash-completion/completions/lrkeyadm <(files_of lrkeyadm)
	grep -qx /usr/share/zsh/vendor-completions/_lrkeyadm <(files_of lrkeyadm)
	grep -qx /usr/share/fish/vendor_completions.d/lrkeyadm.fish <(files_of lrkeyadm)
}
