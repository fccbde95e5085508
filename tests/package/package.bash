# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the tests of the Debian packages share: the packages of "make deb", and a tree of a minimal
# Debian system, out of the archive that base.sh made, which they are installed into.
#
# - What runs in the tree MUST be in namespaces of its own for mounts and processes: nothing of it
#   outlives its call, or is mounted on the machine.

DEBS=$LRKEY_SOURCE/build/deb
BASE=$LRKEY_SOURCE/build/package/base.tar

# deb_files DIR: the two packages, without those of debugging symbols.
deb_files() {
	find "$1" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*'
}

# tree_open: unpacks a fresh tree, as $TREE, with the packages in its folder /debs; once in setup_file.
tree_open() {
	[ "$(id -u)" -eq 0 ] || { fail 'this test needs root'; return 1; }
	[ -e "$BASE" ] || { fail "no base system: $BASE"; return 1; }
	export TREE=$BATS_FILE_TMPDIR/tree
	mkdir "$TREE"
	tar -xf "$BASE" --numeric-owner -C "$TREE"
	mkdir "$TREE/debs"
	deb_files "$DEBS" | xargs -d '\n' cp -t "$TREE/debs"
}

# inside COMMAND...: runs it in the tree, as root.
inside() {
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --pid --fork --kill-child --propagation private sh -ec '
		mount -t proc proc "$1/proc"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
		mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
		tree=$1; shift
		exec chroot "$tree" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin LRKEY_DEBS=/debs "$@"' sh "$TREE" "$@" </dev/null
}

# tree_install PACKAGE...: with apt, without asking; what it says is kept in $TREE/../apt.
tree_install() {
	inside apt-get install -q -y --no-install-recommends "$@" >"$TREE/../apt" 2>&1 ||
		fail "$(cat "$TREE/../apt")"
}
