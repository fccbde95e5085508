/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * - The terminal MUST get its echo back whatever ends the reading, a signal too.
 * - What was typed MUST NOT stay in a buffer of stdio: read(2) into the caller's.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "ask.h"

bool
ask_possible(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/*
 * Reads to the end of a line, a character at a time, so that nothing behind it is
 * taken. -1, with errno set, when it fails or a signal comes. Signals that are blocked but not
 * in mask come only while it waits: none is lost between the prompt and the reading.
 */
static int
read_line(const sigset_t *mask, char *line, size_t size, size_t *ret_length)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	size_t length = 0;
	char c;

	for (;;) {
		ssize_t n;

		if (ppoll(&input, 1, NULL, mask) < 0)
			return -1;
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0)
			return -1;
		if (n == 0 || c == '\n')
			break;
		if (length + 1 < size)
			line[length++] = c;
	}
	line[length] = '\0';
	*ret_length = length;
	lrk_wipe_object(&c);
	return 0;
}

bool
ask_yes(const char *question)
{
	char answer[16];
	size_t length;

	fprintf(stderr, "%s [y/N] ", question);
	if (read_line(NULL, answer, sizeof(answer), &length) != 0)
		return false;
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define N_ENDING (sizeof(ending_signals) / sizeof(ending_signals[0]))

static volatile sig_atomic_t caught;

static void
catch_signal(int number)
{
	caught = number;
}

/* How signals were handled before. */
struct handling {
	struct sigaction actions[N_ENDING];
	sigset_t mask;
};

static void
catch_signals(struct handling *before)
{
	struct sigaction action = { .sa_handler = catch_signal };
	sigset_t ending;

	caught = 0;
	sigemptyset(&ending);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaddset(&ending, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &ending, &before->mask);
	for (size_t i = 0; i < N_ENDING; i++) {
		sigaction(ending_signals[i], NULL, &before->actions[i]);
		if (before->actions[i].sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
	}
}

static void
restore_signals(const struct handling *before)
{
	for (size_t i = 0; i < N_ENDING; i++)
		sigaction(ending_signals[i], &before->actions[i], NULL);
	if (caught != 0)
		raise(caught);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

enum status
ask_hidden(const char *prompt, char *line, size_t size, size_t *ret_length)
{
	struct handling before;
	struct termios terminal, silent;
	int failed, error;

	if (tcgetattr(STDIN_FILENO, &terminal) != 0)
		return fail_errno(STATUS_IO, "terminal", errno);
	silent = terminal;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	catch_signals(&before);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) {
		error = errno;
		restore_signals(&before);
		return fail_errno(STATUS_IO, "terminal", error);
	}
	fputs(prompt, stderr);
	failed = read_line(&before.mask, line, size, ret_length);
	error = errno;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal);
	restore_signals(&before);
	return failed != 0 ? fail_errno(STATUS_IO, "standard input", error) : STATUS_OK;
}
