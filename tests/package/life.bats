#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The life of the packages in a fresh minimal system: installed with apt, the manual's first example
# as it stands, the units, an upgrade, and a removal. Each test goes on where the one before ended.
load ../lib.bash
load package.bash

setup_file() {
	tree_open
	cp -r "$LRKEY_SOURCE/debian/tests" "$TREE/debs/tests"
	(cd "$TREE" && find . -xdev ! -type d -printf '%P\n' | sort) >"$BATS_FILE_TMPDIR/before"
	inside sh -c 'cd /debs && apt-get install -q -y --no-install-recommends \
		./libpam-lrkey_*.deb ./lrkeyadm_*.deb' >"$BATS_FILE_TMPDIR/apt" 2>&1 ||
		fail "$(cat "$BATS_FILE_TMPDIR/apt")"
}

# example HEADING: the lines of an example of the installed lrkeyadm(8), as one types them; those for
# root begin with "# ", those for alice with "$ ".
example() {
	zcat "$TREE/usr/share/man/man8/lrkeyadm.8.gz" | awk -v head=".Ss $1" '
		/^\.S[hs] / { within = $0 == head; next }
		/^\.Bd -literal/ { literal = 1; next }
		/^\.Ed/ { literal = 0; next }
		within && literal' | sed -e 's/\\e$/\\/' -e 's/\\(aq/'\''/g' -e 's/\\(ti/~/g' -e 's/\\(ha/^/g'
}

# as_typed: lines of standard input, each by its user, in the tree; continued ones are one.
as_typed() {
	local line root='' alice=''

	while IFS= read -r line; do
		case $line in
		'# '*) root+="${line#??}"$'\n' ;;
		'$ '*) alice+="${line#??}"$'\n' ;;
		*) alice+=$line$'\n' ;;
		esac
	done
	inside bash -exc "$root"
	inside runuser -u alice -- bash -exc "cd; $alice"
}

@test "apt installs both without a complaint" {
	local said

	said=$(grep -iE '^(W|E|dpkg): |warning|error|fail' "$BATS_FILE_TMPDIR/apt" || true)
	[ -z "$said" ] || fail "$said"
	[ "$(inside dpkg-query -W -f '${db:Status-Abbrev}' libpam-lrkey lrkeyadm)" = 'ii ii ' ]
	[ -z "$(inside dpkg --audit)" ]
	[ -z "$(inside dpkg --verify libpam-lrkey lrkeyadm)" ]
}

@test "the groups are there, and a user for metrics who is a verifier and no more" {
	inside getent group _lrkey _lrkeymgr
	[ "$(inside id -nG lrkey-metrics)" = 'lrkey-metrics _lrkey' ]
	expect_match "$(inside getent shadow lrkey-metrics)" '^lrkey-metrics:!\*?:'
	expect_match "$(inside getent passwd lrkey-metrics)" ':/usr/sbin/nologin$'
}

@test "no store is made" {
	[ ! -e "$TREE/etc/lrkey" ]
	[ ! -e "$TREE/var/lib/lrkey" ]
	run inside lrkeyadm list
	expect_status 69
}

@test "of the timers the review is enabled, and the metrics are not" {
	[ -L "$TREE/etc/systemd/system/timers.target.wants/lrkey-review.timer" ]
	[ "$(find "$TREE/etc/systemd" -name 'lrkey-metrics*')" = '' ]
}

@test "the manual's first example, as it stands" {
	local lines

	lines=$(example 'A first store')
	[ "$(grep -c '^[#$] ' <<<"$lines")" -ge 5 ] || fail "$lines"
	run as_typed <<<"$lines"
	expect_status 0
	expect_match "$output" 'valid: key [0-9A-Za-z]{12} org acme state active'
}

# ---- systemd -----------------------------------------------------------------

units() {
	find "$LRKEY_SOURCE/etc/systemd" -name 'lrkey-*' -printf '%f\n' | sort
}

@test "systemd-analyze verify has nothing to say about the installed units" {
	local unit=$TREE/lib/systemd/system/lrkey-review.timer

	[ "$(units | wc -l)" -eq 4 ]
	# shellcheck disable=SC2046 # a list of words
	run systemd-analyze verify --man=no --root="$TREE" $(units)
	expect_status 0
	[ -z "$output" ] || fail "$output"
	cp "$unit" "$BATS_TEST_TMPDIR"
	echo 'OnCalender=weekly' >>"$unit"
	run systemd-analyze verify --man=no --root="$TREE" lrkey-review.timer
	cp "$BATS_TEST_TMPDIR/lrkey-review.timer" "$unit"
	[ -n "$output" ]
}

@test "both services are as exposed as they say, and not more" {
	local service stated

	for service in lrkey-review.service lrkey-metrics.service; do
		stated=$(sed -n 's/^# systemd-analyze security .*: exposure \([0-9.]*\), SAFE\.$/\1/p' \
			"$TREE/lib/systemd/system/$service")
		run systemd-analyze security --offline=yes --root="$TREE" --no-pager "$service"
		expect_match "$output" "exposure level for $service: $stated SAFE"
		systemd-analyze security --offline=yes --root="$TREE" --no-pager --threshold=5 "$service" \
			>/dev/null
		run ! systemd-analyze security --offline=yes --root="$TREE" --no-pager --threshold=3 \
			"$service"
	done
}

