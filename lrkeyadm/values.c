/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hint.h"
#include "values.h"

enum status
value_org(const char *name, const char *text)
{
	if (lrk_is_org(text))
		return STATUS_OK;
	return fail_value(name, text,
			  "not an organization: 1 to %d of A-Z a-z 0-9 . _ -, beginning with a letter "
			  "or digit", LRK_ORG_MAX);
}

enum status
value_label(const char *name, const char *text)
{
	if (lrk_is_label(text))
		return STATUS_OK;
	return fail_value(name, text,
			  "not a label: 1 to %d characters of UTF-8, without control characters",
			  LRK_LABEL_CHARS);
}

/* Of ASCII; "" for what is too long. */
static void
in_lower_case(const char *text, char *lower, size_t size)
{
	size_t length = strlen(text);

	lower[0] = '\0';
	if (length >= size)
		return;
	for (size_t i = 0; i <= length; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
}

enum status
value_scope(const char *name, const char *text)
{
	char lower[LRK_SCOPE_MAX + 1], suggestion[NEAR_TEXT_MAX] = "";

	if (lrk_is_scope(text))
		return STATUS_OK;
	in_lower_case(text, lower, sizeof(lower));
	if (lrk_is_scope(lower))
		snprintf(suggestion, sizeof(suggestion), " (did you mean '%s'?)", lower);
	return fail_value(name, text,
			  "not a scope%s: 1 to %d of a-z 0-9 . _ -, beginning with a letter or digit, "
			  "or *", suggestion, LRK_SCOPE_MAX);
}

enum status
value_address(const char *name, const char *text)
{
	struct lrk_net net;

	if (strchr(text, '/') == NULL && lrk_net_parse(text, &net) == LRK_OK)
		return STATUS_OK;
	return fail_value(name, text, "not an address: a numeric one is wanted, like 192.0.2.7 or "
				      "2001:db8::7");
}

enum status
value_user(const char *name, const char *text)
{
	if (lrk_is_user_name(text))
		return STATUS_OK;
	return fail_value(name, text,
			  "not a user name: 1 to %d printable characters, no space or colon",
			  LRK_USER_MAX);
}

enum status
value_owner(const char *name, const char *text)
{
	enum status status = value_user(name, text);

	if (status != STATUS_OK)
		return status;
	errno = 0;
	if (getpwnam(text) != NULL)
		return STATUS_OK;
	if (errno == ENOMEM || errno == EIO || errno == EMFILE || errno == ENFILE)
		return fail_errno(STATUS_IO, text, errno);
	return fail_value(name, text, "no such user on this host; an owner must exist");
}

static bool
has_scope(const struct lrk_entry *entry, const char *scope)
{
	for (unsigned i = 0; i < entry->n_scopes; i++)
		if (strcmp(entry->scopes[i], scope) == 0)
			return true;
	return false;
}

enum status
value_scopes(const char *name, const char *text, struct lrk_entry *entry)
{
	struct words words;
	enum status status = words_split(text, &words);

	if (status != STATUS_OK)
		return status;
	entry->n_scopes = 0;
	for (unsigned i = 0; i < words.n; i++) {
		const char *scope = words.word[i];

		status = value_scope(name, scope);
		if (status != STATUS_OK)
			break;
		if (has_scope(entry, scope))
			continue;
		if (entry->n_scopes == LRK_SCOPES_MAX) {
			status = fail_value(name, text, "too many scopes: at most %d",
					    LRK_SCOPES_MAX);
			break;
		}
		memcpy(entry->scopes[entry->n_scopes++], scope, strlen(scope) + 1);
	}
	words_free(&words);
	return status;
}

/* What is wrong with a network is most often a host's bits behind the prefix. */
static enum status
fail_network(const char *name, const char *text)
{
	return fail_value(name, text,
			  "not a network: a numeric address with an optional prefix, like 192.0.2.0/24 "
			  "or 2001:db8::/32, with no bits set behind the prefix");
}

enum status
value_networks(const char *name, const char *text, struct lrk_entry *entry)
{
	struct words words;
	enum status status = words_split(text, &words);

	if (status != STATUS_OK)
		return status;
	entry->n_nets = 0;
	for (unsigned i = 0; i < words.n && status == STATUS_OK; i++) {
		if (i == LRK_NETS_MAX)
			status = fail_value(name, text, "too many networks: at most %d",
					    LRK_NETS_MAX);
		else if (lrk_net_parse(words.word[i], &entry->nets[i]) == LRK_OK)
			entry->n_nets++;
		else
			status = fail_network(name, words.word[i]);
	}
	words_free(&words);
	return status;
}

enum status
value_when(const char *name, const char *text, int64_t now, int64_t *ret)
{
	if (lrk_when_parse(text, now, ret) == LRK_OK)
		return STATUS_OK;
	return fail_value(name, text,
			  "not a time: a duration like 90d (s m h d w y), a date like 2027-01-31, "
			  "2027-01-31T12:00:00Z, or never");
}

enum status
value_begin(const char *name, const char *text, int64_t now, int64_t *ret)
{
	enum status status = value_when(name, text, now, ret);

	if (status == STATUS_OK && *ret == LRK_NEVER)
		return fail_value(name, text, "a key must begin to work at some time");
	return status;
}

enum status
value_duration(const char *name, const char *text, int64_t *ret)
{
	if (lrk_duration_parse(text, ret) == LRK_OK)
		return STATUS_OK;
	return fail_value(name, text, "not a duration: a number and one of s m h d w y, like 14d");
}

void
duration_format(int64_t seconds, char text[static DURATION_TEXT])
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	unsigned i = 0;

	if (seconds == LRK_NEVER) {
		snprintf(text, DURATION_TEXT, "never");
		return;
	}
	while (seconds % units[i].seconds != 0)
		i++;
	snprintf(text, DURATION_TEXT, "%lld%c", (long long)(seconds / units[i].seconds),
		 units[i].unit);
}

