#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whoever types what the manuals say, as it stands and in its order, gets what they say.
# Each document has a stage of its own, with the real servers that it speaks of.
load ../lib.bash
load stage.bash
load documents.bash

STORE=/var/lib/lrkey/system

setup() {
	declare -gA NOT_TYPED=()
	CALLED=''
	documents_stage
}

teardown() {
	stage_close
}

# home FILE: of alice's.
home() {
	stage sh -c "cat ~alice/$1"
}

# id_in FILE: of the key in a file of alice's.
id_in() {
	local key

	key=$(home "$1")
	expect_match "$key" "^$KEY_PATTERN\$"
	echo "${key:4:12}"
}

# state ID: on the stage.
state() {
	stage lrkeyadm show --json "$1" | jq -r '.keys[0].state'
}

# valid FILE OPTION...: the key in a file of alice's would be let in.
valid() {
	local file=$1

	shift
	home "$file" | stage lrkeyadm verify "$@" >/dev/null || fail "$file is not valid"
}

# seen EXPRESSION: a line of what was on the terminal matches.
seen() {
	grep -qE "$1" "$STAGE/transcript" || fail "was not on the terminal: $1" "$(cat "$STAGE/transcript")"
}

# typed LINE: "STATUS COMMAND".
typed() {
	grep -qxF "$1" "$STAGE/typed" || fail "was not so: $1" "$(cat "$STAGE/typed")"
}

# quotes_are_true FILE [HEADING]: what it shows beside commands stands in the examples.
quotes_are_true() {
	items "$1" | awk -F '\t' -v head="${2-}" '$3 == "text" && (head == "" || $2 == head) { print $5 }' |
		sed -E 's/[[:blank:]]+/ /g; s/^ //' >"$BATS_TEST_TMPDIR/quoted"
	[ -s "$BATS_TEST_TMPDIR/quoted" ]
	find "$LRKEY_SOURCE/etc" -type f ! -name README.md -exec cat {} + |
		sed -E 's/(^|[[:blank:]]+)#.*//; s/[[:blank:]]+/ /g; s/^ //; s/ $//' >"$BATS_TEST_TMPDIR/said"
	run grep -vxF -f "$BATS_TEST_TMPDIR/said" "$BATS_TEST_TMPDIR/quoted"
	[ -z "$output" ] || fail 'no example says:' "$output"
}

# ---- README.md ---------------------------------------------------------------

# All that it tells to type is typed in this order, in a copy of the source.
check_readme_install_it() {
	stage test -x /usr/bin/lrkeyadm
	stage test -d /var/lib/lrkey/system
}

check_readme_the_life_of_a_key() {
	valid acme.new --org acme --scope scim
	run stage lrkeyadm verify <<<"$(home acme.key)"
	expect_match "$output" '^refused: revoked '
	[ "$(stage sh -c 'stat -c %U ~alice/trial/var/lib/lrkey/system/keys/keys.gdbm')" = alice ]
}

check_readme_a_scim_server() {
	seen 'port 8080 org <acme> key <>'
}

check_readme_prometheus() {
	run stage sh -c "sed 's/^/Authorization: Bearer /' /etc/prometheus/lrkey-acme.key |
		env -i curl --silent --show-error -H @- https://metrics.example.org/metrics/acme"
	expect_match "$output" 'port 9100 org <acme> key <>'
	[ "$(stage stat -c '%a %U' /etc/prometheus/lrkey-acme.key)" = '600 prometheus' ]
}

@test "README.md: everything that it says" {
	local apt='it needs the network; tests/package/readme.bats types it'

	NOT_TYPED['apt-get update && apt-get install -y make && make demo']=$apt
	NOT_TYPED['apt-get update && apt-get install -y make && make check']='this is make check'
	NOT_TYPED['make deb']=$apt
	NOT_TYPED['apt-get install -y ./build/deb/libpam-lrkey_*.deb ./build/deb/lrkeyadm_*.deb']=$apt
	NOT_TYPED['apt-get install -y nginx libnginx-mod-http-auth-pam libnginx-mod-http-set-misc libnginx-mod-http-headers-more-filter']=$apt

	stage mkdir /usr/src/lrkey
	tar -C "$LRKEY_SOURCE" --exclude=./build --exclude=./.git -cf - . | stage tar -C /usr/src/lrkey -xf -
	documents_nginx scim.example.org metrics.example.org
	HOOKS=readme_ type_document README.md /usr/src/lrkey
	[ "$CALLED" = " $(printf 'check_readme_%s ' install_it the_life_of_a_key a_scim_server prometheus | xargs)" ] ||
		fail "$CALLED"
	quotes_are_true README.md
}

