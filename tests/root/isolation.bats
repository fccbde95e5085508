#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two stores side by side, each with a manager and a verifier of its own, and a bystander: nobody
# reaches into the other store, and no key of one opens what asks the other.
load ../lib.bash
load stage.bash

# Here and There stand for a store and the other one; each row is tried both ways round.
# Who can: Root, the manager and the Verifier Here, the manager and the verifier There, a bystander.
PEOPLE=(root HERE-admin HERE-service THERE-admin THERE-service lrkt-bystander)

BY_HAND='
RMV...	ls /etc/lrkey/HERE
RMV...	cat /etc/lrkey/HERE/master.key
R.....	: >>/etc/lrkey/HERE/master.key
R.....	: >/etc/lrkey/HERE/new
R.....	rm /etc/lrkey/HERE/master.key
RMV...	ls /var/lib/lrkey/HERE
R.....	: >/var/lib/lrkey/HERE/new
RMV...	ls /var/lib/lrkey/HERE/keys
RM....	: >/var/lib/lrkey/HERE/keys/new
RMV...	cat /var/lib/lrkey/HERE/keys/keys.gdbm
RM....	cp /var/lib/lrkey/HERE/keys/keys.gdbm /var/lib/lrkey/HERE/keys/new
RM....	rm -f /var/lib/lrkey/HERE/keys/keys.gdbm
RM....	: <>/var/lib/lrkey/HERE/lock
RM....	flock --nonblock /var/lib/lrkey/HERE/lock true
R.....	rm -f /var/lib/lrkey/HERE/lock
RMV...	cat /var/lib/lrkey/HERE/usage
RMV...	: >>/var/lib/lrkey/HERE/usage
R.....	rm -f /var/lib/lrkey/HERE/usage
RM....	cat /var/lib/lrkey/HERE/audit.log
RM....	echo {} >>/var/lib/lrkey/HERE/audit.log
R.....	rm -f /var/lib/lrkey/HERE/audit.log
R.....	mv /var/lib/lrkey/HERE /var/lib/lrkey/away
'

# ID is the id of a key of the store; the key is on standard input.
BY_COMMAND='
RM....	lrkeyadm -s HERE
RM....	lrkeyadm -s HERE list --json
RM....	lrkeyadm -s HERE show ID
RM....	lrkeyadm -s HERE generate --org acme
RM....	lrkeyadm -s HERE edit ID --label changed
RM....	lrkeyadm -s HERE deactivate ID
RM....	lrkeyadm -s HERE activate ID
RM....	lrkeyadm -s HERE rotate ID
RM....	lrkeyadm -s HERE revoke --yes --force ID
RM....	lrkeyadm -s HERE prune
RM....	lrkeyadm -s HERE review
RM....	lrkeyadm -s HERE log
RM....	lrkeyadm -s HERE check
RMV...	lrkeyadm -s HERE metrics
RMV...	lrkeyadm -s HERE verify --org acme
R.....	lrkeyadm -s HERE rekey
'

setup_file() {
	local pool

	stage_open
	for pool in blue green; do
		stage groupadd "pool-$pool-admins"
		stage groupadd "pool-$pool-services"
		stage_user "pool-$pool-admin" "pool-$pool-admins,pool-$pool-services"
		stage_user "pool-$pool-service" "pool-$pool-services"
		stage lrkeyadm init --store "pool-$pool" --managers "pool-$pool-admins" \
			--verifiers "pool-$pool-services"
		stage_key --store "pool-$pool" --org acme
		printf '%s\n' "$KEY" >"$STAGE/pool-$pool"
	done
	stage_user lrkt-bystander
	stage mkdir /run/saved
	stage cp -a /etc/lrkey /run/saved/etc
	stage cp -a /var/lib/lrkey /run/saved/var
}

teardown_file() {
	stage_close
}

restore() {
	stage sh -c 'rm -rf /etc/lrkey /var/lib/lrkey && cp -a /run/saved/etc /etc/lrkey &&
		cp -a /run/saved/var /var/lib/lrkey'
}

