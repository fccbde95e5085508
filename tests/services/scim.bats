#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A SCIM 2.0 server, from npm, behind nginx and behind Apache: users are provisioned with a key.
# scim/ has the server, which make installs below build/.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash

SCIM=https://scim.example.org/scim
NGINX=127.0.0.1
APACHE=127.0.0.2

setup_file() {
	local server=${LRKEY_BUILD%/*}/scim

	[ -d "$server/node_modules/scimmy" ] || fail "not installed: $server (make does it)"
	web_stage
	# Both have port 443, each at an address of its own.
	nginx_prepare
	nginx_site scim scim.example.org
	stage sed -i "s/listen 443/listen $NGINX:443/" /etc/nginx/sites-available/scim
	nginx_start
	apache_prepare
	apache_site scim scim.example.org
	echo "Listen $APACHE:443" | stage tee /etc/apache2/ports.conf >/dev/null
	apache_start
	stage_user lrkt-application
	background scim lrkt-application node "$server/server.mjs" 8080
	wait_for 'the SCIM server does not start' grep -qx ready "$STAGE/scim.out"
}

teardown_file() {
	stage_close
}

# scim METHOD PATH [JSON]: one request with $KEY, for $ORG through $FRONT.
scim() {
	local data=()

	[ $# -lt 3 ] || data=(--header 'Content-Type: application/scim+json' --data "$3")
	bearer "$KEY" "$SCIM/$ORG/v2/$2" --request "$1" "${data[@]}"
}

# answer FILTER: of the last body, by jq.
answer() {
	jq -r "$1" <<<"$BODY"
}

user_schema=urn:ietf:params:scim:schemas:core:2.0:User
patch_schema=urn:ietf:params:scim:api:messages:2.0:PatchOp

# new_user NAME: its id is left in $USER_ID.
new_user() {
	scim POST Users "{\"schemas\":[\"$user_schema\"],\"userName\":\"$1\",\"active\":true,
		\"name\":{\"givenName\":\"${1%%.*}\",\"familyName\":\"${1##*.}\"}}"
	expect_code 201
	USER_ID=$(answer .id)
	[ "$(answer .userName)" = "$1" ]
	[ "$(answer .meta.location)" = "$SCIM/$ORG/v2/Users/$USER_ID" ] || fail "$BODY"
}

# found FILTER: the names of the users that match, in one line.
found() {
	scim GET "Users?filter=$(jq -rn --arg filter "$1" '$filter | @uri')"
	expect_code 200
	answer '[.Resources[]?.userName] | sort | join(" ")'
}

provisions_users() {
	local ann ben

	FRONT=$1 ORG=$2
	stage_key --org "$ORG" --scope scim
	scim GET ServiceProviderConfig
	expect_code 200
	[ "$(answer '.authenticationSchemes[0].type')" = oauthbearertoken ]

	new_user ann.smith
	ann=$USER_ID
	new_user ben.smith
	ben=$USER_ID
	scim POST Users "{\"schemas\":[\"$user_schema\"],\"userName\":\"ann.smith\"}"
	expect_code 409

	scim GET "Users/$ann"
	expect_code 200
	[ "$(answer .name.givenName)" = ann ]
	[ "$(found 'userName eq "ben.smith"')" = ben.smith ]
	[ "$(found 'name.familyName eq "smith" and active eq true')" = 'ann.smith ben.smith' ]
	[ "$(found 'userName sw "c"')" = '' ]
	scim GET 'Users?filter=userName%20is%20x'
	expect_code 400
	[ "$(answer .scimType)" = invalidFilter ]

	scim PATCH "Users/$ann" "{\"schemas\":[\"$patch_schema\"],
		\"Operations\":[{\"op\":\"replace\",\"path\":\"active\",\"value\":false}]}"
	expect_code 200
	[ "$(answer .active)" = false ]
	[ "$(found 'active eq false')" = ann.smith ]

	scim PUT "Users/$ben" "{\"schemas\":[\"$user_schema\"],\"userName\":\"benjamin.smith\"}"
	expect_code 200
	[ "$(found 'userName co "benjamin"')" = benjamin.smith ]

	scim DELETE "Users/$ann"
	expect_code 204
	scim GET "Users/$ann"
	expect_code 404
	scim DELETE "Users/$ben"
	expect_code 204
	[ "$(found 'userName pr')" = '' ]
}

@test "nginx: a user is made, found, changed and removed" {
	provisions_users "$NGINX" acme
}

@test "Apache: a user is made, found, changed and removed" {
	provisions_users "$APACHE" acme
}

# keeps_apart ADDRESS PREFIX: two organizations, of which each sees its own users only.
keeps_apart() {
	local one=$2-one two=$2-two key_one id

	FRONT=$1
	stage_key --org "$one" --scope scim
	key_one=$KEY ORG=$one
	new_user of.one
	id=$USER_ID
	stage_key --org "$two" --scope scim
	ORG=$two
	new_user of.two
	[ "$(found 'userName pr')" = of.two ]
	scim GET "Users/$id"
	expect_code 404
	scim DELETE "Users/$id"
	expect_code 404
	# Whatever else the client names, the key decides.
	bearer "$KEY" "$SCIM/$two/v2/Users" --header "X-Organization: $one"
	[ "$(answer '[.Resources[].userName] | join(" ")')" = of.two ]
	bearer "$KEY" "$SCIM/$one/v2/Users"
	expect_code 401
	KEY=$key_one ORG=$one
	[ "$(found 'userName pr')" = of.one ]
}

@test "nginx: organizations do not see each other's users" {
	keeps_apart "$NGINX" nginx
}

@test "Apache: organizations do not see each other's users" {
	keeps_apart "$APACHE" apache
}

ends_with_its_key() {
	FRONT=$1 ORG=acme
	stage_key --org acme --scope prometheus
	scim GET Users
	expect_code 401
	stage_key --org acme --scope scim
	scim GET Users
	expect_code 200
	stage lrkeyadm revoke --yes --force "$ID"
	for method in GET POST; do
		scim "$method" Users
		expect_code 401
	done
	# The application was not asked.
	[ "$(grep -c "key $ID\$" "$STAGE/scim.out")" -eq 1 ]
}

@test "nginx: a client is shut out with its key, at once" {
	ends_with_its_key "$NGINX"
}

@test "Apache: a client is shut out with its key, at once" {
	ends_with_its_key "$APACHE"
}

@test "the application's own record names the keys, and holds none" {
	grep -E '^POST /v2/Users org acme key [0-9A-Za-z]{12}$' "$STAGE/scim.out"
	stage_key --org acme --scope scim
	# shellcheck disable=SC2034 # for web.bash
	FRONT=$NGINX ORG=acme
	scim GET Users
	expect_code 200
	expect_secret_logs "$STAGE/scim.out"
}
