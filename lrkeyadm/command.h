/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands and what a command line asks of them. A new command is a file that
 * defines a struct command, its declaration here and its row in commands.c.
 */
#ifndef LRKEYADM_COMMAND_H
#define LRKEYADM_COMMAND_H

#include <stdbool.h>
#include <limits.h>

#include "message.h"

#define OPTIONS_MAX 16

/* An option of one command. Its value stands in the request under its index. */
struct option_row {
	const char *name;
	const char *metavar; /* NULL: takes no value */
	const char *help;    /* one line */
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct command;

/* A command line, taken apart but not understood. */
struct request {
	const struct command *command; /* NULL: the summary */
	const char *store;
	const char *root;   /* NULL: none */
	bool json;
	enum color color;
	bool help;
	bool version;
	const char *value[OPTIONS_MAX]; /* NULL: not given; "" for one without a value */
	unsigned n_args;
	const char **args;
};

#define ARGS_MANY UINT_MAX

struct command {
	const char *name;
	const char *args;    /* for the usage line; "" for none */
	const char *summary; /* one line */
	unsigned min_args;
	unsigned max_args;
	const struct option_row *options;
	unsigned n_options;
	bool changes;	     /* a failure is worth a line in the system log */
	enum status (*run)(const struct request *request);
};

#define OPTIONS(rows) .options = (rows), .n_options = sizeof(rows) / sizeof((rows)[0])

extern const struct command cmd_init;
extern const struct command cmd_generate;
extern const struct command cmd_list;
extern const struct command cmd_show;
extern const struct command cmd_edit;
extern const struct command cmd_deactivate;
extern const struct command cmd_activate;
extern const struct command cmd_rotate;
extern const struct command cmd_revoke;
extern const struct command cmd_verify;
extern const struct command cmd_review;
extern const struct command cmd_log;
extern const struct command cmd_prune;
extern const struct command cmd_rekey;
extern const struct command cmd_check;
extern const struct command cmd_metrics;
extern const struct command cmd_export;
extern const struct command cmd_import;

/* What lrkeyadm does without a command. */
enum status summary_run(const struct request *request);

/* The commands in the order of the usage text, and NULL behind the last. */
const struct command *command_at(unsigned i);

/* The command with this name; NULL, said why, when there is none. */
const struct command *command_find(const char *name);

#endif
