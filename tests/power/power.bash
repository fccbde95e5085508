# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Power cuts. A change is recorded once; powercut then makes each store that a cut may leave of it.

# With POWER_TELL set, what was looked at is told.

# The changes; each begins with the store of power_setup.
# shellcheck disable=SC2034 # for the tests
POWER_CHANGES=(generate generate-output edit rotate deactivate activate revoke prune rekey import)

# power_setup: the store that each change begins with; once in setup_file. Its keys are left in ACTIVE,
# OTHER and OFF, two that work and one that is switched off, ONCE, which works once, GONE, which is
# revoked, and BROUGHT, which a backup has.
power_setup() {
	[[ $LRKEY_BUILD != *-address* ]] || fail 'this is for the build without sanitizers'
	ROOT=$BATS_FILE_TMPDIR/source
	make_store
	BROUGHT=$(adm generate --org acme 2>/dev/null)
	echo 'a passphrase' >"$BATS_FILE_TMPDIR/passphrase"
	adm export --passphrase-fd 0 "$BATS_FILE_TMPDIR/backup" \
		<"$BATS_FILE_TMPDIR/passphrase" >/dev/null
	ROOT=$BATS_FILE_TMPDIR/template
	make_store
	ACTIVE=$(adm generate --org acme --max-uses 5 2>/dev/null)
	OTHER=$(adm generate --org acme 2>/dev/null)
	OFF=$(adm generate --org acme 2>/dev/null)
	ONCE=$(adm generate --org acme --max-uses 1 2>/dev/null)
	GONE=$(adm generate --org acme 2>/dev/null)
	adm deactivate "$(id_of "$OFF")" >/dev/null
	adm revoke --yes --force "$(id_of "$GONE")" >/dev/null
	# What was revoked is pruned at once.
	echo 'tombstone-age=0s' >"$ROOT/etc/lrkey/system/policy.conf"
	mkdir "$ROOT/out"
	export ACTIVE OTHER OFF ONCE GONE BROUGHT
}

id_of() {
	printf '%s' "${1:4:12}"
}

# power_begin: the store as power_setup left it, and nothing recorded.
power_begin() {
	ROOT=$BATS_TEST_TMPDIR/root
	LOG=$BATS_TEST_TMPDIR/log
	rm -rf "$ROOT" "$LOG"
	cp -a "$BATS_FILE_TMPDIR/template" "$ROOT"
}

# Where lrkeyadm is run: the beginning of a command.
POWER_PLACE=()

# recorded [NAME=VALUE...] -- ARGUMENTS...: lrkeyadm, with its steps recorded. What it prints is in
# $BATS_TEST_TMPDIR/stdout and stderr.
recorded() {
	local i

	for ((i = 1; i <= $#; i++)); do
		[ "${!i}" != -- ] || break
	done
	recorded_program "${@:1:i}" "$LRKEYADM" --root "$ROOT" "${@:i+1}"
}

# recorded_program [NAME=VALUE...] -- PROGRAM ARGUMENTS...: the same with any program.
recorded_program() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	"${POWER_PLACE[@]}" env LD_PRELOAD="$LRKEY_BUILD/tests/power/preload.so" LRKEY_POWER_ROOT="$ROOT" \
		LRKEY_POWER_LOG="$LOG" "${settings[@]}" "$@" \
		>"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr"
}

# power_words CHANGE: leaves in WORDS what lrkeyadm is told.
power_words() {
	case $1 in
	generate) WORDS=(generate --org acme --max-uses 3) ;;
	generate-output) WORDS=(generate --org acme --count 2 --output "$ROOT/out/keys") ;;
	edit) WORDS=(edit "$(id_of "$OTHER")" --label new --scope scim) ;;
	edit-uses) WORDS=(edit "$(id_of "$OTHER")" --label new --max-uses 9) ;;
	rotate) WORDS=(rotate "$(id_of "$OTHER")" --overlap 0s) ;;
	rotate-output) WORDS=(rotate "$(id_of "$OTHER")" --overlap 0s --output "$ROOT/out/keys") ;;
	deactivate) WORDS=(deactivate "$(id_of "$ACTIVE")" "$(id_of "$OTHER")") ;;
	activate) WORDS=(activate "$(id_of "$OFF")") ;;
	revoke) WORDS=(revoke --yes --force "$(id_of "$ACTIVE")" "$(id_of "$OFF")") ;;
	prune) WORDS=(prune) ;;
	rekey) WORDS=(rekey) ;;
	import) WORDS=(import --passphrase-fd 0 "$BATS_FILE_TMPDIR/backup") ;;
	export) WORDS=(export --passphrase-fd 0 "$ROOT/out/backup") ;;
	init) WORDS=(init --store second) ;;
	esac
}

