#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# list and show.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

# A store with a key in each state that can be had, made once; each test has a copy.
setup_file() {
	ROOT=$BATS_FILE_TMPDIR/model
	mkdir -m 0755 "$ROOT"
	adm init >/dev/null
	add() {
		local name=$1

		shift
		KEY=$(at "$@" 2>/dev/null)
		printf -v "$name" %s "${KEY:4:12}"
		export "${name?}"
	}
	add BETA $((NOON - 50)) generate --org beta --label 'Prüfung 100%' --scope scim
	add ALPHA2 $((NOON - 10)) generate --org alpha --label 'second, "of" two' --scope scim,dns \
		--allow-from 192.0.2.0/24,2001:db8::1
	add ALPHA1 $((NOON - 100)) generate --org alpha --expires never --owner "$(id -un)"
	add SOON $((NOON - 40)) generate --org beta --expires 5d --scope prometheus
	add PENDING $((NOON - 30)) generate --org beta --not-before 1d --expires 3d
	add EXPIRED $((NOON - 30)) generate --org gamma --expires 20s
	add OFF $((NOON - 20)) generate --org gamma
	add GONE $((NOON - 15)) generate --org gamma --label 'gone for good'
	at $((NOON - 5)) deactivate "$OFF" >/dev/null
	at $((NOON - 4)) revoke --yes --reason compromised "$GONE" >/dev/null
}

setup() {
	cp -a "$BATS_FILE_TMPDIR/model" "$ROOT"
}

# names: the names of the keys whose ids stand on standard input, in their order
names() {
	local id name line=()

	while read -r id; do
		for name in BETA ALPHA2 ALPHA1 SOON PENDING EXPIRED OFF GONE; do
			[ "${!name}" != "$id" ] || line+=("$name")
		done
	done
	echo "${line[*]}"
}

# listed OPTIONS...: the names that list shows, sorted as the table is; JSON and CSV show the same.
listed() {
	local shown

	shown=$(at "$NOON" list --no-headings --columns id "$@" | names)
	[ "$(at "$NOON" list --json "$@" | jq -r '.keys[].id' | sort)" = \
		"$(at "$NOON" list --no-headings --columns id "$@" | sort)" ]
	[ "$(at "$NOON" list --csv --no-headings --columns id "$@" | sort)" = \
		"$(at "$NOON" list --no-headings --columns id "$@" | sort)" ]
	echo "$shown"
}