# fill TEXT HERE: TEXT with the names of the stores, and the id of a key of HERE, in it
fill() {
	local there="pool-blue" key text=$1

	[ "$2" != pool-blue ] || there="pool-green"
	key=$(cat "$STAGE/$2")
	text=${text//THERE/$there}
	text=${text//HERE/$2}
	printf '%s\n' "${text//ID/${key:4:12}}"
}

# person NAME COMMAND...: as root or as another
person() {
	if [ "$1" = root ]; then
		stage "${@:2}"
	else
		as "$@"
	fi
}

# sums: of the content of every file, and their modes and owners
sums() {
	# shellcheck disable=SC2016 # expanded inside
	stage sh -c 'find /etc/lrkey /var/lib/lrkey -printf "%p %y %m %u %g\n" -type f \
		-exec sha256sum {} + | sort'
}

# allowed LETTERS AT: whether the person with this index may
allowed() {
	[ "${1:$2:1}" != . ]
}

@test "by hand: each reaches the own store as far as the table says, and nothing of the other" {
	local letters script here at who may can wrong=() tried=0

	while IFS=$'\t' read -r letters script; do
		[ -n "$script" ] || continue
		for here in pool-blue pool-green; do
			for at in "${!PEOPLE[@]}"; do
				restore
				tried=$((tried + 1))
				who=$(fill "${PEOPLE[at]}" "$here") may=no can=no
				! allowed "$letters" "$at" || may=yes
				! person "$who" sh -c "$(fill "$script" "$here")" \
					>/dev/null 2>&1 </dev/null || can=yes
				[ "$may" = "$can" ] ||
					wrong+=("$who may: $may, can: $can: $here: $script")
			done
		done
	done <<<"$BY_HAND"
	[ "$tried" -eq $((22 * 2 * 6)) ] || fail "$tried tried"
	[ ${#wrong[@]} -eq 0 ] || fail "${wrong[@]}"
}

@test "by lrkeyadm: others get 77, one line that names the groups, and no change" {
	local letters command here at who words before tried=0

	while IFS=$'\t' read -r letters command; do
		[ -n "$command" ] || continue
		for here in pool-blue pool-green; do
			for at in "${!PEOPLE[@]}"; do
				restore
				before=$(sums)
				tried=$((tried + 1))
				who=$(fill "${PEOPLE[at]}" "$here")
				read -r -a words <<<"$(fill "$command" "$here")"
				run --separate-stderr person "$who" "${words[@]}" <"$STAGE/$here"
				if allowed "$letters" "$at"; then
					expect_status 0
					continue
				fi
				expect_status 77
				[ -z "$output" ]
				# shellcheck disable=SC2154 # set by run
				[ "${#stderr_lines[@]}" -eq 1 ] || fail 'not one line:' "$stderr"
				[ "$(sums)" = "$before" ] || fail "$who changed it: $command"
			done
		done
	done <<<"$BY_COMMAND"
	[ "$tried" -eq $((16 * 2 * 6)) ] || fail "$tried tried"
}

# login STORE-OPTION USER KEY-OF: root's process lets in whoever presents the key, or does not
login() {
	stage sh -c "printf 'auth required pam_lrkey.so %s\naccount required pam_lrkey.so %s\n' \
		'$1' '$1' >/etc/pam.d/agents"
	run stage pamhost --confdir /etc/pam.d --service agents --user "$2" <"$STAGE/$3"
}

@test "a key of one store never authenticates where the other is asked" {
	restore
	login 'store=pool-blue' acme pool-blue
	expect_status 0
	login 'store=pool-green' acme pool-green
	expect_status 0
	login 'store=pool-green' acme pool-blue
	expect_status 1
	expect_match "$output" 'unknown key'
	login 'store=pool-blue' acme pool-green
	expect_status 1
	expect_match "$output" 'unknown key'
}

@test "the PAM user completes the name of the store, and reaches no other" {
	restore
	login 'store=pool-%u org=any' blue pool-blue
	expect_status 0
	login 'store=pool-%u org=any' green pool-green
	expect_status 0
	login 'store=pool-%u org=any' green pool-blue
	expect_status 1
	login 'store=pool-%u org=any' red pool-blue
	expect_status 1
	expect_match "$output" 'denied: .* unknown key'
	expect_no_match "$output" 'alert'
	login 'store=pool-%u org=any' ../pool-blue pool-blue
	expect_status 1
	expect_match "$output" 'unknown key'
}

@test "a verifier of one store gets nothing out of the other through libpam" {
	restore
	stage sh -c "printf 'auth required pam_lrkey.so store=pool-blue\n' >/etc/pam.d/agents
		printf 'account required pam_lrkey.so store=pool-blue\n' >>/etc/pam.d/agents"
	as pool-blue-service pamhost --confdir /etc/pam.d --service agents --user acme \
		<"$STAGE/pool-blue"
	run as pool-green-service pamhost --confdir /etc/pam.d --service agents --user acme \
		<"$STAGE/pool-blue"
	expect_status 1
	expect_match "$output" 'pam_authenticate: PAM_AUTHINFO_UNAVAIL'
	expect_match "$output" 'is not in group pool-blue-services'
}

@test "stores do not share readers, and a store other than system names its groups" {
	restore
	run --separate-stderr stage lrkeyadm init --store pool-red --managers pool-green-admins \
		--verifiers pool-blue-services
	expect_status 78
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" 'pool-blue'
	run --separate-stderr stage lrkeyadm init --store pool-red
	expect_status 64
	# Under another root as well, where groups are named.
	stage mkdir -p /run/trial
	stage lrkeyadm --root /run/trial init --store pool-one --managers pool-green-admins \
		--verifiers pool-blue-services
	run stage lrkeyadm --root /run/trial init --store pool-two --managers pool-green-admins \
		--verifiers pool-blue-services
	expect_status 78
	stage rm -r /run/trial
	run stage ls /etc/lrkey/pool-red
	expect_status 2
}
