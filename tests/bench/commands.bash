# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# Commands of the utility, each with its time, the CPU time it used and its peak of memory, beside
# the bare work on the same file.

# As long as a record of the stores here.
RECORD=137

spend() {
	"$tools/spend" commands "$@"
}

# on_store SIZE NAME ROUND ARGUMENTS...
on_store() {
	local size=$1 name=$2 round=$3

	shift 3
	spend "$name-$size" "$round" "$LRKEYADM" --root "$stores" --store "s$size" "$@"
}

# key_at SIZE N: the id of a key.
key_at() {
	sed -n "$2p" "$stores/$1.keys" | cut -c5-16
}

measure_store() {
	local size=$1 round=$2 file id
	file=$stores/var/lib/lrkey/s$size/keys/keys.gdbm

	id=$(key_at "$size" 1)
	spend "raw-copy-$size" "$round" "$tools/raw" copy "$file" "$work/copied"
	spend "raw-walk-$size" "$round" "$tools/raw" walk "$file"
	on_store "$size" json "$round" list --json
	on_store "$size" csv "$round" list --csv
	on_store "$size" org "$round" list --json --org nobody
	on_store "$size" show "$round" show "$id"
	on_store "$size" deactivate "$round" deactivate "$id"
	on_store "$size" activate "$round" activate "$id"
	on_store "$size" generate-one "$round" generate --org acme
	on_store "$size" summary "$round"
	on_store "$size" metrics "$round" metrics
	spend "review-$size" "$round" '?' "$LRKEYADM" --root "$stores" --store "s$size" review
	spend "check-$size" "$round" '?' "$LRKEYADM" --root "$stores" --store "s$size" check
	# One that no other part logs in with, also when the stores are kept.
	id=$("$LRKEYADM" --root "$stores" --store "s$size" generate --org acme 2>/dev/null)
	id=${id:4:12}
	on_store "$size" revoke "$round" revoke --yes "$id"
}

# From nothing, with the largest store's number of keys, or 100,000.
measure_bulk() {
	local round=$1 count=100000

	[ "$largest" -ge "$count" ] || count=$largest
	rm -rf "$work/bulk" "$work/inserted"
	mkdir -p "$work/bulk"
	"$LRKEYADM" --root "$work/bulk" init >/dev/null
	spend raw-insert "$round" "$tools/raw" insert "$count" "$RECORD" "$work/inserted"
	spend generate-bulk "$round" "$LRKEYADM" --root "$work/bulk" generate --org acme \
		--count "$count"
}

bench_commands() {
	local size round largest=${BENCH_SIZES##* }

	for ((round = 0; round < $(rounds 5); round++)); do
		for size in $BENCH_SIZES; do
			measure_store "$size" "$round"
		done
		measure_bulk "$round"
	done
}
