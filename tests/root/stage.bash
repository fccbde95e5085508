# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A stage, for tests that need root: namespaces of their own for mounts, network and
# processes. Inside, /etc is a copy of the machine's, /var/lib, /var/log and /run are empty, the
# module is installed where libpam looks, every port is free, and /dev/log is a listener's
# of ours. So users, groups and services can be made, and are as real as any, while
# the machine is not changed; and whatever was started inside ends with the stage, which ends with
# the test file, however that ends.
#
# - What runs as another user MUST hold no privilege at all: "as" sees to it.

# stage_open: makes the stage; once in setup_file.
stage_open() {
	local word='' ready

	[ "$(id -u)" -eq 0 ] || { fail 'this test needs root'; return 1; }
	STAGE=$(mktemp -d /tmp/lrkey-stage.XXXXXXXXXX)
	chmod 0755 "$STAGE"
	mkdir "$STAGE/tree"
	mkfifo "$STAGE/hold" "$STAGE/ready"
	# Both ways, so that neither open waits. The stage lives as long as its standard
	# input, which is this shell's to close.
	exec {STAGE_HOLD}<>"$STAGE/hold" {ready}<>"$STAGE/ready"
	unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc \
		"$LRKEY_SOURCE/tests/root/stage.sh" \
		"$STAGE" "$STAGE/ready" "$(readlink /proc/self/ns/mnt)" \
		<"$STAGE/hold" >"$STAGE/errors" 2>&1 3>&- {STAGE_HOLD}>&- {ready}>&- &
	STAGE_PID=$!
	export STAGE STAGE_PID STAGE_HOLD
	while ! read -r -t 1 -u "$ready" word && kill -0 "$STAGE_PID" 2>/dev/null; do
		:
	done
	exec {ready}>&-
	[ "$word" = ready ] || { fail 'no stage:' "$(cat "$STAGE/errors")"; return 1; }
}

# stage_close: ends it; once in teardown_file, also when stage_open failed.
stage_close() {
	local first

	[ -n "${STAGE-}" ] || return 0
	# With the first process inside end all of them, before unshare knows of it.
	if [ -n "${STAGE_PID-}" ] && first=$(pgrep -P "$STAGE_PID"); then
		kill -KILL "$first"
		wait "$STAGE_PID" || true
	fi
	rm -rf --one-file-system "$STAGE"
}

# stage COMMAND...: runs it inside, as root.
stage() {
	nsenter --mount="/proc/$STAGE_PID/ns/mnt" --net="/proc/$STAGE_PID/ns/net" \
		--pid="/proc/$STAGE_PID/ns/pid_for_children" -- \
		env "PATH=$STAGE/tree/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@" \
		3>&- {STAGE_HOLD}>&-
}

# as USER COMMAND...: runs it inside as USER, in the groups that USER is in now, without any
# capability and without a way to gain one.
as() {
	local user=$1

	shift
	stage setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all \
		--bounding-set=-all --no-new-privs -- "$@"
}

# stage_user NAME [GROUP,...]: a user with a group of its own name, in the groups besides.
stage_user() {
	stage useradd --user-group --no-create-home --no-log-init --shell /bin/sh \
		${2:+--groups "$2"} "$1"
}

# The people of the tests, beside root: two managers, a service's user, one who was put into the
# manager group alone, and one who has nothing to do with any of it.
MANAGER=lrkt-anna
SECOND=lrkt-bert
VERIFIER=lrkt-service
HALF=lrkt-half
OUTSIDER=lrkt-outsider

# stage_people: makes the default groups, and them.
stage_people() {
	stage groupadd --system _lrkeymgr
	stage groupadd --system _lrkey
	stage_user "$MANAGER" _lrkeymgr,_lrkey
	stage_user "$SECOND" _lrkeymgr,_lrkey
	stage_user "$VERIFIER" _lrkey
	stage_user "$HALF" _lrkeymgr
	stage_user "$OUTSIDER"
}

# stage_key ARGUMENTS...: generates a key as root, which is left in $KEY, its id in $ID.
stage_key() {
	KEY=$(stage lrkeyadm generate "$@" 2>/dev/null) || fail "no key: generate $*"
	# shellcheck disable=SC2034 # for the tests
	ID=${KEY:4:12}
}

# stage_log: all that has been sent to syslog since stage_log_clear.
stage_log() {
	stage devlog sync /dev/log
	cat "$STAGE/log"
}

stage_log_clear() {
	stage devlog sync /dev/log
	: >"$STAGE/log"
}
