#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Who may do what, by the kernel's word and by lrkeyadm's: root, two managers, a verifier, a member
# of the manager group alone, and an outsider. Nobody but root holds any privilege here.
load ../lib.bash
load stage.bash

# (An index is not called i here: "run" of bats overwrites it.)
PEOPLE=(root "$MANAGER" "$SECOND" "$VERIFIER" "$HALF" "$OUTSIDER")

# The files, and what can be done to each by hand. The letters say who can: Root, Manager (who wrote
# the key file last), Second manager, Verifier, Half a manager, Outsider.
BY_HAND='
RMSV..	ls /etc/lrkey/system
RMSV..	cat /etc/lrkey/system/master.key
R.....	: >>/etc/lrkey/system/master.key
R.....	: >/etc/lrkey/system/new
R.....	rm /etc/lrkey/system/master.key
R.....	chmod 0666 /etc/lrkey/system/master.key
R.....	mv /etc/lrkey/system /etc/lrkey/away
R.....	mkdir /etc/lrkey/new
RMSV..	ls /var/lib/lrkey/system
R.....	: >/var/lib/lrkey/system/new
R.....	chmod 0777 /var/lib/lrkey/system
R.....	mv /var/lib/lrkey/system /var/lib/lrkey/away
R.....	mv /var/lib/lrkey/system/keys /var/lib/lrkey/system/away
RMSV..	ls /var/lib/lrkey/system/keys
RMS...	: >/var/lib/lrkey/system/keys/new
R.....	chmod 0777 /var/lib/lrkey/system/keys
RMSV..	cat /var/lib/lrkey/system/keys/keys.gdbm
RM....	: >>/var/lib/lrkey/system/keys/keys.gdbm
RM....	chmod 0666 /var/lib/lrkey/system/keys/keys.gdbm
RMS...	rm -f /var/lib/lrkey/system/keys/keys.gdbm
RMS...	cd /var/lib/lrkey/system/keys && cp keys.gdbm new && mv -f new keys.gdbm
RMS...	: <>/var/lib/lrkey/system/lock
RMS...	flock --nonblock /var/lib/lrkey/system/lock true
R.....	rm -f /var/lib/lrkey/system/lock
RMSV..	cat /var/lib/lrkey/system/usage
RMSV..	: >>/var/lib/lrkey/system/usage
R.....	rm -f /var/lib/lrkey/system/usage
RMS...	cat /var/lib/lrkey/system/audit.log
RMS...	echo {} >>/var/lib/lrkey/system/audit.log
R.....	rm -f /var/lib/lrkey/system/audit.log
R.....	mv /var/lib/lrkey/system/audit.log /var/lib/lrkey/system/away
'

# The same by lrkeyadm; ID is a key's id, and a key is on standard input.
BY_COMMAND='
RMS...	lrkeyadm
RMS...	lrkeyadm list
RMS...	lrkeyadm list --json
RMS...	lrkeyadm show ID
RMS...	lrkeyadm generate --org acme
RMS...	lrkeyadm deactivate ID
RMS...	lrkeyadm activate ID
RMS...	lrkeyadm revoke --yes --force ID
RMSV..	lrkeyadm verify --org acme
'

setup_file() {
	stage_open
	stage_people
	stage lrkeyadm init
	KEY=$(as "$MANAGER" lrkeyadm generate --org acme 2>/dev/null)
	export KEY
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

# person NAME COMMAND...: as root or as another
person() {
	if [ "$1" = root ]; then
		stage "${@:2}"
	else
		as "$@"
	fi
}

# missing NAME COMMAND: the groups that lrkeyadm must say NAME is not in
missing() {
	case $1 in
	"$VERIFIER") echo _lrkeymgr ;;
	"$HALF") echo _lrkey ;;
	*) if [ "$2" = verify ]; then echo _lrkey; else echo _lrkeymgr,_lrkey; fi ;;
	esac
}

# expect_refusal NAME COMMAND...: the last run ended with 77, and one line that tells what is
# missing and what root can do; so was the log told.
expect_refusal() {
	local name=$1 groups

	groups=$(missing "$1" "${3-}")
	expect_status 77
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	[ "${#stderr_lines[@]}" -eq 1 ] || fail 'not one line:' "$stderr"
	expect_match "$stderr" "^lrkeyadm: .*user $name is not in groups? ${groups/,/ and }; "
	expect_match "$stderr" "as root: usermod -aG $groups $name"
	expect_match "$(stage_log)" "<84>.* lrkeyadm\[[0-9]+\]: refused: .* user $name "
}

