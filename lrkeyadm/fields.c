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

static void
put_text(const char *text, struct field_value *ret)
{
	if (text == NULL || text[0] == '\0')
		return;
	ret->kind = FIELD_TEXT;
	ret->text = text;
}

static void
put_time(int64_t when, int64_t absent, struct field_value *ret)
{
	if (when == absent)
		return;
	lrk_time_format(when, ret->room);
	ret->kind = FIELD_TEXT;
	ret->text = ret->room;
}

/* JSON's readers know no larger ones. */
static void
put_number(uint64_t number, struct field_value *ret)
{
	char *at = ret->room + sizeof(ret->room);

	_Static_assert(sizeof(ret->room) >= sizeof("9223372036854775807"), "every number fits");
	if (number > INT64_MAX)
		number = INT64_MAX;
	*--at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	ret->kind = FIELD_NUMBER;
	ret->text = at;
}

static void
put_list(unsigned n, void (*item)(const struct key_view *, unsigned, char *),
	 struct field_value *ret)
{
	ret->kind = FIELD_LIST;
	ret->n = n;
	ret->item = item;
}

static void
get_id(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->id, ret);
}

static void
get_org(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->org, ret);
}

static void
get_label(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->label, ret);
}

static void
scope_item(const struct key_view *view, unsigned i, char text[static FIELD_ITEM_MAX])
{
	memcpy(text, view->entry->scopes[i], sizeof(view->entry->scopes[i]));
}

_Static_assert(LRK_SCOPE_MAX < FIELD_ITEM_MAX, "every scope fits");

static void
get_scopes(const struct key_view *view, struct field_value *ret)
{
	put_list(view->entry->n_scopes, scope_item, ret);
}

static void
get_owner(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->owner, ret);
}

static void
get_state(const struct key_view *view, struct field_value *ret)
{
	put_text(lrk_state_name(view_state(view)), ret);
}

static void
get_created(const struct key_view *view, struct field_value *ret)
{
	put_time(view->entry->created, -1, ret);
}

static void
get_created_by(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->created_by, ret);
}

static void
get_expires(const struct key_view *view, struct field_value *ret)
{
	put_time(view->entry->expires, LRK_NEVER, ret);
}

static void
get_not_before(const struct key_view *view, struct field_value *ret)
{
	put_time(view->entry->not_before, 0, ret);
}

static void
get_last_used(const struct key_view *view, struct field_value *ret)
{
	put_time(view->usage.last_used, 0, ret);
}

static void
get_last_service(const struct key_view *view, struct field_value *ret)
{
	put_text(view->usage.service, ret);
}

static void
get_last_rhost(const struct key_view *view, struct field_value *ret)
{
	put_text(view->usage.rhost, ret);
}

static void
get_uses(const struct key_view *view, struct field_value *ret)
{
	put_number(view->usage.uses, ret);
}

static void
get_max_uses(const struct key_view *view, struct field_value *ret)
{
	if (view->entry->max_uses != 0)
		put_number(view->entry->max_uses, ret);
}

static void
get_denied(const struct key_view *view, struct field_value *ret)
{
	put_number(view->usage.denied, ret);
}

static void
net_item(const struct key_view *view, unsigned i, char text[static FIELD_ITEM_MAX])
{
	lrk_net_format(&view->entry->nets[i], text);
}

_Static_assert(LRK_NET_TEXT <= FIELD_ITEM_MAX, "every network fits");

static void
get_allow_from(const struct key_view *view, struct field_value *ret)
{
	put_list(view->entry->n_nets, net_item, ret);
}

static void
get_predecessor(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->predecessor, ret);
}

static void
get_successor(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->successor, ret);
}

static void
get_revoked(const struct key_view *view, struct field_value *ret)
{
	put_time(view->entry->revoked, 0, ret);
}

static void
get_revoked_by(const struct key_view *view, struct field_value *ret)
{
	put_text(view->entry->revoked_by, ret);
}

static void
get_reason(const struct key_view *view, struct field_value *ret)
{
	put_text(lrk_reason_name(view->entry->reason), ret);
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

void
field_value(const struct field *field, const struct key_view *view, struct field_value *ret)
{
	ret->kind = FIELD_NULL;
	field->get(view, ret);
}

/* Appends behind the first used bytes of a text of FIELD_TEXT_MAX; what no longer fits is cut. */
static size_t
append(char *text, size_t used, const char *more)
{
	size_t length = strnlen(more, FIELD_TEXT_MAX - 1 - used);

	memcpy(text + used, more, length);
	text[used + length] = '\0';
	return used + length;
}

static size_t
list_text(const struct key_view *view, const struct field_value *value, const char *separator,
	  char *text)
{
	char item[FIELD_ITEM_MAX];
	size_t used = 0;

	for (unsigned i = 0; i < value->n; i++) {
		value->item(view, i, item);
		used = append(text, used, i > 0 ? separator : "");
		used = append(text, used, item);
	}
	return used;
}

void
field_text(const struct field *field, const struct key_view *view, const char *separator,
	   char text[static FIELD_TEXT_MAX])
{
	struct field_value value;
	size_t used = 0;

	field_value(field, view, &value);
	if (value.kind == FIELD_LIST)
		used = list_text(view, &value, separator, text);
	else if (value.kind != FIELD_NULL)
		used = append(text, 0, value.text);
	if (used == 0)
		append(text, 0, field->absent != NULL ? field->absent : "-");
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
	size_t used = 0;

	near_begin(&near, word);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		near_consider(&near, fields[i].name);
		column_heading(&fields[i], heading);
		used = append(all, used, " ");
		used = append(all, used, heading);
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