@test "what is named in NOT_TYPED is installed for the tests" {
	local package

	for package in nginx libnginx-mod-http-{auth-pam,set-misc,headers-more-filter}; do
		grep -qE "^[[:blank:]]*echo .*\<$package\>" "$LRKEY_SOURCE/tests/install-packages"
	done
}

# ---- lrkeyadm(8) -------------------------------------------------------------

check_a_first_store() {
	valid acme.key --org acme --scope scim
	[ "$(stage sh -c 'stat -c "%a %U" ~alice/acme.key')" = '600 alice' ]
	seen 'valid: key [0-9A-Za-z]{12} org acme state active'
	seen 'acme +SCIM'
}

check_scim_with_a_bearer_token() {
	seen 'port 8080 org <acme> key <>'
	valid globex.key --org globex --scope scim --from 192.0.2.7
}

check_prometheus() {
	[ "$(stage stat -c '%a %U' /etc/prometheus/lrkey-acme.key)" = '400 prometheus' ]
	run stage sh -c "sed 's/^/Authorization: Bearer /' /etc/prometheus/lrkey-acme.key |
		env -i curl --silent --show-error -H @- https://metrics.example.org/metrics/acme"
	expect_match "$output" 'port 9100 org <acme> key <>'
	home lrkey.prom | grep -q '^lrkey_keys{store="system",org="acme",state="active"} 2$'
	quotes_are_true lrkeyadm/lrkeyadm.8 prometheus
}

prepare_rotation_without_an_outage() {
	ID=$(id_in acme.key)
}

check_rotation_without_an_outage() {
	[ "$(state "$ID")" = revoked ]
	seen "$ID .*deprecated.* $(id_in acme.new)"
	valid acme.new --org acme --scope scim
}

prepare_a_leaked_key() {
	ID=$(id_in acme.new)
}

check_a_leaked_key() {
	[ "$(state "$ID")" = revoked ]
	[ -z "$(stage lrkeyadm list --org acme --no-headings)" ]
	[ "$(state "$(id_in globex.key)")" = active ]
}

prepare_a_full_disk() {
	ID=$(stage lrkeyadm generate --org acme 2>/dev/null)
	ID=${ID:4:12}
}

check_a_full_disk() {
	[ "$(state "$ID")" = revoked ]
	[ "$(stage ls -A /etc/lrkey/system)" = master.key ]
}

# bob makes two keys that he answers for, and leaves something running.
prepare_offboarding_a_manager() {
	stage_user bob _lrkey,_lrkeymgr
	ID=$(as bob lrkeyadm generate --org acme --label kept --owner bob 2>/dev/null)
	ID=${ID:4:12}
	BOBS=$(as bob lrkeyadm generate --org acme --label left --owner bob 2>/dev/null)
	BOBS=${BOBS:4:12}
	MASTER=$(stage cat /etc/lrkey/system/master.key)
	as bob tail -f /dev/null >/dev/null 2>&1 </dev/null &
	until stage sh -c 'ps -o comm= -u bob' | grep -qx tail; do
		sleep 0.05
	done
}

check_offboarding_a_manager() {
	[ -z "$(stage sh -c 'ps -o pid= -u bob')" ]
	[ "$(stage id -Gn bob)" = bob ]
	[ "$(stage cat /etc/lrkey/system/master.key)" != "$MASTER" ]
	typed '0 lrkeyadm check'
	[ "$(state "$ID")" = deprecated ]
	[ "$(state "$BOBS")" = deactivated ]
	valid bob.new --org acme
	run as bob lrkeyadm list
	expect_status 77
}

prepare_backup_and_restoration() {
	KEYS=$(stage lrkeyadm list --no-headings --columns id,state)
	expect_match "$KEYS" "$BOBS +deactivated"
}

