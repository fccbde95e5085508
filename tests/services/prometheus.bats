#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A real Prometheus that scrapes node_exporter through nginx, with the files of etc/ as they are
# but for how often it does so; and the alerts on what "lrkeyadm metrics" tells.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash

INTERVAL=250ms
KEY_FILE=/etc/prometheus/lrkey-acme.key
TEXTFILES=/var/lib/prometheus/node-exporter
UNIT=$LRKEY_SOURCE/etc/systemd/lrkey-metrics.service

setup_file() {
	web_stage
	nginx_prepare
	nginx_site prometheus metrics.example.org
	nginx_start
	stage install -d -o prometheus "$TEXTFILES" /var/lib/prometheus/data
	prepare_metrics
	background node-exporter prometheus prometheus-node-exporter --web.listen-address=127.0.0.1:9100 \
		--collector.disable-defaults --collector.textfile
	prepare_prometheus
	background prometheus prometheus env SSL_CERT_FILE=/etc/ssl/certs/metrics.example.org.pem \
		prometheus --config.file=/etc/prometheus/prometheus.yml \
		--storage.tsdb.path=/var/lib/prometheus/data --web.listen-address=127.0.0.1:9090
	wait_for 'Prometheus is not ready' api_answers
}

teardown_file() {
	stage_close
}

# prepare_metrics: as the comment of the unit tells; systemd's part of it is played here.
prepare_metrics() {
	install_example sysusers.d/lrkey.conf /etc/sysusers.d
	install_example sysusers.d/lrkey-metrics.conf /etc/sysusers.d
	stage systemd-sysusers lrkey.conf lrkey-metrics.conf
	stage install -d -o lrkey-metrics /run/lrkey-metrics
	stage ln -s /run/lrkey-metrics/lrkey.prom "$TEXTFILES/"
	write_metrics
}

# write_metrics: what the timer starts.
write_metrics() {
	local command

	command=$(sed -n "s|^ExecStart=/bin/sh -ec '\(.*\)'\$|\1|p" "$UNIT")
	[ -n "$command" ]
	as lrkey-metrics env -C /run/lrkey-metrics /bin/sh -ec "$command"
}

prepare_prometheus() {
	stage rm -f /etc/prometheus/prometheus.yml
	install_example prometheus/prometheus.yml /etc/prometheus
	install_example prometheus/lrkey.rules.yml /etc/prometheus
	stage sed -i "s/_interval: 1m/_interval: $INTERVAL/" /etc/prometheus/prometheus.yml
	echo '127.0.0.1 metrics.example.org' | stage tee -a /etc/hosts >/dev/null
}

# ---- Prometheus' own interface -----------------------------------------------

api() {
	stage curl --silent --noproxy '*' --max-time 10 "http://127.0.0.1:9090/api/v1/$1"
}

api_answers() {
	[ "$(api targets | jq -r .status 2>/dev/null)" = success ]
}

# target JOB: its health and what went wrong at the last scrape.
target() {
	api targets | jq -r --arg job "$1" \
		'.data.activeTargets[] | select(.labels.job == $job) | .health + " " + .lastError'
}

target_matches() {
	[[ $(target "$1") =~ $2 ]]
}

# alerts NAME: the ids of the keys for which it is raised.
alerts() {
	api alerts | jq -r --arg name "$1" \
		'.data.alerts[] | select(.labels.alertname == $name) | .labels.id' | sort -u
}

alert_is() {
	[ "$(alerts "$1")" = "$2" ]
}

alert_has() {
	alerts "$1" | grep -qxF "$2"
}

# ---- One scrape as a login ---------------------------------------------------

UP='^up'
REFUSED='401 Unauthorized'
NO_FILE='no such file'

# give_key KEY: into the file, as "generate --output" writes it.
give_key() {
	printf '%s\n' "$1" | stage install -o prometheus -m 0400 /dev/stdin "$KEY_FILE.new"
	stage mv "$KEY_FILE.new" "$KEY_FILE"
}

# Without the file Prometheus asks for nothing; so one login does not disturb the next.
take_key() {
	stage rm -f "$KEY_FILE"
	wait_for 'still scraped without a key' target_matches acme-basic "$NO_FILE"
	wait_for 'still scraped without a key' target_matches acme-bearer "$NO_FILE"
}

