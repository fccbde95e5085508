#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2153,SC2154 # make_key sets KEY; run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

NAMES='lrkey_keys lrkey_key_expiry_timestamp_seconds lrkey_key_last_used_timestamp_seconds
	lrkey_key_uses_total lrkey_key_max_uses lrkey_key_denied_total'

setup() {
	make_store
}

# well_formed: whether standard input is the text format of Prometheus: each metric once, its help
# and type before its samples, no sample twice.
well_formed() {
	awk '
		function wrong(why) {
			print "line " NR ": " why ": " $0
			bad = 1
		}
		/^# HELP / {
			if ($3 in seen)
				wrong("twice")
			seen[$3] = 1
			name = $3
			typed = 0
			next
		}
		/^# TYPE / {
			if ($3 != name || typed || $4 !~ /^(gauge|counter)$/)
				wrong("type")
			if (($4 == "counter") != (name ~ /_total$/))
				wrong("a counter ends in _total")
			typed = 1
			next
		}
		{
			if (!typed || $0 !~ "^" name "\\{")
				wrong("not of " name)
			if ($0 !~ /^[a-z_]+\{[a-z]+="([^"\\]|\\[\\"n])*"(,[a-z]+="([^"\\]|\\[\\"n])*")*\} [0-9]+$/)
				wrong("form")
			sample = $0
			sub(/ [0-9]+$/, "", sample)
			if (sample in samples)
				wrong("twice")
			samples[sample] = 1
		}
		END {
			exit bad
		}
	'
}

# value NAME LABELS: of a sample in $output
value() {
	grep -F "$1{store=\"system\",$2} " <<<"$output" | sed 's/.* //'
}

@test "an empty store: every metric is there, without a sample" {
	run adm metrics
	expect_status 0
	well_formed <<<"$output"
	[ "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' <<<"$output" | xargs)" = "$(xargs <<<"$NAMES")" ]
	[ "$(grep -vc '^#' <<<"$output")" -eq 0 ] || fail "$output"
}

@test "the check of this test finds what is wrong" {
	local text

	for text in 'a{b="c"} 1' '# HELP a x\na{b="c"} 1' '# HELP a x\n# TYPE a gauge\nb{b="c"} 1' \
		'# HELP a x\n# TYPE a gauge\na{b="c} 1' '# HELP a x\n# TYPE a counter\na{b="c"} 1' \
		'# HELP a x\n# TYPE a gauge\na{b="c"} 1\na{b="c"} 2' '# HELP a x\n# TYPE a gauge\na{b="\\x"} 1'; do
		run well_formed <<<"$(printf '%b' "$text")"
		[ "$status" -ne 0 ] || fail "passes: $text"
	done
}

@test "keys by organization and state, and what is known of each" {
	pam_service scim
	make_key --org acme --scope scim --expires 2030-01-01 --max-uses 5
	A=$ID
	pam_try acme "$KEY" scim --rhost 192.0.2.7
	pam_try acme "$KEY" scim --rhost 192.0.2.7
	pam_try globex "$KEY" scim --rhost 192.0.2.7 || true
	make_key --org acme --expires never
	B=$ID
	make_key --org acme --expires never
	C=$ID
	CKEY=$KEY
	adm deactivate "$B"
	adm revoke --yes --force "$C"
	pam_try acme "$CKEY" scim --rhost 192.0.2.7 || true
	make_key --org globex --not-before 1d
	D=$ID

	run adm metrics
	expect_status 0
	well_formed <<<"$output"
	for state in revoked deactivated active; do
		[ "$(value lrkey_keys "org=\"acme\",state=\"$state\"")" -eq 1 ]
	done
	for state in pending expired exhausted deprecated; do
		[ "$(value lrkey_keys "org=\"acme\",state=\"$state\"")" -eq 0 ]
	done
	[ "$(value lrkey_keys 'org="globex",state="pending"')" -eq 1 ]

	[ "$(value lrkey_key_expiry_timestamp_seconds "org=\"acme\",id=\"$A\"")" -eq "$(date -d 2030-01-01Z +%s)" ]
	[ "$(value lrkey_key_uses_total "org=\"acme\",id=\"$A\"")" -eq 2 ]
	[ "$(value lrkey_key_max_uses "org=\"acme\",id=\"$A\"")" -eq 5 ]
	[ "$(value lrkey_key_denied_total "org=\"acme\",id=\"$A\"")" -eq 1 ]
	[ "$(value lrkey_key_last_used_timestamp_seconds "org=\"acme\",id=\"$A\"")" -eq \
		"$(date -d "$(field "$A" last_used | tr -d '"')" +%s)" ]

	# What a key does not have is absent, not zero.
	[ -z "$(value lrkey_key_expiry_timestamp_seconds "org=\"acme\",id=\"$B\"")" ]
	[ -z "$(value lrkey_key_last_used_timestamp_seconds "org=\"acme\",id=\"$B\"")" ]
	[ -z "$(value lrkey_key_max_uses "org=\"acme\",id=\"$B\"")" ]
	[ "$(value lrkey_key_uses_total "org=\"acme\",id=\"$B\"")" -eq 0 ]
	[ "$(value lrkey_key_denied_total "org=\"globex\",id=\"$D\"")" -eq 0 ]

	# Of a revoked key only its refusals are left.
	[ "$(value lrkey_key_denied_total "org=\"acme\",id=\"$C\"")" -eq 1 ]
	[ "$(grep -c "$C" <<<"$output")" -eq 1 ]
}

@test "--json changes nothing: the format is that of Prometheus" {
	make_key --org acme
	[ "$(adm metrics --json)" = "$(adm metrics)" ]
	[ "$(adm --json metrics)" = "$(adm metrics)" ]
}

@test "without a usage file nothing is said of uses, and a warning why" {
	make_key --org acme --max-uses 3
	rm "$ROOT/var/lib/lrkey/system/usage"
	run --separate-stderr adm metrics
	expect_status 0
	well_formed <<<"$output"
	[ "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' <<<"$output" | xargs)" = \
		'lrkey_keys lrkey_key_expiry_timestamp_seconds lrkey_key_max_uses' ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" '^lrkeyadm: warning: .*/usage: '
}

@test "many keys: sorted, each once" {
	adm generate --org acme --count 1000 >/dev/null 2>&1
	adm generate --org zeta --count 500 >/dev/null 2>&1
	run adm metrics
	expect_status 0
	well_formed <<<"$output"
	[ "$(value lrkey_keys 'org="acme",state="active"')" -eq 1000 ]
	[ "$(grep -c '^lrkey_key_uses_total{' <<<"$output")" -eq 1500 ]
	grep '^lrkey_key_uses_total{' <<<"$output" | LC_ALL=C sort -c
}

@test "errors: bad arguments, no store, a damaged one, a full disk" {
	local status=0

	expect_refused 64 "^lrkeyadm: argument 'x': too many" metrics x
	expect_refused 69 '^lrkeyadm: store other: .*does not exist' -s other metrics
	adm metrics >/dev/full 2>/dev/null || status=$?
	[ "$status" -eq 74 ]
	: >"$ROOT/var/lib/lrkey/system/keys/keys.gdbm"
	expect_refused 69 'keys\.gdbm' metrics
}