check_backup_and_restoration() {
	[ "$(stage find /var/backups -name 'lrkey.*' -perm 0600 -user root -size +0 | wc -l)" -eq 2 ]
	[ "$(stage lrkeyadm list --no-headings --columns id,state)" = "$KEYS" ]
}

# What the text says of restoring, in a store that is still there.
prepare_repair_of_a_damaged_store() {
	stage lrkeyadm revoke --yes --force "$(id_in globex.key)"
	stage sh -c 'lrkeyadm import --passphrase-fd 3 /var/backups/lrkey.backup 3<&0' \
		<<<'correct horse battery staple'
	[ "$(state "$(id_in globex.key)")" = revoked ]
	stage chmod 0666 "$STORE/usage"
	stage dd if=/dev/zero "of=$STORE/keys/keys.gdbm" bs=4096 seek=1 count=4 conv=notrunc status=none
	: >"$STAGE/typed"
}

# And in one that was made anew: what was revoked since the backup works again.
check_repair_of_a_damaged_store() {
	seen 'usage: has mode 0666, not 0660; chmod 0660 '
	seen 'keys.gdbm: .*damaged'
	[ "$(grep -xE '[01] lrkeyadm check' "$STAGE/typed" | xargs)" = '1 lrkeyadm check 0 lrkeyadm check' ] ||
		fail "$(cat "$STAGE/typed")"
	[ "$(stage lrkeyadm list --no-headings --columns id,state)" = "$KEYS" ]
	valid globex.key --org globex --from 192.0.2.7
}

check_removing_a_store() {
	run stage ls -d /etc/lrkey/system "$STORE"
	run ! grep -v 'No such file' <<<"$output"
	run stage getent group _lrkey _lrkeymgr
	[ -z "$output" ]
	stage curl --silent --output /dev/null --noproxy '*' http://127.0.0.1:8080/
	stage_log | grep -q 'lrkeyadm\[.* revoke: '
}

check_trying_it_without_root() {
	[ "$(stage sh -c 'stat -c %U ~alice/trial/var/lib/lrkey/system/keys/keys.gdbm')" = alice ]
	seen 'valid: key [0-9A-Za-z]{12} org acme state active'
}

@test "lrkeyadm(8): everything that its examples say" {
	local heading

	documents_install
	documents_nginx scim.example.org metrics.example.org
	type_document lrkeyadm/lrkeyadm.8
	for heading in "${HEADINGS[@]}"; do
		expect_match "$CALLED " " check_$heading "
	done
	[ "${#HEADINGS[@]}" -eq 11 ] || fail "${HEADINGS[@]}"
}

# ---- pam_lrkey(8) ------------------------------------------------------------

# manager_alice: what lrkeyadm(8) says under "A first store".
manager_alice() {
	documents_install
	stage groupadd --system _lrkey
	stage groupadd --system _lrkeymgr
	stage lrkeyadm init >/dev/null
	stage useradd --create-home --groups _lrkey,_lrkeymgr alice
	stage usermod -aG _lrkey www-data
}

# login SERVICE USER: with $KEY, as nginx's worker would ask; root asks for the service "both", where
# pam_unix has to read passwords.
login() {
	local who=(as www-data)

	[ "$1" != both ] || who=(stage)
	run "${who[@]}" pamhost --confdir /etc/pam.d --service "$1" --user "$2" --rhost 192.0.2.7 <<<"$KEY"
}

expect_in() {
	login "$@"
	expect_status 0
}

expect_out() {
	login "$@"
	expect_status 1
}

@test "pam_lrkey(8): everything that its examples say" {
	local heading who place text

	manager_alice
	while IFS=$'\t' read -r _ heading who place text; do
		if [ "$heading $who" = 'examples text' ]; then
			printf '%s\n' "$text" | stage tee -a "$place" >/dev/null
		fi
	done < <(items pam_lrkey/pam_lrkey.8)
	type_document pam_lrkey/pam_lrkey.8

	stage_key --org acme --scope scim
	expect_in scim acme
	expect_out scim globex
	expect_out scrape acme
	stage_key --org acme --scope prometheus
	expect_in scrape anybody
	expect_out scim acme

	stage_user person
	stage chpasswd <<<'person:correct horse'
	KEY='correct horse' expect_in both person
	KEY='wrong horse' expect_out both person
	stage_key --org person --scope both
	expect_in both person
	stage lrkeyadm deactivate "$ID"
	expect_out both person

	# The agents of a pool come with keys of its store, and of no other.
	KEY=$(stage cat /run/admin/agent-1.key)
	stage lrkeyadm --store pool-blue edit "${KEY:4:12}" --owner person
	expect_in agents blue
	expect_out agents green
	stage userdel person
	expect_out agents blue
	stage_key --org agent-1
	expect_out agents blue
}

