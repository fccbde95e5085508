# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Disks that fail, for real, below the store of mounted.bash:
#
#	blocks N	a tmpfs that is full but for N pages: ENOSPC
#	inodes N	the same, but for N inodes
#	read-only PART	a bind mount of the store, or of a part of it, that cannot be written: EROFS
#	quota N		a btrfs whose qgroup has N more KiB: EDQUOT
#	injected CALL:error=ERROR:when=N	strace's; here the disk is any, and so is the user
#	broken N	an ext4 that is shut down behind the Nth step of a program, or, 0, before it: EIO
#
# A change there ends with an error and one line that says which; once the disk works again the store
# is the old one, or it is the new one and that was told. A login there lets nobody in whom it should not,
# and a key with a limit only when its use is on record.
#
# What cannot be mounted is a failure: all of it is in the kernel of Debian. A machine without loop
# devices leaves out the file of tests/root that needs them, and says so.

# The number of PAM_CRED_EXPIRED.
PAM_CRED_EXPIRED=16

# shellcheck disable=SC2034 # for the tests
FAULTY_CHANGES=(generate generate-output edit edit-uses rotate rotate-output deactivate activate
	revoke prune rekey import export init)

declare -A FAULTY_ERRNO=([blocks]=ENOSPC [inodes]=ENOSPC [read-only]=EROFS [quota]=EDQUOT [broken]=EIO)
# What the kernel calls them.
declare -A FAULTY_TEXT=([ENOSPC]='No space left on device' [EROFS]='Read-only file system'
	[EDQUOT]='Disk quota exceeded' [EIO]='Input/output error')

# What can be made read-only, below the root.
# shellcheck disable=SC2034 # for the tests
FAULTY_PARTS=(. etc/lrkey var/lib/lrkey var/lib/lrkey/system/keys var/lib/lrkey/system/lock
	var/lib/lrkey/system/usage var/lib/lrkey/system/audit.log out)

# faulty_setup: the store of power_setup, and one like it where the next audit line and the next key's
# record of uses need a page of their own each; once in setup_file.
faulty_setup() {
	local gate

	power_setup
	cp -a "$ROOT" "$BATS_FILE_TMPDIR/padded"
	ROOT=$BATS_FILE_TMPDIR/padded
	gate=$ROOT/var/lib/lrkey/system
	adm generate --org other --count 26 --output "$ROOT/others" >/dev/null 2>&1
	rm "$ROOT/others"
	[ "$(stat -c %s "$gate/usage")" -eq 4096 ]
	cp -a "$gate/audit.log" "$gate/audit.log.1"
	: >"$gate/audit.log"
}

# ---- The disks -----------------------------------------------------------------

# faulty_disk KIND: makes the disk, with the store on it.
faulty_disk() {
	KIND=$1
	declare -gA COUNT=()
	# shellcheck disable=SC2034 # of fresh
	TEMPLATE=template
	# shellcheck disable=SC2034
	[ "$KIND" != blocks ] || TEMPLATE=padded
	case $KIND in
	blocks | inodes | read-only)
		inside mount -t tmpfs -o size=8m,nr_inodes=1000,mode=0755 tmpfs "$MOUNT"
		;;
	injected)
		MOUNT=$BATS_TEST_TMPDIR
		# shellcheck disable=SC2034 # of recorded
		LOG=/dev/null
		;;
	quota)
		truncate --size 256M "$IMAGE"
		mkfs.btrfs --quiet "$IMAGE" 2>/dev/null
		inside mount -o loop "$IMAGE" "$MOUNT"
		inside btrfs --quiet quota enable "$MOUNT"
		inside btrfs --quiet subvolume create "$MOUNT/quota"
		# Asked by the way of the quota's own folder, it would be refused for the quota.
		QGROUP=0/$(inside btrfs inspect-internal rootid "$MOUNT/quota")
		;;
	broken)
		truncate --size 64M "$IMAGE"
		mkfs.ext4 -q "$IMAGE"
		inside mount -o loop "$IMAGE" "$MOUNT"
		;;
	esac
	mounted_store "$([ "$KIND" != quota ] || echo quota/)root"
}

