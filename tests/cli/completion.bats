#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completion in a real bash, zsh and fish: what is offered, what is asked of the utility for it,
# and that no text of a store, nor what was typed, is ever run.
# shellcheck disable=SC2154 # press sets line and shown
load ../lib.bash
load helpers.bash
load terminal.bash

FILES=$LRKEY_SOURCE/etc/completion
# shellcheck disable=SC2016 # a label that a shell would run, or a terminal obey
EVIL_LABEL='$(touch planted)`touch planted`;touch planted %F{red} \e[31m'

setup_file() {
	ROOT=$BATS_FILE_TMPDIR/model
	make_store
	add() {
		local name=$1

		shift
		make_key "$@"
		printf -v "$name" %s "$ID"
		export "${name?}"
	}
	add PLAIN --org acme --label 'CI deploy' --scope scim
	add OTHER --org acme --label 'second, "of" two' --scope prometheus,scim
	add EVIL --org globex --label "$EVIL_LABEL"
	add OFF --org globex
	add GONE --org initech --label 'gone for good'
	adm deactivate "$OFF"
	adm revoke --yes --force "$GONE"
	adm -s pool init
	POOL=$(adm -s pool generate --org pooled 2>/dev/null)
	POOL=${POOL:4:12}
	export POOL
}

# The utility, found by PATH, which writes down what it is asked.
setup() {
	BIN=$BATS_TEST_TMPDIR/bin
	CALLS=$BATS_TEST_TMPDIR/calls
	mkdir "$BIN" "$BATS_TEST_TMPDIR/at"
	cp -a "$BATS_FILE_TMPDIR/model" "$ROOT"
	cat >"$BIN/lrkeyadm" <<-EOS
		#!/bin/sh
		printf '%s\n' "\$*" >>'$CALLS'
		exec '$LRKEYADM' "\$@"
	EOS
	chmod 0755 "$BIN/lrkeyadm"
	: >"$CALLS"
}

# Whatever was completed: nothing was run but this, and no text was run as a command.
teardown() {
	terminal_end
	# What fails here does not end this function.
	if [ -e "$BATS_TEST_TMPDIR/at/planted" ]; then
		fail 'a label, or what was typed, was run'
		return 1
	fi
	if grep -vE '^([a-z]+ )?--help$|^--store [a-z-]+ (--root [^ ].* )?list --csv --no-headings --columns ' "$CALLS"; then
		fail 'completing ran this'
	fi
}

# begin_bash [PREFIX...]: where bash-completion finds the file by itself, as it does when installed.
begin_bash() {
	local share=$BATS_TEST_TMPDIR/share

	mkdir -p "$share/bash-completion/completions"
	cp "$FILES/lrkeyadm.bash" "$share/bash-completion/completions/lrkeyadm"
	cat >"$BATS_TEST_TMPDIR/rc" <<-'EOS'
		. /usr/share/bash-completion/bash_completion
		PS1='ready> '
		bind 'set completion-query-items -1'
		bind 'set page-completions off'
		bind 'set bell-style none'
		bind 'set completion-display-width 0'
		bind '"\C-o": menu-complete'
	EOS
	terminal_begin 300 "$@" env -i -C "$BATS_TEST_TMPDIR/at" PATH="$BIN:/usr/bin:/bin" \
		TERM=screen LC_ALL=C.UTF-8 XDG_DATA_DIRS="$share" \
		bash --noprofile --rcfile "$BATS_TEST_TMPDIR/rc" -i
}

begin_zsh() {
	mkdir -p "$BATS_TEST_TMPDIR/zsh"
	cp "$FILES/_lrkeyadm" "$BATS_TEST_TMPDIR/zsh"
	cat >"$BATS_TEST_TMPDIR/zsh/.zshrc" <<-EOS
		fpath=('$BATS_TEST_TMPDIR/zsh' \$fpath)
		autoload -Uz compinit && compinit -D -u
		PS1='ready> '
		LISTMAX=0
		unsetopt beep
		setopt no_list_ambiguous
		bindkey '^I' complete-word
		$1
	EOS
	terminal_begin 300 env -i -C "$BATS_TEST_TMPDIR/at" PATH="$BIN:/usr/bin:/bin" TERM=screen \
		LC_ALL=C.UTF-8 ZDOTDIR="$BATS_TEST_TMPDIR/zsh" zsh -d -i
}

