/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking a command line apart.
 *
 * - An argument that holds an API key MUST be refused before anything is done
 *   with it, and MUST NOT be repeated: messages end in logs.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/apikey.h>
#include <lrkey/names.h>

#include "hint.h"
#include "options.h"
#include "words.h"

#define SUGGESTION_MAX 128

enum everywhere { EVERY_STORE, EVERY_ROOT, EVERY_JSON, EVERY_COLOR, EVERY_HELP, EVERY_VERSION,
		  N_EVERY };

static const struct option_row everywhere[N_EVERY] = {
	[EVERY_STORE] = { "store", "NAME", "the store that is meant, instead of 'system' (also -s)" },
	[EVERY_ROOT] = { "root", "DIR", "where the store's files lie, instead of /" },
	[EVERY_JSON] = { "json", NULL, "print JSON" },
	[EVERY_COLOR] = { "color", "WHEN", "auto, always or never" },
	[EVERY_HELP] = { "help", NULL, "print the options and arguments, and exit" },
	[EVERY_VERSION] = { "version", NULL, "print the version, and exit" },
};

/* What getopt_long returns for an option: its index behind one of these. */
#define VAL_EVERYWHERE 0x100
#define VAL_COMMAND 0x200

const struct option_row *
option_everywhere(unsigned i)
{
	return i < N_EVERY ? &everywhere[i] : NULL;
}

static bool
is_base62(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Whether an API key may begin here: the prefix, an id, an underscore. */
static bool
begins_key(const char *text)
{
	size_t length = strlen(LRK_APIKEY_PREFIX);

	if (strncmp(text, LRK_APIKEY_PREFIX, length) != 0)
		return false;
	for (text += length, length = 0; is_base62(text[length]); length++)
		continue;
	return length == LRK_ID_LEN && text[length] == '_';
}

static bool
holds_key(const char *arg)
{
	const char *value = strchr(arg, '=');

	if (strncmp(arg, LRK_APIKEY_PREFIX, strlen(LRK_APIKEY_PREFIX)) == 0)
		return true;
	if (arg[0] == '-' && value != NULL && holds_key(value + 1))
		return true;
	for (; *arg != '\0'; arg++)
		if (begins_key(arg))
			return true;
	return false;
}

static enum status
refuse_keys(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (holds_key(argv[i]))
			return fail(STATUS_USAGE, "an argument",
				    "begins with " LRK_APIKEY_PREFIX ", as API keys do: name a key by its id, "
				    "the %d characters behind that; a key that stood in a command line "
				    "may have been seen: revoke it", LRK_ID_LEN);
	return STATUS_OK;
}

static void
fill_rows(struct option *to, const struct option_row *rows, unsigned n, int first_val)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].metavar != NULL ? required_argument : no_argument,
			.val = first_val + (int)i,
		};
}

/* What the user wrote of an option, without a value: "--colour". */
static void
option_as_given(const char *arg, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(arg, "="), arg);
}

/* How many long options begin with what stands behind "--". */
static unsigned
count_matches(const struct option *options, const char *name)
{
	size_t length = strlen(name);
	unsigned n = 0;

	for (; options->name != NULL; options++)
		n += strncmp(options->name, name, length) == 0;
	return n;
}

static enum status
fail_unknown(const struct request *request, const struct option *options, const char *arg)
{
	char given[64], suggestion[NEAR_TEXT_MAX];
	struct near near;

	option_as_given(arg, given, sizeof(given));
	if (strncmp(given, "--", 2) == 0 && count_matches(options, given + 2) > 1)
		return fail_value("option", given, "could be several; write it in full");
	near_begin(&near, given + strspn(given, "-"));
	for (const struct option *o = options; o->name != NULL; o++)
		near_consider(&near, o->name);
	near_option_text(&near, suggestion);
	if (request->command == NULL)
		return fail_value("option", given,
				  "unknown before a command%s; 'lrkeyadm --help' lists them",
				  suggestion);
	return fail_value("option", given, "unknown%s; 'lrkeyadm %s --help' lists them", suggestion,
			  request->command->name);
}

/* What getopt_long could not take; it has left the place in optind and optopt. */
static enum status
fail_option(const struct request *request, const struct option *options, int code, char **argv)
{
	char short_name[] = { '-', (char)optopt, '\0' };

	if (code == ':' && optopt == 's')
		return fail_value("option", "-s", "needs a value: NAME");
	for (const struct option *o = options; o->name != NULL && optopt >= VAL_EVERYWHERE; o++) {
		char name[64];

		if (o->val != optopt)
			continue;
		snprintf(name, sizeof(name), "--%s", o->name);
		return fail_value("option", name,
				  code == ':' ? "needs a value" : "takes no value");
	}
	/* Of several letters in one argument, getopt has not moved on to the next argument. */
	if (optopt != 0)
		return fail_unknown(request, options, short_name);
	return fail_unknown(request, options, argv[optind - 1]);
}

static enum status
set_once(const char **to, const char *name, const char *value)
{
	if (*to != NULL)
		return fail(STATUS_USAGE, name, "given twice; it takes one value");
	*to = value;
	return STATUS_OK;
}

static enum status
set_color(struct request *request, const char *value)
{
	static const char *const names[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never",
	};

	char suggestion[NEAR_TEXT_MAX];
	struct near near;

	near_begin(&near, value);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			request->color = (enum color)i;
			return STATUS_OK;
		}
		near_consider(&near, names[i]);
	}
	near_text(&near, suggestion);
	return fail_value("--color", value, "allowed are auto, always and never%s", suggestion);
}

/* Options that every command takes, as they were given. */
struct given {
	const char *color;
};

