#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the Debian packages, and leaves the tree alone:
#
#	tests/package/build.sh DIR [OPTION...]
#
# DIR is made anew, and then holds what dpkg-buildpackage makes, what it says, as DIR/log, and the copy
# of the source that it was made of, as DIR/pam-lrkey. The options are dpkg-buildpackage's.
set -euo pipefail

source=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
dir=$1
shift

# What git knows or would take up; without git, all but what was built.
source_files() {
	git -c safe.directory='*' ls-files -z --cached --others --exclude-standard 2>/dev/null ||
		find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%P\0'
}

rm -rf "$dir"
mkdir -p "$dir/pam-lrkey"
dir=$(cd "$dir" && pwd)
cd "$source"
# A file that was just removed is still known to git.
source_files | while IFS= read -r -d '' file; do
	[ ! -e "$file" ] || printf '%s\0' "$file"
done | tar -c --null --files-from=- | tar -x --no-same-owner -C "$dir/pam-lrkey"

cd "$dir/pam-lrkey"
# Settings of whoever calls are none of the package's.
unset CC CFLAGS CPPFLAGS LDFLAGS LDLIBS SAN V WERROR MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
dpkg-buildpackage --unsigned-source --unsigned-changes "$@" >"$dir/log" 2>&1 </dev/null || {
	cat "$dir/log"
	echo "build.sh: dpkg-buildpackage failed" >&2
	exit 1
}