# fish LINE: what fish offers for the line, with descriptions behind a tab.
fish() {
	env -i -C "$BATS_TEST_TMPDIR/at" PATH="$BIN:/usr/bin:/bin" LC_ALL=C.UTF-8 \
		HOME="$BATS_TEST_TMPDIR" FILE="$FILES/lrkeyadm.fish" LINE="$1" \
		fish --no-config -c 'source $FILE; complete -C $LINE' </dev/null
}

# completes TEXT LINE: on a line with the text, tab makes it the line.
completes() {
	press "$1" Tab
	[ "$line" = "$2" ] || fail "$1 became $line" "$shown"
}

sorted() {
	xargs -rn 1 | LC_ALL=C sort | xargs
}

# offered TEXT: the words that a line with the text offers, in the shell that was begun or in fish.
offered() {
	press "$1" Tab ${AGAIN+"$AGAIN"}
	sorted <<<"$shown"
}

offered_by_fish() {
	fish "$1" | cut -f 1 | sorted
}

all_commands() {
	adm --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | LC_ALL=C sort
}

# valued: options that take a value.
valued() {
	for command in $(all_commands); do
		adm "$command" --help | sed -nE 's/^  (--[a-z-]+) [A-Z].*/\1/p'
	done | sort -u
}

# ---- The files against the utility -------------------------------------------

# cases FILE: the options for whose values it has a case.
cases() {
	sed -nE '/^(function )?_+lrkeyadm_value/,/^(}|end)$/p' "$1" |
		sed -nE 's/^\t+(case )?(-.*-[a-z].*)$/\2/p' | sed 's/).*//' | grep -oE -- '--[a-z-]+' | sort -u
}

# What the utility says that it allows.
allowed() {
	run -64 adm "$@"
	sed -E 's/^.*: (exactly )?//; s/^.*allowed are //; s/,|\band\b//g' <<<"$output" |
		tr '[:upper:]' '[:lower:]' | sorted
}

@test "each file knows the options that take words, and no others" {
	# Of these only who types knows the value.
	local free='--allow-from --count --from --label --max-uses --passphrase-fd'

	[ "$(valued | wc -l)" -gt 20 ]
	for file in lrkeyadm.bash _lrkeyadm lrkeyadm.fish; do
		diff <(valued | grep -vxF -e "${free// /$'\n'}") <(cases "$FILES/$file") || fail "$file"
	done
	for option in $free; do
		valued | grep -qx -- "$option" || fail "$option"
	done
}

# words_agree OFFERED: what the function with this name says is what the utility allows.
words_agree() {
	local text

	for text in 'list --columns' 'list --state' "revoke $PLAIN --reason" 'list --color'; do
		# shellcheck disable=SC2086 # words
		[ "$("$1" "lrkeyadm $text ")" = "$(allowed $text '')" ] ||
			fail "$text: $("$1" "lrkeyadm $text ")"
	done
	[ "$("$1" 'lrkeyadm list --state ' | wc -w)" -eq 7 ]
}

commands_agree() {
	local text

	[ "$("$1" 'lrkeyadm ')" = "$(adm --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sorted)" ]
	[ "$("$1" 'lrkeyadm --')" = "$(adm --help | grep -oE '^  --[a-z-]+' | sorted)" ]
	for text in rotate list; do
		[ "$("$1" "lrkeyadm $text --")" = "$(adm "$text" --help | grep -oE '^  --[a-z-]+' | sorted)" ]
	done
}

@test "zsh and fish can read their files" {
	zsh -n "$FILES/_lrkeyadm"
	command fish -n "$FILES/lrkeyadm.fish"
	[ "$(head -n 1 "$FILES/_lrkeyadm")" = '#compdef lrkeyadm' ]
}

# ---- bash --------------------------------------------------------------------

