#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
}

@test "standard output is one key and a newline; all else is on standard error" {
	run --separate-stderr adm generate --org acme
	expect_status 0
	expect_match "$output" "^$KEY_PATTERN\$"
	expect_match "$stderr" "^lrkeyadm: ${output:4:12}: made for organization acme, expires 20"
	[ "$(adm generate --org acme 2>/dev/null | wc -c)" -eq 56 ]
	run adm verify --org acme <<<"$output"
	expect_status 0
}

@test "every attribute is stored, and those left out have their defaults" {
	KEY=$(at "$NOON" generate --org acme --label 'Grüße, "quoted"' --expires 10d --not-before 1d \
		--scope scim,dns.read,scim --owner "$(id -un)" --allow-from 192.0.2.0/24,2001:db8::/32)
	run at "$NOON" show --json "${KEY:4:12}"
	[ "$(jq -cS '.keys[0]' <<<"$output")" = "$(jq -cSn --arg id "${KEY:4:12}" --arg me "$(id -un)" '{
		id: $id, org: "acme", label: "Grüße, \"quoted\"", scopes: ["scim", "dns.read"],
		owner: $me, state: "pending", created: "2027-01-15T08:00:00Z", created_by: $me,
		expires: "2027-01-25T08:00:00Z", not_before: "2027-01-16T08:00:00Z", last_used: null,
		last_service: null, last_rhost: null, uses: 0, max_uses: null, denied: 0,
		allow_from: ["192.0.2.0/24", "2001:db8::/32"], predecessor: null, successor: null}')" ] ||
		fail "$output"

	KEY=$(at "$NOON" generate --org acme)
	run at "$NOON" show --json "${KEY:4:12}"
	[ "$(jq -c '.keys[0] | [.label, .scopes, .owner, .state, .expires, .not_before, .allow_from]' \
		<<<"$output")" = '[null,["*"],null,"active","2027-04-15T08:00:00Z",null,[]]' ]
}

@test "times: durations, dates, RFC 3339, never" {
	local given wanted

	while read -r given wanted; do
		KEY=$(at "$NOON" generate --org acme --expires "$given" 2>/dev/null)
		[ "$(field "${KEY:4:12}" expires)" = "$wanted" ] || fail "$given: $(field "${KEY:4:12}" expires)"
	done <<-'EOS'
		1s "2027-01-15T08:00:01Z"
		90m "2027-01-15T09:30:00Z"
		2h "2027-01-15T10:00:00Z"
		2w "2027-01-29T08:00:00Z"
		1y "2028-01-15T08:00:00Z"
		2028-02-29 "2028-02-29T00:00:00Z"
		2027-01-15T08:00:01Z "2027-01-15T08:00:01Z"
		2027-01-15T12:00:00+01:30 "2027-01-15T10:30:00Z"
		never null
	EOS
	# The default term begins with the key.
	KEY=$(at "$NOON" generate --org acme --not-before 100d 2>/dev/null)
	[ "$(field "${KEY:4:12}" expires)" = '"2027-07-24T08:00:00Z"' ]
}

@test "--count: so many lines, all different, in one change, and all verify" {
	local before key

	before=$(generation)
	mapfile -t keys < <(adm generate --org acme --count 25 2>/dev/null)
	[ "${#keys[@]}" -eq 25 ]
	[ "$(printf '%s\n' "${keys[@]}" | sort -u | wc -l)" -eq 25 ]
	[ "$(generation)" -eq $((before + 1)) ]
	for key in "${keys[@]}"; do
		adm verify --org acme <<<"$key" >/dev/null
	done
}

@test "--count 10000 is one change, with one line in the audit log" {
	local before count

	before=$(generation)
	count=$(wc -l <"$AUDIT")
	adm generate --org acme --count 10000 2>/dev/null >"$BATS_TEST_TMPDIR/keys"
	[ "$(generation)" -eq $((before + 1)) ]
	[ "$(wc -l <"$AUDIT")" -eq $((count + 1)) ]
	[ "$(cut -c 5-16 "$BATS_TEST_TMPDIR/keys" | sort | sha256sum)" = \
		"$(audit | jq -r '.ids[]' | sort | sha256sum)" ]
	[ "$(adm list --json | jq '.keys | length')" -eq 10000 ]
	tail -n 1 "$BATS_TEST_TMPDIR/keys" | adm verify
}

