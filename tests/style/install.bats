#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "make install": which files with which modes, that none is set-id, and that nothing which
# an administrator changed is overwritten. install.list is the list; @etc@ in it stands for every file
# below etc/ that has no place of its own, and @pamdir@ for where libpam looks for modules.

load ../lib.bash

# The make that runs the tests says with which settings it built.
run_make() {
	MAKEFLAGS=${LRKEY_MAKEFLAGS-} make -s --no-print-directory -C "$LRKEY_SOURCE" "$@"
}

install_into() {
	run_make DESTDIR="$1" install
}

setup() {
	TREE=$BATS_TEST_TMPDIR/tree
}

# What is an example to copy, and not at work in its own place.
examples() {
	(cd "$LRKEY_SOURCE/etc" && find . -type f ! -path './systemd/lrkey-*' \
		! -path './sysusers.d/*' ! -path './logrotate.d/*' ! -path './completion/*' -printf "$1%P\n")
}

listed() {
	local line modules

	modules=$(run_make --eval 'modules: ; @echo $(pamdir)' modules)
	while IFS= read -r line; do
		case $line in
		*@etc@) examples "${line%@etc@}" ;;
		*) printf '%s\n' "${line/@pamdir@/$modules}" ;;
		esac
	done <"$LRKEY_SOURCE/tests/style/install.list" | LC_ALL=C sort
}

installed() {
	(cd "$1" && find . ! -type d -printf '%M /%P\n') | LC_ALL=C sort
}

@test "exactly the files of install.list, with their modes, whatever the umask" {
	local mask

	for mask in 000 022 077; do
		rm -rf "$TREE"
		(umask "$mask" && install_into "$TREE")
		diff <(listed) <(installed "$TREE")
		[ -z "$(find "$TREE" -mindepth 1 -type d ! -perm 0755)" ] ||
			fail "$(find "$TREE" -mindepth 1 -type d ! -perm 0755 -ls)"
	done
	# That a difference would be seen.
	touch "$TREE/usr/bin/more"
	run ! diff <(listed) <(installed "$TREE")
}

@test "nothing is set-id, writable by others, or has capabilities" {
	install_into "$TREE"
	[ -z "$(find "$TREE" -mindepth 1 -perm /7022 -print)" ]
	chmod 2755 "$TREE/usr/bin/lrkeyadm"
	[ -n "$(find "$TREE" -mindepth 1 -perm /7022 -print)" ]
}

@test "what is installed is what was built, and it starts" {
	install_into "$TREE"
	cmp "$LRKEYADM" "$TREE/usr/bin/lrkeyadm"
	find "$TREE" -name pam_lrkey.so -exec cmp "$LRKEY_MODULE" {} +
	"$TREE/usr/bin/lrkeyadm" --version
}

@test "other folders are taken from prefix, bindir, mandir, sysconfdir, docdir, pamdir, unitdir" {
	run_make DESTDIR="$TREE" prefix=/opt/x sysconfdir=/opt/etc pamdir=/opt/pam unitdir=/opt/units \
		fishcompdir=/opt/fish install
	[ -x "$TREE/opt/x/bin/lrkeyadm" ]
	[ -f "$TREE/opt/x/share/man/man8/pam_lrkey.8" ]
	[ -f "$TREE/opt/x/share/doc/pam_lrkey/examples/pam.d/lrkey" ]
	[ -f "$TREE/opt/etc/logrotate.d/lrkeyadm" ]
	[ -f "$TREE/opt/pam/pam_lrkey.so" ]
	[ -f "$TREE/opt/units/lrkey-metrics.service" ]
	[ -f "$TREE/opt/x/lib/sysusers.d/lrkey.conf" ]
	[ -f "$TREE/opt/x/share/zsh/vendor-completions/_lrkeyadm" ]
	[ -f "$TREE/opt/fish/lrkeyadm.fish" ]
	[ "$(ls "$TREE")" = opt ]
}

@test "a path with a space in it" {
	install_into "$TREE with space"
	[ -x "$TREE with space/usr/bin/lrkeyadm" ]
	[ ! -e "$TREE" ]
}

@test "a changed logrotate file is kept, and uninstall leaves it and nothing else" {
	local file=$TREE/etc/logrotate.d/lrkeyadm

	install_into "$TREE"
	echo '# mine' >>"$file"
	run install_into "$TREE"
	expect_status 0
	expect_match "$output" 'kept .*/etc/logrotate.d/lrkeyadm'
	grep -qx '# mine' "$file"
	run_make DESTDIR="$TREE" uninstall
	[ "$(find "$TREE" ! -type d)" = "$file" ]
}

@test "uninstall removes all that install made" {
	install_into "$TREE"
	run_make DESTDIR="$TREE" uninstall
	[ -z "$(find "$TREE" ! -type d)" ]
	[ ! -e "$TREE/usr/share/doc/pam_lrkey" ]
}

@test "a second make has nothing to do" {
	run_make all
	run_make -q all
}
