#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The house rules that a program can check. Each check is a function of a tree: it prints what breaks
# the rule, and says nothing where nothing does. It is asked twice: about the source as it is,
# and about a copy with a planted fault, which it must find.

load ../lib.bash

# The files of the source: what git knows or would take up; without git, all but what was built.
source_files() {
	git -c safe.directory='*' -C "$LRKEY_SOURCE" ls-files -z --cached --others \
		--exclude-standard 2>/dev/null ||
		(cd "$LRKEY_SOURCE" && find . -path ./build -prune -o -path ./.git -prune -o \
			-type f -printf '%P\0')
}

setup_file() {
	export TREE=$BATS_FILE_TMPDIR/tree

	mkdir "$TREE"
	source_files >"$BATS_FILE_TMPDIR/files"
	# A file that was just removed is still known to git.
	(
		cd "$LRKEY_SOURCE" || exit
		while IFS= read -r -d '' file; do
			[ ! -e "$file" ] || cp -p --parents "$file" "$TREE"
		done
	) <"$BATS_FILE_TMPDIR/files"
	[ -e "$TREE/liblrkey/apikey.c" ]
}

# passes CHECK: finds nothing in the source.
passes() {
	local found

	found=$(cd "$TREE" && "$1") || true
	[ -z "$found" ] || fail "$found"
}

# finds CHECK FILE TEXT: does find the text when it is added to the file.
finds() {
	local copy=$BATS_TEST_TMPDIR/copy found

	rm -rf "$copy"
	cp -a "$TREE" "$copy"
	mkdir -p "$copy/$(dirname "$2")"
	printf '%b\n' "$3" >>"$copy/$2"
	found=$(cd "$copy" && "$1") || true
	[ -n "$found" ] || fail "$1 does not find in $2: $3"
}

# includes FOLDER...: FILE:LINE:"name" or FILE:LINE:<name> of every include there.
includes() {
	find "$@" -name '*.[ch]' -exec grep -HnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*.*' {} + |
		sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]*/:/'
}

# ---- Who may include what ----------------------------------------------------

gdbm_has_one_room() {
	includes include liblrkey pam_lrkey lrkeyadm | grep -F '<gdbm.h>' |
		grep -v '^liblrkey/keyfile\.c:'
}

@test "only keyfile.c includes gdbm.h" {
	passes gdbm_has_one_room
	finds gdbm_has_one_room liblrkey/store.c '#include <gdbm.h>'
	finds gdbm_has_one_room lrkeyadm/main.c ' #  include <gdbm.h>'
	grep -q '#include <gdbm.h>' "$TREE/liblrkey/keyfile.c"
}

openssl_has_one_room() {
	includes include liblrkey pam_lrkey lrkeyadm | grep -F '<openssl/' |
		grep -v '^liblrkey/crypto\.c:'
}

@test "only crypto.c includes headers of OpenSSL" {
	passes openssl_has_one_room
	finds openssl_has_one_room pam_lrkey/log.c '#include <openssl/err.h>'
	grep -q '#include <openssl/' "$TREE/liblrkey/crypto.c"
}

pam_has_one_folder() {
	includes include liblrkey lrkeyadm | grep -E '[<"]security/'
}

@test "only the module includes headers of PAM" {
	passes pam_has_one_folder
	finds pam_has_one_folder liblrkey/verify.c '#include <security/pam_modules.h>'
	grep -rq '#include <security/' "$TREE/pam_lrkey"
}