# Both jobs, by basic_auth and by authorization, which must come to the same.
scrape() {
	local job results=''

	[ "$1" = acme ] # as prometheus.yml says
	give_key "$2"
	for job in acme-basic acme-bearer; do
		wait_for "$job is neither up nor refused" target_matches "$job" "$UP|$REFUSED"
		results+=$(target "$job" | cut -d ' ' -f 1)
	done
	take_key
	case $results in
	upup) return 0 ;;
	downdown) return 1 ;;
	*) return 2 ;;
	esac
}

# Scrapes come on their own, of both jobs: here the server's log counts.
life_limit() {
	stage_key --org acme --scope prometheus --max-uses 3
	stage truncate --size 0 /var/log/nginx/access.log
	give_key "$KEY"
	wait_for 'the limit does not end' target_matches acme-basic "$REFUSED"
	wait_for 'the limit does not end' target_matches acme-bearer "$REFUSED"
	expect_match "$(stage_log)" "denied: key $ID org acme: use limit"
	take_key
	[ "$(stage lrkeyadm show --json "$ID" | jq '.keys[0].uses')" = 3 ]
	# Fewer where Prometheus did not wait for an answer.
	[ "$(stage grep -c '" 200 ' /var/log/nginx/access.log)" -le 3 ]
}

setup() {
	take_key
}

# ---- Scraping ----------------------------------------------------------------

@test "generate --output makes a file fit for Prometheus: 0600, one line, and never overwrites" {
	stage lrkeyadm generate --org acme --scope prometheus --output "$KEY_FILE.made"
	[ "$(stage stat -c '%a %U %s %h' "$KEY_FILE.made")" = '600 root 56 1' ]
	[ "$(stage cat "$KEY_FILE.made" | wc -l)" -eq 1 ]
	expect_match "$(stage cat "$KEY_FILE.made")" "^$KEY_PATTERN\$"
	before=$(stage cat "$KEY_FILE.made")
	run stage lrkeyadm generate --org acme --output "$KEY_FILE.made"
	expect_status 73
	[ "$(stage cat "$KEY_FILE.made")" = "$before" ]

	# As the comment of prometheus.yml tells: the file as it is, with its newline.
	stage install -o prometheus -m 0400 "$KEY_FILE.made" "$KEY_FILE"
	wait_for 'the target is not up' target_matches acme-basic "$UP"
	wait_for 'the target is not up' target_matches acme-bearer "$UP"
	stage rm "$KEY_FILE.made"
}

@test "down without a key, up with one, down when it is revoked, up with the next; no reload" {
	expect_match "$(target acme-basic)" '^down '
	stage_key --org acme --scope prometheus
	give_key "$KEY"
	wait_for 'not up' target_matches acme-basic "$UP"
	wait_for 'not up' target_matches acme-bearer "$UP"
	stage lrkeyadm revoke --yes --force "$ID"
	wait_for 'not down' target_matches acme-basic "^down .*$REFUSED"
	wait_for 'not down' target_matches acme-bearer "^down .*$REFUSED"
	stage_key --org acme --scope prometheus
	give_key "$KEY"
	wait_for 'not up' target_matches acme-basic "$UP"
	wait_for 'not up' target_matches acme-bearer "$UP"
}

@test "basic_auth with password_file, authorization with credentials_file: the life of a key" {
	assert_life scrape prometheus 127.0.0.1
}

# ---- Metrics and alerts ------------------------------------------------------

@test "the metrics and the rules are what promtool takes them for" {
	stage_key --org acme --max-uses 5 --label 'a "b" \c'
	stage lrkeyadm metrics | promtool check metrics
	cp "$LRKEY_SOURCE/etc/prometheus/lrkey.rules.yml" "$BATS_TEST_TMPDIR"
	: >"$BATS_TEST_TMPDIR/key"
	sed "s|$KEY_FILE|$BATS_TEST_TMPDIR/key|" "$LRKEY_SOURCE/etc/prometheus/prometheus.yml" \
		>"$BATS_TEST_TMPDIR/prometheus.yml"
	promtool check rules "$BATS_TEST_TMPDIR/lrkey.rules.yml"
	promtool check config "$BATS_TEST_TMPDIR/prometheus.yml"
	promtool test rules "$LRKEY_SOURCE/tests/services/rules.yml"
}

@test "promtool sees a rule that is wrong" {
	mkdir -p "$BATS_TEST_TMPDIR/etc/prometheus" "$BATS_TEST_TMPDIR/tests/services"
	cp "$LRKEY_SOURCE/tests/services/rules.yml" "$BATS_TEST_TMPDIR/tests/services"
	for change in 's/14 \* 86400/15 * 86400/' 's/>= 5$/>= 11/' 's/unless /and /' \
		's/>= 0.9/> 0.95/' 's/> 900/> 9000/'; do
		sed "$change" "$LRKEY_SOURCE/etc/prometheus/lrkey.rules.yml" \
			>"$BATS_TEST_TMPDIR/etc/prometheus/lrkey.rules.yml"
		run promtool test rules "$BATS_TEST_TMPDIR/tests/services/rules.yml"
		expect_status 1
	done
}

@test "the metrics are written whole or not at all, by a user who may do nothing else" {
	local file=/run/lrkey-metrics/lrkey.prom before

	write_metrics
	[ "$(stage stat -c '%a %U' "$file")" = '644 lrkey-metrics' ]
	stage grep -q '^lrkey_keys{store="system",org="acme",state="active"} ' "$file"
	run ! as lrkey-metrics lrkeyadm generate --org acme
	# Who reads the file meanwhile keeps the old one to its end.
	before=$(stage stat -c %i "$file")
	write_metrics
	[ "$(stage stat -c %i "$file")" != "$before" ]
	# A store in trouble: the old file stays, and ages.
	before=$(stage sha256sum "$file")
	stage mv "$LIFE_FILE" "$LIFE_FILE.away"
	run write_metrics
	expect_status 69
	[ "$(stage sha256sum "$file")" = "$before" ]
	stage mv "$LIFE_FILE.away" "$LIFE_FILE"
	write_metrics
}

@test "alerts: a key that ends soon, one near its limit, and a revoked one that is used" {
	local scraper scraper_id expiring limited tripwire

	stage_key --org acme --scope prometheus
	scraper=$KEY scraper_id=$ID
	stage_key --org globex --expires 13d
	expiring=$ID
	stage_key --org globex --scope prometheus --max-uses 1
	basic globex "$KEY" https://metrics.example.org/metrics
	expect_code 200
	limited=$ID
	stage_key --org globex --scope prometheus
	tripwire=$ID
	stage lrkeyadm revoke --yes --reason compromised "$tripwire"

	write_metrics
	give_key "$scraper"
	wait_for 'no alert' alert_is LrkeyKeyExpires "$expiring"
	wait_for 'no alert' alert_has LrkeyUseLimitNear "$limited"
	[ -z "$(alerts LrkeyRevokedKeyUsed)" ]
	expect_no_match "$(alerts LrkeyUseLimitNear)" "$scraper_id"

	# The store has seen it, and still tells.
	basic globex "$KEY" https://metrics.example.org/metrics
	expect_code 401
	write_metrics
	wait_for 'no alert' alert_is LrkeyRevokedKeyUsed "$tripwire"
	stage lrkeyadm revoke --yes --force "$expiring"
	write_metrics
	wait_for 'the alert stays' alert_is LrkeyKeyExpires ''
}

# ---- The units ---------------------------------------------------------------

# verify_units TREE: what systemd finds wrong with the units there.
verify_units() {
	systemd-analyze verify --man=no --root="$1" lrkey-metrics.service lrkey-metrics.timer 2>&1
}

@test "systemd has nothing to say about the units" {
	local tree=$BATS_TEST_TMPDIR/tree

	mkdir -p "$tree/etc/systemd/system" "$tree/usr/bin" "$tree/usr/lib/systemd"
	ln -s usr/bin "$tree/bin"
	ln -s usr/lib "$tree/lib"
	cp -L /bin/sh "$tree/bin/sh"
	cp -a /lib/systemd/system "$tree/usr/lib/systemd/"
	cp "$LRKEY_SOURCE"/etc/systemd/lrkey-metrics.* "$tree/etc/systemd/system"
	run verify_units "$tree"
	expect_status 0
	[ -z "$output" ] || fail "$output"
	systemd-analyze security --offline=true --root="$tree" --threshold=15 lrkey-metrics.service \
		>/dev/null
	# It would say something.
	echo 'OnBootSecs=1' >>"$tree/etc/systemd/system/lrkey-metrics.timer"
	run verify_units "$tree"
	[ -n "$output" ]
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope prometheus
	expect_secret_logs /var/log/nginx/access.log /var/log/nginx/error.log \
		"$STAGE/prometheus.out" "$STAGE/node-exporter.out"
}
