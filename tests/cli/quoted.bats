#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The commands of lrkeyadm that stand in the text of documents and in comments of examples, where
# tests/root/documents.bats does not look: each is one, and does what it is for.
load ../lib.bash
load helpers.bash

setup() {
	make_store
	mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/at"
	printf '%s\n' '#!/bin/sh' "exec '$LRKEYADM' --root '$ROOT' \"\$@\"" >"$BATS_TEST_TMPDIR/bin/lrkeyadm"
	chmod 0755 "$BATS_TEST_TMPDIR/bin/lrkeyadm"
}

# quoted FOLDER: FILE and COMMAND, divided by a tab: what stands in quotes or in `...`, behind .Ql, in
# $(...), or alone in a comment. What goes on in the next line is one.
quoted() {
	(
		cd "$1" || exit
		find etc -type f ! -path 'etc/completion/*'
		find README.md SECURITY.md NEWS lrkeyadm pam_lrkey liblrkey debian -maxdepth 1 -type f \
			\( -name '*.[1-8]' -o -name '*.md' -o -name NEWS -o -name '*.README.Debian' \)
	) | while IFS= read -r file; do
		perl -0777 -ne '
			s/\\\n[# \t]*/ /g;
			while (/`(lrkeyadm\ [^`]+)`|"(lrkeyadm\ [^"]+)"|^\.Ql\ (lrkeyadm\ .*)$|
				^\#\t+(lrkeyadm\ .*)$|Keys\ for\ it:\ (lrkeyadm\ .*)$|\$\((lrkeyadm\ [^)]+)\)/gmx) {
				my $command = $1 // $2 // $3 // $4 // $5 // $6;
				$command =~ s/\s+# .*|, or .*//;
				$command =~ s/\n[# ]*/ /g;
				print "'"$file"'\t$command\n";
			}' "$1/$file"
	done
}

# wrong FOLDER: which of them are none.
wrong() {
	local file command ran=0

	while IFS=$'\t' read -r file command; do
		ran=$((ran + 1))
		make_key --org acme
		command=${command//'{{ $labels.store }}'/system}
		command=${command//'{{ $labels.id }}'/$ID}
		command=$(sed -E "s/\<ID\>/$ID/g; s/\<ORG\>/acme/g; s/\<N\>/5/g" <<<"$command")
		# The name of a command alone, which needs more, or is not for such a store.
		if [[ $command =~ ^lrkeyadm\ [a-z]+$ ]]; then
			command+=' --help'
		fi
		if [[ $command =~ ' --root trial ' ]]; then
			command=${command/' --root trial '/' '}
		fi
		(cd "$(mktemp -d "$BATS_TEST_TMPDIR/at/XXXXXX")" &&
			PATH=$BATS_TEST_TMPDIR/bin:$PATH bash -c "$command" </dev/null >/dev/null 2>said) ||
			printf '%s: %s\n' "$file" "$command"
	done < <(quoted "$1")
	[ "$ran" -gt 25 ] || echo "only $ran are found"
}

@test "each command of lrkeyadm that is quoted is one" {
	local copy=$BATS_TEST_TMPDIR/copy found

	found=$(wrong "$LRKEY_SOURCE")
	[ -z "$found" ] || fail "$found"
	# It would be seen.
	mkdir "$copy"
	tar -C "$LRKEY_SOURCE" -cf - etc README.md SECURITY.md NEWS lrkeyadm pam_lrkey liblrkey debian |
		tar -C "$copy" -xf -
	sed -i 's/generate --org acme --scope vpn/generate --organisation acme/' "$copy/etc/openvpn/server.conf"
	sed -i 's/`lrkeyadm rekey`/`lrkeyadm renew`/' "$copy/SECURITY.md"
	run wrong "$copy"
	[ "$(cut -d : -f 1 <<<"$output" | sort | xargs)" = 'SECURITY.md etc/openvpn/server.conf' ] ||
		fail "$output"
}
