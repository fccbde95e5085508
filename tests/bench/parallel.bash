# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# Many at once: what a login costs all of them together, with keys of their own and with one key.

bench_parallel() {
	local round size n

	# The smallest store in which each has a key of its own.
	for size in $BENCH_SIZES; do
		[ "$size" -lt 100 ] || break
	done
	for ((round = 0; round < $(rounds 40); round++)); do
		for n in 1 2 8 32; do
			"$tools/crowd" "distinct-$n" "$round" processes "$n" "$confdir" "root$size" acme \
				"$stores/$size.keys" distinct
			# One alone has but one key.
			[ "$n" = 1 ] || "$tools/crowd" "same-$n" "$round" processes "$n" "$confdir" \
				"root$size" acme "$stores/$size.keys" same
		done
		"$tools/crowd" threads-distinct-16 "$round" threads 16 "$confdir" "root$size" acme \
			"$stores/$size.keys" distinct
		"$tools/crowd" threads-same-16 "$round" threads 16 "$confdir" "root$size" acme \
			"$stores/$size.keys" same
	done
}
