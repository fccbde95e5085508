#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nginx in front of a SCIM server and of an exporter: keys as Bearer tokens and by HTTP Basic.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash

SCIM=https://scim.example.org/scim
METRICS=https://metrics.example.org/metrics

setup_file() {
	web_stage
	nginx_prepare
	nginx_site scim scim.example.org
	nginx_site prometheus metrics.example.org
	nginx_application 8080 9100
	nginx_start
	PROCESSES=$(processes_of /run/nginx.pid)
	export PROCESSES
}

teardown_file() {
	stage_close
}

# No test may have made a process of nginx end, or be replaced.
teardown() {
	[ "$(processes_of /run/nginx.pid)" = "$PROCESSES" ] || fail 'nginx was restarted'
}

scim() {
	bearer "$2" "$SCIM/$1/v2/Users"
	logged_in
}

metrics_basic() {
	basic "$1" "$2" "$METRICS"
	logged_in
}

metrics_bearer() {
	bearer "$2" "$METRICS/$1"
	logged_in
}

@test "SCIM with a Bearer token: the life of a key" {
	assert_life scim scim 127.0.0.1
}

@test "metrics with Basic: the life of a key" {
	assert_life metrics_basic prometheus 127.0.0.1
}

@test "metrics with a Bearer token: the life of a key" {
	assert_life metrics_bearer prometheus 127.0.0.1
}

@test "a key for one of the endpoints does not work at the other" {
	stage_key --org acme --scope scim
	bearer "$KEY" "$SCIM/acme/v2/Users"
	expect_code 200
	bearer "$KEY" "$METRICS/acme"
	expect_code 401
	basic acme "$KEY" "$METRICS"
	expect_code 401

	stage_key --org acme --scope prometheus
	bearer "$KEY" "$SCIM/acme/v2/Users"
	expect_code 401
	bearer "$KEY" "$METRICS/acme"
	expect_code 200
	basic acme "$KEY" "$METRICS"
	expect_code 200
}

@test "the application learns organization, key id and nothing of the key" {
	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users/1?filter=userName%20eq%20%22a%2Fb%22"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users/1?filter=userName%20eq%20%22a%2Fb%22" ] ||
		fail "$BODY"
	bearer "$KEY" "$SCIM/acme/v2"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2" ] || fail "$BODY"
	bearer "$KEY" "$METRICS/acme"
	[ "$BODY" = "org <acme> id <$ID> key <> /metrics" ] || fail "$BODY"
	basic acme "$KEY" "$METRICS"
	[ "$BODY" = 'org <acme> id <> key <> /metrics' ] || fail "$BODY"
}

@test "what a client says in those headers itself is not handed on" {
	local claims=(--header 'X-Organization: globex' --header 'X-Key-Id: 000000000000')

	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users" "${claims[@]}"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	basic acme "$KEY" "$METRICS" "${claims[@]}"
	[ "$BODY" = 'org <acme> id <> key <> /metrics' ] || fail "$BODY"
}

@test "the path decides for one organization, however it is written" {
	stage_key --org acme
	bearer "$KEY" "$SCIM/globex/v2/Users"
	expect_code 401
	bearer "$KEY" "$SCIM/globex/../acme/v2/Users"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	bearer "$KEY" "$SCIM/acme/../globex/v2/Users"
	expect_code 401
	bearer "$KEY" "$SCIM/acme%2f..%2fglobex/v2/Users"
	expect_code 401
	bearer "$KEY" "$SCIM/%61cme/v2/Users"
	[ "$BODY" = "org <acme> id <$ID> key <> /v2/Users" ] || fail "$BODY"
	for path in acme v2/Users '' acme/v2Users acme/v1/Users acme%3aglobex/v2/Users \
		acme%00globex/v2/Users; do
		bearer "$KEY" "$SCIM/$path"
		expect_match "$CODE" '^40[04]$'
	done
}

@test "who brings no key, or brings it otherwise, is asked for a Bearer token" {
	stage_key --org acme
	request "$SCIM/acme/v2/Users" </dev/null
	expect_code 401
	expect_match "$(cat "$STAGE/head")" 'WWW-Authenticate: Bearer realm="API key"'
	expect_no_match "$(cat "$STAGE/head")" 'Basic'
	basic acme "$KEY" "$SCIM/acme/v2/Users"
	expect_code 401
	bearer "acme:$KEY" "$SCIM/acme/v2/Users"
	expect_code 401
	bearer "$KEY x" "$SCIM/acme/v2/Users"
	expect_code 401
	request "$SCIM/acme/v2/Users" < <(printf 'header = "Authorization: %s"\n' "$KEY")
	expect_code 401
	request "$SCIM/acme/v2/Users" < <(printf 'header = "Authorization: bEARER   %s"\n' "$KEY")
	expect_code 200
	# The endpoint for Basic asks for that.
	request "$METRICS" </dev/null
	expect_code 401
	expect_match "$(cat "$STAGE/head")" 'WWW-Authenticate: Basic realm="API key"'
	bearer "$KEY" "$METRICS"
	expect_code 401
}

@test "two Authorization headers are no request" {
	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users" --header 'Authorization: Bearer x'
	expect_code 400
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme
	bearer "$KEY" "$SCIM/acme/v2/Users"
	bearer "$KEY" "$SCIM/globex/v2/Users"
	basic globex "$KEY" "$METRICS"
	expect_secret_logs /var/log/nginx/access.log /var/log/nginx/error.log
}
