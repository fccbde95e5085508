# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# A key with a use limit, each use of which is on the disk before it is granted, beside a key without
# one whose logins are each followed by a bare write and sync of a slot in the same file system. Apart
# from each other, login and sync are measured, too: a sync that follows another at once costs less than
# one after a login, so that their sum is less than both together. One key each: what another key of the
# store costs is not the question.

limited_plan() {
	local size

	for size in $BENCH_SIZES; do
		echo "limited-$size $place$size acme $stores/$size.limited 20 ok"
		echo "unlimited-$size $place$size acme $work/$size.key 20 ok"
		echo "unlimited-and-sync-$size $place$size acme $work/$size.key 20 ok $stores/slots"
	done
	echo "raw-sync - - - 20 ok $stores/slots"
}

bench_limited() {
	# On the disk before, so that no write makes the file longer.
	head -c 4096 /dev/zero >"$stores/slots"
	sync "$stores/slots"
	limited_plan >"$work/plan"
	"$tools/transact" limited "$confdir" "$(rounds 200)" <"$work/plan"
}
