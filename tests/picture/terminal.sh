#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Records the picture of README.md: types the lines of terminal.list as alice, a manager, on a stage with
# a real nginx, and prints what was on the terminal as SVG. Run by "make picture", as root.
set -euo pipefail

here=${BASH_SOURCE[0]%/*}
# lib.bash is written for bats.
bats_require_minimum_version() { :; }
BATS_FILE_TMPDIR=$(mktemp -d)
# shellcheck source=tests/lib.bash
. "$here/../lib.bash"
# shellcheck source=tests/root/stage.bash
. "$here/../root/stage.bash"
# shellcheck source=tests/root/documents.bash
. "$here/../root/documents.bash"
trap 'stage_close; rm -rf "$BATS_FILE_TMPDIR"' EXIT

columns=110
host=scim.example.org

documents_stage
documents_install
documents_nginx "$host"
stage groupadd --system _lrkey
stage groupadd --system _lrkeymgr
stage lrkeyadm init >/dev/null
stage useradd --create-home --groups _lrkey,_lrkeymgr alice
stage usermod -aG _lrkey www-data
for file in pam.d/scim-lrkey nginx/conf.d/lrkey-bearer.conf nginx/snippets/lrkey-bearer.conf; do
	stage cp "$LRKEY_SOURCE/etc/$file" "/etc/$file"
done
stage cp "$LRKEY_SOURCE/etc/nginx/scim.conf" /etc/nginx/sites-enabled/scim
stage systemctl restart nginx

# A shell that shows each line before it does what it says, with what ID stands for.
{
	printf 'stty cols %d rows 60\n' "$columns"
	while IFS= read -r line; do
		case $line in
		'#'* | '') continue ;;
		esac
		# shellcheck disable=SC2016 # for the shell inside
		printf 'line=%q\nline=${line//ID/$(sed -n "1s/^lrk_//; 1s/_.*//p" acme.key 2>/dev/null)}\n' "$line"
		# shellcheck disable=SC2016
		printf '%s\n' 'printf "\e[1;32m$\e[0m \e[1m%s\e[0m\n" "$line"' 'eval "$line"' 'echo'
	done <"$here/terminal.list"
} >"$STAGE/script"
export -f stage as
# shellcheck disable=SC2016 # for the shell inside
"$here/../root/typist.exp" bash -c '
	home=$(stage sh -c "echo ~alice")
	as alice env -i -C "$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin "HOME=$home" USER=alice \
		TERM=xterm-256color LANG=C.UTF-8 bash "$STAGE/script"
' >"$STAGE/seen" </dev/null
sed -i '1{/^spawn /d}' "$STAGE/seen"
"$here/svg.pl" "$columns" 'the life of an API key' <"$STAGE/seen"
