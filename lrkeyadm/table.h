/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables on standard output, and the only door to libsmartcols. */
#ifndef LRKEYADM_TABLE_H
#define LRKEYADM_TABLE_H

#include "command.h"
#include "fields.h"

struct table;

enum status table_open(const struct columns *columns, bool headings, enum color color,
		       struct table **ret);

/* How a key looks among others. */
enum look {
	LOOK_PLAIN,
	LOOK_ENDING, /* it works, and ends soon */
	LOOK_OVER,   /* it no longer works */
};

/* Adds a line with the texts of its columns. */
enum status table_line(struct table *table, const char *const cells[], enum lrk_state state,
		       enum look look);

enum status table_print(struct table *table);

/* NULL-safe. */
void table_close(struct table *table);

#endif
