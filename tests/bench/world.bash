# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# Where the benchmarks run: a folder that is removed at the end and, for root, /etc, /var/lib and a
# loopback interface of its own.

leave_world() {
	cd /
	[ ! -d "${work-}/nginx" ] || end_servers
	[ "$(id -u)" != 0 ] || umount -l /etc/lrkey /var/lib/lrkey /etc /var/lib || true
	[ -z "${work-}" ] || rm -rf "$work"
}

# enter_world ARGUMENTS...: comes back in the world, with its folder in $work.
enter_world() {
	if [ "$(id -u)" = 0 ] && [ -z "${BENCH_OUTSIDE-}" ]; then
		BENCH_OUTSIDE=$(readlink /proc/self/ns/mnt) exec unshare --mount --net \
			--propagation private "$here/bench.sh" "$@"
	fi
	mkdir -p "$BENCH_OUT"
	BENCH_OUT=$(cd "$BENCH_OUT" && pwd)
	work=$(mktemp -d "$BENCH_OUT/work.XXXXXX")
	chmod 0755 "$work"
	stores=${BENCH_STORES:-$work/stores}
	mkdir -p "$stores"
	# The list of packages is out of sight in there.
	describe_machine >"$BENCH_OUT/machine"
	trap leave_world EXIT
	trap 'exit 1' HUP INT TERM
	[ "$(id -u)" != 0 ] || make_world
}

make_world() {
	[ "$(readlink /proc/self/ns/mnt)" != "$BENCH_OUTSIDE" ]
	cp -a /etc "$work/etc"
	rm -rf "$work/etc/lrkey"
	mkdir -p "$work/etc/lrkey" "$work/varlib" "$stores/etc/lrkey" "$stores/var/lib/lrkey"
	mount --bind "$work/etc" /etc
	mount --bind "$work/varlib" /var/lib
	mkdir -p /var/lib/lrkey
	mount --bind "$stores/etc/lrkey" /etc/lrkey
	mount --bind "$stores/var/lib/lrkey" /var/lib/lrkey
	ip link set lo up
}
