# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What the tests of the installed packages share. They run as root in a system of their own: under
# autopkgtest, or in the tree that "make check-package" makes.
#
# - A key MUST NOT be an argument of a program: printf and echo are the shell's own.
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	exit 1
}

# say TEXT...: where the test is.
say() {
	printf '\n== %s\n' "$*"
}

# fetch: both packages, as files in $dir. Whoever has them as files names their folder.
fetch() {
	if [ -n "${LRKEY_DEBS-}" ]; then
		cp "$LRKEY_DEBS"/libpam-lrkey_*.deb "$LRKEY_DEBS"/lrkeyadm_*.deb "$dir"
	else
		(cd "$dir" && apt-get download -q libpam-lrkey lrkeyadm)
	fi
}

# users: alice, a manager, and verifier, who is what a service's user is.
users() {
	id -u alice >/dev/null 2>&1 || useradd --create-home alice
	usermod -aG _lrkey,_lrkeymgr alice
	id -u verifier >/dev/null 2>&1 || useradd --system verifier
	usermod -aG _lrkey verifier
}

# as USER COMMAND...: with the groups of the user, and nothing of root's.
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
		--bounding-set=-all --no-new-privs "$@"
}

# store: a new one, and a PAM service "scim" that takes its keys.
store() {
	rm -rf /etc/lrkey /var/lib/lrkey
	lrkeyadm init
	printf '%s\n' 'auth required pam_lrkey.so' 'account required pam_lrkey.so' >/etc/pam.d/scim
}

# login KEY ORG: through libpam, as a service's user. What is said goes to $dir/login.
login() {
	printf '%s\n' "$1" | as verifier pamtester scim "$2" authenticate acct_mgmt >"$dir/login" 2>&1
}

let_in() {
	login "$@" || fail "a key is refused: $(cat "$dir/login")"
}

kept_out() {
	! login "$@" || fail 'a key is taken'
	grep -q 'pamtester:' "$dir/login" || fail "pamtester did not run: $(cat "$dir/login")"
}