@test "the table: default columns, sorted by organization, creation, id; nothing cut off" {
	run env COLUMNS=20 TERM=xterm LRKEY_TEST_TIME="$NOON" \
		LD_PRELOAD="$LRKEY_BUILD/tests/cli/clock.so" "$LRKEYADM" --root "$ROOT" list
	expect_status 0
	[ "$(tr -s ' ' <<<"$output")" = "ID ORG LABEL SCOPES STATE EXPIRES LAST_USED
$ALPHA1 alpha - * active never -
$ALPHA2 alpha second, \"of\" two scim,dns active 2027-04-15T07:59:50Z -
$BETA beta Prüfung 100% scim active 2027-04-15T07:59:10Z -
$SOON beta - prometheus active 2027-01-20T07:59:20Z -
$PENDING beta - * pending 2027-01-18T07:59:30Z -
$EXPIRED gamma - * expired 2027-01-15T07:59:50Z -
$OFF gamma - * deactivated 2027-04-15T07:59:40Z -" ] || fail "$output"
}

@test "the locale changes nothing where there is no terminal" {
	local locale

	for locale in C POSIX C.UTF-8 xx_XX; do
		[ "$(LC_ALL=$locale timeout 20 "$LRKEYADM" --root "$ROOT" list)" = "$(adm list)" ]
	done
}

@test "on a terminal: cut to its width, with words and colours" {
	local line

	# shellcheck disable=SC2034 # typed reads it
	CLOCK=$NOON
	run typed '' list
	expect_status 0
	expect_match "$output" $'\e\\[[0-9;]+mactive *\e\\[0m'
	expect_match "$output" $'\e\\[[0-9;]+mexpired *\e\\[0m'
	WIDTH=90 run typed '' list --color=never
	expect_status 0
	expect_no_match "$output" $'\e'
	for line in "${lines[@]}"; do
		[ "${#line}" -le 90 ] || fail "$line"
	done
	expect_match "$output" "$ALPHA2 alpha .* scim"
	run typed '' list --color=never --columns id,expires
	expect_match "$output" "$ALPHA1 never"
	expect_match "$output" "$SOON 2027-01-20T07:59:20Z in 4 days"
	expect_match "$output" "$EXPIRED 2027-01-15T07:59:50Z 10 seconds ago"
	NO_COLOR=1 run typed '' list
	expect_no_match "$output" $'\e'
	run typed '' show "$SOON"
	expect_match "$output" 'expires       2027-01-20T07:59:20Z in 4 days'
	run at "$NOON" list --color=always
	expect_match "$output" $'\e\\[[0-9;]+mactive *\e\\[0m'
	run at "$NOON" list
	expect_no_match "$output" $'\e'
}

@test "filters: different ones join by and, commas within one by or" {
	[ "$(listed)" = 'ALPHA1 ALPHA2 BETA SOON PENDING EXPIRED OFF' ]
	[ "$(listed --org beta)" = 'BETA SOON PENDING' ]
	[ "$(listed --org gamma,alpha)" = 'ALPHA1 ALPHA2 EXPIRED OFF' ]
	[ "$(listed --org alph)" = '' ]
	[ "$(listed --scope scim)" = 'ALPHA1 ALPHA2 BETA PENDING EXPIRED OFF' ]
	[ "$(listed --scope dns,prometheus --org alpha,beta)" = 'ALPHA1 ALPHA2 SOON PENDING' ]
	[ "$(listed --scope '*')" = 'ALPHA1 PENDING EXPIRED OFF' ]
	[ "$(listed --label of)" = 'ALPHA2' ]
	[ "$(listed --label 'fung 100%,second')" = 'ALPHA2 BETA' ]
	[ "$(listed --label 'gone')" = '' ]
	[ "$(listed --state active)" = 'ALPHA1 ALPHA2 BETA SOON' ]
	[ "$(listed --state pending,expired,deactivated)" = 'PENDING EXPIRED OFF' ]
	[ "$(listed --state exhausted,deprecated)" = '' ]
	[ "$(listed --expiring-within 5d)" = 'SOON' ]
	[ "$(listed --expiring-within 4d)" = '' ]
	[ "$(listed --expiring-within 9000d)" = 'ALPHA2 BETA SOON' ]
	[ "$(listed --expiring-within 9000d --org beta --scope scim)" = 'BETA' ]
}

@test "tombstones: with --all, or when their state is asked for" {
	[ "$(listed --all --org gamma)" = 'EXPIRED OFF GONE' ]
	[ "$(listed --all --label gone)" = 'GONE' ]
	[ "$(listed --state revoked)" = 'GONE' ]
	[ "$(listed --state revoked,expired)" = 'EXPIRED GONE' ]
	[ "$(listed --state active --all --org gamma)" = '' ]
}

@test "that nothing fits is no error" {
	run --separate-stderr adm list --org nobody
	expect_status 0
	[ -z "$output$stderr" ]
	[ "$(adm list --org nobody --json | jq -c .)" = '{"keys":[]}' ]
	[ "$(adm list --org nobody --csv)" = 'ID,ORG,LABEL,SCOPES,STATE,EXPIRES,LAST_USED' ]
}

@test "columns: any, in any order and case" {
	[ "$(at "$NOON" list --columns Org,ID,created_BY,uses,max_uses,denied --org alpha --no-headings |
		sed 's/  */ /g')" = "alpha $ALPHA1 $(id -un) 0 - 0
alpha $ALPHA2 $(id -un) 0 - 0" ]
	[ "$(adm list --columns id,REASON,revoked_by,revoked --state revoked | sed 's/  */ /g')" = \
		"ID REASON REVOKED_BY REVOKED
$GONE compromised $(id -un) 2027-01-15T07:59:56Z" ]
	# Each member of an object is a column.
	for name in $(adm list --json --state revoked | jq -r '.keys[0] | keys[]'); do
		[ "$(adm list --csv --columns "$name" | head -n 1)" = "${name^^}" ]
	done
}

@test "CSV as in RFC 4180, but with LF, and lists joined by spaces" {
	run at "$NOON" list --csv --org alpha --columns id,label,scopes,allow_from,expires,owner
	expect_status 0
	[ "${lines[0]}" = ID,LABEL,SCOPES,ALLOW_FROM,EXPIRES,OWNER ]
	[ "$(sort <<<"$output")" = "$(sort <<-EOS
		ID,LABEL,SCOPES,ALLOW_FROM,EXPIRES,OWNER
		$ALPHA2,"second, ""of"" two",scim dns,192.0.2.0/24 2001:db8::1,2027-04-15T07:59:50Z,-
		$ALPHA1,-,*,-,never,$(id -un)
	EOS
	)" ] || fail "$output"
	run ! grep -q $'\r' <<<"$output"
}

@test "JSON: all fields, null for what is absent, lists always lists" {
	run at "$NOON" list --json --all
	expect_status 0
	[ "$(jq -c --arg id "$ALPHA1" '.keys[] | select(.id == $id) | [.scopes, .allow_from, .label,
		.expires, .uses, .last_used]' <<<"$output")" = '[["*"],[],null,null,0,null]' ]
	[ "$(jq -c '.keys[0] | keys_unsorted' <<<"$(at "$NOON" show --json "$BETA")")" = \
		'["id","org","label","scopes","owner","state","created","created_by","expires","not_before","last_used","last_service","last_rhost","uses","max_uses","denied","allow_from","predecessor","successor"]' ]
	[ "$(jq -c --arg id "$GONE" '.keys[] | select(.id == $id) | [.state, .revoked, .reason]' \
		<<<"$output")" = '["revoked","2027-01-15T07:59:56Z","compromised"]' ]
	[ "$(jq '[.keys[] | has("revoked")] | map(select(.)) | length' <<<"$output")" -eq 1 ]
}

@test "bad values" {
	expect_refused 64 "^lrkeyadm: --org 'a b': not an organization" list --org 'alpha,a b'
	expect_refused 64 "^lrkeyadm: --scope 'X': not a scope" list --scope X
	expect_refused 64 "^lrkeyadm: --state 'activ': not a state \(did you mean 'active'\?\); allowed are" \
		list --state activ
	expect_refused 64 "^lrkeyadm: --state '': not a state; allowed" list --state ''
	expect_refused 64 "^lrkeyadm: --label '': not a label" list --label ''
	for duration in never 2027-01-31 5 '' 5D; do
		expect_refused 64 "^lrkeyadm: --expiring-within '.*': not a duration: a number and one of" \
			list --expiring-within="$duration"
	done
	expect_refused 64 "^lrkeyadm: --columns 'lable': unknown column \(did you mean 'label'\?\); allowed are ID ORG" \
		list --columns id,lable
	expect_refused 64 "^lrkeyadm: --columns '': unknown column; allowed are ID" list --columns ''
	expect_refused 64 '^lrkeyadm: --csv: not together with --json' list --csv --json
	expect_refused 64 '^lrkeyadm: --columns: not together with --json' list --columns id --json
	expect_refused 64 '^lrkeyadm: --no-headings: not together' list --no-headings --json
	expect_refused 66 "^lrkeyadm: $UNKNOWN: no such key in store system; 'lrkeyadm --root $ROOT list' shows the ids\$" show "$UNKNOWN"
}

@test "a full disk on standard output is an error of every command" {
	for command in list 'list --csv' 'list --json' "show $BETA" "show --json $BETA" '' --json --help \
		--version 'list --help'; do
		run --separate-stderr eval "adm $command >/dev/full"
		expect_status 74
		expect_match "$stderr" '^lrkeyadm: standard output: No space left on device$'
		run --separate-stderr eval "adm $command >&-"
		expect_status 74
		expect_match "$stderr" 'lrkeyadm: standard output: Bad file descriptor$'
	done
	# A change is made all the same.
	run --separate-stderr eval "adm deactivate '$BETA' >/dev/full"
	expect_status 74
	[ "$(field "$BETA" state)" = '"deactivated"' ]
	run --separate-stderr eval "adm activate --json '$BETA' >&-"
	expect_status 74
	expect_match "$stderr" '^lrkeyadm: standard output: Bad file descriptor$'
}

@test "show: every field, a tombstone too, and never a secret" {
	run at "$NOON" show "$ALPHA2"
	expect_status 0
	expect_match "$output" "id            $ALPHA2"
	expect_match "$output" 'label         second, "of" two'
	expect_match "$output" 'expires       2027-04-15T07:59:50Z'
	expect_match "$output" 'allow_from    192.0.2.0/24,2001:db8::1'
	expect_no_match "$output" revoked
	run at "$NOON" show "$GONE"
	expect_match "$output" 'state         revoked'
	expect_match "$output" 'revoked       2027-01-15T07:59:56Z'
	expect_match "$output" 'reason        compromised'
	expect_no_match "$output" 'lrk_'
}

@test "a damaged store is told from an empty one" {
	local file=$ROOT/var/lib/lrkey/system/keys/keys.gdbm

	printf x >>"$file"
	expect_refused 69 "^lrkeyadm: store system: $file: " list
	expect_refused 69 "^lrkeyadm: store system: $file: " generate --org acme
	: >"$file"
	expect_refused 69 'keys\.gdbm: is empty' list --json
	rm "$file"
	expect_refused 69 'keys\.gdbm: does not exist$' list
	rm "$ROOT/etc/lrkey/system/master.key"
	expect_refused 69 "master\.key: does not exist; 'lrkeyadm --root .* init' makes the store" list
}
