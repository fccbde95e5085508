/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a line in a PAM service file.
 *
 * - What is unknown, malformed, or given twice MUST be an error: a mistyped
 *   restriction must not become no restriction.
 */
#include <stdio.h>
#include <string.h>

#include <lrkey/names.h>

#include "options.h"

static bool
is_one_of_log(const char *value)
{
	return strcmp(value, "denied") == 0 || strcmp(value, OPTIONS_LOG_ALL) == 0;
}

static bool
is_one_of_owner(const char *value)
{
	return strcmp(value, "ignore") == 0 || strcmp(value, OPTIONS_OWNER_ACTIVE) == 0;
}

static bool
is_root(const char *value)
{
	return value[0] == '/' && strnlen(value, OPTIONS_ROOT_MAX + 1) <= OPTIONS_ROOT_MAX;
}

/* A name, or a beginning of one, which may be empty, with room for a user's name behind it. */
static bool
is_store(const char *value)
{
	const char *user = strstr(value, OPTIONS_STORE_USER);
	char beginning[LRK_STORE_MAX] = "";
	size_t length;

	if (user == NULL)
		return lrk_is_store_name(value);
	length = (size_t)(user - value);
	if (user[strlen(OPTIONS_STORE_USER)] != '\0' || length >= sizeof(beginning))
		return false;
	memcpy(beginning, value, length);
	return length == 0 || lrk_is_store_name(beginning);
}

/* A line asks for one use of a key; "*" would ask for keys of every use. */
static bool
is_one_scope(const char *value)
{
	return lrk_is_scope(value) && strcmp(value, LRK_SCOPE_ANY) != 0;
}

/*
 * Sorted by name. An option with a check takes a value, which is put at its
 * place; one without is a switch. "match" and "any" are well-formed organizations.
 */
static const struct option_rule {
	const char *name;
	bool (*check)(const char *value);
	size_t place;
	const char *expected;
} rules[] = {
	{ "debug", NULL, offsetof(struct options, debug), NULL },
	{ "log", is_one_of_log, offsetof(struct options, log), "denied or all" },
	{ "org", lrk_is_org, offsetof(struct options, org),
	  "match, any, or the name of an organization" },
	{ "owner", is_one_of_owner, offsetof(struct options, owner), "ignore or active" },
	{ "root", is_root, offsetof(struct options, root),
	  "an absolute path of at most 200 characters" },
	{ "scope", is_one_scope, offsetof(struct options, scope), "the name of a scope" },
	{ "store", is_store, offsetof(struct options, store),
	  "the name of a store, or the beginning of one with %u behind it" },
	{ "try_first_pass", NULL, offsetof(struct options, try_first_pass), NULL },
	{ "use_first_pass", NULL, offsetof(struct options, use_first_pass), NULL },
};

#define N_RULES (sizeof(rules) / sizeof(rules[0]))

/* The rule for the first length bytes of an argument, or NULL. */
static const struct option_rule *
find_rule(const char *argument, size_t length)
{
	for (size_t i = 0; i < N_RULES; i++)
		if (strncmp(rules[i].name, argument, length) == 0 && rules[i].name[length] == '\0')
			return &rules[i];
	return NULL;
}

static void
set_switch(struct options *options, const struct option_rule *rule)
{
	bool on = true;

	memcpy((char *)options + rule->place, &on, sizeof(on));
}

static void
set_value(struct options *options, const struct option_rule *rule, const char *value)
{
	memcpy((char *)options + rule->place, &value, sizeof(value));
}

static bool
parse_argument(const char *argument, struct options *options, unsigned *seen, char *error,
	       size_t size)
{
	size_t length = strcspn(argument, "=");
	const char *value = argument[length] == '=' ? argument + length + 1 : NULL;
	const struct option_rule *rule = find_rule(argument, length);
	unsigned bit;

	if (rule == NULL) {
		snprintf(error, size, "%.80s: there is no such option", argument);
		return false;
	}
	bit = 1u << (rule - rules);
	if ((*seen & bit) != 0) {
		snprintf(error, size, "%.80s: %s is given twice", argument, rule->name);
		return false;
	}
	*seen |= bit;
	if (rule->check == NULL) {
		if (value != NULL) {
			snprintf(error, size, "%.80s: %s takes no value", argument, rule->name);
			return false;
		}
		set_switch(options, rule);
		return true;
	}
	if (value == NULL || !rule->check(value)) {
		snprintf(error, size, "%.80s: the value of %s must be %s", argument, rule->name,
			 rule->expected);
		return false;
	}
	set_value(options, rule, value);
	return true;
}

bool
options_parse(int argc, const char *const *argv, struct options *ret, char *error, size_t size)
{
	struct options options = {
		.log = "denied",
		.org = OPTIONS_ORG_MATCH,
		.owner = "ignore",
		.store = LRK_STORE_DEFAULT,
	};
	unsigned seen = 0;

	for (int i = 0; i < argc; i++)
		if (!parse_argument(argv[i], &options, &seen, error, size))
			return false;
	if (options.use_first_pass && options.try_first_pass) {
		snprintf(error, size, "use_first_pass and try_first_pass exclude each other");
		return false;
	}
	options.store_by_user = strstr(options.store, OPTIONS_STORE_USER) != NULL;
	*ret = options;
	return true;
}
