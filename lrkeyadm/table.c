/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

struct table {
	struct libscols_table *scols;
	const struct columns *columns;
};

static const char *const state_colors[LRK_STATE_COUNT] = {
	[LRK_STATE_REVOKED] = "red",	  [LRK_STATE_DEACTIVATED] = "yellow",
	[LRK_STATE_PENDING] = "cyan",	  [LRK_STATE_EXPIRED] = "red",
	[LRK_STATE_EXHAUSTED] = "red",	  [LRK_STATE_DEPRECATED] = "yellow",
	[LRK_STATE_ACTIVE] = "green",
};

bool
table_on_terminal(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

static bool
use_colors(enum color color)
{
	const char *no_color = getenv("NO_COLOR");

	if (color == COLOR_AUTO)
		return table_on_terminal() && (no_color == NULL || no_color[0] == '\0');
	return color == COLOR_ALWAYS;
}

/* On a terminal these give way; ids, states and times are of no use when cut. */
static bool
may_be_cut(const struct field *field)
{
	static const char *const names[] = { "label", "scopes", "allow_from" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(field->name, names[i]) == 0)
			return true;
	return false;
}

static bool
is_number(const struct field *field)
{
	return strcmp(field->name, "uses") == 0 || strcmp(field->name, "max_uses") == 0 ||
	       strcmp(field->name, "denied") == 0;
}

enum status
table_open(const struct columns *columns, bool headings, enum color color, struct table **ret)
{
	struct table *table = calloc(1, sizeof(*table));
	bool terminal = table_on_terminal();
	bool as_it_is = !terminal && setlocale(LC_CTYPE, "C.UTF-8") != NULL;
	char heading[HEADING_MAX];

	if (table == NULL)
		return fail_memory();
	table->columns = columns;
	table->scols = scols_new_table();
	if (table->scols == NULL)
		goto fail;
	scols_table_enable_noheadings(table->scols, !headings);
	scols_table_enable_colors(table->scols, use_colors(color));
	/*
	 * Elsewhere nothing is cut or encoded, whatever COLUMNS and the locale say. Without
	 * encoding, libsmartcols 2.38 needs a locale that knows UTF-8: in others it never ends.
	 */
	scols_table_set_termforce(table->scols,
				  terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
	scols_table_enable_noencoding(table->scols, as_it_is);
	for (unsigned i = 0; i < columns->n; i++) {
		int flags = (may_be_cut(columns->field[i]) ? SCOLS_FL_TRUNC : 0) |
			    (is_number(columns->field[i]) ? SCOLS_FL_RIGHT : 0);

		column_heading(columns->field[i], heading);
		if (scols_table_new_column(table->scols, heading, 0, flags) == NULL)
			goto fail;
	}
	*ret = table;
	return STATUS_OK;
fail:
	table_close(table);
	return fail_memory();
}

enum status
table_line(struct table *table, const char *cells, enum lrk_state state)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (line == NULL)
		return fail_memory();
	for (unsigned i = 0; i < table->columns->n; i++) {
		if (scols_line_set_data(line, i, cells) != 0)
			return fail_memory();
		if (strcmp(table->columns->field[i]->name, "state") == 0 &&
		    scols_cell_set_color(scols_line_get_cell(line, i), state_colors[state]) != 0)
			return fail_memory();
		cells += strlen(cells) + 1;
	}
	return STATUS_OK;
}

enum status
table_print(struct table *table)
{
	/* What standard output has to say comes when it is closed. */
	if (scols_print_table(table->scols) < 0)
		return fail_memory();
	return STATUS_OK;
}

void
table_close(struct table *table)
{
	if (table != NULL) {
		scols_unref_table(table->scols);
		free(table);
	}
}
