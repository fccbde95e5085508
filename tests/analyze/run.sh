#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Static analysis of the core and both products: gcc's analyzer, clang's (scan-build), clang-tidy.
# Ends with 1 when one of them finds anything that tests/analyze/accepted.list does not accept.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=$PWD/build/analyze
flags=(-std=c17 -D_GNU_SOURCE '-DLRKEY_VERSION="0"' -Iinclude -I. -I/usr/include/libsmartcols)
hosted=(liblrkey/*.c pam_lrkey/*.c)
utility=(lrkeyadm/*.c)
failed=0

# each FILE... -- PROGRAM...: the program, for each file, as many at a time as there are processors.
each() {
	local -a files=()

	while [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	shift
	printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -I{} "$@"
}

# judge NAME: whether the log of that name holds a finding. Lines move, so they do not count for what
# is accepted.
judge() {
	local found

	found=$(grep -E ' (warning|error): ' "$results/$1" | sort -u |
		awk 'NR == FNR { if (!/^#/) accepted[$0] = 1; next }
			{
				bare = $0
				gsub(/:[0-9]+:[0-9]+: /, ": ", bare)
				for (piece in accepted)
					if (index(bare, piece))
						next
				print
			}' tests/analyze/accepted.list -)
	if [ -z "$found" ]; then
		echo "$1: nothing found"
	else
		printf '%s\n' "$1, all of it in $results/$1:" "$found"
		failed=1
	fi
}

mkdir -p "$results"

each "${hosted[@]}" "${utility[@]}" -- \
	gcc "${flags[@]}" -O1 -fanalyzer -c -o /dev/null {} >"$results/gcc" 2>&1 || failed=1
judge gcc

# What was analyzed before is analyzed again. Bounded copies are no fault for not being those of C11's annex K, which glibc does not have.
rm -rf build/ccc-analyzer "$results/html"
scan-build -o "$results/html" \
	-disable-checker security.insecureAPI.DeprecatedOrUnsafeBufferHandling \
	make -j"$(nproc)" all >"$results/scan-build" 2>&1 || failed=1
judge scan-build

# What is loaded into other people's threads is asked for more.
{
	each "${hosted[@]}" -- clang-tidy --quiet --checks=concurrency-mt-unsafe {} -- "${flags[@]}"
	each "${utility[@]}" -- clang-tidy --quiet {} -- "${flags[@]}"
} >"$results/clang-tidy" 2>&1 || true
judge clang-tidy

exit "$failed"
