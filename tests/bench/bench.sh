#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "make bench": measures the module and the utility beside others, and writes
#
#	build/bench/raw/PART.tsv   every measured value
#	build/bench/bench.json     what comes of them
#	build/bench/table.txt      the same for people, which is printed, too
#	build/bench/plot.svg       cost against the number of keys
#
#	tests/bench/bench.sh [PART...]
#
# README.md beside this file says what the parts are and how to read the results.
#
#	BENCH_SCALE=0.1            a tenth of the rounds
#	BENCH_SIZES='10 1000'      other stores
#	BENCH_CLOCK=cpu            transactions by CPU time instead of the clock on the wall
#	BENCH_STORES=DIR           where stores are kept from run to run; made when missing
#
# - Root works in a mount namespace of its own, in which /etc and /var/lib are copies: nothing of the
#   machine's MUST be written to before they are.
# - A key MUST NOT be an argument of a program.
set -euo pipefail
umask 022
export LC_ALL=C.UTF-8 TZ=UTC

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
: "${LRKEY_BUILD:=$here/../../build/gcc}"
: "${LRKEY_MODULE:=$LRKEY_BUILD/pam_lrkey.so}"
: "${LRKEYADM:=$LRKEY_BUILD/lrkeyadm}"
: "${BENCH_OUT:=$here/../../build/bench}"
: "${BENCH_SCALE:=1}"
: "${BENCH_SIZES:=10 1000 100000 1000000}"
export LRKEY_BUILD LRKEY_MODULE LRKEYADM BENCH_OUT BENCH_SCALE BENCH_SIZES

# shellcheck disable=SC2034 # for the parts
tools=$LRKEY_BUILD/tests/bench

# shellcheck source-path=SCRIPTDIR
for file in world machine peers transaction limited cold parallel nginx commands; do
	# shellcheck source=/dev/null
	. "$here/$file.bash"
done

say() {
	printf '%s\n' "bench: $*" >&2
}

# rounds N: as many as BENCH_SCALE makes of N, at least 3.
rounds() {
	awk -v n="$1" -v scale="$BENCH_SCALE" 'BEGIN { r = int(n * scale); print r < 3 ? 3 : r }'
}

all_parts='transaction limited cold parallel nginx commands'

main() {
	local part

	# shellcheck disable=SC2086 # a list of words
	[ $# -gt 0 ] || set -- $all_parts
	for part in "$@"; do
		case " $all_parts " in
		*" $part "*) ;;
		*)
			say "no such part: $part ($all_parts)"
			exit 64
			;;
		esac
	done
	enter_world "$@"
	mkdir -p "$BENCH_OUT/raw"
	# One part alone takes its place among what was measured before.
	[ "$*" != "$all_parts" ] || rm -f "$BENCH_OUT"/raw/*.tsv
	make_peers
	for part in "$@"; do
		say "$part ..."
		"bench_$part" >"$BENCH_OUT/raw/$part.tsv"
		say "$part: done after $SECONDS s"
	done
	perl "$here/report.pl" "$BENCH_OUT"
	perl "$here/plot.pl" <"$BENCH_OUT/bench.json" >"$BENCH_OUT/plot.svg"
}

main "$@"
