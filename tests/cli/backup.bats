#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lrkeyadm export and import.
# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load ../lib.bash
load helpers.bash

BACKUP=$BATS_TEST_TMPDIR/backup
PASS='a pass phrase, with "quotes"'

setup() {
	make_store
}

# save [ARGUMENTS...], restore [ARGUMENTS...]: with the passphrase in $PASS
save() {
	adm export --passphrase-fd 3 "$@" "$BACKUP" 3<<<"$PASS"
}

restore() {
	adm import --passphrase-fd 3 "$@" "$BACKUP" 3<<<"$PASS"
}

# refused_restore STATUS EXPRESSION [ARGUMENTS...]: one line of error, and nothing is changed
refused_restore() {
	local wanted=$1 expression=$2

	shift 2
	expect_refused "$wanted" "$expression" import --passphrase-fd 3 "$@" "$BACKUP" 3<<<"$PASS"
}

# other_store: from here on the test's tree is another one, with an empty store.
other_store() {
	ROOT=$BATS_TEST_TMPDIR/other$((++OTHERS))
	# shellcheck disable=SC2034 # for "audit"
	AUDIT=$ROOT/var/lib/lrkey/system/audit.log
	make_store
}

# everything: all that is known of all keys, in the order of their ids
everything() {
	adm list --all --json | jq -cS '.keys | sort_by(.id)[]'
}

# use_key: a login with $KEY
use_key() {
	pam_service scim
	pam_try acme "$KEY" scim --rhost 192.0.2.7 | grep -q 'pam_acct_mgmt: PAM_SUCCESS'
}

@test "a store comes back whole: entries, tombstones, counters, and keys that work" {
	make_key --org acme --label 'Grüße' --expires never --scope scim,dns --owner "$(id -un)" \
		--allow-from 192.0.2.0/24
	A=$KEY
	make_key --org acme --max-uses 5
	use_key
	use_key
	B=$KEY
	make_key --org globex --not-before 2d
	adm deactivate "$ID"
	NEW=$(adm rotate "${B:4:12}" 2>/dev/null)
	make_key --org globex
	C=$KEY
	adm revoke --yes --force --reason compromised "$ID"
	before=$(everything)
	run save
	expect_status 0
	[ "$output" = 'Store system: 4 keys and 1 tombstone exported' ]
	[ "$(stat -c '%a %h' "$BACKUP")" = '600 1' ]

	other_store
	run restore
	expect_status 0
	[ "$output" = 'Store system: of 5 entries, 5 added, 0 revoked, 0 kept' ]
	[ "$(everything)" = "$before" ] || fail "$before" "$(everything)"
	adm check
	adm verify --org acme --scope dns --from 192.0.2.9 <<<"$A"
	adm verify --org acme <<<"$B"
	adm verify --org acme <<<"$NEW"
	run adm verify <<<"$C"
	expect_match "$output" '^refused: revoked .* compromised$'
	# The use limit goes on from where it was.
	KEY=$B
	use_key
	[ "$(field "${B:4:12}" uses)" -eq 3 ]
	[ "$(audit | jq -c '[.gen, .command, (.ids | length), .org, .reason, .outcome]')" = \
		'[1,"import",5,null,null,"done"]' ]
}

@test "into the store that it came from: all is kept and reported, and nothing is a change" {
	make_key --org acme
	save
	before=$(store_sum)
	run --separate-stderr restore
	expect_status 0
	[ "$output" = 'Store system: of 1 entry, 0 added, 0 revoked, 1 kept' ]
	[ "$stderr" = "lrkeyadm: $ID: already in the store; kept as it is" ]
	[ "$(store_sum)" = "$before" ]
}

@test "a key that is here is kept, whatever became of it since" {
	make_key --org acme --label old
	save
	adm edit "$ID" --label new
	adm deactivate "$ID"
	before=$(everything)
	restore
	[ "$(everything)" = "$before" ]
}

