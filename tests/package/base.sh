#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes FILE, an archive of a minimal Debian system that the packages are installed into:
#
#	tests/package/base.sh FILE
#
# It has nothing but Debian's required packages and apt. What else the tests install is fetched once,
# into apt's cache, and installed by the tests themselves.
set -euo pipefail
umask 022

wanted='systemd pamtester libgdbm6 libsmartcols1 libjansson4 libeconf0 libssl3'
read -r release mirror < <("${BASH_SOURCE[0]%/*}/../mirror.sh")

mkdir -p "${1%/*}"
# shellcheck disable=SC2016 # mmdebstrap's shell expands it
mmdebstrap --quiet --variant=minbase --skip=cleanup/apt,cleanup/reproducible \
	--customize-hook="chroot \"\$1\" apt-get install -q -y --no-install-recommends --download-only $wanted" \
	"$release" "$1.new.tar" "$mirror"
mv "$1.new.tar" "$1"
