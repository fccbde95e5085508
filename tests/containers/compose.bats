#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# etc/compose.yaml with podman-compose: an exporter and nginx in containers, the store on the
# host, which here is a stage; so the bridge, its firewall chains and the mounts are the stage's,
# and end with it. $IMAGES is what images.sh has made.
load ../lib.bash
load ../root/stage.bash
load ../services/life.bash
load ../services/web.bash

IMAGES=$LRKEY_BUILD/containers
COMPOSE=/etc/lrkey-compose
URL=https://metrics.example.org/metrics
CGROUPS=$BATS_FILE_TMPDIR/cgroups

setup_file() {
	export MACHINE GATEWAY
	MACHINE=$(machine)
	cgroups >"$CGROUPS"
	stage_open
	stage groupadd --system _lrkeymgr
	# A number that no group of the image has.
	stage groupadd --gid 64123 _lrkey
	stage lrkeyadm init >/dev/null
	podman_prepare
	compose_prepare
	compose up -d || fail 'compose up:' "$(cat "$STAGE/compose")"
	await_nginx
	# That is who a client on the host is, behind the bridge.
	GATEWAY=$(stage podman network inspect lrkey-compose_default | jq -r '.[0].subnets[0].gateway')
}

teardown_file() {
	[ -z "${STAGE_PID-}" ] || compose down || true
	stage_close
	cgroups_remove
}

# podman_prepare: podman on the stage, with the images of $IMAGES, which it cannot change.
podman_prepare() {
	stage test -d "$IMAGES/store" || fail "no images: $IMAGES"
	stage tee /etc/containers/containers.conf >/dev/null <<-EOS
		[containers]
		default_ulimits = [ "nofile=1024:1024", "nproc=1024:1024" ]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "runc"
		[network]
		network_backend = "netavark"
	EOS
	stage tee /etc/containers/storage.conf >/dev/null <<-EOS
		[storage]
		driver = "overlay"
		graphroot = "/var/lib/containers/storage"
		runroot = "/run/containers/storage"
		[storage.options]
		additionalimagestores = [ "$IMAGES/store" ]
	EOS
}

# compose_prepare: as the comment of compose.yaml tells. What is substituted: the exporter's image,
# and the log daemon's place.
compose_prepare() {
	local gid

	gid=$(stage getent group _lrkey | cut -d: -f3)
	stage mkdir -p "$COMPOSE/tls" /etc/ssl/certs /etc/ssl/private
	stage cp -r "$LRKEY_SOURCE/etc/compose.yaml" "$LRKEY_SOURCE/etc/containers" \
		"$LRKEY_SOURCE/etc/pam.d" "$COMPOSE"
	stage cp "$LRKEY_MODULE" "$COMPOSE/containers/pam_lrkey.so"
	echo "LRKEY_GID=$gid" | stage tee "$COMPOSE/.env" >/dev/null
	certificate metrics.example.org
	stage install -o 33 -m 0400 /etc/ssl/private/metrics.example.org.key "$COMPOSE/tls/metrics.key"
	stage install -o 33 -m 0400 /etc/ssl/certs/metrics.example.org.pem "$COMPOSE/tls/metrics.pem"
	stage sed -i \
		-e 's|image: prometheus/.*|image: localhost/lrkey-test-exporter|' \
		-e 's|"9443:8443"|"443:8443"|' \
		-e 's|- /run/systemd/journal/dev-log:|- /dev/log:|' "$COMPOSE/compose.yaml"
	[ "$(stage diff "$LRKEY_SOURCE/etc/compose.yaml" "$COMPOSE/compose.yaml" | grep -c '^>')" -eq 3 ]
}

# compose COMMAND...: podman-compose, as an administrator calls it.
compose() {
	stage env -C "$COMPOSE" HOME=/root timeout -k 5 90 podman-compose "$@" \
		>"$STAGE/compose" 2>&1 </dev/null
}

# cgroups: those of podman's. The kernel has one tree of them for all.
cgroups() {
	find /sys/fs/cgroup -depth -type d \( -path '*/libpod_parent*' -o -name 'crun-*' \)
}

# cgroups_remove: those that were not there before.
cgroups_remove() {
	cgroups | grep -vxF -f "$CGROUPS" | xargs -r rmdir
}

# scrape ORG KEY: one request for the metrics; answers as assert_life wants.
scrape() {
	basic "$1" "$2" "$URL"
	logged_in
}

# await_nginx: until it asks for a key.
await_nginx() {
	wait_for 'nginx does not answer' asks
}

asks() {
	request "$URL" </dev/null 2>/dev/null && [ "$CODE" = 401 ]
}

# state: which containers run, and since when.
state() {
	stage podman ps --format '{{.Names}} {{.ID}} {{.StartedAt}}' | sort
}

# machine: what podman would leave behind, were it not on a stage
machine() {
	awk -F: 'NR > 2 { print $1 }' /proc/self/net/dev | sort
	iptables-save | sed -E -e '/^#/d' -e 's/ \[[0-9]+:[0-9]+\]$//'
	cut -d ' ' -f 4- /proc/self/mountinfo | sort
	find /run /var/lib /var/cache -maxdepth 2 \( -name 'libpod*' -o -name 'containers' \
		-o -name 'netavark*' -o -name 'aardvark*' -o -name 'cni' \) -printf '%p %T@\n' | sort
}