@test "systemd-sysusers is content with what is installed, and has nothing left to do" {
	local before

	before=$(cat "$TREE/etc/group" "$TREE/etc/passwd")
	run systemd-sysusers --root="$TREE" lrkey.conf lrkey-metrics.conf
	expect_status 0
	[ -z "$output" ] || fail "$output"
	[ "$(cat "$TREE/etc/group" "$TREE/etc/passwd")" = "$before" ]
	[ -z "$(find "$TREE" -xdev -path '*tmpfiles.d/*lrkey*')" ]
}

# of UNIT SETTING
of() {
	sed -n "s/^$2=//p" "$TREE/lib/systemd/system/$1"
}

# review: what the service runs, as whom it runs it: nobody's number, its groups, no capability, and no
# file system that can be written to.
review() {
	local groups command

	groups=$(of lrkey-review.service SupplementaryGroups | tr ' ' '\n' |
		while read -r group; do inside getent group "$group" | cut -d: -f3; done | paste -sd,)
	command=$(of lrkey-review.service ExecStart)
	unshare --mount --propagation private sh -ec '
		mount --bind "$1" "$1"
		mount -o remount,bind,ro "$1"
		exec chroot "$1" env -i PATH=/usr/bin:/bin setpriv --reuid=64321 --regid=64321 \
			--groups="$2" --inh-caps=-all --bounding-set=-all --no-new-privs sh -c "$3"
	' sh "$TREE" "$groups" "$command" </dev/null
}

@test "the review as its service runs it: nothing to say, and a finding is a success of the unit" {
	local id

	run review
	expect_status 0
	# Without a password, and not locked.
	inside useradd --password '*' bob
	id=$(inside lrkeyadm generate --org acme --owner bob | cut -c 5-16)
	run review
	expect_status 0
	# bob is locked: that only the group shadow can see.
	inside usermod --lock --expiredate 1 bob
	run review
	expect_status 1
	expect_match "$output" "^$id acme inactive-owner: owner bob is missing, expired or locked"
	expect_no_match "$output" 'only root sees'
	[ "$(of lrkey-review.service SuccessExitStatus)" = 1 ]
	inside lrkeyadm revoke --yes --force "$id"
	run review
	expect_status 0
}

@test "without a store the review is skipped, not failed" {
	[ -e "$TREE$(of lrkey-review.service ConditionPathExists)" ]
	mv "$TREE/etc/lrkey" "$TREE/etc/lrkey.aside"
	[ ! -e "$TREE$(of lrkey-review.service ConditionPathExists)" ]
	mv "$TREE/etc/lrkey.aside" "$TREE/etc/lrkey"
}

# ---- What debian/tests asks --------------------------------------------------

@test "PAM's own test program is installed beside" {
	tree_install pamtester
}

@test "quick start: a key, a login, a rotation, a revocation" {
	run inside sh /debs/tests/quick-start
	expect_status 0
}

@test "an upgrade keeps keys, groups and changes" {
	run inside sh /debs/tests/upgrade
	expect_status 0
}

@test "remove and purge keep keys and groups, and say so" {
	run inside sh /debs/tests/removal
	expect_status 0
	expect_match "$output" 'the API keys in /etc/lrkey and /var/lib/lrkey'
}

# ---- README.Debian -----------------------------------------------------------

# A service manager does not run in the tree; what systemctl does without one it does for real, which
# is not "cat", nor what --now adds.
play_systemctl() {
	# shellcheck disable=SC2016 # for the shell inside
	printf '%s\n' '#!/bin/sh' 'case $1 in' \
		'cat) exec cat "/lib/systemd/system/$2" ;;' \
		'disable) [ "$2" = --now ] && exec /usr/bin/systemctl disable "$3" ;;' \
		'esac' 'echo "not played: $*" >&2' 'exit 1' >"$TREE/usr/local/bin/systemctl"
	chmod 0755 "$TREE/usr/local/bin/systemctl"
}

# under HEADING: types, as root, what the installed README.Debian says below it.
under() {
	local file=$TREE/usr/share/doc/lrkeyadm/README.Debian lines

	lines=$("$LRKEY_SOURCE/tests/root/commands.pl" "$file" | awk -F '\t' -v head="$1" '$2 == head { print $5 }')
	[ -n "$lines" ] || fail "no command under $1"
	run inside bash -exc "PATH=/usr/local/bin:\$PATH; $lines"
	expect_status 0
}

@test "README.Debian: everything that it says, in its order" {
	[ "$("$LRKEY_SOURCE/tests/root/commands.pl" "$TREE/usr/share/doc/lrkeyadm/README.Debian" | cut -f 2 |
		uniq | xargs)" = 'lrkeyadm_and_libpam_lrkey_for_debian timers removal_and_purge' ]
	play_systemctl
	rm -rf "$TREE/etc/lrkey" "$TREE/var/lib/lrkey"
	inside usermod -G '' alice
	under lrkeyadm_and_libpam_lrkey_for_debian
	inside runuser -u alice -- lrkeyadm generate --org acme

	[ -L "$TREE/etc/systemd/system/timers.target.wants/lrkey-review.timer" ]
	under timers
	[ ! -e "$TREE/etc/systemd/system/timers.target.wants/lrkey-review.timer" ]
	expect_match "$output" '#	systemctl enable --now lrkey-metrics.timer'

	under removal_and_purge
	[ ! -e "$TREE/etc/lrkey" ]
	[ ! -e "$TREE/var/lib/lrkey" ]
	run inside getent group _lrkey _lrkeymgr lrkey-metrics
	[ -z "$output" ]
}
