# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the tests of web servers share: a stage on which the files of etc/ are installed as
# their comments tell, and a client. Load lib.bash and root/stage.bash before.

# web_stage: a stage with an empty store, which www-data may read; once in setup_file.
web_stage() {
	stage_open
	stage groupadd --system _lrkeymgr
	stage groupadd --system _lrkey
	stage usermod --append --groups _lrkey www-data
	stage lrkeyadm init >/dev/null
	stage install -d /etc/ssl/certs /etc/ssl/private
	install_example pam.d/scim-lrkey /etc/pam.d
	install_example pam.d/prometheus-lrkey /etc/pam.d
}

# install_example FILE FOLDER [NAME]: a file of etc/, unchanged, to where its comment says.
install_example() {
	stage install -D -m 0644 "$LRKEY_SOURCE/etc/$1" "$2/${3-${1##*/}}"
}

# certificate HOST: where the examples look for it.
certificate() {
	stage test -e "/etc/ssl/certs/$1.pem" ||
		stage "$LRKEY_BUILD/tests/services/cert" "$1" "/etc/ssl/certs/$1.pem" \
			"/etc/ssl/private/$1.key"
}

# background NAME USER COMMAND...: a program that stays, as USER; it ends with the stage. What it
# prints is in $STAGE/NAME.out.
background() {
	local name=$1

	shift
	as "$@" >"$STAGE/$name.out" 2>&1 </dev/null &
}

# wait_for WHAT COMMAND...: until the command succeeds, a minute at the most.
wait_for() {
	local what=$1 end=$((SECONDS + 60))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "$what" "$(tail -n 5 "$STAGE"/*.out)"
		sleep 0.05
	done
}

# ---- nginx -------------------------------------------------------------------

# nginx_prepare: Debian's own configuration, without a site.
nginx_prepare() {
	stage install -d /var/log/nginx /var/lib/nginx
	stage rm -f /etc/nginx/sites-enabled/default
	install_example nginx/conf.d/lrkey-bearer.conf /etc/nginx/conf.d
	install_example nginx/snippets/lrkey-bearer.conf /etc/nginx/snippets
}

# nginx_site NAME HOST: etc/nginx/NAME.conf, enabled.
nginx_site() {
	install_example "nginx/$1.conf" /etc/nginx/sites-available "$1"
	stage ln -s "/etc/nginx/sites-available/$1" /etc/nginx/sites-enabled/
	certificate "$2"
}

# nginx_application PORT...: an application at each port that answers with what it is told.
nginx_application() {
	local port

	for port in "$@"; do
		# shellcheck disable=SC2016 # nginx's variables
		printf 'server {\nlisten 127.0.0.1:%s;\nreturn 200 "%s";\n}\n' "$port" \
			'org <$http_x_organization> id <$http_x_key_id> key <$http_authorization> $request_uri'
	done | stage tee /etc/nginx/sites-enabled/application >/dev/null
}

# nginx_start: it listens when this returns.
nginx_start() {
	stage nginx 2>"$STAGE/start" || fail 'nginx did not start:' "$(cat "$STAGE/start")"
}

# processes_of PIDFILE: a server's first process and its children.
processes_of() {
	local first

	first=$(stage cat "$1")
	printf '%s\n' "$first"
	stage pgrep -P "$first"
}

# ---- Apache ------------------------------------------------------------------

# apache_prepare: Debian's own configuration, with the modules that the examples name.
apache_prepare() {
	stage install -d -m 1777 /run/lock
	stage install -d /var/log/apache2 /var/lib/apache2 /var/cache/apache2
	stage a2dissite -q 000-default
	stage a2enmod -q authnz_pam headers lua proxy_http ssl
	install_example apache2/lrkey-bearer.lua /etc/apache2
	# It listens at 443 alone: nginx has the other port, and plays the application.
	echo 'Listen 443' | stage tee /etc/apache2/ports.conf >/dev/null
	echo 'ServerName localhost' | stage tee /etc/apache2/conf-enabled/name.conf >/dev/null
}

# apache_site NAME HOST: etc/apache2/NAME.conf, enabled.
apache_site() {
	install_example "apache2/$1.conf" /etc/apache2/sites-available
	stage a2ensite -q "$1"
	certificate "$2"
}

# apache_start: it listens when this returns.
apache_start() {
	stage apachectl start >"$STAGE/start" 2>&1 || fail 'Apache did not start:' \
		"$(cat "$STAGE/start")" "$(stage cat /var/log/apache2/error.log)"
	wait_for 'Apache does not listen' stage test -s /run/apache2/apache2.pid
}

# ---- The client --------------------------------------------------------------

# request URL [OPTION...]: one request; curl's settings, the key among them, come from
# standard input. $FRONT is the address of the server. Leaves the status in $CODE and the body
# in $BODY.
request() {
	local url=$1 host=${1#https://}

	shift
	host=${host%%/*}
	CODE=$(stage curl --config - --silent --show-error --noproxy '*' --max-time 20 --path-as-is \
		--cacert "/etc/ssl/certs/$host.pem" --resolve "$host:443:${FRONT:-127.0.0.1}" \
		--dump-header "$STAGE/head" --output "$STAGE/body" --write-out '%{http_code}' \
		"$@" "$url")
	BODY=$(cat "$STAGE/body")
}

# bearer KEY URL [OPTION...]
bearer() {
	local key=$1

	shift
	request "$@" < <(printf 'header = "Authorization: Bearer %s"\n' "$key")
}

# basic ORG KEY URL [OPTION...]
basic() {
	local org=$1 key=$2

	shift 2
	request "$@" < <(printf 'user = "%s:%s"\n' "$org" "$key")
}

# logged_in: what the last answer means, as assert_life wants to know it.
logged_in() {
	case $CODE in
	200) return 0 ;;
	401) return 1 ;;
	*) echo "answer $CODE" >&2; return 2 ;;
	esac
}

# expect_code CODE: of the last request.
expect_code() {
	[ "$CODE" = "$1" ] || fail "answer $CODE, not $1" "$(cat "$STAGE/head")" "$BODY" \
		"$(stage_log)"
}

# expect_secret_logs FILE...: none of them, nor the system log, holds a key; all hold something.
expect_secret_logs() {
	local file

	stage devlog sync /dev/log
	for file in "$STAGE/log" "$@"; do
		stage test -s "$file" || fail "empty: $file"
		run stage grep -E "$KEY_PATTERN" "$file"
		expect_status 1
	done
	# The same words find a key where one is.
	printf '%s\n' "$KEY" | grep -qE "$KEY_PATTERN"
}
