#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# init and the summary. Stores with real groups are made in tests/root.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

setup() {
	mkdir -m 0755 "$ROOT"
}

modes() {
	(cd "$ROOT" && find etc var -printf '%y %m %p\n' | sort -k 3)
}

@test "makes every file, whatever the umask, and prints the two commands that come next" {
	local mask

	for mask in 000 022 077; do
		rm -rf "${ROOT:?}"/*
		run --separate-stderr eval "umask $mask; adm init"
		expect_status 0
		[ -z "$stderr" ]
		[ "$(modes)" = "$(cat <<-'EOS'
			d 755 etc
			d 755 etc/lrkey
			d 750 etc/lrkey/system
			f 640 etc/lrkey/system/master.key
			d 755 var
			d 755 var/lib
			d 755 var/lib/lrkey
			d 750 var/lib/lrkey/system
			f 660 var/lib/lrkey/system/audit.log
			d 2775 var/lib/lrkey/system/keys
			f 644 var/lib/lrkey/system/keys/keys.gdbm
			f 660 var/lib/lrkey/system/lock
			f 660 var/lib/lrkey/system/usage
		EOS
		)" ] || fail "umask $mask" "$(modes)"
		[ "$(grep -A 9 '^Next:' <<<"$output")" = "Next:
  lrkeyadm --root $ROOT generate --org ORG  makes a key, as a manager or root
  lrkeyadm --root $ROOT list                lists the keys" ]
	done
}

@test "--json: one flat object" {
	run at "$NOON" --json -s pool init
	expect_status 0
	[ "$(jq -c . <<<"$output")" = "$(jq -cn --arg root "$ROOT" --arg group "$(id -gn)" '{store: "pool",
		root: $root, managers: $group, verifiers: $group, created: "2027-01-15T08:00:00Z"}')" ]
}

@test "refuses where a store is, and changes nothing" {
	adm init
	expect_refused 73 "master\.key: exists already; 'lrkeyadm --root .* check' looks at the store that is there$" init
	# A key file with keys in it is a store too, even when its master key is gone.
	make_key --org acme
	rm "$ROOT/etc/lrkey/system/master.key"
	expect_refused 73 'keys\.gdbm' init
}

@test "what was broken off can be run again" {
	adm init
	rm "$ROOT/etc/lrkey/system/master.key" "$ROOT/var/lib/lrkey/system/usage"
	adm init
	make_key --org acme
	adm verify <<<"$KEY"
}

@test "what was broken off in the middle of a file or directory is mended" {
	mkdir -p "$ROOT/etc/lrkey" "$ROOT/var/lib/lrkey/system"
	chmod 0700 "$ROOT/etc/lrkey" "$ROOT/var/lib/lrkey" "$ROOT/var/lib/lrkey/system"
	: >"$ROOT/var/lib/lrkey/system/usage.new"
	adm init
	[ "$(cd "$ROOT" && stat -c %a etc/lrkey var/lib/lrkey var/lib/lrkey/system | xargs)" = \
		'755 755 750' ]
	[ "$(stat -c %a "$ROOT/var/lib/lrkey/system/usage")" = 660 ]
	[ ! -e "$ROOT/var/lib/lrkey/system/usage.new" ]
}

@test "the first line of the audit log tells who made the store" {
	at "$NOON" init
	[ "$(audit | jq -c '[.time, .gen, .uid, .user, .command, .ids, .org, .reason, .outcome]')" = \
		"[\"2027-01-15T08:00:00Z\",0,$(id -u),\"$(id -un)\",\"init\",[],null,null,\"done\"]" ]
	[ "$(wc -l <"$AUDIT")" -eq 1 ]
}

@test "a group that does not exist: 78, and how to make it" {
	expect_refused 78 'group lrkt-none does not exist; as root: groupadd --system lrkt-none$' \
		init --managers lrkt-none
	expect_refused 78 'group lrkt-none does not exist; as root: groupadd --system lrkt-none$' \
		init --verifiers lrkt-none
	expect_refused 78 'groupadd --system lrkt-a && groupadd --system lrkt-b$' \
		init --managers lrkt-a --verifiers lrkt-b
}

@test "a directory that is not there, or not safe" {
	run adm --help
	rmdir "$ROOT"
	expect_refused 69 "$ROOT: No such file or directory" init
	mkdir -m 0777 "$ROOT"
	expect_refused 69 "$ROOT: is writable by everybody" init
	chmod 0755 "$ROOT"
	ln -s . "$ROOT/etc"
	run adm init
	expect_status 69
	expect_match "$output" "$ROOT/etc: is a symbolic link"
}

@test "without root and without --root: 77, before anything is looked at" {
	local dir as=()

	dir=$(mktemp -d /tmp/lrkey-cli.XXXXXX)
	chmod 0755 "$dir"
	cp "$LRKEYADM" "$dir"
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	run "${as[@]}" "$dir/lrkeyadm" init
	rm -r "$dir"
	expect_status 77
	expect_match "$output" '^lrkeyadm: init: not permitted: only root makes a store; .*--root DIR init$'
	# A store of another name needs its groups first of all.
	run adm --help
	run "$LRKEYADM" -s pool init --managers nobody
	expect_status 64
	expect_match "$output" 'store pool needs --managers GROUP and --verifiers GROUP'
}

@test "summary: no store, an empty one, keys in several states" {
	expect_refused 69 "'lrkeyadm --root $ROOT init' makes the store$"
	adm init
	run adm
	expect_status 0
	[ "${lines[0]}" = 'Store system: 0 keys, generation 0' ]
	expect_match "$output" "lrkeyadm --root $ROOT generate --org ORG"

	make_key --org acme --expires 10d
	make_key --org acme --expires never
	adm deactivate "$ID"
	make_key --org acme
	adm revoke --yes "$ID"
	run adm
	expect_status 0
	[ "${lines[0]}" = 'Store system: 2 keys, generation 5' ]
	expect_match "$output" '  active       1'
	expect_match "$output" '  deactivated  1'
	expect_match "$output" '  revoked      1'
	expect_match "$output" 'list --expiring-within 14d +1 ends within 14d'
	[ "$(adm --json | jq -c '[.store, .keys, .active, .deactivated, .revoked, .expired,
		.ending_soon, .generation]')" = '["system",2,1,1,1,0,1,5]' ]
}
