#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	make_store
	make_key --org acme --scope scim,dns
}

# refused REASON ARGUMENTS...: the key on standard input is, for this reason; nothing is written
refused() {
	local reason=$1 sum

	shift
	sum=$(store_sum)
	run --separate-stderr adm verify "$@"
	expect_status 1
	[ "$output" = "refused: $reason" ] || fail "$output"
	[ -z "$stderr" ]
	[ "$(store_sum)" = "$sum" ]
}

@test "valid: what it prints, and nothing is written" {
	local sum

	sum=$(store_sum)
	run --separate-stderr adm verify <<<"$KEY"
	expect_status 0
	[ "$output" = "valid: key $ID org acme state active" ]
	[ -z "$stderr" ]
	for arguments in '--org acme' '--scope scim' '--scope dns --org acme' '--from 192.0.2.7' \
		'--from 2001:db8::7 --org acme --scope dns'; do
		# shellcheck disable=SC2086 # words
		adm verify $arguments <<<"$KEY"
	done
	printf %s "$KEY" | adm verify
	printf '%s\r\n' "$KEY" | adm verify
	[ "$(store_sum)" = "$sum" ]
}

@test "refused, and why" {
	local other=lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc

	refused organization --org globex <<<"$KEY"
	refused 'scope prometheus' --scope prometheus <<<"$KEY"
	refused 'unknown key' <<<"$other"
	adm deactivate "$ID"
	refused deactivated <<<"$KEY"
	adm activate "$ID"

	make_key --org acme --allow-from 192.0.2.0/24
	refused 'address unknown' <<<"$KEY"
	refused 'address 198.51.100.1' --from 198.51.100.1 <<<"$KEY"
	adm verify --from 192.0.2.7 <<<"$KEY"
	adm verify --from ::ffff:192.0.2.7 <<<"$KEY"

	KEY=$(at "$NOON" generate --org acme --not-before 1d --expires 3d 2>/dev/null)
	run at "$NOON" verify <<<"$KEY"
	expect_status 1
	[ "$output" = 'refused: pending until 2027-01-16T08:00:00Z' ]
	run at $((NOON + 2 * DAY)) verify <<<"$KEY"
	expect_status 0
	run at $((NOON + 3 * DAY)) verify <<<"$KEY"
	expect_status 1
	[ "$output" = 'refused: expired 2027-01-18T08:00:00Z' ]
	# A clock that was set back does not make a key of tomorrow valid.
	KEY=$(at "$NOON" generate --org acme 2>/dev/null)
	at $((NOON - 300)) verify <<<"$KEY"
	run at $((NOON - 301)) verify <<<"$KEY"
	expect_status 1
	at $((NOON + 10)) revoke --yes --reason misused "${KEY:4:12}"
	refused 'revoked 2027-01-15T08:00:10Z misused' <<<"$KEY"
}

@test "what is no key is refused as malformed, and is exit 1" {
	local text mistyped=${KEY%?}0

	[ "$mistyped" != "$KEY" ] || mistyped=${KEY%?}1
	for text in '' x "${KEY:0:54}" "${KEY}x" " $KEY" "$KEY " "$KEY"$'\n'"$KEY" "${KEY^^}" \
		"$mistyped" $'\xff\xfe' "$(printf 'x%.0s' {1..100000})"; do
		refused malformed <<<"$text"
	done
	printf '%s\0' "$KEY" >"$BATS_TEST_TMPDIR/nul"
	refused malformed <"$BATS_TEST_TMPDIR/nul"
	head -c 1048576 /dev/zero >"$BATS_TEST_TMPDIR/long"
	refused malformed <"$BATS_TEST_TMPDIR/long"
	refused malformed </dev/null
}

@test "--json: one flat object; nothing of a key that was not proven" {
	[ "$(adm verify --json <<<"$KEY" | jq -c 'del(.expires)')" = \
		"{\"valid\":true,\"id\":\"$ID\",\"org\":\"acme\",\"state\":\"active\",\"reason\":null}" ]
	expect_match "$(adm verify --json <<<"$KEY" | jq -r .expires)" '^20[0-9-]{8}T[0-9:]{8}Z$'
	run adm verify --json --org globex <<<"$KEY"
	expect_status 1
	[ "$(jq -c '[.valid, .id, .org, .state, .reason]' <<<"$output")" = \
		"[false,\"$ID\",\"acme\",\"active\",\"organization\"]" ]
	run adm verify --json <<<lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc
	expect_status 1
	[ "$(jq -c . <<<"$output")" = '{"valid":false,"id":"7Hq2ZtXw9LmB","org":null,"state":null,"reason":"unknown key","expires":null}' ]
	run adm verify --json </dev/null
	expect_status 1
	[ "$(jq -c . <<<"$output")" = '{"valid":false,"id":null,"org":null,"state":null,"reason":"malformed","expires":null}' ]
}

@test "a terminal is asked without echo, and has its echo back, also after an interrupt" {
	run expect -f - <<-EOS
		set timeout 20
		log_user 0
		spawn -noecho sh -c "\"$LRKEYADM\" --root \"$ROOT\" verify; echo status \\\$?; stty -a"
		expect "API key: "
		send -- "$KEY\r"
		expect -re {(.*)status 0} { puts "BEGIN\$expect_out(1,string)END" }
		expect -re {([ -]echo) }  { puts "\$expect_out(1,string)" }
	EOS
	expect_status 0
	expect_match "$output" "valid: key $ID org acme state active"
	expect_no_match "$output" "${KEY:17:32}"
	expect_match "$output" ' echo$'

	run expect -f - <<-EOS
		set timeout 20
		log_user 0
		spawn -noecho sh -c "trap : INT; \"$LRKEYADM\" --root \"$ROOT\" verify; echo status \\\$?; stty -a"
		expect "API key: "
		send -- "lrk_abc\003"
		expect -re {status 130} { puts interrupted }
		expect -re {([ -]echo) }  { puts "\$expect_out(1,string)" }
	EOS
	expect_status 0
	expect_match "$output" interrupted
	expect_match "$output" ' echo$'
	expect_no_match "$output" abc
}

@test "store trouble is 69, and is not a refusal" {
	rm "$ROOT/etc/lrkey/system/master.key"
	run --separate-stderr adm verify <<<"$KEY"
	expect_status 69
	[ -z "$output" ]
	expect_match "$stderr" '^lrkeyadm: store system: .*master\.key: does not exist'
	rm -rf "${ROOT:?}"/*
	run --separate-stderr adm verify --json <<<"$KEY"
	expect_status 69
	[ -z "$output" ]
}

@test "bad values" {
	expect_refused 64 "^lrkeyadm: --org 'a b': not an organization" verify --org 'a b'
	expect_refused 64 "^lrkeyadm: --scope 'A': not a scope" verify --scope A
	expect_refused 64 "^lrkeyadm: --scope 'a,b': not a scope" verify --scope a,b
	for address in localhost 192.0.2.0/24 192.0.2 '' ::1%lo 1.2.3.4,5.6.7.8; do
		expect_refused 64 "^lrkeyadm: --from '.*': not an address: a numeric one is wanted" \
			verify --from="$address"
	done
}

@test "standard input that fails is 74, and no refusal" {
	run --separate-stderr eval 'adm verify <&-'
	expect_status 74
	expect_match "$stderr" '^lrkeyadm: standard input: Bad file descriptor$'
	run --separate-stderr adm verify </
	expect_status 74
	expect_match "$stderr" '^lrkeyadm: standard input: Is a directory$'
}