# power_keys CHANGE: the keys, with what comes of each in the old store and in the new one.
power_keys() {
	case $1 in
	deactivate) printf '%s\n' "$ACTIVE yes no" "$OTHER yes no" "$OFF no no" ;;
	activate) printf '%s\n' "$ACTIVE yes yes" "$OTHER yes yes" "$OFF no yes" ;;
	revoke) printf '%s\n' "$ACTIVE yes no" "$OTHER yes yes" "$OFF no no" ;;
	rotate) printf '%s\n' "$ACTIVE yes yes" "$OTHER yes no" "$OFF no no" ;;
	*) printf '%s\n' "$ACTIVE yes yes" "$OTHER yes yes" "$OFF no no" ;;
	esac
	echo "$GONE no no"
	case $1 in
	login) echo "$ONCE yes no" ;;
	*) echo "$ONCE yes yes" ;;
	esac
	case $1 in
	generate | rotate) echo "$(cat "$BATS_TEST_TMPDIR/stdout") no yes" ;;
	generate-output) sed 's/$/ no yes/' "$ROOT/out/keys" ;;
	import) echo "$BROUGHT no yes" ;;
	*) echo "$BROUGHT no no" ;;
	esac
}

# power_cut CHANGE STRIDE NEXT [STATUS]: all stores that a cut may leave of what is recorded.
power_cut() {
	local kept=() work

	[ "$1" != generate-output ] || kept=(/out/keys)
	power_keys "$1" >"$BATS_TEST_TMPDIR/keys"
	# In memory: a disk would be waited for, ten thousand times over.
	work=$(mktemp -d /dev/shm/lrkey-power.XXXXXX)
	chmod 0755 "$work"
	run "$LRKEY_BUILD/tests/power/powercut" "$BATS_FILE_TMPDIR/template" "$LOG" "$work" \
		"$LRKEYADM" "$2" "$3" "${kept[@]}" <"$BATS_TEST_TMPDIR/keys"
	rm -rf "$work"
	# shellcheck disable=SC2154 # set by run
	[ -z "${POWER_TELL-}" ] || printf '# %s: %s\n' "$1" "${output##*$'\n'}" >&3
	expect_status "${4-0}"
	[ -n "${4-}" ] || expect_match "$output" ' [1-9][0-9]* old, [1-9][0-9]* new; .* 0 wrong$'
}

# power_change CHANGE STRIDE NEXT: records a change, and cuts its power everywhere.
power_change() {
	power_begin
	power_words "$1"
	recorded -- "${WORDS[@]}" <"$BATS_FILE_TMPDIR/passphrase"
	power_cut "$@"
}

# power_killed CHANGE CONDITION: records a change that is killed behind the first step that makes the
# condition true, which is a command.
power_killed() {
	local step=0

	power_words "$1"
	power_begin
	while ! "$2"; do
		power_begin
		step=$((step + 1))
		! recorded "LRKEY_POWER_STOP=$step" -- "${WORDS[@]}" 2>/dev/null || fail 'not killed'
	done
}

# The store that all can see is the new one.
is_current() {
	! cmp -s "$ROOT/var/lib/lrkey/system/keys/keys.gdbm" \
		"$BATS_FILE_TMPDIR/template/var/lib/lrkey/system/keys/keys.gdbm"
}

# A rekey is under way.
has_two_master_keys() {
	[ "$(grep -cE '^(active|old) ' "$ROOT/etc/lrkey/system/master.key")" -eq 2 ]
}
