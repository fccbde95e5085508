#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests have run of the core and the module, from the profiles that they left:
#
#	tests/coverage/report.sh BUILD LINES BRANCHES
#
# Prints a table, leaves the lines and branches that nothing reached in BUILD/uncovered, and ends with
# 1 when less than LINES percent of the lines or BRANCHES percent of the branches were.
set -euo pipefail

build=$1 lines=$2 branches=$3
cd "${LRKEY_SOURCE:?}"
objects=("$build/pam_lrkey.so")
# The core as it was compiled: the module has not all of it. llvm-cov 14 does not take the archive.
for object in "$build"/obj/liblrkey/*.o; do
	objects+=(-object "$object")
done
source_files=(liblrkey pam_lrkey include)

llvm-profdata-14 merge -sparse -o "$build/profile.data" "$build"/profile/*.profraw
llvm-cov-14 export -summary-only -instr-profile "$build/profile.data" "${objects[@]}" \
	"${source_files[@]}" >"$build/coverage.json"
llvm-cov-14 show -show-branches=count -show-line-counts -instr-profile "$build/profile.data" \
	"${objects[@]}" "${source_files[@]}" >"$build/coverage.text"

# A line that was never run, and a condition that was never true or never false.
awk '/^\/.*:$/ { file = $0; sub(/:$/, "", file); next }
	/^ *[0-9]+\| *0\|/ { print file ": " $0; next }
	/Branch \(/ && /(True: 0,|False: 0\])/ { print file ": " $0 }' "$build/coverage.text" |
	sed "s|^$LRKEY_SOURCE/||" >"$build/uncovered"

jq -r '.data[0].files[] | [.filename, .summary.lines.count, .summary.lines.covered,
		.summary.branches.count, .summary.branches.covered] | @tsv' "$build/coverage.json" |
	sed "s|^$LRKEY_SOURCE/||" | sort |
	awk -F'\t' -v least_lines="$lines" -v least_branches="$branches" '
		function percent(part, whole) { return whole ? 100 * part / whole : 100 }
		function show(name, l, lc, b, bc) {
			printf "%-24s %6d of %6d lines %6.2f %%   %6d of %6d branches %6.2f %%\n",
				name, lc, l, percent(lc, l), bc, b, percent(bc, b)
		}
		{
			show($1, $2, $3, $4, $5)
			part = $1; sub(/\/.*/, "", part)
			for (i = 2; i <= 5; i++) { sum[part, i] += $i; all[i] += $i }
			parts[part] = 1
		}
		END {
			for (part in parts)
				show(part, sum[part, 2], sum[part, 3], sum[part, 4], sum[part, 5])
			show("all", all[2], all[3], all[4], all[5])
			if (!all[2] || percent(all[3], all[2]) < least_lines ||
			    percent(all[5], all[4]) < least_branches) {
				print "coverage: less than " least_lines " % of lines or " \
					least_branches " % of branches"
				exit 1
			}
		}'
