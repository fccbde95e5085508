/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "fields.h"

enum lrk_state
view_state(const struct key_view *view)
{
	return lrk_entry_state(view->entry, view->now, view->usage.uses);
}

bool
view_works(const struct key_view *view)
{
	return lrk_state_works(view_state(view)) && (view->entry->max_uses == 0 || view->recorded);
}

int64_t
view_unused_for(const struct key_view *view)
{
	int64_t since = view->usage.last_used != 0 ? view->usage.last_used : view->entry->created;

	return view->now > since ? view->now - since : 0;
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *
time_or_null(int64_t when, int64_t absent)
{
	char text[LRK_TIME_TEXT];

	if (when == absent)
		return json_null();
	lrk_time_format(when, text);
	return json_string(text);
}

static json_t *
number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *
get_id(const struct key_view *view)
{
	return json_string(view->entry->id);
}

static json_t *
get_org(const struct key_view *view)
{
	return json_string(view->entry->org);
}

static json_t *
get_label(const struct key_view *view)
{
	return text_or_null(view->entry->label);
}

static json_t *
get_scopes(const struct key_view *view)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < view->entry->n_scopes; i++)
		if (json_array_append_new(list, json_string(view->entry->scopes[i])) != 0)
			goto fail;
	return list;
fail:
	json_decref(list);
	return NULL;
}

static json_t *
get_owner(const struct key_view *view)
{
	return text_or_null(view->entry->owner);
}

static json_t *
get_state(const struct key_view *view)
{
	return json_string(lrk_state_name(view_state(view)));
}

static json_t *
get_created(const struct key_view *view)
{
	return time_or_null(view->entry->created, -1);
}

static json_t *
get_created_by(const struct key_view *view)
{
	return json_string(view->entry->created_by);
}

static json_t *
get_expires(const struct key_view *view)
{
	return time_or_null(view->entry->expires, LRK_NEVER);
}

static json_t *
get_not_before(const struct key_view *view)
{
	return time_or_null(view->entry->not_before, 0);
}

static json_t *
get_last_used(const struct key_view *view)
{
	return time_or_null(view->usage.last_used, 0);
}

static json_t *
get_last_service(const struct key_view *view)
{
	return text_or_null(view->usage.service);
}

static json_t *
get_last_rhost(const struct key_view *view)
{
	return text_or_null(view->usage.rhost);
}

static json_t *
get_uses(const struct key_view *view)
{
	return number(view->usage.uses);
}

static json_t *
get_max_uses(const struct key_view *view)
{
	return view->entry->max_uses != 0 ? number(view->entry->max_uses) : json_null();
}

static json_t *
get_denied(const struct key_view *view)
{
	return number(view->usage.denied);
}

static json_t *
get_allow_from(const struct key_view *view)
{
	json_t *list = json_array();
	char text[LRK_NET_TEXT];

	for (unsigned i = 0; i < view->entry->n_nets; i++) {
		lrk_net_format(&view->entry->nets[i], text);
		if (json_array_append_new(list, json_string(text)) != 0)
			goto fail;
	}
	return list;
fail:
	json_decref(list);
	return NULL;
}

static json_t *
get_predecessor(const struct key_view *view)
{
	return text_or_null(view->entry->predecessor);
}

static json_t *
get_successor(const struct key_view *view)
{
	return text_or_null(view->entry->successor);
}

static json_t *
get_revoked(const struct key_view *view)
{
	return time_or_null(view->entry->revoked, 0);
}

static json_t *
get_revoked_by(const struct key_view *view)
{
	return text_or_null(view->entry->revoked_by);
}

static json_t *
get_reason(const struct key_view *view)
{
	return text_or_null(lrk_reason_name(view->entry->reason));
}

static const struct field fields[] = {
	{ .name = "id", .get = get_id },
	{ .name = "org", .get = get_org },
	{ .name = "label", .get = get_label },
	{ .name = "scopes", .get = get_scopes },
	{ .name = "owner", .get = get_owner },
	{ .name = "state", .get = get_state },
	{ .name = "created", .get = get_created },
	{ .name = "created_by", .get = get_created_by },
	{ .name = "expires", .get = get_expires, .absent = "never", .is_end = true },
	{ .name = "not_before", .get = get_not_before },
	{ .name = "last_used", .get = get_last_used },
	{ .name = "last_service", .get = get_last_service },
	{ .name = "last_rhost", .get = get_last_rhost },
	{ .name = "uses", .get = get_uses },
	{ .name = "max_uses", .get = get_max_uses },
	{ .name = "denied", .get = get_denied },
	{ .name = "allow_from", .get = get_allow_from },
	{ .name = "predecessor", .get = get_predecessor },
	{ .name = "successor", .get = get_successor },
	{ .name = "revoked", .get = get_revoked, .tombstone = true },
	{ .name = "revoked_by", .get = get_revoked_by, .tombstone = true },
	{ .name = "reason", .get = get_reason, .tombstone = true },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(N_FIELDS <= COLUMNS_MAX, "every field can be a column");

const struct field *
field_at(unsigned i)
{
	return i < N_FIELDS ? &fields[i] : NULL;
}

/* Appends to a text of FIELD_TEXT_MAX bytes; what no longer fits is cut. */
static void
append(char *text, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, FIELD_TEXT_MAX - used, "%s", more);
}