@test "a tombstone on either side wins" {
	make_key --org acme
	A=$ID AKEY=$KEY
	make_key --org acme
	B=$ID BKEY=$KEY
	save
	adm revoke --yes --force --reason misused "$A"
	run --separate-stderr restore
	[ "$(state_of "$A")" = revoked ]
	[ "$(state_of "$B")" = active ]
	expect_match "$stderr" "$A: already in the store, revoked; kept as it is"

	# Here A is revoked in the backup, and works in the store.
	cp "$BACKUP" "$BATS_TEST_TMPDIR/living"
	rm "$BACKUP"
	save
	other_store
	BACKUP=$BATS_TEST_TMPDIR/living restore
	adm verify <<<"$AKEY"
	adm edit "$A" --label here
	run --separate-stderr restore
	expect_status 0
	[ "$output" = 'Store system: of 2 entries, 0 added, 1 revoked, 1 kept' ]
	expect_match "$stderr" "$A: works in the store, and is revoked in the backup: revoked"
	[ "$(adm show --json "$A" | jq -c '.keys[0] | [.state, .reason, .label]')" = \
		'["revoked","misused","here"]' ]
	run adm verify <<<"$AKEY"
	expect_match "$output" '^refused: revoked '
	adm verify <<<"$BKEY"
	[ "$(audit | jq -c '[.command, .ids, .org]')" = "[\"import\",[\"$A\"],\"acme\"]" ]
	adm check
}

@test "uses become the larger" {
	make_key --org acme --max-uses 9
	use_key
	use_key
	save
	cp "$BACKUP" "$BATS_TEST_TMPDIR/two"
	rm "$BACKUP"
	use_key
	save
	cp "$BACKUP" "$BATS_TEST_TMPDIR/three"
	# Fewer in the backup: what is here stays.
	use_key
	restore 2>/dev/null
	[ "$(field "$ID" uses)" -eq 4 ]
	# More in the backup.
	other_store
	BACKUP=$BATS_TEST_TMPDIR/two restore
	[ "$(field "$ID" uses)" -eq 2 ]
	BACKUP=$BATS_TEST_TMPDIR/three restore 2>/dev/null
	[ "$(field "$ID" uses)" -eq 3 ]
	[ "$(field "$ID" last_rhost)" = '"192.0.2.7"' ]
}

@test "a limit whose count is lost is used up in the backup, and not revived by one" {
	make_key --org acme --max-uses 9
	save
	truncate -s 0 "$ROOT/var/lib/lrkey/system/usage"
	cp "$BACKUP" "$BATS_TEST_TMPDIR/good"
	rm "$BACKUP"
	run --separate-stderr save
	expect_status 0
	expect_match "$stderr" '1 key has a use limit, but no valid record of uses; in the backup it is used up$'
	# Here it stays refused until edit says otherwise.
	BACKUP=$BATS_TEST_TMPDIR/good restore 2>/dev/null
	run pam_try acme "$KEY" scim
	expect_no_match "$output" SUCCESS
	other_store
	restore
	[ "$(state_of "$ID")" = exhausted ]
}

@test "--dry-run checks all of it, says what would be done, and does nothing" {
	make_key --org acme
	A=$ID
	make_key --org acme
	save
	adm revoke --yes --force "$ID"
	before=$(store_sum)
	run --separate-stderr restore --dry-run
	expect_status 0
	[ "$output" = 'Store system: of 2 entries, 0 would be added, 0 would be revoked, 2 would be kept' ]
	[ "$(store_sum)" = "$before" ]
	other_store
	before=$(store_sum)
	run restore --dry-run --json
	expect_status 0
	[ "$(jq -cS . <<<"$output")" = "$(jq -ncS --arg file "$BACKUP" '{store: "system", file: $file,
		dry_run: true, entries: 2, added: 2, revoked: 0, kept: 0, generation: 0}')" ]
	[ "$(store_sum)" = "$before" ]
	head -c -1 "$BACKUP" >"$BATS_TEST_TMPDIR/short"
	BACKUP=$BATS_TEST_TMPDIR/short refused_restore 65 'damaged or cut off' --dry-run
}

