/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command table: dispatch, usage and help come from it. */
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "words.h"

static const struct command *const commands[] = {
	&cmd_init,
	&cmd_generate,
	&cmd_list,
	&cmd_show,
	&cmd_edit,
	&cmd_deactivate,
	&cmd_activate,
	&cmd_rotate,
	&cmd_revoke,
	&cmd_verify,
	&cmd_review,
	&cmd_log,
	&cmd_prune,
	&cmd_rekey,
	&cmd_check,
	&cmd_metrics,
	&cmd_export,
	&cmd_import,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct command *
command_at(unsigned i)
{
	return i < N_COMMANDS ? commands[i] : NULL;
}

/* What other programs call what a command does. */
static const char *
other_name(const char *name)
{
	static const struct {
		const char *other;
		const char *name;
	} names[] = {
		{ "add", "generate" },	    { "audit", "log" },		{ "backup", "export" },
		{ "create", "generate" },   { "delete", "revoke" },	{ "disable", "deactivate" },
		{ "enable", "activate" },   { "history", "log" },	{ "info", "show" },
		{ "issue", "generate" },    { "ls", "list" },		{ "make", "generate" },
		{ "modify", "edit" },	    { "new", "generate" },	{ "remove", "revoke" },
		{ "renew", "rotate" },	    { "restore", "import" },	{ "rm", "revoke" },
		{ "set", "edit" },	    { "update", "edit" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].other) == 0)
			return names[i].name;
	return NULL;
}

const struct command *
command_find(const char *name)
{
	char suggestion[NEAR_TEXT_MAX];
	struct near near;

	near_begin(&near, other_name(name) != NULL ? other_name(name) : name);
	for (unsigned i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
		near_consider(&near, commands[i]->name);
	}
	near_text(&near, suggestion);
	if (suggestion[0] == '\0') {
		near_begin(&near, name);
		near_consider(&near, "help");
		near_consider(&near, "version");
		near_option_text(&near, suggestion);
	}
	fail_value("command", name, "unknown%s; 'lrkeyadm --help' lists the commands", suggestion);
	return NULL;
}
