# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# What the numbers come from. No path and no name of the machine: results are published.

# said WHAT COMMAND...: a line of the description, with the command's first line of output.
said() {
	local what=$1 is

	shift
	is=$("$@" 2>/dev/null | head -n 1) || true
	printf '%s\t%s\n' "$what" "${is:-unknown}"
}

version_of() {
	said "$1" dpkg-query -W -f '${Version}\n' "$2"
}

describe_machine() {
	said processor sed -nE 's/^model name[[:space:]]*: //p' /proc/cpuinfo
	said processors nproc
	said 'memory, KiB' awk '/^MemTotal/ { print $2 }' /proc/meminfo
	said kernel uname -srm
	said system sed -nE 's/^PRETTY_NAME="(.*)"/\1/p' /etc/os-release
	said 'file system' findmnt -no FSTYPE -T "$stores"
	version_of libc libc6
	version_of libpam libpam0g
	version_of GDBM libgdbm6
	version_of OpenSSL libssl3
	version_of nginx nginx
	version_of pam_pwdfile libpam-pwdfile
	version_of pam_oath libpam-oath
	said lrkeyadm "$LRKEYADM" --version
	said source git -c safe.directory='*' -C "$here" rev-parse --short HEAD
	said 'load before' cut -d ' ' -f 1-3 /proc/loadavg
	printf 'rounds\t%s of all\nsizes\t%s\nclock\t%s\n' "$BENCH_SCALE" "$BENCH_SIZES" \
		"${BENCH_CLOCK:-wall}"
	said date date -u +%Y-%m-%d
}
