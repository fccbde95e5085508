# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash

# The plan of transact: NAME SERVICE USER TOKENS BLOCK OUTCOME.
transaction_plan() {
	local size first=${BENCH_SIZES%% *}

	echo "permit permit acme $work/password 50 ok"
	echo "floor floor acme $work/password 50 ok"
	for size in $BENCH_SIZES; do
		echo "lrkey-$size $place$size acme $stores/$size.keys 50 ok"
		echo "lrkey-root-$size root$size acme $stores/$size.keys 50 ok"
	done
	echo "lrkey-malformed $place$first acme $work/malformed 50 refused"
	echo "lrkey-unknown $place$first acme $work/unknown 50 refused"
	echo "lrkey-wrong $place$first acme $work/wrong 50 refused"
	echo "userdb userdb acme $work/password 10 ok"
	echo "userdb-crypt userdb-crypt acme $work/password 3 ok"
	echo "pwdfile pwdfile acme $work/password 3 ok"
	echo "oath oath acme $work/oath.tokens 5 ok"
	if [ "$(id -u)" = 0 ]; then
		echo "unix unix benchuser $work/password 1 ok"
	else
		say 'LEFT OUT, because they need root: pam_unix, the store at its own place'
	fi
}

# opens_in NAME BLOCK: how many files are opened when a block of that size is made once.
opens_in() {
	awk -v name="$1" -v block="$2" '$1 == name { $5 = block; print }' "$work/plan" |
		strace -f -qq -e trace=open,openat,openat2,creat -o "$work/opens" \
			"$tools/transact" opens "$confdir" 1 >/dev/null
	wc -l <"$work/opens"
}

# count_opens NAME: in one transaction more.
count_opens() {
	printf 'opens\t%s\t0\t%s\n' "$1" $((($(opens_in "$1" 110) - $(opens_in "$1" 10)) / 100))
}

bench_transaction() {
	transaction_plan >"$work/plan"
	count_opens floor
	count_opens lrkey-malformed
	count_opens "lrkey-${BENCH_SIZES%% *}"
	# Warm are the disks, too: the kernel may have put a large store out of its memory.
	cat "$stores"/var/lib/lrkey/s*/keys/keys.gdbm >/dev/null
	"$tools/transact" transact "$confdir" "$(rounds 200)" <"$work/plan"
}
