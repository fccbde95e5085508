/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "signals.h"

/* What was to be ignored still is: a signal that waits does not tell. */
static void
hold_unless_ignored(sigset_t *held, int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
		sigaddset(held, number);
}

void
signals_hold(struct signals *ret)
{
	sigset_t held;

	sigemptyset(&held);
	hold_unless_ignored(&held, SIGINT);
	hold_unless_ignored(&held, SIGTERM);
	hold_unless_ignored(&held, SIGHUP);
	/* A reader who went away must be told apart: keys are made that nobody saw. */
	sigaddset(&held, SIGPIPE);
	ret->held = sigprocmask(SIG_BLOCK, &held, &ret->before) == 0;
}

bool
signals_end(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGHUP) == 1;
}

void
signals_release(const struct signals *signals)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t broken_pipe;

	if (!signals->held)
		return;
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	if (sigismember(&signals->before, SIGPIPE) == 0)
		while (sigtimedwait(&broken_pipe, NULL, &at_once) == SIGPIPE)
			continue;
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
}
