/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * - The terminal MUST get its echo back whatever ends the reading, a signal too.
 * - What was typed MUST NOT stay in a buffer of stdio: read(2) into the caller's.
 */
#include <errno.h>
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
 * taken. -1, with errno set, when it fails or a signal comes.
 */
static int
read_line(char *line, size_t size, size_t *ret_length)
{
	size_t length = 0;
	char c;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

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
	if (read_line(answer, sizeof(answer), &length) != 0)
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

static void
catch_signals(struct sigaction before[static N_ENDING])
{
	struct sigaction action = { .sa_handler = catch_signal };

	caught = 0;
	for (size_t i = 0; i < N_ENDING; i++) {
		sigaction(ending_signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
	}
}

static void
restore_signals(const struct sigaction before[static N_ENDING])
{
	for (size_t i = 0; i < N_ENDING; i++)
		sigaction(ending_signals[i], &before[i], NULL);
	if (caught != 0)
		raise(caught);
}

enum status
ask_hidden(const char *prompt, char *line, size_t size, size_t *ret_length)
{
	struct sigaction actions[N_ENDING];
	struct termios terminal, silent;
	int failed, error;

	if (tcgetattr(STDIN_FILENO, &terminal) != 0)
		return fail_errno(STATUS_IO, "terminal", errno);
	silent = terminal;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	catch_signals(actions);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) {
		error = errno;
		restore_signals(actions);
		return fail_errno(STATUS_IO, "terminal", error);
	}
	fputs(prompt, stderr);
	failed = read_line(line, size, ret_length);
	error = errno;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal);
	restore_signals(actions);
	return failed != 0 ? fail_errno(STATUS_IO, "standard input", error) : STATUS_OK;
}
