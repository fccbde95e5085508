/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm list: the keys of a store, as a table, JSON or CSV. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv.h"
#include "filter.h"
#include "fit.h"
#include "grow.h"
#include "hint.h"
#include "json.h"
#include "reading.h"
#include "table.h"
#include "terminal.h"
#include "uses.h"

enum { ORG, SCOPE, STATE, OWNER, LABEL, EXPIRING_WITHIN, UNUSED_FOR, ALL, COLUMNS, NO_HEADINGS,
       CSV };

static const struct option_row options[] = {
	[ORG] = { "org", "ORG,...", "keys of these organizations" },
	[SCOPE] = { "scope", "NAME,...", "keys that hold one of these scopes, or *" },
	[STATE] = { "state", "STATE,...", "keys in these states" },
	[OWNER] = { "owner", "USER,...", "keys for which one of these answers" },
	[LABEL] = { "label", "TEXT,...", "keys whose label contains one of these" },
	[EXPIRING_WITHIN] = { "expiring-within", "DUR", "keys that work now and end within DUR" },
	[UNUSED_FOR] = { "unused-for", "DUR", "keys not used, or else not made, since DUR ago" },
	[ALL] = { "all", NULL, "revoked keys too" },
	[COLUMNS] = { "columns", "NAME,...", "which columns, in which order" },
	[NO_HEADINGS] = { "no-headings", NULL, "no line of headings" },
	[CSV] = { "csv", NULL, "print CSV" },
};

/* What ends within this is marked on a terminal; the module tells its holder, too. */
#define SOON ((int64_t)14 * 86400)

/* A line of the table before it is sorted. */
struct row {
	enum lrk_state state;
	enum look look;
	int64_t created;
	char id[LRK_ID_LEN + 1];
	const char *cells; /* behind the organization */
	char text[];	   /* the organization, then cells and words, each with its NUL */
};

struct list {
	struct filter filter;
	struct columns columns;
	int64_t now;
	struct uses uses;
	struct sink sink;
	struct json_list json;
	bool on_terminal; /* words are added to times, and all of it fits */
	struct fit fit;
	struct row **rows;
	size_t n_rows;
	size_t room;
	size_t n_passed_over; /* keys that do not fit the filters */
	enum status status; /* of what stopped the walk */
};

static enum status
keep_row(struct list *list, struct row *row)
{
	struct row **rows = grow(list->rows, list->n_rows, &list->room, sizeof(*rows));

	if (rows == NULL)
		return fail_memory();
	list->rows = rows;
	list->rows[list->n_rows++] = row;
	return STATUS_OK;
}

static enum look
look_of(const struct key_view *view)
{
	int64_t expires = view->entry->expires;

	if (!view_works(view))
		return view_state(view) == LRK_STATE_PENDING ? LOOK_PLAIN : LOOK_OVER;
	return expires != LRK_NEVER && expires - view->now <= SOON ? LOOK_ENDING : LOOK_PLAIN;
}

/* Behind a time that needs attention, also where there are no colours. */
static const char *
mark_of(const struct field *field, enum look look)
{
	return field->is_end && look == LOOK_ENDING ? " !" : "";
}

/* Only the texts are kept: an entry is a hundred times as large. */
static enum status
add_row(struct list *list, const struct key_view *view)
{
	char text[(COLUMNS_MAX + 1) * (FIELD_TEXT_MAX + FIELD_WORDS_MAX)];
	size_t used = strlen(view->entry->org) + 1, cells = used;
	enum look look = look_of(view);
	enum status status;
	struct row *row;

	memcpy(text, view->entry->org, used);
	for (unsigned i = 0; i < list->columns.n; i++) {
		const struct field *field = list->columns.field[i];
		char cell[FIELD_TEXT_MAX], words[FIELD_WORDS_MAX] = "";

		field_text(field, view, ",", cell);
		if (list->on_terminal) {
			field_words(field, view, words);
			fit_measure(&list->fit, i, cell, words, mark_of(field, look));
		}
		used = (size_t)(stpcpy(text + used, cell) - text) + 1;
		used = (size_t)(stpcpy(text + used, words) - text) + 1;
	}
	row = malloc(sizeof(*row) + used);
	if (row == NULL)
		return fail_memory();
	row->state = view_state(view);
	row->look = look;
	row->created = view->entry->created;
	memcpy(row->id, view->entry->id, sizeof(row->id));
	memcpy(row->text, text, used);
	row->cells = row->text + cells;
	status = keep_row(list, row);
	if (status != STATUS_OK)
		free(row);
	return status;
}