@test "--json: objects with the key; with --output without" {
	run --separate-stderr adm generate --org acme --count 3 --json
	expect_status 0
	[ "$(jq '.keys | length' <<<"$output")" -eq 3 ]
	while read -r id key; do
		[ "${key:4:12}" = "$id" ]
		adm verify <<<"$key" >/dev/null
		[ "$(jq -c --arg id "$id" '.keys[] | select(.id == $id) | del(.key)' <<<"$output")" = \
			"$(adm show --json "$id" | jq -c '.keys[0]')" ]
	done < <(jq -r '.keys[] | .id + " " + .key' <<<"$output")

	run --separate-stderr adm generate --org acme --json --output "$BATS_TEST_TMPDIR/out"
	expect_status 0
	[ "$(jq -c '.keys[0] | has("key")' <<<"$output")" = false ]
	[ "$(jq -r '.keys[0].id' <<<"$output")" = "$(cut -c 5-16 "$BATS_TEST_TMPDIR/out")" ]
	expect_no_match "$output" "$KEY_PATTERN"
}

@test "--output: a new file with mode 0600, whatever the umask, and nothing on standard output" {
	local mask

	for mask in 000 022 077 777; do
		run --separate-stderr eval "umask $mask; adm generate --org acme --count 2 \
			--output '$BATS_TEST_TMPDIR/$mask'"
		expect_status 0
		[ -z "$output" ]
		[ "$(stat -c '%a %s' "$BATS_TEST_TMPDIR/$mask")" = '600 112' ]
		head -n 1 "$BATS_TEST_TMPDIR/$mask" | adm verify
	done
	# A name without a folder is one in the working folder.
	(cd "$BATS_TEST_TMPDIR" && adm generate --org acme --output plain)
	adm verify <"$BATS_TEST_TMPDIR/plain"
}

@test "--output: not where something is already, not through a link, not without a folder" {
	local dir=$BATS_TEST_TMPDIR

	echo precious >"$dir/there"
	ln -s "$dir/target" "$dir/dangling"
	mkfifo "$dir/fifo"
	for file in there dangling fifo .; do
		expect_refused 73 "^lrkeyadm: $dir/$file: (File exists|Is a directory)" \
			generate --org acme --output "$dir/$file"
	done
	[ "$(cat "$dir/there")" = precious ]
	[ ! -e "$dir/target" ]
	expect_refused 73 "^lrkeyadm: $dir/no/x: No such file" generate --org acme --output "$dir/no/x"
	expect_refused 73 "^lrkeyadm: $dir/there/x: Not a directory" \
		generate --org acme --output "$dir/there/x"
}

@test "--output: removed when the change fails" {
	local before

	before=$(store_sum)
	# No file may grow: the key file cannot be copied.
	run bash -c 'trap "" XFSZ; ulimit -f 0; exec "$@"' - \
		"$LRKEYADM" --root "$ROOT" generate --org acme --output "$BATS_TEST_TMPDIR/out"
	expect_status 74
	expect_match "$output" '^lrkeyadm: .*: File too large$'
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
	[ "$(store_sum)" = "$before" ]
	adm generate --org acme >/dev/null
}

