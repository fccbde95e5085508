/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that are proposed to the user, ready to be pasted. */
#ifndef LRKEYADM_HINT_H
#define LRKEYADM_HINT_H

#include <stdio.h>

#include "command.h"

#define HINT_MAX 512

/* "lrkeyadm", with the options that name the request's store. */
void hint_prefix(const struct request *request, char text[static HINT_MAX]);

/* "mkdir -p DIR && ", where the request's --root is not there yet; "" otherwise. */
void hint_mkdir(const struct request *request, char text[static HINT_MAX]);

/* What can be done next: a few commands, and what each does. */
struct hints {
	unsigned n;
	struct {
		char command[HINT_MAX];
		char what[80];
	} hint[5];
};

/* A command of lrkeyadm for the request's store, or with NULL one of any program. */
void hints_add(struct hints *hints, const struct request *request, const char *command,
	       const char *what);

/* Prints them; on a terminal that is too narrow for both, what they do stands below them. */
void hints_print(const struct hints *hints, FILE *stream);

#endif