@test "bash: commands, options, and the words that the utility allows" {
	AGAIN=Tab
	begin_bash
	commands_agree offered
	words_agree offered
	completes 'lrkeyadm gen' 'lrkeyadm generate '
	completes 'lrkeyadm list --no' 'lrkeyadm list --no-headings '
	completes 'lrkeyadm frob' 'lrkeyadm frob'
	completes 'lrkeyadm frob --' 'lrkeyadm frob --'
	# An option is offered once.
	completes 'lrkeyadm list --columns id --co' 'lrkeyadm list --columns id --color '
	completes 'lrkeyadm list --color=auto --co' 'lrkeyadm list --color=auto --columns '
	# Of a list the last word.
	completes 'lrkeyadm list --state active,exp' 'lrkeyadm list --state active,expired'
	[ "$(offered 'lrkeyadm list --state=active,expired,')" = "active,expired,deactivated \
active,expired,deprecated active,expired,exhausted active,expired,pending active,expired,revoked" ]
	completes 'lrkeyadm generate --label x --exp' 'lrkeyadm generate --label x --expires '
	# Where nobody knows a word, and where nothing may stand.
	[ -z "$(offered 'lrkeyadm list --label ')" ]
	[ -z "$(offered 'lrkeyadm list ')" ]
	[ -z "$(offered 'lrkeyadm generate --count ')" ]
}

@test "bash: files, directories, users and groups" {
	AGAIN=Tab
	begin_bash
	mkdir "$BATS_TEST_TMPDIR/at/a folder"
	touch "$BATS_TEST_TMPDIR/at/a-file"
	completes 'lrkeyadm --root a' 'lrkeyadm --root a\ folder/'
	completes 'lrkeyadm import a-' 'lrkeyadm import a-file '
	completes 'lrkeyadm generate --output a-' 'lrkeyadm generate --output a-file '
	completes 'lrkeyadm generate --output=a-' 'lrkeyadm generate --output=a-file '
	completes 'lrkeyadm export x a-' 'lrkeyadm export x a-'
	completes 'lrkeyadm generate --owner nobod' 'lrkeyadm generate --owner nobody '
	completes 'lrkeyadm init --managers nogrou' 'lrkeyadm init --managers nogroup '
}

# Lines like "ID  what it is" of those keys, sorted.
described() {
	local id

	for id in "$@"; do
		case $id in
		"$PLAIN") echo "$id  acme: CI deploy" ;;
		"$OTHER") echo "$id  acme: second, \"of\" two" ;;
		"$EVIL") printf '%s  globex: %s\n' "$id" "$EVIL_LABEL" ;;
		"$OFF") echo "$id  globex (deactivated)" ;;
		"$GONE") echo "$id  initech: gone for good (revoked)" ;;
		"$POOL") echo "$id  pooled" ;;
		esac
	done | LC_ALL=C sort
}

# lists TEXT ID...: a line with the text shows these keys, with what they are.
lists() {
	local text=$1

	shift
	press "$text" Tab ${AGAIN+"$AGAIN"}
	[ "$(LC_ALL=C sort <<<"$shown")" = "$(described "$@")" ] || fail "$text" "$shown"
}

@test "bash: ids that a command is of use for, with labels; one alone is put into the line" {
	AGAIN=Tab
	begin_bash
	lists "lrkeyadm --root $ROOT revoke " "$PLAIN" "$OTHER" "$EVIL" "$OFF"
	[ "$line" = "lrkeyadm --root $ROOT revoke " ]
	lists "lrkeyadm --root $ROOT edit " "$PLAIN" "$OTHER" "$EVIL" "$OFF"
	lists "lrkeyadm --root $ROOT show " "$PLAIN" "$OTHER" "$EVIL" "$OFF" "$GONE"
	lists "lrkeyadm --root $ROOT log --id " "$PLAIN" "$OTHER" "$EVIL" "$OFF" "$GONE"
	lists "lrkeyadm --root $ROOT deactivate " "$PLAIN" "$OTHER" "$EVIL"
	lists "lrkeyadm --root $ROOT rotate " "$PLAIN" "$OTHER" "$EVIL"
	lists "lrkeyadm --root $ROOT revoke $EVIL --yes " "$PLAIN" "$OTHER" "$OFF"
	completes "lrkeyadm --root $ROOT activate " "lrkeyadm --root $ROOT activate $OFF "
	completes "lrkeyadm --root $ROOT show ${EVIL:0:11}" "lrkeyadm --root $ROOT show $EVIL "
	completes "lrkeyadm --root $ROOT show $EVIL " "lrkeyadm --root $ROOT show $EVIL "
	completes "lrkeyadm --root $ROOT show -- ${EVIL:0:11}" "lrkeyadm --root $ROOT show -- $EVIL "
	# Readline puts whole candidates into the line here.
	press "lrkeyadm --root $ROOT rotate " C-o C-o C-o
	expect_match "$line" " rotate ($PLAIN|$OTHER|$EVIL) ?\$"
}

