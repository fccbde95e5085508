#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whether what is committed can be released as it is; says what is in the way, and changes nothing:
#
#	tests/release.sh
#
# The archive of "make dist" is unpacked in a throw-away folder, built there, and passes its unit tests.
set -euo pipefail
export LC_ALL=C.UTF-8

cd "${BASH_SOURCE[0]%/*}/.."
unset CC CFLAGS CPPFLAGS LDFLAGS LDLIBS SAN V MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git() {
	command git -c safe.directory='*' "$@"
}

stop() {
	printf 'release-check: %s\n' "$@" >&2
	exit 1
}

state=$(git status --porcelain --untracked-files=all) || stop 'not a git repository'
[ -z "$state" ] || stop 'changes that are not committed, or files that git does not know:' "$state"

version=$(sed -n 's/^version := //p' Makefile)
[ "$(sed -nE '1s/^pam-lrkey \(([^)]*)\).*/\1/p' debian/changelog)" = "$version" ] ||
	stop "debian/changelog does not begin with $version"
[ "$(sed -nE '1s/.*\) ([^;]*);.*/\1/p' debian/changelog)" != UNRELEASED ] ||
	stop 'debian/changelog says UNRELEASED'
[ "$(sed -nE 's/^([0-9][^ ]*), [0-9]{4}-[0-9]{2}-[0-9]{2}$/\1/p' NEWS | sed -n 1p)" = "$version" ] ||
	stop "NEWS does not begin with an entry of $version and its date"
tagged=$(git rev-parse --quiet --verify "v$version^{commit}" || true)
[ -z "$tagged" ] || [ "$tagged" = "$(git rev-parse HEAD)" ] ||
	stop "v$version is another commit already: raise the version"

name=pam_lrkey-$version
make -s dist >/dev/null
cp "build/$name.tar.gz" "$work"
make -s dist >/dev/null
cmp "build/$name.tar.gz" "$work/$name.tar.gz" || stop 'a second archive is another one'
tar -xzf "$work/$name.tar.gz" -C "$work"
diff <(git ls-files | sort) <(cd "$work/$name" && find . ! -type d -printf '%P\n' | sort) ||
	stop 'the archive holds other files than git knows'

cd "$work/$name"
make -s WERROR=1 all || stop 'the archive does not build'
build/gcc/lrkeyadm --version | grep -qwF "$version" || stop "lrkeyadm is not $version"
make -s PACKAGES=no WERROR=1 run-tests PARTS=unit || stop 'a unit test fails in the archive'
echo "release-check: $version can be released"
