#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the images that the tests of this folder run:
#
#	unshare --mount --propagation private tests/containers/images.sh DIR MODULE OUTSIDE
#
# DIR/store then holds a base by the name that the Containerfile uses, made with debootstrap from
# the mirror that apt uses; what etc/compose.yaml builds on it, with MODULE; and Debian's
# exporter. No registry is asked. The base is kept, as DIR/base.tar. OUTSIDE is the mount
# namespace of the machine.
#
# - Nothing outside of DIR MUST be written to before it is a mount of this namespace's own.
set -euo pipefail
umask 022

source=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
module=$2

[ "$(readlink /proc/self/ns/mnt)" != "$3" ]

# What a broken-off run left goes first.
rm -rf --one-file-system "$1/store" "$1/base" "$1/base.tar.new"
mkdir -p "$1/base"

# podman has folders in these places, whatever its options say. The checkout may lie in one.
mount -t tmpfs -o mode=0755 tmpfs /run
dir=/run/images
mkdir "$dir" /run/source /run/tmp /run/etc
mount --bind "$1" "$dir"
mount --bind "$source" /run/source
cp -r /run/source/etc/compose.yaml /run/source/etc/containers /run/etc
cp "$module" /run/etc/containers/pam_lrkey.so
mount -t tmpfs -o mode=0755 tmpfs /var/lib

if [ ! -e "$dir/base.tar" ]; then
	read -r release mirror < <(/run/source/tests/mirror.sh)
	debootstrap --variant=minbase "$release" "$dir/base" "$mirror"
	rm -rf "$dir"/base/var/cache/apt/archives/*.deb
	tar -C "$dir/base" -cf "$dir/base.tar.new" .
	mv "$dir/base.tar.new" "$dir/base.tar"
fi
rm -rf --one-file-system "$dir/base"

cat >/run/containers.conf <<-EOS
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "runc"
	[network]
	network_backend = "netavark"
EOS
cat >/run/storage.conf <<-EOS
	[storage]
	driver = "overlay"
	graphroot = "$dir/store"
	runroot = "/run/containers"
EOS
export CONTAINERS_CONF=/run/containers.conf CONTAINERS_STORAGE_CONF=/run/storage.conf TMPDIR=/run/tmp

# No network of podman's own, no registry.
options='--quiet --network=host --isolation=chroot --pull-never'

podman import --quiet "$dir/base.tar" localhost/debian:12-slim
cd /run/etc
LRKEY_GID=1 podman-compose --podman-build-args="$options" build web
# shellcheck disable=SC2086 # a list of words
podman build $options -t localhost/lrkey-test-exporter \
	-f /run/source/tests/containers/exporter.Containerfile /run/source/tests/containers
podman image exists localhost/lrkey-nginx