# faulty_hurt HOW: the disk fails from now on; one that is to break does within the next program.
faulty_hurt() {
	local free

	HOW=$1
	HURT=()
	UNDER=()
	ERRNO=${FAULTY_ERRNO[$KIND]-}
	case $KIND in
	injected)
		UNDER=(strace -f -o /dev/null -e "trace=${HOW%%:*}" -e "inject=$HOW")
		ERRNO=${HOW#*:error=}
		ERRNO=${ERRNO%%:*}
		;;
	blocks)
		free=$(inside df --output=avail --block-size=4096 "$MOUNT" | tail -n 1)
		inside fallocate --length $(((free - HOW) * 4096)) "$MOUNT/filler"
		;;
	inodes)
		free=$(inside df --output=iused "$MOUNT" | tail -n 1)
		inside mount -o "remount,nr_inodes=$((free + HOW))" "$MOUNT"
		;;
	read-only)
		inside mount --bind "$ROOT/$HOW" "$ROOT/$HOW"
		inside mount -o remount,bind,ro "$ROOT/$HOW"
		;;
	quota)
		free=$(inside btrfs qgroup show --raw "$MOUNT" | awk -v group="$QGROUP" '$1 == group { print $2 }')
		inside btrfs qgroup limit $((free + HOW * 1024)) "$QGROUP" "$MOUNT"
		;;
	broken)
		HURT=("LRKEY_POWER_STOP=$HOW" "LRKEY_POWER_CUT=$MOUNT" LRKEY_POWER_GO_ON=1)
		if [ "$HOW" = 0 ]; then
			recorded_program "LRKEY_POWER_CUT=$MOUNT" -- true
			HURT=()
		fi
		;;
	esac
}

# faulty_heal: the disk works again, with what it has by now.
faulty_heal() {
	case $KIND in
	blocks) inside rm "$MOUNT/filler" ;;
	inodes) inside mount -o remount,nr_inodes=1000 "$MOUNT" ;;
	read-only) inside umount "$ROOT/$HOW" ;;
	quota) inside btrfs qgroup limit none "$QGROUP" "$MOUNT" ;;
	broken) power_again ;;
	esac
}

# ---- A change ------------------------------------------------------------------

# what_it_said: its errors, without notes and warnings
what_it_said() {
	grep -vE '^lrkeyadm: (warning: |rekey: not |init: the store is made |import: the keys are imported )' "$BATS_TEST_TMPDIR/stderr" || true
}

# expect_error CHANGE: one line, that says what the disk said.
expect_error() {
	local said

	said=$(what_it_said)
	case $STATUS in
	74) ;;
	# A file that is to be new.
	73) [[ $1 =~ ^(.*-output|export)$ ]] ;;
	*) false ;;
	esac || fail "$POINT: exit status $STATUS" "$said"
	[[ $said =~ ^'lrkeyadm: '[^$'\n']+': '[^$'\n']*("${FAULTY_TEXT[$ERRNO]}"|'input or output failed')[^$'\n']*$ ]] ||
		fail "$POINT: what it says is:" "$said"
}

# is_told CHANGE: that the store is the new one already
is_told() {
	case $1 in
	rekey) grep -q "^lrkeyadm: rekey: not finished; all keys work; '.* rekey' completes it$" \
		"$BATS_TEST_TMPDIR/stderr" ;;
	init) grep -q '^lrkeyadm: init: the store is made all the same; ' "$BATS_TEST_TMPDIR/stderr" ;;
	*) false ;;
	esac || [[ $(what_it_said) == *'; the change is made, but a power cut may undo it' ||
		$(what_it_said) == 'lrkeyadm: standard output: '* ]]
}

