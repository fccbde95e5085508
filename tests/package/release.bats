#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "make dist" and "make release-check", in a copy with a git repository of its own.
load ../lib.bash

setup_file() {
	export COPY=$BATS_FILE_TMPDIR/copy GIT_CONFIG_GLOBAL=$BATS_FILE_TMPDIR/gitconfig

	git config --file "$GIT_CONFIG_GLOBAL" user.name tester
	git config --file "$GIT_CONFIG_GLOBAL" user.email tester@localhost
	git config --file "$GIT_CONFIG_GLOBAL" tar.umask 0077
	cp -r "$LRKEY_SOURCE/build/deb/pam-lrkey" "$COPY"
	rm -rf "$COPY/build" "$COPY"/debian/{.debhelper,tmp,files,libpam-lrkey,lrkeyadm,*.substvars} \
		"$COPY"/debian/{debhelper-build-stamp,*.debhelper}
	commit() {
		git -C "$COPY" add --all
		git -C "$COPY" commit --quiet --message "$1"
	}
	git -C "$COPY" init --quiet
	commit first
}

setup() {
	git -C "$COPY" reset --quiet --hard
	git -C "$COPY" clean --quiet --force -d
}

# refused WHY: release-check stops, and says so.
refused() {
	run make -s --no-print-directory -C "$COPY" release-check
	[ "$status" -ne 0 ] || fail 'it can be released'
	expect_match "$output" "release-check: $1"
}

# changed FILE SED: committed; and the next test's reset goes back behind it.
changed() {
	sed -i -E "$2" "$COPY/$1"
	run ! git -C "$COPY" diff --quiet
	git -C "$COPY" commit --quiet --all --message changed
}

back() {
	git -C "$COPY" reset --quiet --hard HEAD~1
}

@test "what is committed can be released" {
	run make -s --no-print-directory -C "$COPY" release-check
	expect_status 0
	expect_match "$output" 'release-check: [0-9.]+ can be released$'
	[ -z "$(git -C "$COPY" status --porcelain)" ]
}

@test "the archive does not depend on whose git made it" {
	local modes

	make -s -C "$COPY" dist
	modes=$(tar -tvzf "$COPY"/build/pam_lrkey-*.tar.gz | cut -c 1-10 | sort -u | xargs)
	[ "$modes" = '-rw-r--r-- -rwxr-xr-x drwxr-xr-x' ] || fail "$modes"
}

@test "an unknown file, or a change that is not committed, is in the way" {
	touch "$COPY/new"
	refused 'changes that are not committed.*'
	expect_match "$output" '\?\? new'
	rm "$COPY/new"
	echo >>"$COPY/README.md"
	refused 'changes that are not committed.*'
}

@test "a version that others do not name is in the way" {
	changed Makefile 's/^(version := ).*/\19.9.9/'
	refused 'debian/changelog does not begin with 9\.9\.9'
	back
	changed NEWS 's/^[0-9][^ ]*, [0-9-]+$/0.0.1, 2026-01-01/'
	refused 'NEWS does not begin with'
	back
	changed debian/changelog '1s/unstable/UNRELEASED/'
	refused 'debian/changelog says UNRELEASED'
	back
}

@test "a version that was released already is in the way" {
	git -C "$COPY" tag "v$(sed -n 's/^version := //p' "$COPY/Makefile")"
	changed README.md '$s/$/ And more./'
	refused 'v[0-9.]+ is another commit already'
	back
	git -C "$COPY" tag -d "v$(sed -n 's/^version := //p' "$COPY/Makefile")"
}

@test "a source that does not build is in the way" {
	changed liblrkey/net.c '$s/$/ no C/'
	refused 'the archive does not build'
	back
}
