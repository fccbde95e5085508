/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking a command line apart. */
#ifndef LRKEYADM_OPTIONS_H
#define LRKEYADM_OPTIONS_H

#include "command.h"

/*
 * Takes argv apart. STATUS_USAGE, with one line that says what is wrong, for whatever the
 * command table does not allow. *ret is released with request_free, also on failure.
 */
enum status request_parse(int argc, char **argv, struct request *ret);

void request_free(struct request *request);

/* The options that every command takes, and the summary; NULL behind the last. */
const struct option_row *option_everywhere(unsigned i);

/* Prints the usage of a command, or of lrkeyadm for NULL, on standard output. */
void help_print(const struct command *command);

#endif