# expect_other CHANGE: what a change makes besides the store's keys
expect_other() {
	case $1 in
	*-output | export)
		# Keys that are current stay there; and where nothing can be removed, it is not either.
		[ "$STATUS" -eq 0 ] || [ "$STORE" = new ] || [ "$KIND" = broken ] || [ -z "$(inside ls -A "$ROOT/out")" ] ||
			fail "$POINT: a file is left in out/"
		;;
	init)
		if [ "$STATUS" -ne 0 ] && ! adm --store second >/dev/null 2>&1; then
			adm --store second init >/dev/null 2>&1 || fail "$POINT: init cannot be run again"
		fi
		adm --store second check >/dev/null || fail "$POINT: the new store is not whole"
		;;
	esac
	[ "$STATUS $1" != '0 export' ] || adm import --dry-run --passphrase-fd 0 "$ROOT/out/backup" \
		<"$BATS_FILE_TMPDIR/passphrase" >/dev/null
}

# try_change CHANGE HOW: one change, on a disk that fails so.
try_change() {
	local remains

	POINT="$1, $KIND $2"
	fresh
	power_words "$1"
	faulty_hurt "$2"
	STATUS=0
	if [ "$KIND" = broken ]; then
		recorded "${HURT[@]}" -- "${WORDS[@]}" <"$BATS_FILE_TMPDIR/passphrase" || STATUS=$?
	else
		inside "${UNDER[@]}" "$LRKEYADM" --root "$ROOT" "${WORDS[@]}" \
			<"$BATS_FILE_TMPDIR/passphrase" >"$BATS_TEST_TMPDIR/stdout" \
			2>"$BATS_TEST_TMPDIR/stderr" || STATUS=$?
		remains=$(inside ls -A "$ROOT/var/lib/lrkey/system/keys")
		[ "$remains" = keys.gdbm ] || fail "$POINT: remains:" "$remains"
	fi
	faulty_heal
	judge "$1"
	[ "$STATUS" -eq 0 ] || expect_error "$1"
	case $1 in
	export) [ "$STORE" = old ] ;;
	init)
		[ "$STORE" = old ] && { [ "$STATUS" -eq 0 ] || is_told init ||
			! adm --store second >/dev/null 2>&1; }
		;;
	*) [ "$STATUS" -eq 0 ] || [ "$STORE" = old ] || is_told "$1" ;;
	esac || fail "$POINT: exit status $STATUS, the $STORE store" "$(what_it_said)"
	[ "$STATUS" -ne 0 ] || [[ $1 =~ ^(init|export)$ ]] || [ "$STORE" = new ] ||
		fail "$POINT: it was told, and is not so"
	expect_other "$1"
	[ -n "${NO_SEQUEL-}" ] || expect_mended
	COUNT[$STATUS]=$((COUNT[$STATUS] + 1))
}

# until_it_works FIRST STEP CHANGE...: each change with so much room, or so many steps, and with STEP more
# each time, to where nothing fails.
until_it_works() {
	local change level

	for change in "${@:3}"; do
		level=$1
		STATUS=-1
		while [ "$STATUS" -ne 0 ]; do
			try_change "$change" "$level"
			level=$((level + $2))
		done
	done
}

# faulty_tell: how many changes there were.
faulty_tell() {
	printf '# %s: %s changes failed with 74, %s with 73, %s were made; %s logins\n' "$KIND" \
		"${COUNT[74]-0}" "${COUNT[73]-0}" "${COUNT[0]-0}" "${COUNT[logins]-0}" >&3
}

# ---- Injected errors -----------------------------------------------------------

# What meets the disk, of lrkeyadm; and of the module.
CALLS_OF_CHANGE=openat,mkdirat,write,pwrite64,copy_file_range,ftruncate,fsync,fdatasync,fchmod,fchmodat
CALLS_OF_CHANGE+=,fchown,rename,renameat,renameat2,unlinkat,flock
CALLS_OF_LOGIN=openat,read,pread64,write,pwrite64,fsync,fdatasync,fcntl,flock,fstat,newfstatat,statx,lseek