module_knows_public_headers_only() {
	includes pam_lrkey | while IFS=: read -r file line name; do
		case $name in
		\"*)
			name=${name#\"}
			name=${name%%\"*}
			[ "$name" = "${name##*/}" ] && [ -e "pam_lrkey/$name" ] ||
				echo "$file:$line: $name"
			;;
		*liblrkey/* | *lrkeyadm/*)
			echo "$file:$line: $name"
			;;
		esac
	done
}

@test "the module includes public headers and its own" {
	passes module_knows_public_headers_only
	finds module_knows_public_headers_only pam_lrkey/log.c '#include "liblrkey/change.h"'
	finds module_knows_public_headers_only pam_lrkey/log.c '#include <liblrkey/change.h>'
	finds module_knows_public_headers_only pam_lrkey/log.c '#include "../liblrkey/change.h"'
	finds module_knows_public_headers_only pam_lrkey/log.c '#include "store.h"'
}

public_headers_stand_alone() {
	includes include | grep -E '"|liblrkey/|pam_lrkey/|lrkeyadm/'
}

@test "public headers include nothing of the core" {
	passes public_headers_stand_alone
	finds public_headers_stand_alone include/lrkey/net.h '#include "liblrkey/store.h"'
	finds public_headers_stand_alone include/lrkey/net.h '#include <liblrkey/store.h>'
}

core_knows_no_product() {
	includes liblrkey | grep -E 'pam_lrkey/|lrkeyadm/'
}

utility_knows_no_module() {
	includes lrkeyadm | grep -F 'pam_lrkey/'
}

@test "the core includes neither product, the utility not the module" {
	passes core_knows_no_product
	passes utility_knows_no_module
	finds core_knows_no_product liblrkey/net.c '#include "lrkeyadm/error.h"'
	finds utility_knows_no_module lrkeyadm/main.c '#include "../pam_lrkey/log.h"'
}

# ---- What must not be called -------------------------------------------------

core_is_quiet() {
	find liblrkey include -name '*.[ch]' -exec grep -HnE \
		'\<(v?f?printf|v?dprintf|f?puts|f?putc|putchar|fwrite|perror|v?syslog|openlog|closelog|_?exit|_Exit|quick_exit|abort|assert|v?errx?|v?warnx?|error)[[:space:]]*\(|\<(stdout|stderr|stdin)\>' \
		{} + | grep -v '__attribute__((format(printf'
}

@test "the core neither prints, logs nor exits" {
	passes core_is_quiet
	finds core_is_quiet liblrkey/net.c 'void f(void) { printf("x"); }'
	finds core_is_quiet liblrkey/net.c 'void f(void) { fputs("x", stderr); }'
	finds core_is_quiet liblrkey/net.c 'void f(void) { syslog(LOG_ERR, "x"); }'
	finds core_is_quiet liblrkey/net.c 'void f(void) { _exit(1); }'
	finds core_is_quiet include/lrkey/net.h 'static void f(void) { abort (); }'
}

engine_is_not_steered() {
	find include liblrkey pam_lrkey lrkeyadm -name '*.[ch]' -exec grep -HnE \
		'\<gdbm_(setopt|reorganize|recover|load|load_from_file|failure_atomic|open)[[:space:]]*\(' {} + |
		grep -vE '^liblrkey/keyfile\.c:[0-9]+:.*\(engine\(file\), GDBM_SETCACHESIZE, &buckets,'
}

@test "nothing recovers, reorganizes, loads or tunes a key file, or opens it by name" {
	passes engine_is_not_steered
	finds engine_is_not_steered liblrkey/keyfile.c 'int f(void) { return gdbm_setopt(d, 1, 0, 0); }'
	finds engine_is_not_steered lrkeyadm/main.c 'int f(void) { return gdbm_recover (d, 0, 0); }'
	finds engine_is_not_steered liblrkey/keyfile.c 'int f(void) { return gdbm_failure_atomic(d, a, b); }'
}

# What is secret has no comparison but lrk_equal. A prefix that all keys have is none of it.
secrets_are_compared() {
	grep -rnE '\<(mem|str|strn|strcase|strncase|b)cmp[[:space:]]*\([^;]*(digest|secret|token|credential|->key\>|\.key\>|\<tag)' \
		include liblrkey pam_lrkey lrkeyadm --include='*.[ch]' |
		grep -vF 'strncmp(token, LRK_APIKEY_PREFIX,'
}

@test "CVE-2026-54411: no function for text or memory compares a secret" {
	passes secrets_are_compared
	finds secrets_are_compared liblrkey/verify.c '	if (memcmp(credential->digest, entry->digest, 32) == 0)'
	finds secrets_are_compared pam_lrkey/decide.c '	return strncmp(token, stored, strlen(stored)) == 0;'
	finds secrets_are_compared lrkeyadm/main.c '	return strcmp (a->secret, b) == 0;'
}

# ---- How a file looks --------------------------------------------------------

# Sources of every kind; prose, the licence, data, what is fed to fuzzers and files of debian/ whose
# form is settled have no place for the line.
files_with_licence() {
	find . -type f ! -name '*.md' ! -name LICENSE ! -name '*.list' ! -path './tests/*/data/*' \
		! -path './tests/bench/results/*' \
		! -path './tests/fuzz/corpus/*' ! -name NEWS ! -name '*.README.Debian' \
		! -path './debian/source/format' ! -path './debian/changelog' \
		! -path './debian/copyright' \
		-printf '%P\n'
}

licence_is_named() {
	files_with_licence | while IFS= read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-3\.0-or-later' || echo "$file"
	done
}

@test "each source file names its licence in its first two lines" {
	passes licence_is_named
	finds licence_is_named liblrkey/new.c '/* nothing */'
	finds licence_is_named tests/cli/new.bats '#!/usr/bin/env bats'
	finds licence_is_named etc/new.conf 'x = 1'
}

# The expressions are written so that they do not find themselves.
machine_is_unknown() {
	grep -rnIE "(^|[^][A-Za-z0-9_.*\$})\"'-])/(wor[k]|roo[t]|hom[e]/[a-z]+|tm[p]/brief)(/|\$)" .
}

@test "no file names a path of the machine it was written on" {
	passes machine_is_unknown
	finds machine_is_unknown README.md 'see /wor''k/shared'
	finds machine_is_unknown Makefile 'include /roo''t/x'
	finds machine_is_unknown etc/new.conf 'path=/hom''e/alice/x'
}

bats_files_run() {
	find tests -name '*.bats' | while IFS= read -r file; do
		[ -x "$file" ] || echo "$file: not executable"
		[ "$(head -n 1 "$file")" = '#!/usr/bin/env bats' ] || echo "$file: not its first line"
	done
}

@test "every file of bats is executable and names bats in its first line" {
	passes bats_files_run
	finds bats_files_run tests/cli/new.bats '#!/usr/bin/env bats'
	finds bats_files_run tests/cli/new.bats '#!/bin/sh'
}

# A text that users meet is not torn apart: who searches for it shall find it.
lines_are_short() {
	find . -name '*.[ch]' | while IFS= read -r file; do
		expand "$file" | grep -nE '^.{101}' | grep -v '"' | sed "s|^|$file:|"
	done
}

@test "no line of C is longer than 100 columns, but for texts" {
	passes lines_are_short
	finds lines_are_short liblrkey/net.c "/* $(printf '%0100d' 0) */"
	finds lines_are_short liblrkey/net.c "\\t\\t/* $(printf '%082d' 0) */"
}

lines_end_clean() {
	grep -rnIE '[[:space:]]+$' . | grep -v -e '^\./LICENSE:' -e '^\./tests/fuzz/corpus/'
}

@test "no line ends in white space or a carriage return" {
	passes lines_end_clean
	finds lines_end_clean README.md 'text '
	finds lines_end_clean liblrkey/net.c '/* x */\r'
}

nothing_is_skipped() {
	grep -rnE '^[[:space:]]*(skip|skip\(\))([[:space:]]|;|$)' tests --include='*.bats' --include='*.[ch]' \
		--include='*.bash'
}

@test "no test skips itself" {
	passes nothing_is_skipped
	finds nothing_is_skipped tests/cli/new.bats '\tskip "not today"'
	finds nothing_is_skipped tests/unit/test_net.c '\tskip();'
}
