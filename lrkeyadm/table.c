/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "terminal.h"

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
	bool as_it_is = !terminal_is(STDOUT_FILENO) && setlocale(LC_CTYPE, "C.UTF-8") != NULL;
	char heading[HEADING_MAX];

	if (table == NULL)
		return fail_memory();
	table->columns = columns;
	table->scols = scols_new_table();
	if (table->scols == NULL)
		goto fail;
	scols_table_enable_noheadings(table->scols, !headings);
	scols_table_enable_colors(table->scols, terminal_has_color(color, STDOUT_FILENO));
	/* What does not fit into a terminal was cut by the caller. */
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	/*
	 * For a program nothing is encoded, whatever the locale says. Without encoding,
	 * libsmartcols 2.38 needs a locale that knows UTF-8: in others it never ends.
	 */
	scols_table_enable_noencoding(table->scols, as_it_is);
	for (unsigned i = 0; i < columns->n; i++) {
		int flags = is_number(columns->field[i]) ? SCOLS_FL_RIGHT : 0;

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

/* What is said of the state, and of the end, stands out from the rest of the line. */
static const char *
cell_color(const struct field *field, enum lrk_state state, enum look look)
{
	if (strcmp(field->name, "state") == 0)
		return state_colors[state];
	return field->is_end && look == LOOK_ENDING ? TERMINAL_YELLOW : NULL;
}

enum status
table_line(struct table *table, const char *const cells[], enum lrk_state state, enum look look)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (line == NULL ||
	    (look == LOOK_OVER && scols_line_set_color(line, TERMINAL_DIM) != 0))
		return fail_memory();
	for (unsigned i = 0; i < table->columns->n; i++) {
		const char *color = cell_color(table->columns->field[i], state, look);

		if (scols_line_set_data(line, i, cells[i]) != 0 ||
		    (color != NULL &&
		     scols_cell_set_color(scols_line_get_cell(line, i), color) != 0))
			return fail_memory();
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
