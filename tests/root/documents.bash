# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Types what a document tells its reader to type. Load lib.bash and stage.bash before.
#
# - What a document says MUST be run as it stands: but for the id of a key, nothing is replaced.

# The id that the manuals write, in whose place that of a real key is typed.
EXAMPLE_ID=7Hq2ZtXw9LmB

# A service manager's part is played: nginx stops and starts for real; of other servers it is looked
# whether the machine has such a unit.
SYSTEMCTL='#!/bin/sh
[ "$1" = restart ] && [ $# -eq 2 ] || { echo "systemctl: not played: $*" >&2; exit 1; }
[ "$2" = nginx ] || exec test -e "/lib/systemd/system/$2.service"
[ ! -s /run/nginx.pid ] || { nginx -s stop && while [ -e /run/nginx.pid ]; do sleep 0.05; done; }
exec nginx'

# documents_stage: a stage on which everything may be installed, and people have homes; what of it
# the machine has is covered.
documents_stage() {
	local place

	stage_open
	for place in /home /var/backups; do
		stage mount -t tmpfs -o mode=0755 tmpfs "$place"
	done
	stage mkdir "$STAGE/tree/upper" "$STAGE/tree/overlay" /run/admin
	stage mount -t overlay -o \
		"lowerdir=/usr,upperdir=$STAGE/tree/upper,workdir=$STAGE/tree/overlay" overlay /usr
	# What packages are installed, for who asks.
	stage mkdir /var/lib/dpkg
	stage dd of=/var/lib/dpkg/status status=none </var/lib/dpkg/status
	# The one that is installed shall be found.
	stage rm "$STAGE/tree/bin/lrkeyadm"
	printf '%s\n' "$SYSTEMCTL" | stage tee "$STAGE/tree/bin/systemctl" >/dev/null
	stage chmod 0755 "$STAGE/tree/bin/systemctl"
	: >"$STAGE/transcript"
	: >"$STAGE/typed"
}

# documents_install: as "make install" does, from what was built for the tests.
documents_install() {
	MAKEFLAGS=${LRKEY_MAKEFLAGS-} stage make -s --no-print-directory -C "$LRKEY_SOURCE" install \
		>/dev/null
}

# documents_nginx HOST...: Debian's nginx without a site, and before it names and certificates that
# everybody on the stage trusts; an application at 8080, and one at 9100.
documents_nginx() {
	local host port

	stage install -d /var/log/nginx /var/lib/nginx /etc/ssl/certs /etc/ssl/private
	stage rm -f /etc/nginx/sites-enabled/default
	for host in "$@"; do
		echo "127.0.0.1 $host" | stage tee -a /etc/hosts >/dev/null
		stage "$LRKEY_BUILD/tests/services/cert" "$host" "/etc/ssl/certs/$host.pem" \
			"/etc/ssl/private/$host.key"
		stage sh -c "cat /etc/ssl/certs/$host.pem >>/etc/ssl/certs/ca-certificates.crt"
	done
	for port in 8080 9100; do
		# shellcheck disable=SC2016 # nginx's variables
		printf 'server {\nlisten 127.0.0.1:%s;\nreturn 200 "%s";\n}\n' "$port" \
			'port $server_port org <$http_x_organization> key <$http_authorization>'
	done | stage tee /etc/nginx/sites-enabled/application >/dev/null
}

# items FILE: what it tells to type; see commands.pl. FILE is one of the source, or absolute.
items() {
	(cd "$LRKEY_SOURCE" && tests/root/commands.pl "$1")
}

# may_end COMMAND STATUS: whether this is how it may end. Two commands answer "no" by their status.
may_end() {
	[ "$2" -eq 0 ] || { [ "$2" -eq 1 ] && [[ $1 =~ ^lrkeyadm\ (check|review)$ ]]; }
}

# type_as WHO DIR COMMAND...: one after the other, in one shell at a terminal, WHO being root or user.
# Each leaves "STATUS COMMAND" in $STAGE/typed, and what was seen is in $STAGE/transcript.
type_as() {
	local who=$1 dir=$2 command status failed=''

	shift 2
	: >"$STAGE/results"
	printf '%s\n' 'set +e' >"$STAGE/script"
	for command in "$@"; do
		command=${command//$EXAMPLE_ID/${ID:-$EXAMPLE_ID}}
		printf '{\n%s\n}\necho "$?" >&9\n' "${command//$'\x1f'/$'\n'}" >>"$STAGE/script"
	done
	export -f stage as
	# shellcheck disable=SC2016 # for the shell inside
	"$LRKEY_SOURCE/tests/root/typist.exp" bash -c '
		exec 9>"$STAGE/results"
		who=(stage)
		[ "$1" = root ] || who=(as alice)
		"${who[@]}" env -i -C "$2" "PATH=$STAGE/tree/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
			"HOME=$2" TERM=xterm LANG=C.UTF-8 bash "$STAGE/script"
	' - "$who" "$dir" >>"$STAGE/transcript" 2>&1 </dev/null || true
	while read -r status; do
		command=${1//$'\x1f'/ }
		shift
		printf '%s %s\n' "$status" "$command" >>"$STAGE/typed"
		may_end "$command" "$status" || failed+="status $status: $command"$'\n'
	done <"$STAGE/results"
	[ $# -eq 0 ] || failed+="not reached: ${1//$'\x1f'/ }"$'\n'
	[ -z "$failed" ] || fail "$failed" "$(tail -n 40 "$STAGE/transcript")"
}

# type_document FILE [DIR]: all of it, in its order. Root works in DIR. Before and after the commands
# below a heading the functions prepare_HEADING and check_HEADING are called, where there are any,
# HEADING with $HOOKS before it. What
# $NOT_TYPED holds, an associative array of reasons by command, is not typed, and said.
type_document() {
	local file=$1 dir=${2-/run/admin} line heading who text last='' last_who='' commands=()

	HEADINGS=()
	while IFS=$'\t' read -r line heading who _ text <&4; do
		[ "$who" != text ] || continue
		if [ -n "${NOT_TYPED[$text]-}" ]; then
			echo "# NOT TYPED: $file:$line: $text: ${NOT_TYPED[$text]}" >&3
			unset "NOT_TYPED[$text]"
			continue
		fi
		if [ "$heading $who" != "$last $last_who" ]; then
			type_commands
		fi
		if [ "$heading" != "$last" ]; then
			call "check_${HOOKS-}$last"
			HEADINGS+=("$heading")
			call "prepare_${HOOKS-}$heading"
		fi
		last=$heading
		last_who=$who
		commands+=("$text")
	done 4< <(items "$file")
	[ "${#HEADINGS[@]}" -gt 0 ] || fail "$file: nothing to type"
	type_commands
	call "check_${HOOKS-}$last"
	[ "${#NOT_TYPED[@]}" -eq 0 ] || fail "$file does not say:" "${!NOT_TYPED[@]}"
}

# Those that type_document has collected.
type_commands() {
	[ "${#commands[@]}" -gt 0 ] || return 0
	if [ "$last_who" = root ]; then
		type_as root "$dir" "${commands[@]}"
	else
		type_as user "$(stage sh -c 'echo ~alice')" "${commands[@]}"
	fi
	commands=()
}

call() {
	if declare -F "$1" >/dev/null; then
		"$1"
		CALLED+=" $1"
	fi
}
