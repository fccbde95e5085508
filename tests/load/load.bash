# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Managers who change keys while many authenticate; see load.c.

# load_store BACKUPS: the store, and so many backups of three keys each to be imported.
load_store() {
	local n store=$ROOT

	LOAD=$BATS_TEST_TMPDIR/load
	mkdir "$LOAD"
	echo 'a passphrase' >"$LOAD/passphrase"
	for ((n = 0; n < $1; n++)); do
		ROOT=$LOAD/source.$n
		make_store
		adm generate --org m0 --count 3 >"$LOAD/backup.$n.keys" 2>/dev/null
		adm export --passphrase-fd 0 "$LOAD/backup.$n" <"$LOAD/passphrase" >/dev/null
	done
	ROOT=$store
	make_store
	pam_service scim
	# What was revoked, or has ended, is pruned at once.
	echo 'tombstone-age=0s' >"$ROOT/etc/lrkey/system/policy.conf"
}

# load changes|kills COUNT LOGINS: what it prints is load's, and the seed.
load() {
	local seed=${LRKEY_SEED:-$RANDOM$RANDOM}

	echo "seed $seed"
	"$LRKEY_BUILD/tests/load/load" "$1" "$2" "$3" "$seed" "$CONFDIR" "$ROOT" "$LRKEYADM" "$LOAD"
}

# load_aftermath: the store that is left is whole, and each change is in the audit log once.
load_aftermath() {
	make_key --org last
	# One may have been broken off.
	adm rekey >/dev/null 2>&1
	adm check || fail 'check finds something'
	[ "$(ls -A "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ]
	# Void lines take back what was killed behind its audit line.
	jq -s -e '
		reduce .[] as $line ([];
			if $line.command == "void" then
				if .[-1] == $line.gen then .[:-1] else error("void") end
			else . + [$line.gen] end)
		| . == [range(0; length)]' "$ROOT/var/lib/lrkey/system/audit.log" >/dev/null ||
		fail 'the audit log does not have each change once'
}
