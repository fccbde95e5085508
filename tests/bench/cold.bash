# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# A process that makes one login and ends, beside one without a module that needs anything, and
# beside a bare program that loads libcrypto and fetches the two algorithms.

bench_cold() {
	local round size=${BENCH_SIZES%% *} service

	for ((round = 0; round < $(rounds 200); round++)); do
		for service in permit "root$size" userdb; do
			"$tools/spend" cold "$service" "$round" "$tools/once" "$confdir" "$service" acme \
				"$work/password"
		done
		"$tools/spend" cold bare "$round" "$tools/bare"
		"$tools/spend" cold crypto "$round" "$tools/crypto"
	done
}
