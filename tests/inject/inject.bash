# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Changes that are broken off, or fail, at a chosen system call. A good run is traced first; each
# of its calls that writes, syncs, renames or sets a mode is a point to inject at.
#
# - Points MUST be found by counting calls: lrkeyadm lets nobody read its memory, so an
#   ordinary user's strace cannot match paths.

# The changes: the name of the command, which is also what takes ID to it.
CHANGES=(generate deactivate revoke)

# inject_setup: the store that each change begins with; once in setup_file. Its keys are left in
# ACTIVE, OTHER and OFF: two that work, and one that is switched off.
inject_setup() {
	inject_begin
	# The build with sanitizers does other calls, and takes ten times as long.
	[[ $LRKEY_BUILD != *-address* ]] || fail 'this is for the build without sanitizers'
	make_store
	ACTIVE=$(adm generate --org acme 2>/dev/null)
	OTHER=$(adm generate --org acme 2>/dev/null)
	OFF=$(adm generate --org acme 2>/dev/null)
	adm deactivate "$(id_of "$OFF")" >/dev/null
	OLD=$(states)
	# Read a hundred times over, and not with jq, which takes longer than all else. Here
	# the two must agree.
	[ "$OLD" = "$(adm list --all --json | jq -r '.keys[] | .id + "," + .state' | sort)" ]
	GENERATION=$(tail -n 1 "$ROOT/var/lib/lrkey/system/audit.log" | jq .gen)
	export ACTIVE OTHER OFF OLD GENERATION
	mv "$ROOT" "$BATS_FILE_TMPDIR/template"
	for change in "${CHANGES[@]}"; do
		fresh_store
		change_with "$change" -o "$BATS_FILE_TMPDIR/$change.trace" -s 0
		[ "$STATUS" -eq 0 ] || fail "the good run of $change: $STATUS" "$STDERR"
	done
}

# inject_begin: lib.bash gives each test a tree of its own; these share one.
inject_begin() {
	ROOT=$BATS_FILE_TMPDIR/root
}

# fresh_store: the store as inject_setup left it
fresh_store() {
	rm -rf "$ROOT"
	cp -a "$BATS_FILE_TMPDIR/template" "$ROOT"
}

id_of() {
	printf '%s' "${1:4:12}"
}

# states: id and state of each key, a line each
states() {
	adm list --all --csv --no-headings --columns id,state | sort
}

# change_with CHANGE STRACE-OPTION...: does the change under strace; its outcome is left in
# $STATUS, $STDOUT and $STDERR.
change_with() {
	local change=$1 arguments

	shift
	case $change in
	generate) arguments=(--org acme) ;;
	deactivate) arguments=("$(id_of "$ACTIVE")") ;;
	revoke) arguments=(--yes --force "$(id_of "$ACTIVE")") ;;
	esac
	STATUS=0
	# In braces, for the shell itself reports who was killed.
	{
		strace -f "$@" "$LRKEYADM" --root "$ROOT" "$change" "${arguments[@]}" \
			>"$BATS_FILE_TMPDIR/stdout" 2>"$BATS_FILE_TMPDIR/stderr" </dev/null
	} 2>/dev/null || STATUS=$?
	# shellcheck disable=SC2034 # for the tests
	STDOUT=$(<"$BATS_FILE_TMPDIR/stdout")
	STDERR=$(<"$BATS_FILE_TMPDIR/stderr")
}

