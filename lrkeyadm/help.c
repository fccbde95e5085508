/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The usage text, from the command table. */
#include <stdio.h>

#include "options.h"

#define COLUMN 26

static void
print_option(const struct option_row *row)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", row->name, row->metavar != NULL ? " " : "",
		 row->metavar != NULL ? row->metavar : "");
	printf("  %-*s %s\n", COLUMN, left, row->help);
}

static void
print_everywhere(void)
{
	for (unsigned i = 0; option_everywhere(i) != NULL; i++)
		print_option(option_everywhere(i));
}

static void
print_all(void)
{
	puts("Usage: lrkeyadm [OPTIONS] COMMAND [ARGUMENTS]\n"
	     "\n"
	     "Manages the API keys that pam_lrkey lets in. Without a command: a summary.\n"
	     "\n"
	     "Commands:");
	for (unsigned i = 0; command_at(i) != NULL; i++)
		printf("  %-*s %s\n", COLUMN, command_at(i)->name, command_at(i)->summary);
	puts("\nOptions, before or after the command:");
	print_everywhere();
	puts("\n'lrkeyadm COMMAND --help' says more of a command; so does lrkeyadm(8).");
}

void
help_print(const struct command *command)
{
	if (command == NULL) {
		print_all();
		return;
	}
	printf("Usage: lrkeyadm %s [OPTIONS]%s%s\n\n%s.\n\nOptions:\n", command->name,
	       command->args[0] != '\0' ? " " : "", command->args, command->summary);
	for (unsigned i = 0; i < command->n_options; i++)
		print_option(&command->options[i]);
	puts("\nOptions of every command:");
	print_everywhere();
}
