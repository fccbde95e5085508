#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whether root can mount ext4 and btrfs in a file here.
[ "$(id -u)" -eq 0 ] && losetup --find >/dev/null 2>&1 || exit 1
for system in ext4 btrfs; do
	grep -qw "$system" /proc/filesystems || modprobe --quiet "$system" || exit 1
done
