#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a person meets at a real terminal, and nobody else does: frames, words, colours, tables
# that fit, and what can be done next.
# shellcheck disable=SC2154 # run sets stderr and lines
load ../lib.bash
load helpers.bash

ESC=$'\e'
KEY_LINE="^$KEY_PATTERN\$"

setup() {
	make_store
}

# seen: the output without colours
seen() {
	# shellcheck disable=SC2001 # an expression
	sed "s/$ESC\\[[0-9;]*m//g" <<<"$output"
}

# ---- generate and rotate -----------------------------------------------------

@test "generate: the key stands alone between two rules, and what it is and what is next below" {
	local width id

	for width in 40 80 200; do
		WIDTH=$width run typed '' generate --org acme --scope scim,dns --expires 90d \
			--label 'CI deploy' --color=never
		expect_status 0
		expect_no_match "$output" "$ESC"
		expect_match "${lines[0]}" '^── API key, shown only now ──+$'
		expect_match "${lines[1]}" "$KEY_LINE"
		expect_match "${lines[2]}" '^──+$'
		[ "${#lines[0]}" -eq "${#lines[2]}" ]
		[ "${#lines[2]}" -eq $((width < 55 ? width : 55)) ]
		id=${lines[1]:4:12}
		[ "$(printf '%s\n' "${lines[@]:3:6}")" = "Hand it on now: it is stored nowhere.
id            $id
org           acme
label         CI deploy
scopes        scim,dns
${lines[8]}" ]
		expect_match "${lines[8]}" '^expires       20[0-9TZ:-]* in (90|89) days$'
		[ "${lines[9]}" = Next: ]
		expect_match "$output" "
  lrkeyadm --root $ROOT verify --org acme"
		expect_match "$output" "
  lrkeyadm --root $ROOT rotate $id"
	done
	adm verify --org acme <<<"${lines[1]}"
}

@test "generate: the frame is on standard error, and only where both are the terminal" {
	local out=$BATS_TEST_TMPDIR/out

	(umask 077 && : >"$out")
	# Standard output is a file, standard error the terminal, and the other way around.
	run script -qec "$(printf '%q ' "$LRKEYADM" --root "$ROOT" generate --org acme) >$out" /dev/null
	expect_match "$output" '^lrkeyadm: [0-9A-Za-z]{12}: made for organization acme'
	[ "$(wc -l <"$out")" -eq 1 ]
	expect_match "$(<"$out")" "$KEY_LINE"
	run script -qec "$(printf '%q ' "$LRKEYADM" --root "$ROOT" generate --org acme --color=always) 2>$out" \
		/dev/null
	expect_match "${output%$'\r'}" "$KEY_LINE"
	expect_match "$(<"$out")" '^lrkeyadm: [0-9A-Za-z]{12}: made for organization acme'
	[ "$(wc -l <"$out")" -eq 1 ]
	run typed '' generate --org acme --json
	expect_no_match "$output" '──'
	run --separate-stderr adm --color=always generate --org acme
	expect_match "$output" "$KEY_LINE"
	expect_no_match "$stderr" "$ESC"
}

@test "generate: several keys, a file, an address; a locale without lines" {
	run typed '' generate --org acme --count 3 --allow-from 192.0.2.0/24
	[ "$(seen | grep -cE "$KEY_LINE")" -eq 3 ]
	expect_match "$(seen)" '^── API keys, shown only now ──'
	expect_match "$(seen)" 'Hand them on now'
	expect_no_match "$(seen)" '
id |Next:'
	run typed '' generate --org acme --output "$BATS_TEST_TMPDIR/file"
	expect_match "$output" "the key is only in $BATS_TEST_TMPDIR/file\$"
	expect_no_match "$output" '──|lrk_'
	run typed '' generate --org acme --allow-from 192.0.2.0/24
	expect_match "$output" 'verify --org acme --from ADDR'
	LC_ALL=C run typed '' generate --org acme --color=never
	expect_match "${lines[0]}" '^-- API key, shown only now --+$'
	expect_no_match "$output" $'[\x80-\xff]'
}

@test "rotate: the same, with what becomes of the old key" {
	make_key --org acme --expires 30d
	run typed '' rotate "$ID" --color=never
	expect_match "${lines[0]}" '^── API key, shown only now ──'
	expect_match "${lines[1]}" "$KEY_LINE"
	expect_match "$output" "predecessor   $ID"
	expect_match "$output" "lrkeyadm: $ID: goes on until 20"
	expect_no_match "$output" 'not_before'
	expect_match "$output" "rotate ${lines[1]:4:12}"
}

@test "colours: by NO_COLOR, TERM and --color, for each of both streams" {
	make_key --org acme --expires 5d
	for command in list '' "generate --org acme"; do
		# shellcheck disable=SC2086 # words
		run typed '' $command
		expect_match "$output" "$ESC\\[(1|33)m"
		for setting in NO_COLOR=1 TERM=dumb TERM=; do
			# shellcheck disable=SC2086
			run env "$setting" bash -c '. "$0/lib.bash"; . "$0/cli/helpers.bash"; ROOT=$1; shift; typed "" "$@"' \
				"$LRKEY_SOURCE/tests" "$ROOT" $command
			expect_no_match "$output" "$ESC"
		done
		# shellcheck disable=SC2086
		run typed '' $command --color=never
		expect_no_match "$output" "$ESC"
		# shellcheck disable=SC2086
		NO_COLOR='' run typed '' $command
		expect_match "$output" "$ESC"
		# shellcheck disable=SC2086
		run adm $command
		expect_no_match "$output" "$ESC"
	done
	NO_COLOR=1 run typed '' list --color=always
	expect_match "$output" "$ESC"
}

# ---- list --------------------------------------------------------------------

# A key of each kind; what they are called is in their labels.
make_kinds() {
	at "$NOON" generate --org acme --label plain --scope scim
	at "$NOON" generate --org acme --label never --expires never --scope scim,prometheus,dns
	at "$NOON" generate --org some-longer-organization.example --label 'Prüfung der Schlüssel 日本語' --expires 14d
	at "$NOON" generate --org beta --label later --expires 1209601s
	at "$NOON" generate --org beta --label pending --not-before 2d --expires 5d
	at "$NOON" generate --org beta --label expired --expires 1s
	KEY=$(at "$NOON" generate --org beta --label off)
	at "$NOON" deactivate "${KEY:4:12}"
} >/dev/null 2>&1

# line LABEL: the line of the table with that label, colours and all
line() {
	grep -F "$1" <<<"$output" || fail "no line: $1" "$output"
}

@test "list: what works no longer is grey, what ends within 14 days is marked, also without colours" {
	make_kinds
	CLOCK=$((NOON + 10)) run typed '' list
	for gone in expired off; do
		expect_match "$(line "$gone")" "^$ESC\\[2m[0-9A-Za-z]{12} .*$ESC\\[0m$ESC\\[[0-9;]+m[a-z]+ *$ESC\\[0m$ESC\\[2m"
		expect_no_match "$(line "$gone")" '!'
	done
	for other in plain never Prüfung later pending; do
		expect_no_match "$(line "$other")" "$ESC\\[2m"
	done
	expect_match "$(line Prüfung)" "$ESC\\[33m2027-01-29T08:00:00Z in 13 days ! *$ESC\\[0m"
	for other in plain never pending; do
		expect_no_match "$(line "$other")" "!|$ESC\\[33m"
	done
	# A second earlier than the other, it still has more than 14 days.
	CLOCK=$NOON run typed '' list --color=never
	expect_match "$(line Prüfung)" 'Z in 14 days !'
	expect_no_match "$(line later)" '!'
	run at $((NOON + 10)) list
	expect_no_match "$output" '!|in 13 days'
}

@test "list: fits 40, 60, 80, 100 and 200 columns, and says what was left out" {
	local width text

	make_kinds
	for width in 40 60 80 100 200; do
		CLOCK=$((NOON + 10)) WIDTH=$width run typed '' list --color=never
		expect_status 0
		[ "$(grep -c '^[0-9A-Za-z]\{12\} ' <<<"$output")" -eq 7 ]
		while IFS= read -r text; do
			# Each of these three is two columns wide.
			[[ $text != *日本語* ]] || text+=...
			[ "${#text}" -le "$width" ] || fail "$width: ${#text}: $text"
		done < <(grep -v '^lrkeyadm: ' <<<"$output")
	done
	expect_match "$output" '^ID +ORG +LABEL +SCOPES +STATE +EXPIRES +LAST_USED'
	expect_match "$output" 'Prüfung der Schlüssel 日本語 '
	expect_no_match "$output" '…|lrkeyadm:'
	WIDTH=80 run typed '' list --color=never
	expect_match "${lines[0]}" '^ID +ORG +LABEL +SCOPES +STATE +EXPIRES$'
	expect_match "$output" 'some-.*… Prüfung.*… '
	expect_match "$output" 'lrkeyadm: list: too narrow for LAST_USED; --columns chooses$'
	WIDTH=40 run typed '' list --color=never
	expect_match "${lines[0]}" '^ID +ORG +STATE$'
	# What was asked for is there, whole but for long texts.
	WIDTH=40 run typed '' list --columns id,expires,label,created --color=never
	expect_match "${lines[0]}" '^ID +EXPIRES +LABEL +CREATED'
	expect_match "$output" 'Prüfung d…'
	expect_no_match "$output" 'lrkeyadm:'
	# COLUMNS goes before what the terminal says.
	COLUMNS=200 WIDTH=40 run typed '' list --color=never
	expect_match "$output" 'Prüfung der Schlüssel 日本語 '
	COLUMNS=x WIDTH=40 run typed '' list --color=never
	expect_match "${lines[0]}" '^ID +ORG +STATE$'
}

@test "list: widths hold in a locale that knows no more than ASCII" {
	make_kinds
	CLOCK=$NOON LC_ALL=C WIDTH=90 run typed '' list --color=never
	expect_match "$output" 'Pr\\xc3'
	while IFS= read -r text; do
		[ "${#text}" -le 90 ] || fail "$text"
	done < <(grep -v '^lrkeyadm: ' <<<"$output")
}

@test "list: that there is nothing is said to a person, and to nobody else" {
	run typed '' list
	[ "$output" = "lrkeyadm: list: no keys yet; 'lrkeyadm --root $ROOT generate --org ORG' makes one" ]
	make_key --org acme
	run typed '' list --org globex
	[ "$output" = 'lrkeyadm: list: no key fits' ]
	run adm list --org globex
	[ -z "$output" ]
}

# ---- The first minutes -------------------------------------------------------

@test "alone: what ends soon is named, the soonest first, five at most" {
	local days text

	for days in 9 3 12 6 1 14 15 7; do
		KEY=$(at "$NOON" generate --org "in-$days" --expires "${days}d" 2>/dev/null)
		[ "$days" -ne 3 ] || at "$NOON" deactivate "${KEY:4:12}" >/dev/null
	done
	run at "$NOON"
	expect_status 0
	text=$(sed -n '/^Ending within 14d:/,/^Next:/p' <<<"$output")
	[ "$(sed -E '1d;$d; s/^  [0-9A-Za-z]{12}  //' <<<"$text")" = "in-1   2027-01-16T08:00:00Z
in-6   2027-01-21T08:00:00Z
in-7   2027-01-22T08:00:00Z
in-9   2027-01-24T08:00:00Z
in-12  2027-01-27T08:00:00Z
  and 1 more" ] || fail "$text"
	expect_match "$output" "lrkeyadm --root $ROOT list --expiring-within 14d  6 end within 14d"
	CLOCK=$NOON run typed ''
	expect_match "$output" "in-1   $ESC\\[33m2027-01-16T08:00:00Z in 1 day$ESC\\[0m"
	CLOCK=$NOON WIDTH=40 run typed '' --color=never
	expect_match "$output" "
  lrkeyadm --root $ROOT review
      which keys should go, and why"
}

@test "alone: what to paste is quoted for a shell" {
	ROOT="$BATS_TEST_TMPDIR/it's a \$(touch planted) tree"
	make_store
	run adm
	expect_status 0
	command=$(sed -nE 's/^  (lrkeyadm .* list) +lists.*/\1/p;s/^  (lrkeyadm .*) generate --org ORG.*/\1/p' <<<"$output")
	cd "$BATS_TEST_TMPDIR"
	[ "$(PATH=${LRKEYADM%/*}:$PATH bash -c "$command --json" | jq .keys)" = 0 ]
	[ ! -e planted ]
}

@test "init: what the groups are for, where there are two" {
	local group

	[ "$(id -u)" -ne 0 ] || group=daemon
	[ -n "${group-}" ] || group=$(id -Gn | tr ' ' '\n' | grep -vx "$(id -gn)" | head -n 1) || true
	if [ -n "$group" ]; then
		run adm -s pool init --managers "$group"
		expect_status 0
		expect_match "${lines[0]}" '^Store pool is made. Its groups:$'
		expect_match "${lines[1]}" "^  $group +managers, who make and revoke keys; they must be in $(id -gn) too\$"
		expect_match "${lines[2]}" "^  $(id -gn) +verifiers: the users of services, which check keys\$"
	fi
	run adm -s other init
	expect_match "${lines[0]}" "^Store other is made. Group $(id -gn) both manages and verifies its keys.\$"
}

@test "what makes a store, below a folder that is not there yet, makes one when it is pasted" {
	ROOT="$BATS_TEST_TMPDIR/not there"
	expect_refused 69 "No such file or directory; 'mkdir -p .*/not there' && lrkeyadm --root .* init' makes the store" list
	PATH=${LRKEYADM%/*}:$PATH bash -c "$(sed -E "s/.*; '(mkdir .*)' makes the store/\1/" <<<"$stderr")"
	adm list
}

@test "what is near to what was meant is named" {
	adm -s pool init
	expect_refused 69 "store pol: .* does not exist \(did you mean 'pool'\?\); 'lrkeyadm -s pol --root $ROOT init'" \
		-s pol list
	expect_refused 69 'store other: .* does not exist; ' -s other list
	expect_refused 64 "command 'delete': unknown \(did you mean 'revoke'\?\)" delete x
	expect_refused 64 "command 'create': unknown \(did you mean 'generate'\?\)" create
	expect_refused 64 "'--josn': unknown before a command \(did you mean '--json'\?\)" --josn list
	expect_refused 64 "'SCIM': not a scope \(did you mean 'scim'\?\): 1 to 32 of" list --scope dns,SCIM
	expect_refused 64 "'S C': not a scope: " list --scope 'S C'
	expect_refused 64 "'alway': allowed are auto, always and never \(did you mean 'always'\?\)" list --color alway
	expect_refused 64 "key 'abc': not a key id: .*; 'lrkeyadm --root $ROOT list' shows them$" show abc
	expect_refused 64 "'abc': not a key id: .*; 'lrkeyadm -s pool --root $ROOT list' shows them$" \
		-s pool log --id abc
	# What other programs call it is what this one calls it, for each of these.
	for other in add audit backup create delete disable enable history info issue ls make modify new remove \
		renew restore rm set update; do
		expect_refused 64 "command '$other': unknown \(did you mean '[a-z]+'\?\)" "$other"
		command=$(sed -E "s/.*did you mean '([a-z]+)'.*/\1/" <<<"$stderr")
		adm --help | grep -q "^  $command  " || fail "$other: $command"
	done
}

@test "a label cannot steer the terminal" {
	local label='\e[31m \033[2J $(reset) %s%n ␛[0m'

	make_key --org acme --label "$label"
	for evil in $'\e[2J' $'\x9b2J' $'\xc2\x9b2J' $'a\rb' $'a\tb' $'\xe2\x80\xae' $'\xe2\x80\xa8' $'\x7f'; do
		expect_refused 64 'not a label' edit "$ID" --label "$evil"
	done
	for command in list "show $ID" "rotate $ID"; do
		# shellcheck disable=SC2086 # words
		run typed '' $command --color=never
		expect_match "$output" '\\e\[31m'
		run ! grep -q '[[:cntrl:]]' <<<"${output//$'\n'/}"
	done
	# Raw bytes where a service's name should be: the usage file is writable by services.
	KEY=$(adm generate --org globex 2>/dev/null)
	pam_service scim
	pam_try globex "$KEY" scim --rhost $'\xc2\x9b31m\xe2\x80\xae' >/dev/null
	for command in 'list --columns id,last_rhost' "show ${KEY:4:12}"; do
		# shellcheck disable=SC2086
		run typed '' $command --color=never
		run ! grep -qP '\xc2\x9b|\xe2\x80\xae|\x1b' <<<"$output"
		# shellcheck disable=SC2086
		run adm $command
		run ! grep -qP '\xc2\x9b|\xe2\x80\xae|\x1b' <<<"$output"
	done
}
