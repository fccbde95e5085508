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

# What may find something, which is exit 1.
judge_store() {
	local size=$1 name=$2 round=$3

	shift 3
	spend "$name-$size" "$round" '?' "$LRKEYADM" --root "$stores" --store "s$size" "$@"
}

# Beside the copy or the walk of the file alone.
measure_reading() {
	local size=$1 round=$2 file=$stores/var/lib/lrkey/s$1/keys/keys.gdbm

	# No copy waits for what was written before, nor replaces a larger one.
	rm -f "$work/copied"
	sync
	spend "raw-copy-$size" "$round" "$tools/raw" copy "$file" "$work/copied"
	spend "raw-walk-$size" "$round" "$tools/raw" walk "$file"
	on_store "$size" json "$round" list --json
	on_store "$size" csv "$round" list --csv
	on_store "$size" table "$round" list
	on_store "$size" org "$round" list --json --org few
	on_store "$size" verify "$round" verify --org acme <"$work/$size.key"
	on_store "$size" summary "$round"
	on_store "$size" metrics "$round" metrics
	on_store "$size" log "$round" log
	judge_store "$size" review "$round" review
	judge_store "$size" check "$round" check
}

# The life of a key that no other part logs in with, also when the stores are kept.
measure_changes() {
	local size=$1 round=$2 id

	on_store "$size" generate-one "$round" generate --org acme
	id=$("$LRKEYADM" --root "$stores" --store "s$size" generate --org acme 2>/dev/null)
	id=${id:4:12}
	on_store "$size" show "$round" show "$id"
	on_store "$size" edit "$round" edit --label "round $round" "$id"
	on_store "$size" deactivate "$round" deactivate "$id"
	on_store "$size" activate "$round" activate "$id"
	on_store "$size" rotate "$round" rotate "$id"
	on_store "$size" revoke "$round" revoke --yes "$id"
	on_store "$size" prune "$round" prune
}

# What seals or opens each entry anew, beside bare inserts of as many.
measure_whole() {
	local size=$1 round=$2 backup=$work/backup

	rm -rf "$backup" "$work/imported"
	mkdir "$work/imported"
	"$LRKEYADM" --root "$work/imported" init >/dev/null
	spend "raw-insert-$size" "$round" "$tools/raw" insert "$size" "$RECORD" "$work/inserted"
	on_store "$size" rekey "$round" rekey
	on_store "$size" export "$round" export --passphrase-fd 3 "$backup" 3<"$work/passphrase"
	spend "import-try-$size" "$round" "$LRKEYADM" --root "$work/imported" import --dry-run \
		--passphrase-fd 3 "$backup" 3<"$work/passphrase"
	spend "import-$size" "$round" "$LRKEYADM" --root "$work/imported" import --passphrase-fd 3 \
		"$backup" 3<"$work/passphrase"
}

# From nothing, with the largest store's number of keys, or 100,000.
measure_bulk() {
	local round=$1 count=100000

	[ "$largest" -ge "$count" ] || count=$largest
	rm -rf "$work/bulk"
	mkdir "$work/bulk"
	spend init "$round" "$LRKEYADM" --root "$work/bulk" init
	spend raw-insert "$round" "$tools/raw" insert "$count" "$RECORD" "$work/inserted"
	spend generate-bulk "$round" "$LRKEYADM" --root "$work/bulk" generate --org acme \
		--count "$count"
}

bench_commands() {
	local size round largest=${BENCH_SIZES##* }

	printf 'a passphrase of a benchmark\n' >"$work/passphrase"
	for ((round = 0; round < $(rounds 5); round++)); do
		for size in $BENCH_SIZES; do
			measure_reading "$size" "$round"
			measure_changes "$size" "$round"
			# Long and steady: three times are enough.
			[ "$round" -ge 3 ] || measure_whole "$size" "$round"
		done
		measure_bulk "$round"
	done
}