@test "bash: organizations, scopes and stores, where --root and --store say" {
	AGAIN=Tab
	begin_bash
	[ "$(offered "lrkeyadm --root $ROOT list --org ")" = 'acme globex' ]
	[ "$(offered "lrkeyadm --root $ROOT list --scope ")" = '* prometheus scim' ]
	completes "lrkeyadm --root $ROOT list --scope scim,p" "lrkeyadm --root $ROOT list --scope scim,prometheus"
	[ "$(offered "lrkeyadm --root $ROOT -s ")" = 'pool system' ]
	for text in "--root $ROOT -s pool" "--root=$ROOT -spool" "-s pool --root '$ROOT'" \
		"--root \"$ROOT\" --store=pool" "--json --store pool --root $ROOT/"; do
		completes "lrkeyadm $text show " "lrkeyadm $text show $POOL "
		completes "lrkeyadm show $text " "lrkeyadm show $text $POOL "
	done
	mv "$ROOT" "$BATS_TEST_TMPDIR/a tree"
	completes "lrkeyadm --root ../a\\ tree -s pool show " "lrkeyadm --root ../a\\ tree -s pool show $POOL "
	completes "lrkeyadm --root '../a tree' -s pool show " "lrkeyadm --root '../a tree' -s pool show $POOL "
	for text in "--root $ROOT" "--root ''" '-s ../x' '-s none' "--root '../a tree' -s /"; do
		completes "lrkeyadm $text show " "lrkeyadm $text show "
	done
}

@test "bash: what was typed is not run" {
	begin_bash
	for text in '--root "$(touch planted)" show ' '--root $(touch planted) show ' \
		'--root `touch planted` -s ' '-s "$(touch planted)" show ' 'show "$(touch planted)' \
		'--root x$(touch${IFS}planted)y list --org ' '"$(touch planted)" --' \
		'list --state "$(touch planted)",' 'list --org "a;touch planted;' ; do
		press "lrkeyadm $text" Tab Tab
	done
}

@test "bash: for who is no manager, nothing, and nothing is asked" {
	AGAIN=Tab
	if [ "$(id -u)" -eq 0 ]; then
		chmod 0711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
		chmod 0666 "$CALLS"
		begin_bash setpriv --reuid 65534 --regid 65534 --clear-groups
	else
		chmod 0400 "$ROOT/var/lib/lrkey/system/lock"
		begin_bash
	fi
	[ -z "$(offered "lrkeyadm --root $ROOT show ")" ]
	[ -z "$(offered "lrkeyadm --root $ROOT list --org ")" ]
	[ -z "$(offered "lrkeyadm show ")" ]
	run ! grep -e '--csv' "$CALLS"
	grep -q -- --help "$CALLS"
	rm "$BIN/lrkeyadm"
	[ -z "$(offered "lrkeyadm ")" ]
}

# ---- zsh ---------------------------------------------------------------------

@test "zsh: commands, options, and the words that the utility allows" {
	begin_zsh
	names() {
		press "$1" Tab
		awk -F " +-- " "{ print \$1 }" <<<"$shown" | sorted
	}
	commands_agree names
	words_agree names
	completes 'lrkeyadm gen' 'lrkeyadm generate '
	completes 'lrkeyadm frob --' 'lrkeyadm frob --'
	completes 'lrkeyadm list --columns id --co' 'lrkeyadm list --columns id --color '
	completes 'lrkeyadm list --state active,exp' 'lrkeyadm list --state active,expired,'
	completes 'lrkeyadm list --state=deactivated,dea' 'lrkeyadm list --state=deactivated,dea'
	completes 'lrkeyadm init --managers=nogrou' 'lrkeyadm init --managers=nogroup '
	touch "$BATS_TEST_TMPDIR/at/a-file"
	completes 'lrkeyadm import a-' 'lrkeyadm import a-file '
	press 'lrkeyadm gen' Tab
	press 'lrkeyadm ' Tab
	expect_match "$shown" 'generate +-- Makes a new key for an organization'
}

