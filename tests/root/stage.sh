#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the inside of a stage, and becomes its log daemon. Only stage.bash runs it:
#
#	unshare OPTIONS... tests/root/stage.sh DIR READY OUTSIDE
#
# OUTSIDE is the mount namespace of the machine.
#
# - Nothing outside of DIR MUST be written to before it is a mount of this namespace's own.
set -euo pipefail
umask 022

dir=$1
ready=$2
tree=$dir/tree

[ $$ -eq 1 ]
[ "$(readlink /proc/self/ns/mnt)" != "$3" ]

mount -t tmpfs -o mode=0755 tmpfs "$tree"
mkdir "$tree/bin" "$tree/dev"
cp "$LRKEYADM" "$LRKEY_BUILD"/tests/root/* "$LRKEY_BUILD"/tests/pam/pamhost "$tree/bin"

# The module, where an administrator would install it.
for security in /usr/lib/*/security /lib/*/security /lib/security; do
	[ ! -e "$security/pam_permit.so" ] || break
done
cp -a "$security" "$tree/security"
install -m 0644 "$LRKEY_MODULE" "$tree/security/pam_lrkey.so"

# Users, groups and services as on the machine, and free to be changed.
cp -a /etc "$tree/etc"
rm -rf "$tree/etc/lrkey"

for node in null zero full random urandom tty; do
	[ -e "/dev/$node" ] || continue
	: >"$tree/dev/$node"
	mount --bind "/dev/$node" "$tree/dev/$node"
done
ln -s /proc/self/fd "$tree/dev/fd"
ln -s fd/0 "$tree/dev/stdin"
ln -s fd/1 "$tree/dev/stdout"
ln -s fd/2 "$tree/dev/stderr"
mkdir -m 1777 "$tree/dev/shm"

mount --bind "$tree/security" "$security"
mount --bind "$tree/etc" /etc
for place in /run /var/lib /var/log; do
	mount -t tmpfs -o mode=0755 tmpfs "$place"
done
mount --rbind "$tree/dev" /dev

# The loopback interface, which is the only one: SIOCSIFFLAGS, IFF_UP.
perl -MSocket -e '
	socket(my $s, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
	my $up = pack("a16 s x22", "lo", 1);
	ioctl($s, 0x8914, $up) or die "lo: $!\n";
'

exec "$tree/bin/devlog" serve /dev/log "$dir/log" >"$ready"