static void
list_text(const json_t *list, const char *separator, char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0)
			append(text, separator);
		append(text, json_string_value(json_array_get(list, i)));
	}
}

enum status
field_text(const struct field *field, const struct key_view *view, const char *separator,
	   char text[static FIELD_TEXT_MAX])
{
	json_t *value = field->get(view);

	if (value == NULL)
		return fail_memory();
	text[0] = '\0';
	if (json_is_string(value))
		append(text, json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, FIELD_TEXT_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_array(value))
		list_text(value, separator, text);
	if (text[0] == '\0')
		append(text, field->absent != NULL ? field->absent : "-");
	json_decref(value);
	return STATUS_OK;
}

void
end_words(const struct key_view *view, char words[static FIELD_WORDS_MAX])
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };
	int64_t when = view->entry->expires, left, count;
	unsigned unit = 0;

	words[0] = '\0';
	if (when == LRK_NEVER || view->entry->revoked != 0)
		return;
	left = when > view->now ? when - view->now : view->now - when;
	while (left < units[unit].seconds && units[unit].seconds > 1)
		unit++;
	count = left / units[unit].seconds;
	snprintf(words, FIELD_WORDS_MAX, " %s%lld %s%s%s", when > view->now ? "in " : "",
		 (long long)count, units[unit].name, count == 1 ? "" : "s",
		 when > view->now ? "" : " ago");
}

void
field_words(const struct field *field, const struct key_view *view,
	    char words[static FIELD_WORDS_MAX])
{
	words[0] = '\0';
	if (field->is_end)
		end_words(view, words);
}

json_t *
fields_object(const struct key_view *view)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < N_FIELDS; i++) {
		if (fields[i].tombstone && view->entry->revoked == 0)
			continue;
		if (json_object_set_new(object, fields[i].name, fields[i].get(view)) != 0)
			goto fail;
	}
	return object;
fail:
	json_decref(object);
	return NULL;
}

void
column_heading(const struct field *field, char heading[static HEADING_MAX])
{
	size_t i;

	for (i = 0; field->name[i] != '\0' && i + 1 < HEADING_MAX; i++) {
		char c = field->name[i];

		heading[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	heading[i] = '\0';
}

/* Names are ASCII; the locale must not have a say in what equals what. */
static bool
is_same_name(const char *word, const char *name)
{
	for (; *word != '\0'; word++, name++) {
		char c = *word >= 'A' && *word <= 'Z' ? (char)(*word - 'A' + 'a') : *word;

		if (c != *name)
			return false;
	}
	return *name == '\0';
}

static enum status
fail_column(const char *name, const char *word)
{
	char suggestion[NEAR_TEXT_MAX], all[FIELD_TEXT_MAX] = "", heading[HEADING_MAX];
	struct near near;

	near_begin(&near, word);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		near_consider(&near, fields[i].name);
		column_heading(&fields[i], heading);
		append(all, " ");
		append(all, heading);
	}
	near_text(&near, suggestion);
	return fail_value(name, word, "unknown column%s; allowed are%s", suggestion, all);
}

static enum status
add_column(const char *name, const char *word, struct columns *columns)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		if (!is_same_name(word, fields[i].name))
			continue;
		if (columns->n == COLUMNS_MAX)
			return fail_value(name, word, "too many columns: at most %d", COLUMNS_MAX);
		columns->field[columns->n++] = &fields[i];
		return STATUS_OK;
	}
	return fail_column(name, word);
}

enum status
columns_parse(const char *name, const char *list, struct columns *ret)
{
	static const char default_columns[] = "id,org,label,scopes,state,expires,last_used";
	struct columns columns = { .n = 0 };
	struct words words;
	enum status status;

	status = words_split(list != NULL ? list : default_columns, &words);
	if (status != STATUS_OK)
		return status;
	for (unsigned i = 0; i < words.n && status == STATUS_OK; i++)
		status = add_column(name, words.word[i], &columns);
	words_free(&words);
	if (status == STATUS_OK)
		*ret = columns;
	return status;
}
