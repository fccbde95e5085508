#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# etc/README.md says what the files beside it are, and quotes them: both must stay true.
load ../lib.bash

# unnamed FOLDER: the files that its README.md does not name.
unnamed() {
	(cd "$1" && find . -type f ! -name README.md -printf '%P\n') | while IFS= read -r file; do
		grep -qF "\`$file\`" "$1/README.md" || echo "$file"
	done
}

# missing FOLDER: the files that its README.md names in the table, and that are not there.
missing() {
	grep -oE '`[a-z0-9.]+/[a-z0-9./_-]+`' "$1/README.md" | tr -d '`' | while IFS= read -r file; do
		[ -e "$1/$file" ] || echo "$file"
	done
}

# plain: lines without comments, with single blanks.
plain() {
	sed -E -e 's/(^|[[:blank:]])#.*//' -e 's/[[:blank:]]+/ /g' -e 's/^ //' -e 's/ $//'
}

# invented FOLDER: what it quotes in blocks of text, and no file says.
invented() {
	sed -n '/^```text$/,/^```$/p' "$1/README.md" | grep -v '^```' | plain >"$BATS_TEST_TMPDIR/quoted"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/quoted")" -gt 25 ] || echo 'nothing is quoted'
	find "$1" -type f ! -name README.md -exec cat {} + | plain >"$BATS_TEST_TMPDIR/said"
	grep -vxF -f "$BATS_TEST_TMPDIR/said" "$BATS_TEST_TMPDIR/quoted"
}

# without_comment FOLDER: the files that do not begin with their licence and say more behind it.
# zsh wants a line of its own before that.
without_comment() {
	find "$1" -type f ! -name README.md | while IFS= read -r file; do
		[ "$(head -n 5 "$file" | grep -cE '^(#|--)( |$)')" -ge 3 ] &&
			grep -v '^#compdef ' "$file" | head -n 1 | grep -q 'SPDX-License-Identifier' || echo "$file"
	done
}

finds_nothing() {
	local found

	found=$("$1" "$LRKEY_SOURCE/etc") || true
	[ -z "$found" ] || fail "$found"
}

# finds CHECK FILE COMMAND...: in a copy, after the command was run there.
finds() {
	local copy=$BATS_TEST_TMPDIR/copy found check=$1 wanted=$2

	shift 2
	rm -rf "$copy"
	cp -a "$LRKEY_SOURCE/etc" "$copy"
	(cd "$copy" && "$@")
	found=$("$check" "$copy") || true
	[ "$found" = "$wanted" ] || fail "$check does not find $wanted, but: $found"
}

@test "every example is named in etc/README.md, and what it names is there" {
	finds_nothing unnamed
	finds_nothing missing
	finds unnamed pam.d/new touch pam.d/new
	finds missing vsftpd/vsftpd.conf rm vsftpd/vsftpd.conf
}

@test "what etc/README.md quotes is in a file" {
	finds_nothing invented
	finds invented 'UsePAM yes' sed -i 's/^UsePAM yes/UsePAM no/' ssh/sshd_lrkey
}

@test "every example begins with a comment" {
	finds_nothing without_comment
	finds without_comment "$BATS_TEST_TMPDIR/copy/new" sh -c 'echo x >new'
}