static enum lrk_err
visit(struct list *list, const struct lrk_entry *entry,
      enum status (*show)(struct list *list, const struct key_view *view))
{
	struct key_view view;

	/* That a use limit has lost its record is told of every key. */
	if (!filter_passes_entry(&list->filter, entry) && entry->max_uses == 0) {
		list->n_passed_over++;
		return LRK_OK;
	}
	view = uses_view(&list->uses, entry, list->now);
	if (!filter_passes(&list->filter, &view)) {
		list->n_passed_over++;
		return LRK_OK;
	}
	list->status = show(list, &view);
	/* A full disk need not be told a million times; sink_close tells. */
	if (list->status == STATUS_OK && list->sink.error != 0)
		list->status = STATUS_IO;
	return list->status == STATUS_OK ? LRK_OK : LRK_ERR_IO;
}

static enum status
show_json(struct list *list, const struct key_view *view)
{
	json_list_key(&list->json, view, NULL);
	return STATUS_OK;
}

static enum status
show_csv(struct list *list, const struct key_view *view)
{
	csv_key(&list->sink, &list->columns, view);
	return STATUS_OK;
}

static enum lrk_err
visit_json(void *context, const struct lrk_entry *entry)
{
	return visit(context, entry, show_json);
}

static enum lrk_err
visit_csv(void *context, const struct lrk_entry *entry)
{
	return visit(context, entry, show_csv);
}

static enum lrk_err
visit_table(void *context, const struct lrk_entry *entry)
{
	return visit(context, entry, add_row);
}

static enum status
list_streamed(const struct request *request, const struct lrk_store *store, struct list *list)
{
	enum status status, closed;

	sink_open(&list->sink, STDOUT_FILENO, "standard output");
	if (request->json)
		json_list_begin(&list->json, &list->sink, "keys");
	else if (request->value[NO_HEADINGS] == NULL)
		csv_headings(&list->sink, &list->columns);
	status = reading_walk(request, store, request->json ? visit_json : visit_csv, list,
			      &list->status);
	/* A broken-off list must not look like a whole one. */
	if (request->json && status == STATUS_OK)
		json_list_end(&list->json);
	closed = sink_close(&list->sink);
	return status != STATUS_OK ? status : closed;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	int order = strcmp(x->text, y->text);

	if (order == 0)
		order = (x->created > y->created) - (x->created < y->created);
	return order != 0 ? order : strcmp(x->id, y->id);
}

static enum status
print_row(const struct list *list, const struct row *row, struct table *table)
{
	char texts[COLUMNS_MAX][FIELD_TEXT_MAX + FIELD_WORDS_MAX];
	const char *cells[COLUMNS_MAX], *at = row->cells;
	unsigned n = 0;

	for (unsigned i = 0; i < list->columns.n; i++) {
		const char *cell = at, *words = cell + strlen(cell) + 1;
		char cut[FIELD_TEXT_MAX];

		at = words + strlen(words) + 1;
		if (list->fit.width[i] == 0)
			continue;
		snprintf(texts[n], sizeof(texts[n]), "%s%s%s", fit_cut(&list->fit, i, cell, cut),
			 list->fit.with_words ? words : "",
			 list->on_terminal ? mark_of(list->columns.field[i], row->look) : "");
		cells[n] = texts[n];
		n++;
	}
	return table_line(table, cells, row->state, row->look);
}

static enum status
print_rows(const struct request *request, struct list *list)
{
	struct table *table;
	enum status status;

	status = table_open(&list->fit.shown, request->value[NO_HEADINGS] == NULL, request->color,
			    &table);
	if (status != STATUS_OK)
		return status;
	for (size_t i = 0; i < list->n_rows && status == STATUS_OK; i++)
		status = print_row(list, list->rows[i], table);
	if (status == STATUS_OK)
		status = table_print(table);
	table_close(table);
	return status;
}

