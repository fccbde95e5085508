#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints the name of this machine's Debian release, and the mirror that apt is configured with for it.
set -euo pipefail

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt's own words
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	'Component: main' "Codename: $release" | sed -n 1p)
[ -n "$mirror" ] || { echo "mirror.sh: apt knows no mirror of $release" >&2; exit 1; }
printf '%s %s\n' "$release" "$mirror"