static enum status
set_everywhere(struct request *request, struct given *given, enum everywhere which,
	       const char *value)
{
	switch (which) {
	case EVERY_STORE:
		if (!lrk_is_store_name(value))
			return fail_value("--store", value,
					  "not a store name: at most %d of a-z 0-9 -, beginning with a "
					  "letter", LRK_STORE_MAX);
		return set_once(&request->store, "--store", value);
	case EVERY_ROOT:
		if (value[0] == '\0')
			return fail_value("--root", value, "empty; it names a directory");
		return set_once(&request->root, "--root", value);
	case EVERY_JSON:
		request->json = true;
		return STATUS_OK;
	case EVERY_COLOR: {
		enum status status = set_once(&given->color, "--color", value);

		return status == STATUS_OK ? set_color(request, value) : status;
	}
	case EVERY_HELP:
		request->help = true;
		return STATUS_OK;
	case EVERY_VERSION:
		request->version = true;
		return STATUS_OK;
	case N_EVERY:
		break;
	}
	return STATUS_USAGE;
}

static enum status
set_of_command(struct request *request, unsigned index, const char *value)
{
	const struct option_row *row = &request->command->options[index];
	char name[64];

	if (row->metavar == NULL) {
		request->value[index] = "";
		return STATUS_OK;
	}
	snprintf(name, sizeof(name), "--%s", row->name);
	return set_once(&request->value[index], name, value);
}

/*
 * Reads options, and with with_args also arguments, from argv[1] on. Without, it
 * stops at the first argument. *ret_end is where it stopped.
 */
static enum status
parse_part(int argc, char **argv, struct request *request, struct given *given, bool with_args,
	   int *ret_end)
{
	/* "-": arguments come as code 1, wherever they stand and whatever the environment says. */
	const char *letters = with_args ? "-:s:" : "+:s:";
	const struct command *command = request->command;
	struct option options[N_EVERY + OPTIONS_MAX + 1] = { 0 };
	enum status status = STATUS_OK;

	fill_rows(options, everywhere, N_EVERY, VAL_EVERYWHERE);
	if (command != NULL)
		fill_rows(options + N_EVERY, command->options, command->n_options, VAL_COMMAND);
	opterr = 0;
	optind = 0; /* begin anew */
	while (status == STATUS_OK) {
		int code = getopt_long(argc, argv, letters, options, NULL);

		if (code == -1)
			break;
		else if (code == 1)
			request->args[request->n_args++] = optarg;
		else if (code == 's')
			status = set_everywhere(request, given, EVERY_STORE, optarg);
		else if (code >= VAL_COMMAND)
			status = set_of_command(request, (unsigned)(code - VAL_COMMAND), optarg);
		else if (code >= VAL_EVERYWHERE)
			status = set_everywhere(request, given,
						(enum everywhere)(code - VAL_EVERYWHERE), optarg);
		else
			status = fail_option(request, options, code, argv);
	}
	*ret_end = optind;
	return status;
}

/* Who names an organization where there is no place for it most likely means the option. */
static void
suggest_org(const struct request *request, const char *arg, char text[static SUGGESTION_MAX])
{
	const struct command *command = request->command;

	text[0] = '\0';
	for (unsigned i = 0; i < command->n_options; i++)
		if (strcmp(command->options[i].name, "org") == 0 && request->value[i] == NULL &&
		    lrk_is_org(arg))
			snprintf(text, SUGGESTION_MAX, " (did you mean '--org %s'?)", arg);
}

static enum status
check_args(const struct request *request)
{
	const struct command *command = request->command;

	char prefix[HINT_MAX], suggestion[SUGGESTION_MAX];

	hint_prefix(request, prefix);
	if (request->n_args < command->min_args && strncmp(command->args, "ID", 2) == 0)
		return fail(STATUS_USAGE, command->name,
			    "an argument is missing: lrkeyadm %s %s; '%s list' shows the ids",
			    command->name, command->args, prefix);
	if (request->n_args < command->min_args)
		return fail(STATUS_USAGE, command->name, "an argument is missing: lrkeyadm %s %s",
			    command->name, command->args);
	if (request->n_args <= command->max_args)
		return STATUS_OK;
	suggest_org(request, request->args[command->max_args], suggestion);
	return fail_value("argument", request->args[command->max_args],
			  "too many%s: lrkeyadm %s [OPTIONS]%s%s", suggestion, command->name,
			  command->args[0] != '\0' ? " " : "", command->args);
}

enum status
request_parse(int argc, char **argv, struct request *ret)
{
	struct given given = { NULL };
	enum status status;
	int at;

	*ret = (struct request){ .color = COLOR_AUTO };
	status = refuse_keys(argc, argv);
	if (status != STATUS_OK)
		return status;
	ret->args = calloc((size_t)argc + 1, sizeof(*ret->args));
	if (ret->args == NULL)
		return fail_memory();
	status = parse_part(argc, argv, ret, &given, false, &at);
	if (status == STATUS_OK && at < argc) {
		ret->command = command_find(argv[at]);
		if (ret->command == NULL)
			return STATUS_USAGE;
		if (strcmp(argv[at - 1], "--") == 0 && at > 1) {
			/* All that is left are arguments. */
			for (at++; at < argc; at++)
				ret->args[ret->n_args++] = argv[at];
		} else {
			argc -= at;
			argv += at;
			status = parse_part(argc, argv, ret, &given, true, &at);
			for (; status == STATUS_OK && at < argc; at++)
				ret->args[ret->n_args++] = argv[at];
		}
	}
	if (ret->store == NULL)
		ret->store = LRK_STORE_DEFAULT;
	if (status == STATUS_OK && ret->command != NULL && !ret->help && !ret->version)
		status = check_args(ret);
	return status;
}

void
request_free(struct request *request)
{
	free(request->args);
	request->args = NULL;
}
