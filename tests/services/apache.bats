#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Apache in front of a SCIM server and of an exporter: keys as Bearer tokens, with the
# organization in the URL and with a fixed one, and by HTTP Basic.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash

SCIM=https://scim.example.org/scim
ACME=https://acme.example.org/scim/v2
METRICS=https://metrics.example.org/metrics

setup_file() {
	web_stage
	nginx_prepare
	nginx_application 8080 9100
	nginx_start
	apache_prepare
	apache_site scim scim.example.org
	apache_site scim-acme acme.example.org
	apache_site prometheus metrics.example.org
	apache_start
	PROCESSES=$(stage cat /run/apache2/apache2.pid)
	export PROCESSES
}

teardown_file() {
	stage_close
}

# No test may have made Apache end, or one of its processes crash.
teardown() {
	[ "$(stage cat /run/apache2/apache2.pid)" = "$PROCESSES" ]
	run stage grep -E 'signal|AH00052' /var/log/apache2/error.log
	expect_status 1
}

scim() {
	bearer "$2" "$SCIM/$1/v2/Users"
	logged_in
}

scim_acme() {
	[ "$1" = acme ]
	bearer "$2" "$ACME/Users"
	logged_in
}

metrics() {
	basic "$1" "$2" "$METRICS"
	logged_in
}

@test "its worker is the threaded one" {
	stage apachectl -V | grep -E '^ +threaded: +yes'
}

@test "SCIM with a Bearer token, organization in the URL: the life of a key" {
	assert_life scim scim 127.0.0.1
}

@test "SCIM with a Bearer token, fixed organization: the life of a key" {
	assert_life scim_acme scim 127.0.0.1
}

@test "metrics with Basic: the life of a key" {
	assert_life metrics prometheus 127.0.0.1
}

@test "a key for one of the endpoints does not work at the other" {
	stage_key --org acme --scope scim
	bearer "$KEY" "$SCIM/acme/v2/Users"
	expect_code 200
	bearer "$KEY" "$ACME/Users"
	expect_code 200
	basic acme "$KEY" "$METRICS"
	expect_code 401

	stage_key --org acme --scope prometheus
	bearer "$KEY" "$SCIM/acme/v2/Users"
	expect_code 401
	bearer "$KEY" "$ACME/Users"
	expect_code 401
	basic acme "$KEY" "$METRICS"
	expect_code 200
}

@test "the application learns organization, key id and nothing of the key, whatever the client says" {
	local claims=(--header 'X-Organization: globex' --header 'X-Key-Id: 000000000000')

	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users/1?filter=userName%20eq%20%22a%2Fb%22" "${claims[@]}"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users/1?filter=userName%20eq%20%22a%2Fb%22" ] ||
		fail "$BODY"
	bearer "$KEY" "$ACME/Users" "${claims[@]}"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	basic acme "$KEY" "$METRICS" "${claims[@]}"
	[ "$BODY" = 'org <acme> id <> key <> /metrics' ] || fail "$BODY"
}

@test "the path decides for one organization, however it is written" {
	local path

	stage_key --org acme
	bearer "$KEY" "$SCIM/globex/v2/Users"
	expect_code 401
	bearer "$KEY" "$SCIM/globex/../acme/v2/Users"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	bearer "$KEY" "$SCIM/acme/../globex/v2/Users"
	expect_code 401
	bearer "$KEY" "$SCIM/%61cme/v2/Users"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	for path in acme v2/Users '' acme/v2Users acme/v1/Users acme%3aglobex/v2/Users \
		acme%00globex/v2/Users acme%2f..%2fglobex/v2/Users; do
		bearer "$KEY" "$SCIM/$path"
		expect_match "$CODE" '^40[034]$'
	done
}

# asks_for_bearer ORG URL: who brings no key, or brings it otherwise, is asked for a token.
asks_for_bearer() {
	request "$2" </dev/null
	expect_code 401
	expect_match "$(cat "$STAGE/head")" 'WWW-Authenticate: Bearer realm="API key"'
	# mod_auth_basic names Basic too, and nothing can keep it from that; it does not work.
	basic "$1" "$KEY" "$2"
	expect_code 401
	bearer "$1:$KEY" "$2"
	expect_code 401
	bearer "$KEY x" "$2"
	expect_code 401
	bearer "$KEY" "$2" --header 'Authorization: Bearer x'
	expect_code 401
	for value in "$KEY" "$1:$KEY" "Basic $1:$KEY"; do
		request "$2" < <(printf 'header = "Authorization: %s"\n' "$value")
		expect_code 401
	done
	request "$2" < <(printf 'header = "Authorization: bEARER   %s"\n' "$KEY")
	expect_code 200
}

@test "who brings no key, or brings it otherwise, is asked for a Bearer token" {
	stage_key --org acme
	asks_for_bearer acme "$SCIM/acme/v2/Users"
	asks_for_bearer acme "$ACME/Users"
	request "$METRICS" </dev/null
	expect_code 401
	expect_match "$(cat "$STAGE/head")" 'WWW-Authenticate: Basic realm="API key"'
}

@test "a fixed organization is the only one, however another names itself" {
	local value

	stage_key --org globex --scope scim
	for value in "Bearer $KEY" "globex:$KEY" "Bearer globex:$KEY" "Basic globex:$KEY" \
		"Basic $(printf 'globex:%s' "$KEY" | base64 --wrap 0)"; do
		request "$ACME/Users" < <(printf 'header = "Authorization: %s"\n' "$value")
		expect_code 401
	done
	bearer "$KEY" "$SCIM/globex/v2/Users"
	expect_code 200
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users"
	bearer "$KEY" "$ACME/Users"
	basic globex "$KEY" "$METRICS"
	expect_secret_logs /var/log/apache2/other_vhosts_access.log /var/log/apache2/error.log
}