# ---- etc/README.md -----------------------------------------------------------

prepare_who_may_read_the_store() {
	stage_key --org acme --scope scim
}

check_who_may_read_the_store() {
	local web

	# nginx's worker has both groups now, and each store is read by who should.
	seen "^Groups:.*[[:blank:]]$(stage getent group _lrkey | cut -d : -f 3)([[:blank:]]|\$)"
	[ "$(stage id -Gn postgres | tr ' ' '\n' | grep -cx _lrkey)" -eq 1 ]
	web=$(stage lrkeyadm --store web generate --org globex --scope scim 2>/dev/null)
	as www-data lrkeyadm --store web verify --org globex <<<"$web"
	as www-data lrkeyadm verify --org acme <<<"$KEY"
	run as postgres lrkeyadm --store web verify <<<"$web"
	expect_status 77
}

@test "etc/README.md: everything that it says" {
	manager_alice
	documents_nginx scim.example.org
	type_document etc/README.md
	[ "$CALLED" = ' prepare_who_may_read_the_store check_who_may_read_the_store' ] || fail "$CALLED"
	quotes_are_true etc/README.md
}

# ---- The others --------------------------------------------------------------

@test "lrkey-policy.conf(5): everything that its example says" {
	local id

	manager_alice
	type_document lrkeyadm/lrkey-policy.conf.5
	typed '0 lrkeyadm check'
	id=$(stage lrkeyadm list --no-headings --columns id --label 'HR sync')
	[ "$(stage lrkeyadm show --json "$id" | jq -r '.keys[0].created_by')" = alice ]
	run as alice lrkeyadm generate --org acme
	expect_status 78
	expect_match "$output" 'require-label is yes in /etc/lrkey/system/policy.conf.d/10-life.conf'
	run as alice lrkeyadm generate --org acme --label long --expires 2y
	expect_match "$output" 'max-expiry is '
}

@test "lrkey(5) tells nobody to type anything" {
	run items liblrkey/lrkey.5
	expect_status 0
	[ "$(awk -F '\t' '$3 != "text"' <<<"$output" | wc -l)" -eq 0 ]
	expect_match "$output" "$KEY_PATTERN"
}

# ---- That it would be seen ---------------------------------------------------

@test "a command that fails, one that is not known, and one that is not reached" {
	local page=$BATS_TEST_TMPDIR/page.md

	stage useradd --create-home alice
	run type_as user "$(stage sh -c 'echo ~alice')" 'true' 'lrkeyadm lits' 'false'
	expect_status 1
	expect_match "$output" 'status 127: lrkeyadm lits'
	expect_match "$output" 'status 1: false'
	run type_as root /run/admin 'exit 0' 'true'
	expect_match "$output" 'not reached: '
	type_as root /run/admin $'echo one \\\x1f  two'
	seen '^one two'

	# What is not typed is known by its text, and must be there.
	printf '%s\n' '# One' '```sh' 'true' 'apt-get moo' '```' >"$page"
	NOT_TYPED['apt-get moo']='for the test'
	type_document "$page"
	typed '0 true'
	[ "$(grep -c moo "$STAGE/typed")" -eq 0 ]
	# shellcheck disable=SC2034 # type_document reads it
	NOT_TYPED['apt-get baa']='for the test'
	run type_document "$page"
	expect_status 1
	expect_match "$output" "does not say:.*apt-get baa"

	printf '%s\n' '```perl' 'x' '```' >"$page"
	run items "$page"
	[ "$status" -ne 0 ]
	printf '%s\n' 'x' '    y' >"$page"
	run items "$page"
	[ "$status" -ne 0 ]
	printf '%s\n' '```sh' 'true &&' '```' >"$page"
	run items "$page"
	[ "$status" -ne 0 ]
}