# points CHANGE: the points of its good run, a line each: the call, which of its occurrences, what
# the store is when the process ends there (old or new), and where the call goes: file, usage (the
# counters), stdout or stderr. Besides "after": the first call after the last sync, and
# the first after the last point.
points() {
	awk '
		function is_point(name) {
			return name ~ /^p?write(64|v|v2)?$|^copy_file_range$|^ftruncate$/ ||
				name ~ /^sendfile$|^f(data)?sync$|^msync$/ ||
				name ~ /^f?chmod(at)?$|^rename(at|at2)?$/
		}
		# How often these are called differs from run to run.
		function is_steady(name) {
			return name !~ /^(getpid|getrandom|futex|brk|mmap|munmap|mremap)$/
		}
		function target(name, text) {
			if (name ~ /write/ && text ~ /\(1,/)
				return "stdout"
			if (name ~ /write/ && text ~ /\(2,/)
				return "stderr"
			# GDBM writes where it has sought to; only the usage file has fixed places.
			return name ~ /^pwrite/ ? "usage" : "file"
		}
		{
			sub(/^[0-9]+ +/, "")
		}
		/^[a-z]/ {
			name = $0
			sub(/\(.*/, "", name)
			text = $0
			count[name]++
			if (is_point(name)) {
				point[++n] = name " " count[name] " "
				where[n] = target(name, text)
				if (name ~ /^rename/)
					renamed = n
				if (name ~ /sync$/)
					synced = n
			} else if (is_steady(name) && n > 0 && !(n in next_call)) {
				next_call[n] = name " " count[name] " new after"
			}
		}
		END {
			for (i = 1; i <= n; i++)
				print point[i] (i <= renamed ? "old" : "new") " " where[i]
			print next_call[synced]
			print next_call[n]
		}
	' "$BATS_FILE_TMPDIR/$1.trace"
}

# at_point TEXT: what is tried now, for what wrong says
at_point() {
	POINT=$1
}

# wrong TEXT...: fails, and says at which point
wrong() {
	fail "$POINT: $1" "${@:2}"
}

# judge_store CHANGE: leaves in $STORE what the store is now, "old" or "new"; it fails when that
# is a third.
judge_store() {
	local now rest id

	id=$(id_of "$ACTIVE")
	now=$(states) || wrong "the store cannot be read"
	STORE=old
	[ "$now" != "$OLD" ] || return 0
	STORE=new
	case $1 in
	generate)
		# One more, and all others as they were.
		rest=$(grep -vxF "$OLD" <<<"$now")
		[[ $rest =~ ^[0-9A-Za-z]{12},active$ ]] && [ "$(wc -l <<<"$now")" -eq 4 ]
		;;
	deactivate) [ "$now" = "${OLD/"$id,active"/"$id,deactivated"}" ] ;;
	revoke) [ "$now" = "${OLD/"$id,active"/"$id,revoked"}" ] ;;
	esac || wrong "neither the old store nor the new one:" "$now"
}

# expect_verdict KEY STATUS [ORG]: that of verify, 0 for a key that is let in, 1 for one not.
expect_verdict() {
	local status=0

	adm verify --org "${3-acme}" <<<"$1" >/dev/null 2>&1 || status=$?
	[ "$status" -eq "$2" ] || wrong "verify ${1:4:12}: exit status $status, not $2"
}

# expect_keys CHANGE: each key is let in, or not, as it must be in the store of judge_store.
expect_keys() {
	local active=0

	[ "$1" = generate ] || [ "$STORE" = old ] || active=1
	expect_verdict "$ACTIVE" "$active"
	expect_verdict "$OTHER" 0
	expect_verdict "$OFF" 1
}

# audit_lines EXPRESSION: lines of the audit log
audit_lines() {
	grep -E "$1" "$ROOT/var/lib/lrkey/system/audit.log" || true
}

# audit_grew: whether the log has more in it than the change began with
audit_grew() {
	! cmp -s "$ROOT/var/lib/lrkey/system/audit.log" \
		"$BATS_FILE_TMPDIR/template/var/lib/lrkey/system/audit.log"
}

# expect_mended GREW: what the next change makes of the store. Remains are gone, and a line in
# the audit log whose change did not happen is taken back, once.
expect_mended() {
	local voids=0 next tried

	[ "$STORE $1" != 'old yes' ] || voids=1
	next=$(adm generate --org next 2>/dev/null) || wrong 'the next change fails'
	expect_verdict "$next" 0 next
	[ "$(ls -A "$ROOT/var/lib/lrkey/system/keys")" = keys.gdbm ] || wrong 'remains are left'
	[ "$(audit_lines ',"command":"void",' | wc -l)" -eq "$voids" ] ||
		wrong "not $voids void lines:" "$(audit_lines .)"
	# All of them take back the generation that was tried.
	tried=',"gen":'$((GENERATION + 1))',.*'
	[ "$(audit_lines "$tried"',"command":"void",' | wc -l)" -eq "$voids" ] ||
		wrong 'a void line of another generation:' "$(audit_lines .)"
	# Its own line is the last one.
	[[ $(audit_lines . | tail -n 1) == *'"command":"generate","ids":["'"${next:4:12}"'"]'* ]] ||
		wrong 'the last line is not the last change:' "$(audit_lines .)"
}