@test "--json: one flat object each" {
	make_key --org acme
	run save --json
	[ "$(jq -cS . <<<"$output")" = "$(jq -ncS --arg file "$BACKUP" \
		'{store: "system", file: $file, keys: 1, tombstones: 0}')" ]
	other_store
	run restore --json
	[ "$(jq -cS . <<<"$output")" = "$(jq -ncS --arg file "$BACKUP" '{store: "system", file: $file,
		dry_run: false, entries: 1, added: 1, revoked: 0, kept: 0, generation: 1}')" ]
}

@test "an empty store has a backup too" {
	save
	run restore
	expect_status 0
	[ "$output" = 'Store system: of 0 entries, 0 added, 0 revoked, 0 kept' ]
	[ "$(generation)" -eq 0 ]
}

@test "a backup that was changed anywhere, cut, or is another's: 65, and nothing is changed" {
	local size at

	make_key --org acme
	make_key --org globex
	save
	cp "$BACKUP" "$BATS_TEST_TMPDIR/good"
	other_store
	size=$(stat -c %s "$BACKUP")
	# Each byte of the beginning, and some of the rest.
	for at in 0 5 13 14 20 29 30 31 32 40 100 $((size / 2)) $((size - 20)) $((size - 1)); do
		cp "$BATS_TEST_TMPDIR/good" "$BACKUP"
		printf '\x%02x' $(($(od -An -tu1 -j "$at" -N 1 "$BACKUP") ^ 1)) |
			xargs -0 printf |
			dd of="$BACKUP" bs=1 seek="$at" conv=notrunc status=none
		cmp -s "$BACKUP" "$BATS_TEST_TMPDIR/good" && fail "not changed at $at"
		refused_restore 65 '^lrkeyadm: .*/backup: ' || fail "at $at"
	done
	for at in 0 1 13 20 31 100 $((size - 30)) $((size - 1)); do
		head -c "$at" "$BATS_TEST_TMPDIR/good" >"$BACKUP"
		refused_restore 65 '^lrkeyadm: .*/backup: ' || fail "cut at $at"
	done
	{
		cat "$BATS_TEST_TMPDIR/good"
		printf x
	} >"$BACKUP"
	refused_restore 65 '^lrkeyadm: .*/backup: '
	{
		cat "$BATS_TEST_TMPDIR/good" "$BATS_TEST_TMPDIR/good"
	} >"$BACKUP"
	refused_restore 65 '^lrkeyadm: .*/backup: '
	cp "$ROOT/var/lib/lrkey/system/keys/keys.gdbm" "$BACKUP"
	refused_restore 65 'is no backup made by lrkeyadm export'
	cp "$BATS_TEST_TMPDIR/good" "$BACKUP"
	PASS=${PASS^^} refused_restore 65 'the passphrase is wrong, or the backup is damaged'
	restore
}

@test "a backup that cannot be read: 66" {
	BACKUP=$BATS_TEST_TMPDIR/none refused_restore 66 '/none: No such file'
	mkdir "$BATS_TEST_TMPDIR/dir"
	BACKUP=$BATS_TEST_TMPDIR/dir refused_restore 66 '/dir: not a regular file'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	run timeout 20 "$LRKEYADM" --root "$ROOT" import --passphrase-fd 3 "$BATS_TEST_TMPDIR/fifo" 3<<<x
	expect_status 66
}

@test "a file that exists is never written to: 73" {
	echo precious >"$BACKUP"
	expect_refused 73 '/backup: File exists' export --passphrase-fd 3 "$BACKUP" 3<<<"$PASS"
	[ "$(cat "$BACKUP")" = precious ]
	rm "$BACKUP"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BACKUP"
	expect_refused 73 '/backup: File exists' export --passphrase-fd 3 "$BACKUP" 3<<<"$PASS"
	[ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
	expect_refused 73 '/nowhere/x: No such file' export --passphrase-fd 3 "$BATS_TEST_TMPDIR/nowhere/x" 3<<<x
	(
		umask 000
		BACKUP=$BATS_TEST_TMPDIR/a save
		umask 0777
		BACKUP=$BATS_TEST_TMPDIR/b save
	)
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" | xargs)" = '600 600' ]
}

