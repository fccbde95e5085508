#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Drives fuzz targets that libFuzzer was linked into, two at a time, each over its corpus and over
# what earlier runs have found:
#
#	tests/fuzz/run.sh FOLDER-OF-PROGRAMS SECONDS TARGET...
#
# New inputs, and the input of a finding, stay in build/fuzz/TARGET.
set -euo pipefail

programs=$1 seconds=$2
shift 2
corpus=${LRKEY_SOURCE:?}/tests/fuzz/corpus
results=$LRKEY_SOURCE/build/fuzz
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# run TARGET: the summary of its last line is printed; its log stays beside its inputs.
run() {
	local target=$1 folder=$results/$1 dictionary=$LRKEY_SOURCE/tests/fuzz/$1.dict
	local -a options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -print_final_stats=1
		-artifact_prefix="$folder/" -verbosity=1)

	mkdir -p "$folder/corpus"
	[ ! -e "$dictionary" ] || options+=(-dict="$dictionary")
	# Longer than asked for, or it hangs where libFuzzer does not see it.
	if timeout -k 10 "$((seconds + 300))" "$programs/fuzz_$target" "${options[@]}" \
		"$folder/corpus" "$corpus/$target" >"$folder/log" 2>&1; then
		awk -v target="$target" '/cov: / { line = $0 } /number_of_executed_units/ { runs = $2 }
			END { sub(/.*cov: /, "cov: ", line); sub(/ lim:.*/, "", line)
				print "ok " target ": " runs " runs, " line }' "$folder/log"
	else
		echo "not ok $target: see $folder" >&2
		tail -n 40 "$folder/log" >&2
		return 1
	fi
}

export -f run
export programs seconds corpus results
[ $# -gt 0 ] || { echo 'run.sh: no target' >&2; exit 64; }
printf '%s\n' "$@" | xargs -P 2 -I{} bash -euo pipefail -c 'run "$1"' run {}