@test "by hand: the kernel lets each do what the table says, and nothing else" {
	local letters script at who may can wrong=() rows=0

	while IFS=$'\t' read -r letters script; do
		[ -n "$script" ] || continue
		rows=$((rows + 1))
		for at in "${!PEOPLE[@]}"; do
			restore
			who=${PEOPLE[at]} may=yes can=no
			[ "${letters:at:1}" != . ] || may=no
			! person "$who" sh -c "$script" >/dev/null 2>&1 </dev/null || can=yes
			[ "$may" = "$can" ] || wrong+=("$who may: $may, can: $can: $script")
		done
	done <<<"$BY_HAND"
	[ "$rows" -eq 31 ] || fail "$rows rows"
	[ ${#wrong[@]} -eq 0 ] || fail "${wrong[@]}"
}

@test "by lrkeyadm: each may do what the table says; others get 77, one clear line, and no change" {
	local letters command words at who before rows=0

	while IFS=$'\t' read -r letters command; do
		[ -n "$command" ] || continue
		rows=$((rows + 1))
		# shellcheck disable=SC2206 # words of the table
		words=(${command//ID/${KEY:4:12}})
		for at in "${!PEOPLE[@]}"; do
			restore
			before=$(sums)
			stage_log_clear
			who=${PEOPLE[at]}
			run --separate-stderr person "$who" "${words[@]}" <<<"$KEY"
			if [ "${letters:at:1}" != . ]; then
				expect_status 0
			else
				expect_refusal "$who" "${words[@]}"
				[ "$(sums)" = "$before" ] || fail "$who changed it: $command"
			fi
		done
	done <<<"$BY_COMMAND"
	[ "$rows" -eq 9 ] || fail "$rows rows"
}

# sums: of the content of every file, and their modes and owners
sums() {
	# shellcheck disable=SC2016 # expanded inside
	stage sh -c 'find /etc/lrkey /var/lib/lrkey -printf "%p %y %m %u %g\n" -type f \
		-exec sha256sum {} + | sort'
}

@test "init is for root" {
	local name

	stage rm -rf /etc/lrkey /var/lib/lrkey
	for name in "$MANAGER" "$VERIFIER" "$OUTSIDER"; do
		run --separate-stderr as "$name" lrkeyadm init
		expect_status 77
		[ "${#stderr_lines[@]}" -eq 1 ]
		expect_match "$stderr" '^lrkeyadm: .*root'
		run stage ls /etc/lrkey /var/lib/lrkey
		expect_status 2
		# Without a command, who makes one is said, too.
		run --separate-stderr as "$name" lrkeyadm
		expect_status 69
		[ -z "$output" ]
		expect_match "$stderr" "^lrkeyadm: store system: .* does not exist; as root: 'lrkeyadm init' makes the store\$"
		run --separate-stderr as "$name" lrkeyadm -s pool
		expect_match "$stderr" "; as root: 'lrkeyadm -s pool init --managers GROUP --verifiers GROUP' makes the store\$"
	done
	run --separate-stderr stage lrkeyadm
	expect_status 69
	expect_match "$stderr" "does not exist; 'lrkeyadm init' makes the store\$"
}

@test "init says what its groups are for, and the two commands that come next work as they stand" {
	local command

	stage rm -rf /etc/lrkey /var/lib/lrkey
	run --separate-stderr stage lrkeyadm init
	expect_status 0
	[ "$output" = 'Store system is made. Its groups:
  _lrkeymgr  managers, who make and revoke keys; they must be in _lrkey too
  _lrkey     verifiers: the users of services, which check keys
Next:
  usermod -aG _lrkeymgr,_lrkey USER  makes a manager, from the next login on
  lrkeyadm generate --org ORG        makes a key, as a manager or root' ] || fail "$output"
	# shellcheck disable=SC2086 # words
	{
		command=${lines[4]%%  makes*}
		stage ${command/USER/$OUTSIDER}
		command=${lines[5]%%  makes*}
		run as "$OUTSIDER" ${command/ORG/acme}
	}
	stage gpasswd --delete "$OUTSIDER" _lrkeymgr
	stage gpasswd --delete "$OUTSIDER" _lrkey
	expect_status 0
}

@test "whoever was put into the groups after his login is told to log in again" {
	restore
	run --separate-stderr stage setpriv --reuid="$MANAGER" --regid="$MANAGER" --clear-groups \
		--inh-caps=-all lrkeyadm list
	expect_status 77
	[ "${#stderr_lines[@]}" -eq 1 ]
	expect_match "$stderr" '_lrkeymgr and _lrkey .* log in again$'
	expect_no_match "$stderr" usermod
}

@test "whoever was taken out of the groups is a manager no more" {
	restore
	stage gpasswd --delete "$SECOND" _lrkeymgr
	run --separate-stderr as "$SECOND" lrkeyadm list
	stage gpasswd --add "$SECOND" _lrkeymgr
	expect_status 77
	expect_match "$stderr" "usermod -aG _lrkeymgr $SECOND"
	as "$SECOND" lrkeyadm list
}
