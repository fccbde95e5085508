/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables on standard output, and the only door to libsmartcols. */
#ifndef LRKEYADM_TABLE_H
#define LRKEYADM_TABLE_H

#include "command.h"
#include "fields.h"

struct table;

/* Whether standard output is a terminal: tables then add words, colours, and fit its width. */
bool table_on_terminal(void);

enum status table_open(const struct columns *columns, bool headings, enum color color,
		       struct table **ret);

/* Adds a line; cells holds the texts of its columns, each with its NUL, one behind the other. */
enum status table_line(struct table *table, const char *cells, enum lrk_state state);

enum status table_print(struct table *table);

/* NULL-safe. */
void table_close(struct table *table);

#endif