# points_in FIRST: of the trace, each call with which of its occurrences it is, from a line that begins
# with FIRST on; without what is only read, and what is printed.
points_in() {
	awk -v first="$1" '
		{ sub(/^[0-9]+ +/, ""); name = $0; sub(/\(.*/, "", name) }
		!/^[a-z]/ { next }
		{ count[name]++ }
		first == "" { begun = 1 }
		first != "" && index($0, first) == 1 { begun = 1 }
		!begun || /^write\([12],/ { next }
		first == "" && name == "openat" && !/O_CREAT|O_RDWR|O_WRONLY/ { next }
		{ print name ":" count[name] }
	' "$BATS_TEST_TMPDIR/trace"
}

# points_of_change CHANGE
points_of_change() {
	fresh
	power_words "$1"
	strace -f -s 0 -o "$BATS_TEST_TMPDIR/trace" -e "trace=$CALLS_OF_CHANGE" "$LRKEYADM" --root "$ROOT" \
		"${WORDS[@]}" <"$BATS_FILE_TMPDIR/passphrase" >/dev/null 2>&1
	points_in ''
}

# points_of_login KEY: from where the module opens the root on. Before that libcrypto reads its settings.
points_of_login() {
	fresh
	UNDER=(strace -f -s 0 -o "$BATS_TEST_TMPDIR/trace" -e "trace=$CALLS_OF_LOGIN")
	HURT=()
	login "$1"
	points_in "openat(AT_FDCWD, \"$ROOT\""
}

# inject_change CHANGE STRIDE ERROR...: each STRIDEth point with one of the errors, in their turn; with a
# stride of 1 each point with each of them. What the store is like to whoever comes next hangs on no
# error's name, and takes most of the time.
inject_change() {
	local n=0 point errors=("${@:3}") error NO_SEQUEL

	while read -r point; do
		n=$((n + 1))
		[ $((n % $2)) -eq 0 ] || continue
		[ "$2" -eq 1 ] || errors=("${@:3 + n / $2 % ($# - 2):1}")
		for error in "${errors[@]}"; do
			NO_SEQUEL=
			[ "$2" -gt 1 ] || [ "$error" = "$3" ] || NO_SEQUEL=yes
			try_change "$1" "${point%:*}:error=$error:when=${point#*:}"
		done
	done < <(points_of_change "$1")
	[ "$n" -ge 3 ] || fail "$1: only $n points"
}

# inject_login WHAT KEY HOW-MANY ERROR...: each call, with all of the errors, or with one of them.
inject_login() {
	local n=0 point errors=("${@:4}") error

	POINT=$1
	while read -r point; do
		n=$((n + 1))
		[ "$3" = all ] || errors=("${@:4 + n % ($# - 3):1}")
		for error in "${errors[@]}"; do
			try_login "$1" "$2" "${point%:*}:error=$error:when=${point#*:}"
		done
	done < <(points_of_login "$2")
	[ "$n" -ge 3 ] || fail "$1: only $n points"
}

# ---- A login -------------------------------------------------------------------

# login KEY: through libpam; leaves in CODE what comes of it. What the module ignores is
# PAM_CRED_EXPIRED.
login() {
	local status=0 host

	pam_service_lines scim <<-EOS
		auth [success=done ignore=ignore default=die] $LRKEY_MODULE root=$ROOT
		auth required $LRKEY_BUILD/tests/pam/pam_next.so auth=$PAM_CRED_EXPIRED
		account [success=done ignore=ignore default=die] $LRKEY_MODULE root=$ROOT
		account required $LRKEY_BUILD/tests/pam/pam_next.so account=$PAM_CRED_EXPIRED
	EOS
	host=("$LRKEY_BUILD/tests/pam/pamhost" --confdir "$CONFDIR" --service scim --user acme)
	if [ "${#HURT[@]}" -gt 0 ]; then
		recorded_program "${HURT[@]}" -- "${host[@]}" <<<"$1" || status=$?
	else
		# Without what is preloaded, whose calls would be counted, too.
		inside "${UNDER[@]}" "${host[@]}" <<<"$1" >"$BATS_TEST_TMPDIR/stdout" \
			2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	fi
	CODE=$(sed -n 's/^pam_authenticate: //p' "$BATS_TEST_TMPDIR/stdout")
	[ "$status" -eq 1 ] || [ "$status $CODE" = '0 PAM_SUCCESS' ] ||
		fail "$POINT: exit status $status" "$(cat "$BATS_TEST_TMPDIR"/std{out,err})"
	grep -qx 'pam_acct_mgmt: PAM_SUCCESS' "$BATS_TEST_TMPDIR/stdout" || [ "$status" -ne 0 ]
	COUNT[logins]=$((COUNT[logins] + 1))
}

# uses KEY
uses() {
	adm show --json "$(id_of "$1")" 2>/dev/null | jq '.keys[0].uses'
}

# expect_code CODE...: one of these came of the login.
expect_code() {
	local code

	for code in "$@"; do
		[ "$CODE" != "$code" ] || return 0
	done
	fail "$POINT: $CODE" "$(cat "$BATS_TEST_TMPDIR/stdout")"
}

# try_login WHAT KEY HOW: a login on a disk that fails so; then on one that works again.
try_login() {
	local during

	POINT="$1, $KIND $3"
	fresh
	faulty_hurt "$3"
	login "$2"
	faulty_heal
	during=$CODE
	case $1 in
	unlimited)
		expect_code PAM_SUCCESS PAM_AUTHINFO_UNAVAIL
		# Who is let in is counted, or that he is not is said, once; but not synced.
		[ "$CODE" != PAM_SUCCESS ] || [ "$KIND" = broken ] ||
			[ "$(uses "$2")" -eq 1 ] ||
			[ "$(grep -c '^log: warning ' "$BATS_TEST_TMPDIR/stdout")" -eq 1 ] ||
			fail "$POINT: not counted, and not told" "$(cat "$BATS_TEST_TMPDIR/stdout")"
		;;
	limited | once)
		expect_code PAM_SUCCESS PAM_AUTHINFO_UNAVAIL
		[ "$CODE" != PAM_SUCCESS ] || [ "$(uses "$2")" -eq 1 ] || fail "$POINT: not counted"
		[ "$CODE" != PAM_SUCCESS ] || [[ ! $HOW =~ ^(openat|pread64|pwrite64|fdatasync|fsync): ]] ||
			fail "$POINT: let in"
		;;
	*) expect_code PAM_AUTH_ERR PAM_AUTHINFO_UNAVAIL ;;
	esac
	HURT=()
	UNDER=()
	login "$2"
	case $1 in
	unlimited | limited) expect_code PAM_SUCCESS ;;
	# It may have been spent for nothing; it is never spent twice.
	once)
		expect_code PAM_SUCCESS PAM_MAXTRIES
		[ "$during $CODE" != 'PAM_SUCCESS PAM_SUCCESS' ] || fail "$POINT: let in twice"
		;;
	*) expect_code PAM_AUTH_ERR ;;
	esac
}

# wrong_key: one that is well-formed, with the id of OTHER
wrong_key() {
	# shellcheck disable=SC2034 # of other_secret
	local KEY=$OTHER

	other_secret
}

# try_logins HOW: with each kind of key
try_logins() {
	try_login unlimited "$OTHER" "$1"
	try_login limited "$ACTIVE" "$1"
	try_login once "$ONCE" "$1"
	try_login wrong "$(wrong_key)" "$1"
	try_login revoked "$GONE" "$1"
}
