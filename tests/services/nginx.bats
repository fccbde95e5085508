#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A real nginx with its PAM module, set up as an administrator would do it: the files of
# etc/nginx and etc/pam.d are copied, unchanged, to where they say.
load ../lib.bash
load ../root/stage.bash
load life.bash

HOST=api.example.org
SITE=/etc/nginx/sites-enabled/lrkey

setup_file() {
	local program

	for program in nginx curl; do
		PATH=$PATH:/usr/sbin type -p "$program" >/dev/null || fail "not installed: $program"
	done
	stage_open
	stage groupadd --system _lrkeymgr
	stage groupadd --system _lrkey
	stage usermod --append --groups _lrkey www-data
	stage lrkeyadm init >/dev/null
	install_examples
	serve lrkey www-data "$SITE" /etc/nginx/application.conf
	ask nobody ''
	NGINX_PROCESSES=$(processes)
	export NGINX_PROCESSES
}

teardown_file() {
	stage_close
}

setup() {
	stage_log_clear
}

# No test may have made a process of nginx end, or be replaced.
teardown() {
	[ "$(processes)" = "$NGINX_PROCESSES" ] || fail 'nginx was restarted:' "$(processes)"
}

install_examples() {
	stage install -m 0644 "$LRKEY_SOURCE/etc/pam.d/nginx-lrkey" /etc/pam.d/nginx-lrkey
	stage install -d /etc/nginx/sites-enabled /etc/ssl/certs /etc/ssl/private /var/lib/nginx
	stage install -m 0644 "$LRKEY_SOURCE/etc/nginx/lrkey.conf" "$SITE"
	stage "$LRKEY_BUILD/tests/services/cert" "$HOST" "/etc/ssl/certs/$HOST.pem" \
		"/etc/ssl/private/$HOST.key"
	# The application behind it, at the address that the example names.
	stage tee /etc/nginx/application.conf >/dev/null <<-'EOS'
		server {
			listen 127.0.0.1:8080;
			return 200 "organization <$http_x_organization> key <$http_authorization>";
		}
	EOS
}