@test "standard output fails: 74, and the ids that must be revoked" {
	local out

	for out in '>/dev/full' '>&-'; do
		for json in '' --json; do
			run --separate-stderr eval "adm generate --org acme --count 2 $json $out"
			expect_status 74
			[ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
			expect_match "$stderr" '^lrkeyadm: standard output: (No space left on device|Bad file descriptor); the keys are made but were not seen: lrkeyadm revoke --yes --force( [0-9A-Za-z]{12}){2}$'
			# shellcheck disable=SC2086 # words
			adm revoke --yes --force ${stderr##*--force }
			[ -z "$(ids)" ]
		done
	done
}

@test "a reader that went away: 74 and the ids, and not a death by signal" {
	# shellcheck disable=SC2016 # perl's variables
	run --separate-stderr perl -e '
		pipe my $r, my $w or die; close $r; open STDOUT, ">&", $w or die; $SIG{PIPE} = "DEFAULT";
		exec @ARGV' "$LRKEYADM" --root "$ROOT" generate --org acme
	expect_status 74
	expect_match "$stderr" '^lrkeyadm: standard output: Broken pipe; .* --force [0-9A-Za-z]{12}$'
}

@test "a file on standard output that others may read gets a warning" {
	run --separate-stderr eval "umask 022; adm generate --org acme >'$BATS_TEST_TMPDIR/a'"
	expect_match "$stderr" 'warning: standard output is a file with mode 0644'
	run --separate-stderr eval "umask 077; adm generate --org acme >'$BATS_TEST_TMPDIR/b'"
	expect_no_match "$stderr" warning
}

@test "what a bad value gets: 64, one line with the value and what is allowed, nothing written" {
	local long65 long33

	long65=$(printf 'x%.0s' {1..65})
	long33=$(printf 'x%.0s' {1..33})
	refused() {
		local expression=$1

		shift
		expect_refused 64 "$expression" generate "$@"
	}
	refused '^lrkeyadm: generate: --org is missing'
	for org in '' -a .a 'a b' a/b "$long65" a@b 'a%sb' "$(printf 'a\nb')"; do
		refused "^lrkeyadm: --org '.*': not an organization: 1 to 64 of" --org="$org"
	done
	for label in '' $'a\tb' $'a\nb' $'\e[1m' $'\xff' $'\xc3' "$long65" $'\xe2\x80\xae'; do
		refused "^lrkeyadm: --label '.*': not a label: 1 to 64 characters" --org a --label "$label"
	done
	for scope in '' ',' 'a,' ',a' a,,b SCIM .a a/b "$long33" '**' 'a b'; do
		refused "^lrkeyadm: --scope '.*': not a scope( \\(did you mean .*\\?\\))?: 1 to 32 of" --org a --scope="$scope"
	done
	refused "^lrkeyadm: --scope '1,.*': too many scopes: at most 16" --org a \
		--scope "$(seq -s, 1 17)"
	for net in '' ',' 192.0.2.7/24 192.0.2.0/33 192.0.2 ::/129 host '192.0.2.1,' 1.2.3.4/ 0x7f.1; do
		refused "^lrkeyadm: --allow-from '.*': not a network: a numeric address" --org a \
			--allow-from="$net"
	done
	refused "^lrkeyadm: --allow-from '.*': too many networks: at most 16" --org a \
		--allow-from "$(seq -s, -f '192.0.2.%g' 1 17)"
	for when in '' 1 90 d -1d 1.5d 90D 2027-13-01 2027-02-29 27-01-31 2027-1-31 2027-01-31T12:00 \
		2027-01-31T12:00:00 tomorrow NEVER 999999999999999999999d 2027-01-31T25:00:00Z; do
		refused "^lrkeyadm: --expires '.*': not a time: a duration like 90d" --org a \
			--expires="$when"
		refused "^lrkeyadm: --not-before '.*': not a time" --org a --not-before="$when"
	done
	for when in 0s 2001-01-01 1970-01-01T00:00:00Z; do
		refused "^lrkeyadm: --expires '$when': not ahead of now" --org a --expires "$when"
	done
	refused "^lrkeyadm: --expires '2d': not ahead of 20.*Z, when the key begins" --org a \
		--expires 2d --not-before 3d
	refused "^lrkeyadm: --not-before 'never': a key must begin" --org a --not-before never
	for count in '' 0 -1 1x 1.0 1000001 99999999999999999999 ' 1' 0x1; do
		refused "^lrkeyadm: --count '.*': not a number from 1 to 1000000" --org a --count="$count"
	done
	refused "^lrkeyadm: --owner 'lrkt-nobody': no such user on this host" --org a \
		--owner lrkt-nobody
	for owner in '' 'a b' a:b "$long65"; do
		refused "^lrkeyadm: --owner '.*': not a user name" --org a --owner="$owner"
	done
	refused "^lrkeyadm: --output '': empty" --org a --output ''
}

@test "longest values are accepted" {
	make_key --org "$(printf 'o%.0s' {1..64})" --label "$(printf '語%.0s' {1..64})" \
		--scope "$(seq -s, -f 'scope-%026g' 1 16)" \
		--allow-from "$(seq -s, -f '2001:db8:1234:5678:9abc:def0:1234:%g' 1 16)" --count 1
	[ "$(field "$ID" 'scopes | length')" = 16 ]
	[ "$(field "$ID" 'allow_from | length')" = 16 ]
	[ "$(field "$ID" 'label | length')" = 64 ]
	adm list --csv --columns id,scopes,allow_from,label | grep -q 2001:db8:1234:5678:9abc:def0:1234:16
}

@test "no store: 69, and how to make one" {
	rm -rf "${ROOT:?}"/*
	expect_refused 69 "'lrkeyadm --root $ROOT init' makes the store$" generate --org acme
}

@test "changes keep modes and group, whatever the umask" {
	local mask before

	before=$(cd "$ROOT" && find etc var -printf '%y %m %u:%g %p\n' | sort)
	for mask in 000 077 777; do
		run eval "umask $mask; adm generate --org acme"
		expect_status 0
		[ "$(cd "$ROOT" && find etc var -printf '%y %m %u:%g %p\n' | sort)" = "$before" ]
	done
}

@test "a wrong mode or a second link of the key file is repaired by the next change" {
	local file=$ROOT/var/lib/lrkey/system/keys/keys.gdbm

	chmod 0666 "$file"
	expect_refused 69 'is writable by everybody' list
	run --separate-stderr adm generate --org acme
	expect_status 0
	expect_match "$stderr" 'warning: .*keys\.gdbm: is writable by everybody .*; this change repairs it'
	[ "$(stat -c %a "$file")" = 644 ]
	ln "$file" "$BATS_TEST_TMPDIR/second"
	run --separate-stderr adm generate --org acme
	expect_status 0
	expect_match "$stderr" 'warning: .*keys\.gdbm: has more than one hard link'
	adm list
}
