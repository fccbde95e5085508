# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# A process that makes one login and ends, beside one without a module that needs anything, and
# beside a bare program, and a bare module, that load libcrypto and fetch the two algorithms.

bench_cold() {
	local round service store=$place${BENCH_SIZES%% *}

	for ((round = 0; round < $(rounds 600); round++)); do
		for service in permit fetch userdb "$store"; do
			"$tools/spend" cold "${service/#$store/lrkey}" "$round" "$tools/once" "$confdir" \
				"$service" acme "$work/password"
		done
		"$tools/spend" cold bare "$round" "$tools/bare"
		"$tools/spend" cold crypto "$round" "$tools/crypto"
	done
}