# inside WHAT: a line of the status of nginx's first process
inside() {
	stage podman exec lrkey-compose_web_1 grep "^$1:" /proc/1/status | cut -f 2- | xargs
}

@test "a scrape with a key; the key is revoked on the host; the next scrape is refused" {
	local before

	before=$(state)
	[ "$(wc -l <<<"$before")" -eq 2 ] || fail "$before"
	stage_key --org acme --scope prometheus
	basic acme "$KEY" "$URL"
	expect_code 200
	expect_match "$BODY" 'node_exporter_build_info'
	stage lrkeyadm revoke --yes --force "$ID"
	stage_log_clear
	basic acme "$KEY" "$URL"
	expect_code 401
	expect_no_match "$BODY" 'node_exporter_build_info'
	expect_match "$(stage_log)" "denied: key $ID org acme: revoked .* rhost $GATEWAY"
	[ "$(state)" = "$before" ] || fail 'a container was restarted:' "$(state)"
}

@test "the whole life of a key" {
	assert_life scrape prometheus "$GATEWAY"
}

@test "another master key, and every file of the store replaced" {
	local before

	before=$(state)
	stage_key --org acme --scope prometheus
	basic acme "$KEY" "$URL"
	expect_code 200
	stage lrkeyadm rekey
	basic acme "$KEY" "$URL"
	expect_code 200
	[ "$(state)" = "$before" ]
}

@test "nginx is nobody but a verifier, and reaches what it needs alone" {
	local file

	[ "$(inside Uid)" = '33 33 33 33' ]
	[ "$(inside Gid)" = '64123 64123 64123 64123' ]
	[ "$(inside CapEff)$(inside CapBnd)$(inside NoNewPrivs)" = 000000000000000000000000000000001 ]
	expect_match "$(inside Groups)" '^(64123)?$'
	for file in /etc/lrkey/system/master.key /var/lib/lrkey/system/keys/keys.gdbm \
			/var/lib/lrkey/system/new /etc/pam.d/prometheus-lrkey /usr/sbin/nginx; do
		run stage podman exec lrkey-compose_web_1 sh -c ": >>$file"
		[ "$status" -ne 0 ] || fail "may be written to: $file"
	done
	# That the same attempt succeeds where it may.
	stage podman exec lrkey-compose_web_1 sh -c ': >>/tmp/new && : >>/var/lib/lrkey/system/usage'
}

@test "no port is published but that of nginx" {
	[ "$(stage podman port --all | awk '{ print $2 }')" = 8443/tcp ] ||
		fail "$(stage podman port --all)"
	basic acme none https://metrics.example.org/
	expect_code 404
}

@test "no key in the logs of the containers" {
	stage_key --org acme --scope prometheus
	basic acme "$KEY" "$URL"
	expect_code 200
	stage podman logs lrkey-compose_web_1 >"$STAGE/web.log" 2>&1
	expect_match "$(cat "$STAGE/web.log")" ' - acme .*"GET /metrics HTTP/[0-9.]*" 200 '
	expect_secret_logs "$STAGE/web.log"
}

@test "without the number of the group nothing is started" {
	stage cp -a "$COMPOSE" /etc/lrkey-without
	stage rm /etc/lrkey-without/.env
	run stage env -C /etc/lrkey-without podman-compose up -d
	[ "$status" -ne 0 ]
	expect_match "$output" 'the number of the group _lrkey'
	[ "$(state | wc -l)" -eq 2 ]
}

@test "a group that is none of the store's verifiers: unavailable, and the log says why" {
	stage cp -a "$COMPOSE" /etc/lrkey-other
	echo 'LRKEY_GID=64124' | stage tee /etc/lrkey-other/.env >/dev/null
	compose down
	COMPOSE=/etc/lrkey-other compose up -d
	await_nginx
	stage_key --org acme --scope prometheus
	stage_log_clear
	basic acme "$KEY" "$URL"
	expect_code 401
	expect_match "$(stage_log)" 'store system unavailable: .*uid 33 is not in group'
	COMPOSE=/etc/lrkey-other compose down
	compose up -d
	await_nginx
	basic acme "$KEY" "$URL"
	expect_code 200
}

@test "nothing of it is the machine's, and after down nothing runs" {
	# That there is what is looked for, on the stage.
	run stage iptables-save
	expect_match "$output" NETAVARK
	expect_match "$(stage cat /proc/self/net/dev)" 'podman[0-9]+:'
	cgroups | grep -qvxF -f "$CGROUPS" || fail 'no cgroup'
	[ "$(machine)" = "$MACHINE" ] || fail "$(diff <(machine) <(echo "$MACHINE"))"
	compose down
	[ -z "$(stage podman ps --all --quiet)" ]
	# All but folders without a process, which teardown_file removes.
	cgroups | grep -vxF -f "$CGROUPS" | while IFS= read -r folder; do
		[ -z "$(cat "$folder/cgroup.procs")" ] || fail "still runs in $folder"
	done
	[ "$(machine)" = "$MACHINE" ] || fail "$(diff <(machine) <(echo "$MACHINE"))"
}