/* A person wonders why nothing comes, or not all of it. */
static void
tell_person(const struct request *request, const struct list *list)
{
	char prefix[HINT_MAX], left_out[FIELD_TEXT_MAX] = "", heading[HEADING_MAX];

	hint_prefix(request, prefix);
	if (list->n_rows == 0 && list->n_passed_over > 0)
		note("list", "no key fits");
	else if (list->n_rows == 0)
		note("list", "no keys yet; '%s generate --org ORG' makes one", prefix);
	for (unsigned i = 0; i < list->columns.n && list->n_rows > 0; i++) {
		size_t used = strlen(left_out);

		if (list->fit.width[i] > 0)
			continue;
		column_heading(list->columns.field[i], heading);
		snprintf(left_out + used, sizeof(left_out) - used, "%s%s", used > 0 ? ", " : "",
			 heading);
	}
	if (left_out[0] != '\0')
		note("list", "too narrow for %s; --columns chooses", left_out);
}

static enum status
list_table(const struct request *request, const struct lrk_store *store, struct list *list)
{
	enum status status;

	list->on_terminal = terminal_is(STDOUT_FILENO);
	fit_begin(&list->fit, &list->columns, request->value[NO_HEADINGS] == NULL);
	status = reading_walk(request, store, visit_table, list, &list->status);
	if (list->on_terminal)
		fit_choose(&list->fit, terminal_width(STDOUT_FILENO),
			   request->value[COLUMNS] == NULL);
	else
		fit_all(&list->fit);
	if (status == STATUS_OK && list->n_rows > 0) {
		qsort(list->rows, list->n_rows, sizeof(*list->rows), compare_rows);
		status = print_rows(request, list);
	}
	if (status == STATUS_OK && list->on_terminal)
		tell_person(request, list);
	for (size_t i = 0; i < list->n_rows; i++)
		free(list->rows[i]);
	free(list->rows);
	return status;
}

static enum status
parse(const struct request *request, struct list *list)
{
	struct filter_request asked = {
		.org = request->value[ORG],
		.scope = request->value[SCOPE],
		.state = request->value[STATE],
		.owner = request->value[OWNER],
		.label = request->value[LABEL],
		.expiring_within = request->value[EXPIRING_WITHIN],
		.unused_for = request->value[UNUSED_FOR],
		.all = request->value[ALL] != NULL,
	};
	static const struct {
		int option;
		const char *name;
	} not_with_json[] = { { CSV, "--csv" },
			      { COLUMNS, "--columns" },
			      { NO_HEADINGS, "--no-headings" } };
	enum status status;

	for (size_t i = 0; i < sizeof(not_with_json) / sizeof(not_with_json[0]); i++)
		if (request->json && request->value[not_with_json[i].option] != NULL)
			return fail(STATUS_USAGE, not_with_json[i].name,
				    "not together with --json, which always has all fields");
	status = filter_parse(&asked, &list->filter);
	if (status == STATUS_OK)
		status = columns_parse("--columns", request->value[COLUMNS], &list->columns);
	if (status == STATUS_OK)
		status = reading_now(&list->now);
	return status;
}

static enum status
list_keys(const struct request *request, const struct lrk_store *store, struct list *list)
{
	enum status status;

	uses_open(store, &list->uses);
	if (request->json || request->value[CSV] != NULL)
		status = list_streamed(request, store, list);
	else
		status = list_table(request, store, list);
	uses_warn_lost(&list->uses);
	uses_close(&list->uses);
	return status;
}

static enum status
run(const struct request *request)
{
	struct list list = { .status = STATUS_OK };
	struct lrk_header header;
	struct lrk_store store;
	enum status status;

	status = parse(request, &list);
	if (status == STATUS_OK) {
		status = reading_open(request, &store, &header);
		if (status == STATUS_OK)
			status = list_keys(request, &store, &list);
		lrk_store_close(&store);
	}
	filter_free(&list.filter);
	return status;
}

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.summary = "Lists the keys; filters are joined by and, commas within one by or",
	OPTIONS(options),
	.run = run,
};
