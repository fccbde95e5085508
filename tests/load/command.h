/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run of lrkeyadm by a manager, who may kill it. */
#ifndef TESTS_LOAD_COMMAND_H
#define TESTS_LOAD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define COMMAND_WORDS 16

enum kill_time {
	KILL_NEVER,
	KILL_ANY_TIME,
	KILL_AT_COPY,	/* when a new key file is made, by anybody */
	KILL_AT_RENAME, /* when one becomes the current one */
};

struct settings {
	const char *confdir, *root, *lrkeyadm;
	const char *dir; /* for what the managers keep */
	uint64_t seed;
	unsigned changes; /* to be made in all */
	unsigned kills;	  /* to be made in all; then changes is not looked at */
	uint64_t logins;  /* to be made in all, at least; changes are spread over them */
};

extern struct settings settings;

struct command {
	const char *words[COMMAND_WORDS]; /* behind --root ROOT */
	unsigned n_words;
	int stdin_fd; /* the passphrase, or -1 */
	/* Called now and then while it runs, and once when it has ended; or NULL. */
	void (*look)(void *context);
	void *context;
	enum kill_time kill;
	uint64_t kill_after; /* how long after that time, in nanoseconds */
	/* What came of it. */
	uint64_t begin, end;
	int status; /* of exit, or -1 when it was killed */
	FILE *out;  /* its standard output and error, to be closed */
};

void command_add(struct command *command, const char *word);
void command_run(struct command *command);

/* The first line of its output that tells why it failed, for messages. */
const char *command_why(const struct command *command);

#endif