# serve NAME USER SITE...: starts nginx, its worker as USER; it listens when this returns.
serve() {
	local name=$1 user=$2

	shift 2
	stage tee "/etc/nginx/$name.conf" >/dev/null <<-EOS
		user $user;
		worker_processes 1;
		pid /run/$name.pid;
		error_log $STAGE/nginx-$name.log info;
		include /etc/nginx/modules-enabled/*.conf;
		events { }
		http {
			access_log $STAGE/nginx-$name.access;
			$(printf 'include %s;\n' "$@")
		}
	EOS
	stage nginx -c "/etc/nginx/$name.conf" 2>"$STAGE/start" ||
		fail "nginx did not start:" "$(cat "$STAGE/start")"
}

# processes: those of the first nginx, its master and its worker.
processes() {
	local master

	master=$(stage cat /run/lrkey.pid)
	printf '%s\n' "$master"
	stage pgrep -P "$master"
}

# ask USER PASSWORD [OPTION...]: one request; its status is left in $CODE, the body in $BODY.
ask() {
	local user=$1 password=$2

	shift 2
	CODE=$(printf 'user = "%s:%s"\n' "$user" "$password" | stage curl --config - \
		--silent --show-error --noproxy '*' --max-time 20 \
		--cacert "/etc/ssl/certs/$HOST.pem" --resolve "$HOST:443:127.0.0.1" \
		--output "$STAGE/body" --write-out '%{http_code}' "$@" "https://$HOST/scim/Users")
	BODY=$(cat "$STAGE/body")
}

# expect_answer CODE USER PASSWORD [OPTION...]
expect_answer() {
	local wanted=$1

	shift
	ask "$@"
	[ "$CODE" = "$wanted" ] || fail "answer $CODE, not $wanted, to user $1" "$(stage_log)" \
		"$(tail "$STAGE/nginx-lrkey.log")"
}

# expect_log LEVEL TEXT...: these lines of the module, and no other, are in the log.
expect_log() {
	local level=$1 wanted

	shift
	# LOG_AUTHPRIV is facility 10.
	wanted=$(printf "<$((10 * 8 + level))>pam_lrkey(nginx-lrkey:auth): %s\n" "$@")
	# Between them stands what syslog(3) adds: the time and the program.
	[ "$(stage_log | sed -E 's/^(<[0-9]+>).*(pam_lrkey\()/\1\2/')" = "$wanted" ] ||
		fail 'not in the log:' "$wanted" 'but:' "$(stage_log)"
}

ALERT=1
NOTICE=5

@test "organization and key: 200, and the application sees the one and not the other" {
	stage_key --org acme
	stage_log_clear
	expect_answer 200 acme "$KEY"
	[ "$BODY" = 'organization <acme> key <>' ]
	[ -z "$(stage_log)" ]
}

@test "nobody, no key, or something else than a key: 401" {
	local challenge

	challenge=$(stage curl --silent --noproxy '*' --cacert "/etc/ssl/certs/$HOST.pem" \
		--resolve "$HOST:443:127.0.0.1" --dump-header - --output /dev/null \
		"https://$HOST/scim/Users")
	expect_match "$challenge" '^HTTP/1.1 401 '
	expect_match "$challenge" 'WWW-Authenticate: Basic realm="API key"'
	expect_answer 401 acme ''
	expect_answer 401 acme 'correct horse'
	# Else each password of a person at a shared prompt would be a line.
	[ -z "$(stage_log)" ]
}

@test "a wrong key: 401, and the log tells what was wrong with it" {
	stage_key --org acme
	stage_log_clear

	expect_answer 401 acme "${KEY:0:54}"
	expect_log "$NOTICE" 'denied: user acme: malformed rhost 127.0.0.1'

	stage_log_clear
	expect_answer 401 acme lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc
	expect_log "$NOTICE" 'denied: key 7Hq2ZtXw9LmB user acme: unknown key rhost 127.0.0.1'

	stage_log_clear
	expect_answer 401 acme "$(other_secret)"
	expect_log "$NOTICE" "denied: key $ID user acme: wrong secret rhost 127.0.0.1"
	stage_log_clear
	expect_answer 200 acme "$KEY"
}

@test "another organization's name: 401, and the log names key and reason" {
	stage_key --org acme
	stage_log_clear
	expect_answer 401 globex "$KEY"
	expect_log "$NOTICE" "denied: key $ID org acme: organization rhost 127.0.0.1"
}

@test "deactivate, activate and revoke hold from the next request on" {
	stage_key --org acme
	expect_answer 200 acme "$KEY"

	stage lrkeyadm deactivate "$ID"
	stage_log_clear
	expect_answer 401 acme "$KEY"
	expect_log "$NOTICE" "denied: key $ID org acme: deactivated rhost 127.0.0.1"

	stage lrkeyadm activate "$ID"
	expect_answer 200 acme "$KEY"

	stage lrkeyadm revoke --yes --reason compromised "$ID"
	stage_log_clear
	expect_answer 401 acme "$KEY"
	when=$(stage lrkeyadm show --json "$ID" | jq -r '.keys[0].revoked')
	expect_match "$when" '^20[0-9-]{8}T[0-9:]{8}Z$'
	expect_log "$ALERT" \
		"denied: key $ID org acme: revoked $when compromised rhost 127.0.0.1"
}

@test "a key that is not valid yet, or lacks the scope: 401" {
	stage_key --org acme --not-before 1d
	stage_log_clear
	expect_answer 401 acme "$KEY"
	when=$(stage lrkeyadm show --json "$ID" | jq -r '.keys[0].not_before')
	expect_log "$NOTICE" "denied: key $ID org acme: pending until $when rhost 127.0.0.1"

	stage_key --org acme --scope prometheus,dns
	stage_log_clear
	expect_answer 401 acme "$KEY"
	expect_log "$NOTICE" "denied: key $ID org acme: scope scim rhost 127.0.0.1"

	stage_key --org acme --scope prometheus,scim
	expect_answer 200 acme "$KEY"
	stage_key --org acme
	expect_answer 200 acme "$KEY"
}

@test "allowed addresses: from them 200, from others 401" {
	stage_key --org acme --allow-from 192.0.2.0/24,2001:db8::/32
	stage_log_clear
	expect_answer 401 acme "$KEY"
	expect_log "$NOTICE" "denied: key $ID org acme: address 127.0.0.1 rhost 127.0.0.1"

	stage_key --org acme --allow-from 192.0.2.0/24,127.0.0.1
	stage_log_clear
	expect_answer 200 acme "$KEY"
	[ -z "$(stage_log)" ]
	expect_answer 401 acme "$KEY" --interface 127.0.0.2
	expect_log "$NOTICE" "denied: key $ID org acme: address 127.0.0.2 rhost 127.0.0.2"
}

@test "a store that is not to be had: 401 and an alarm for each request, and 200 when it is back" {
	file=/var/lib/lrkey/system/keys/keys.gdbm

	stage_key --org acme
	stage_log_clear
	stage mv "$file" "$file.away"
	expect_answer 401 acme "$KEY"
	expect_log "$ALERT" "store system unavailable: $file: does not exist"
	stage mv "$file.away" "$file"
	expect_answer 200 acme "$KEY"

	stage chmod 0666 "$file"
	stage_log_clear
	expect_answer 401 acme "$KEY"
	expect_log "$ALERT" \
		"store system unavailable: $file: is writable by everybody (mode 0666, 1 links)"
	stage chmod 0644 "$file"
	expect_answer 200 acme "$KEY"

	stage chmod o+w "${file%/*}"
	stage_log_clear
	expect_answer 401 acme "$KEY"
	expect_log "$ALERT" \
		"store system unavailable: ${file%/*}: is writable by everybody (mode 2777)"
	stage chmod o-w "${file%/*}"
	expect_answer 200 acme "$KEY"
}

@test "workers that are not in the verifier group: 401 and an alarm that says so" {
	stage sed 's/listen 443/listen 444/' "$SITE" >"$STAGE/site"
	serve outsider "nobody nogroup" "$STAGE/site"
	stage_key --org acme
	stage_log_clear
	ask acme "$KEY" --connect-to "$HOST:443:127.0.0.1:444"
	[ "$CODE" = 401 ]
	expect_match "$(stage_log)" '^<81>.*store system unavailable: .*: permission denied: '
	expect_match "$(stage_log)" ': uid 65534 is not in group _lrkey$'
	[ "$(stage_log | wc -l)" -eq 1 ]
	stage kill "$(stage cat /run/outsider.pid)"
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme
	expect_answer 200 acme "$KEY"
	expect_answer 401 globex "$KEY"
	stage devlog sync /dev/log
	[ -s "$STAGE/log" ]
	[ -s "$STAGE/nginx-lrkey.access" ]
	[ -s "$STAGE/nginx-lrkey.log" ]
	run grep -E "$KEY_PATTERN" "$STAGE/log" "$STAGE"/nginx-*
	expect_status 1
	# The same words find a key where one is.
	printf '%s\n' "$KEY" | grep -qE "$KEY_PATTERN"
}