@test "what fails half-way is removed: a full disk, a signal, a damaged store" {
	make_key --org acme
	run env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -o /dev/null -e trace=write \
		-e inject=write:error=ENOSPC:when=1 \
		"$LRKEYADM" --root "$ROOT" export --passphrase-fd 3 "$BACKUP" 3<<<"$PASS"
	expect_status 74
	[ ! -e "$BACKUP" ]
	# Sent when its file was just made.
	run env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -o /dev/null -e trace=fchmod \
		-e inject=fchmod:signal=INT:when=1 \
		"$LRKEYADM" --root "$ROOT" export --passphrase-fd 3 "$BACKUP" 3<<<"$PASS"
	[ "$status" -ne 0 ]
	[ ! -e "$BACKUP" ]
	"$LRKEY_BUILD/tests/inject/spoil" "$ROOT" damage "$ID"
	run save
	expect_status 69
	[ ! -e "$BACKUP" ]
}

@test "the passphrase: from a descriptor up to a newline, or typed without echo" {
	make_key --org acme
	expect_refused 64 '^lrkeyadm: export: needs --passphrase-fd N where there is no terminal' export "$BACKUP"
	expect_refused 64 "'x': not the number of a descriptor" export --passphrase-fd x "$BACKUP"
	expect_refused 64 "'-1': not the number of a descriptor" export --passphrase-fd -1 "$BACKUP"
	expect_refused 64 "'': not the number of a descriptor" export --passphrase-fd '' "$BACKUP"
	expect_refused 64 "'99': not open for reading" export --passphrase-fd 99 "$BACKUP"
	expect_refused 64 "'3': not open for reading" export --passphrase-fd 3 "$BACKUP" 3>/dev/null
	expect_refused 64 '^lrkeyadm: passphrase: empty$' export --passphrase-fd 3 "$BACKUP" 3</dev/null
	expect_refused 64 '^lrkeyadm: passphrase: empty$' export --passphrase-fd 3 "$BACKUP" 3<<<''
	expect_refused 64 '^lrkeyadm: passphrase: longer than 1024 bytes$' \
		export --passphrase-fd 3 "$BACKUP" 3<<<"$(printf '%01025d' 0)"
	expect_refused 64 '^lrkeyadm: import: needs --passphrase-fd N' import "$BACKUP"
	[ ! -e "$BACKUP" ]
	adm export --passphrase-fd 0 "$BACKUP" <<<$'first line\nsecond line'
	PASS='first line' restore
	rm "$BACKUP"
	PASS=$(printf '%01024d' 7) save
	PASS=$(printf '%01024d' 7) restore
}

