# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A terminal with a shell in it whose prompt is "ready> ": tmux, with a server and a socket of the
# test's own.

SOCKET=$BATS_TEST_TMPDIR/tmux

# terminal_begin WIDTH COMMAND...
terminal_begin() {
	local width=$1

	shift
	# What it starts must not hold the descriptors that bats waits for.
	tmux -S "$SOCKET" -f /dev/null new-session -d -x "$width" -y 60 "$(printf '%q ' "$@")" \
		3>&- 4>&-
	wait_for_text 'ready>'
}

# terminal_end: in teardown
terminal_end() {
	[ ! -e "$SOCKET" ] || tmux -S "$SOCKET" kill-server || true
}

# wait_for_text TEXT: until it is on the screen, which is left in $screen.
wait_for_text() {
	local tries

	for ((tries = 0; tries < 1200; tries++)); do
		screen=$(tmux -S "$SOCKET" capture-pane -p)
		[[ $screen != *"$1"* ]] || return 0
		sleep 0.05
	done
	fail "never on the screen: $1" "$screen"
}

# press TEXT KEY...: types a text and keys on a clear line. What stands there then is left in
# $line, what is on the screen besides in $shown, without the prompts. A terminal hands its input on
# in order: when the mark is seen, what was typed before it is done. Each has a mark of its own: the
# last one may still stand there.
press() {
	local text=$1 mark="@@$SRANDOM@@"

	shift
	tmux -S "$SOCKET" send-keys C-u C-l
	tmux -S "$SOCKET" send-keys -l -- "$text"
	tmux -S "$SOCKET" send-keys "$@"
	tmux -S "$SOCKET" send-keys -l -- "$mark"
	wait_for_text "$mark"
	line=${screen%"$mark"*}
	line=${line##*ready> }
	# shellcheck disable=SC2034 # for the tests
	shown=$(grep -v '^ready> ' <<<"$screen" | sed 's/ *$//' | grep .) || true
}