/* A whole number from 1 to max, which is far below the largest. */
static enum status
parse_number(const char *name, const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && number <= max; i++)
		number = number * 10 + (unsigned)(text[i] - '0');
	if (i == 0 || text[i] != '\0' || number == 0 || number > max)
		return fail_value(name, text, "not a number from 1 to %" PRIu64, max);
	*ret = number;
	return STATUS_OK;
}

enum status
value_count(const char *name, const char *text, unsigned max, unsigned *ret)
{
	uint64_t number;
	enum status status = parse_number(name, text, max, &number);

	if (status == STATUS_OK)
		*ret = (unsigned)number;
	return status;
}

enum status
value_uses(const char *name, const char *text, uint64_t *ret)
{
	return parse_number(name, text, USES_MAX, ret);
}

enum status
value_id(const struct request *request, const char *name, const char *text)
{
	char prefix[HINT_MAX];

	if (lrk_is_id(text))
		return STATUS_OK;
	hint_prefix(request, prefix);
	return fail_value(name, text, "not a key id: exactly %d of A-Z a-z 0-9; '%s list' shows them",
			  LRK_ID_LEN, prefix);
}

static bool
is_among(const struct ids *ids, const char *id)
{
	for (unsigned i = 0; i < ids->n; i++)
		if (strcmp(ids->id[i], id) == 0)
			return true;
	return false;
}

enum status
value_ids(const struct request *request, struct ids *ret)
{
	struct ids ids = { .n = 0 };
	enum status status;

	for (unsigned i = 0; i < request->n_args; i++) {
		status = value_id(request, "key", request->args[i]);
		if (status != STATUS_OK)
			return status;
	}
	ids.id = calloc(request->n_args + 1, sizeof(*ids.id));
	if (ids.id == NULL)
		return fail_memory();
	for (unsigned i = 0; i < request->n_args; i++)
		if (!is_among(&ids, request->args[i]))
			ids.id[ids.n++] = request->args[i];
	*ret = ids;
	return STATUS_OK;
}

void
ids_free(struct ids *ids)
{
	free(ids->id);
	ids->id = NULL;
}
