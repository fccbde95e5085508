#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The commands of README.md that fetch packages, or install those of "make deb", as they stand and in
# their order, in a fresh minimal system. tests/root/documents.bats types the rest.
load ../lib.bash
load package.bash

SOURCE=/usr/src/lrkey

setup_file() {
	tree_open
	# What a reader has: the source, and nothing that was built.
	mkdir "$TREE$SOURCE"
	tar -C "$TREE$SOURCE" --strip-components=1 --no-same-owner -xf "$DEBS"/pam-lrkey_*.tar.xz
	rm -r "$TREE/debs"
	# Servers are installed, not started.
	printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d"
	chmod 0755 "$TREE/usr/sbin/policy-rc.d"
}

# typed_there EXPRESSION: the one command of README.md for root that matches.
typed_there() {
	local line

	line=$(cd "$LRKEY_SOURCE" && tests/root/commands.pl README.md |
		awk -F '\t' '$3 == "root" { print $5 }' | grep -E "$1")
	[ "$(wc -l <<<"$line")" -eq 1 ] || fail "not one: $1" "$line"
	run inside bash -c "cd $SOURCE && $line"
	expect_status 0
}

@test "the first: a demonstration, with a compiler that it installs" {
	run ! inside sh -c 'command -v gcc make'
	typed_there '&& make demo$'
	expect_match "$output" 'refused'
	run ! inside sh -c 'command -v lrkeyadm'
}

@test "make deb, with what it needs, and its packages" {
	typed_there '^make deb$'
	typed_there '^apt-get install .*\.deb$'
	[ "$(inside dpkg-query -W -f '${db:Status-Abbrev}' libpam-lrkey lrkeyadm)" = 'ii ii ' ]
	run inside lrkeyadm
	expect_status 69
	expect_match "$output" "'lrkeyadm init' makes the store"
}

@test "nginx and what the SCIM example needs of it" {
	typed_there '^apt-get install .*nginx'
	inside cp -r "$SOURCE/etc/pam.d/scim-lrkey" /etc/pam.d
	inside cp "$SOURCE/etc/nginx/conf.d/lrkey-bearer.conf" /etc/nginx/conf.d
	inside cp "$SOURCE/etc/nginx/snippets/lrkey-bearer.conf" /etc/nginx/snippets
	# Without the certificate, which is the administrator's.
	sed -E 's/listen 443 ssl;/listen 127.0.0.1:8443;/; /ssl_certificate/d' "$LRKEY_SOURCE/etc/nginx/scim.conf" \
		>"$TREE/etc/nginx/sites-enabled/scim"
	inside nginx -t
}
