/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "csv.h"

/* A field is quoted where a reader would see its end, or a quote, inside it. */
static void
print_field(struct sink *sink, const char *text, bool first)
{
	if (!first)
		sink_text(sink, ",");
	if (strpbrk(text, "\",\r\n") == NULL) {
		sink_text(sink, text);
		return;
	}
	sink_text(sink, "\"");
	for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
		sink_bytes(sink, text, (size_t)(quote - text));
		sink_text(sink, "\"\"");
	}
	sink_text(sink, text);
	sink_text(sink, "\"");
}

void
csv_headings(struct sink *sink, const struct columns *columns)
{
	char heading[HEADING_MAX];

	for (unsigned i = 0; i < columns->n; i++) {
		column_heading(columns->field[i], heading);
		print_field(sink, heading, i == 0);
	}
	sink_text(sink, "\n");
}

void
csv_key(struct sink *sink, const struct columns *columns, const struct key_view *view)
{
	char text[FIELD_TEXT_MAX];

	for (unsigned i = 0; i < columns->n; i++) {
		field_text(columns->field[i], view, " ", text);
		print_field(sink, text, i == 0);
	}
	sink_text(sink, "\n");
}