@test "zsh: ids with labels, organizations, scopes and stores; with and without colours" {
	local setting text

	for setting in '' "zmodload zsh/complist; zstyle ':completion:*' list-colors '=*=31'"; do
		begin_zsh "$setting"
		lists "lrkeyadm --root $ROOT revoke " "$PLAIN" "$OTHER" "$EVIL" "$OFF"
		lists "lrkeyadm --root $ROOT show " "$PLAIN" "$OTHER" "$EVIL" "$OFF" "$GONE"
		lists "lrkeyadm --root $ROOT revoke $EVIL --yes " "$PLAIN" "$OTHER" "$OFF"
		completes "lrkeyadm --root $ROOT activate " "lrkeyadm --root $ROOT activate $OFF "
		terminal_end
	done
	begin_zsh
	[ "$(offered "lrkeyadm --root $ROOT list --org ")" = 'acme globex' ]
	[ "$(offered "lrkeyadm --root $ROOT list --scope ")" = '* prometheus scim' ]
	[ "$(offered "lrkeyadm --root $ROOT -s ")" = 'pool system' ]
	mv "$ROOT" "$BATS_TEST_TMPDIR/a tree"
	for text in '--root ../a\ tree -s pool' "--root='../a tree' -spool" '--store=pool --root "../a tree"'; do
		completes "lrkeyadm $text show " "lrkeyadm $text show $POOL "
		completes "lrkeyadm log $text --id=" "lrkeyadm log $text --id=$POOL "
	done
	# What was typed is not run, but for what zsh itself runs with another binding of this key.
	# shellcheck disable=SC2016 # not for this shell
	for text in '--root "$(touch planted)" show ' '--root `touch planted` -s ' '-s $(touch planted) show ' \
		'list --org "a;touch planted;' '"$(touch planted)" --'; do
		press "lrkeyadm $text" Tab Tab
	done
}

# ---- fish --------------------------------------------------------------------

@test "fish: commands, options, and the words that the utility allows" {
	commands_agree offered_by_fish
	words_agree offered_by_fish
	[ "$(fish 'lrkeyadm gen')" = $'generate\tMakes a new key for an organization and prints it, this once' ]
	[ -z "$(fish 'lrkeyadm frob --')" ]
	[ "$(offered_by_fish 'lrkeyadm list --columns id --co')" = --color ]
	[ "$(offered_by_fish 'lrkeyadm list --state=active,exp')" = --state=active,expired ]
	[ "$(offered_by_fish 'lrkeyadm init --managers=nogrou')" = --managers=nogroup ]
	touch "$BATS_TEST_TMPDIR/at/a-file"
	[ "$(offered_by_fish 'lrkeyadm import a-')" = a-file ]
	[ "$(offered_by_fish 'lrkeyadm generate --output a-')" = a-file ]
}

@test "fish: ids with labels, organizations, scopes and stores" {
	local text

	fish_lists() {
		[ "$(fish "$1" | sed 's/\t/  /' | LC_ALL=C sort)" = "$(described "${@:2}")" ] ||
			fail "$1" "$(fish "$1")"
	}
	fish_lists "lrkeyadm --root $ROOT revoke " "$PLAIN" "$OTHER" "$EVIL" "$OFF"
	fish_lists "lrkeyadm --root $ROOT show " "$PLAIN" "$OTHER" "$EVIL" "$OFF" "$GONE"
	fish_lists "lrkeyadm --root $ROOT revoke $EVIL --yes " "$PLAIN" "$OTHER" "$OFF"
	fish_lists "lrkeyadm --root $ROOT activate " "$OFF"
	[ "$(offered_by_fish "lrkeyadm --root $ROOT list --org ")" = 'acme globex' ]
	[ "$(offered_by_fish "lrkeyadm --root $ROOT list --scope ")" = '* prometheus scim' ]
	[ "$(offered_by_fish "lrkeyadm --root $ROOT -s ")" = 'pool system' ]
	mv "$ROOT" "$BATS_TEST_TMPDIR/a tree"
	for text in '--root ../a\ tree -s pool' "--root='../a tree' -spool" '--store=pool --root "../a tree"'; do
		fish_lists "lrkeyadm $text show " "$POOL"
		[ "$(offered_by_fish "lrkeyadm log $text --id=")" = "--id=$POOL" ]
	done
	# shellcheck disable=SC2016 # not for this shell
	for text in '--root "$(touch planted)" show ' '--root (touch planted) -s ' '-s $(touch planted) show ' \
		'list --org "a;touch planted;' '"$(touch planted)" --'; do
		fish "lrkeyadm $text"
	done
}