# asked COMMAND TEXT [AGAIN]: lrkeyadm at a terminal, where each answer is typed when it is asked for
asked() {
	local again=''

	[ $# -lt 3 ] || printf -v again 'expect "The same again: "\nsend -- "%s\\r"' "$3"
	expect -f - <<-EOS
		set timeout 30
		spawn -noecho "$LRKEYADM" --root "$ROOT" "$1" "$BACKUP"
		expect "Passphrase of the backup: "
		send -- "$2\r"
		$again
		expect eof
		catch wait result
		exit [lindex \$result 3]
	EOS
}

@test "the passphrase is asked for on a terminal, without echo; twice for a new backup" {
	make_key --org acme
	run asked export 'typed words' 'typed words'
	expect_status 0
	expect_match "$output" '1 key and 0 tombstones exported'
	expect_no_match "$output" 'typed words'
	run asked import 'typed words'
	expect_status 0
	expect_match "$output" ' 1 kept'
	expect_no_match "$output" 'typed words'
	run asked import 'other words'
	expect_status 65
	rm "$BACKUP"
	run asked export 'typed words' 'other words'
	expect_status 64
	expect_match "$output" 'lrkeyadm: passphrase: the two are not the same'
	[ ! -e "$BACKUP" ]
	# That it exists is said before anything is typed.
	touch "$BACKUP"
	run typed '' export "$BACKUP"
	expect_status 73
	expect_no_match "$output" Passphrase
}

@test "no secret is in a backup that could be read, nor the passphrase" {
	make_key --org acme --label secretlabel
	save
	run strings -n 6 "$BACKUP"
	[ "$(grep -cE 'secretlabel|acme|phrase' <<<"$output")" -eq 0 ]
	# The same again is another file: salt and IVs are its own.
	cp "$BACKUP" "$BATS_TEST_TMPDIR/first"
	rm "$BACKUP"
	save
	[ "$(cmp -l "$BACKUP" "$BATS_TEST_TMPDIR/first" | wc -l)" -gt $(($(stat -c %s "$BACKUP") / 2)) ]
}

@test "the passphrase goes nowhere: no argument, no file, no message" {
	local trace=$BATS_TEST_TMPDIR/trace command

	make_key --org acme
	for command in export import; do
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -s 1000000 -o "$trace" \
			-E "LD_PRELOAD=$LRKEY_BUILD/tests/cli/traceable.so" \
			-e trace=write,writev,pwrite64,sendto,sendmsg,execve,openat,connect \
			"$LRKEYADM" --root "$ROOT" "$command" --passphrase-fd 3 "$BACKUP" 3<<<sesamopen
		run grep -c sesamopen "$trace"
		[ "$output" = 0 ]
		# What is written is seen.
		grep -qF 'Store system: ' "$trace"
	done
	run grep -rc sesamopen "$BACKUP"
	[ "$output" = 0 ]
}

@test "a policy binds what is imported: 78" {
	make_key --org acme --expires never
	save
	other_store
	echo 'max-expiry=30d' >"$ROOT/etc/lrkey/system/policy.conf"
	refused_restore 78 "^lrkeyadm: key '$ID': too long: max-expiry is 30d in "
	refused_restore 78 "^lrkeyadm: key '$ID': too long: max-expiry is 30d in " --dry-run
	echo 'require-label=yes' >"$ROOT/etc/lrkey/system/policy.conf"
	refused_restore 78 "^lrkeyadm: $ID: a label is missing"
	rm "$ROOT/etc/lrkey/system/policy.conf"
	restore
	# What is here already, or is a tombstone, is not asked.
	echo 'max-expiry=30d' >"$ROOT/etc/lrkey/system/policy.conf"
	restore
}

@test "10,000 keys: one change; and a change that fails adds none" {
	adm generate --org acme --count 10000 >"$BATS_TEST_TMPDIR/keys" 2>/dev/null
	save
	other_store
	run env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -o /dev/null \
		-e trace=/^rename -e 'inject=/^rename:error=EIO' \
		"$LRKEYADM" --root "$ROOT" import --passphrase-fd 3 "$BACKUP" 3<<<"$PASS"
	expect_status 74
	[ "$(generation)" -eq 0 ]
	[ "$(ls "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
	restore
	[ "$(generation)" -eq 1 ]
	for line in 1 5000 10000; do
		adm verify --org acme <<<"$(sed -n "${line}p" "$BATS_TEST_TMPDIR/keys")"
	done
	adm check
}

@test "counts alone are a change as well: they are told of, and use up a limit for all to see" {
	make_key --org acme --max-uses 3
	save
	use_key
	use_key
	rm "$BACKUP"
	save
	before=$(generation)
	# The store as it was before those two uses; its key file is the same.
	adm edit "$ID" --max-uses none
	printf '\0' | dd of="$ROOT/var/lib/lrkey/system/usage" bs=1 seek=143 conv=notrunc status=none
	restore
	[ "$(generation)" -eq $((before + 2)) ]
	[ "$(audit | jq -c '[.command, .ids]')" = "[\"import\",[\"$ID\"]]" ]
	[ "$(field "$ID" uses)" = 2 ]
	# Once more, and there is nothing left to raise.
	restore
	[ "$(generation)" -eq $((before + 2)) ]
}
