/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Talking with a person at a terminal. */
#ifndef LRKEYADM_ASK_H
#define LRKEYADM_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

/* Whether there is one who can be asked: standard input and error are terminals. */
bool ask_possible(void);

/* Asks on standard error; anything but y or yes is no, the end of input too. */
bool ask_yes(const char *question);

/*
 * Prompts on standard error and reads a line from the terminal at standard input
 * without echo. STATUS_OK with *ret_length characters, terminated, no newline;
 * a longer line is cut to size - 1. The caller wipes it.
 */
enum status ask_hidden(const char *prompt, char *line, size_t size, size_t *ret_length);

#endif
