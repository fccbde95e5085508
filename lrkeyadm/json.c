/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/apikey.h>

#include "escape.h"
#include "json.h"

static int
dump_part(const char *bytes, size_t length, void *context)
{
	sink_bytes(context, bytes, length);
	return 0;
}

void
json_list_begin(struct json_list *list, struct sink *sink, const char *name)
{
	const struct field *field;

	list->sink = sink;
	list->begun = false;
	/* Names of fields need no escape. */
	for (unsigned i = 0; (field = field_at(i)) != NULL; i++) {
		snprintf(list->head[i].text, sizeof(list->head[i].text), "%c\"%s\":",
			 i == 0 ? '{' : ',', field->name);
		list->head[i].length = strlen(list->head[i].text);
	}
	sink_text(sink, "{\"");
	sink_text(sink, name);
	sink_text(sink, "\":[");
}

static void
begin_item(struct json_list *list)
{
	sink_text(list->sink, list->begun ? ",\n" : "\n");
	list->begun = true;
}

enum status
json_list_object(struct json_list *list, json_t *object)
{
	int failed;

	if (object == NULL)
		return fail_memory();
	begin_item(list);
	failed = json_dump_callback(object, dump_part, list->sink, JSON_COMPACT);
	json_decref(object);
	return failed == 0 ? STATUS_OK : fail_memory();
}

/* What stands for a character that a JSON string cannot hold as it is. */
static const char *
escape_of(char c, char text[static 7])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		snprintf(text, 7, "\\u%04X", (unsigned)(unsigned char)c);
		return text;
	}
}

static bool
is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void
put_string(struct sink *sink, const char *text)
{
	char buffer[7];
	const char *from = text;

	sink_text(sink, "\"");
	for (;; from = ++text) {
		while (is_plain(*text))
			text++;
		sink_bytes(sink, from, (size_t)(text - from));
		if (*text == '\0')
			break;
		sink_text(sink, escape_of(*text, buffer));
	}
	sink_text(sink, "\"");
}

static void
put_list(struct sink *sink, const struct key_view *view, const struct field_value *value)
{
	char item[FIELD_ITEM_MAX];

	sink_text(sink, "[");
	for (unsigned i = 0; i < value->n; i++) {
		value->item(view, i, item);
		sink_text(sink, i > 0 ? "," : "");
		put_string(sink, item);
	}
	sink_text(sink, "]");
}

static void
put_field(struct sink *sink, const struct field *field, const struct key_view *view)
{
	struct field_value value;

	field_value(field, view, &value);
	switch (value.kind) {
	case FIELD_NULL:
		sink_text(sink, "null");
		break;
	case FIELD_TEXT:
		put_string(sink, value.text);
		break;
	case FIELD_NUMBER:
		sink_text(sink, value.text);
		break;
	case FIELD_LIST:
		put_list(sink, view, &value);
		break;
	}
}

void
json_list_key(struct json_list *list, const struct key_view *view, const char *apikey)
{
	struct sink *sink = list->sink;
	const struct field *field;

	begin_item(list);
	for (unsigned i = 0; (field = field_at(i)) != NULL; i++) {
		if (field->tombstone && view->entry->revoked == 0)
			continue;
		sink_bytes(sink, list->head[i].text, list->head[i].length);
		put_field(sink, field, view);
	}
	if (apikey != NULL) {
		/* Its alphabet needs no escape. */
		sink_text(sink, ",\"key\":\"");
		sink_bytes(sink, apikey, LRK_APIKEY_LEN);
		sink_text(sink, "\"");
	}
	sink_text(sink, "}");
}

void
json_list_end(struct json_list *list)
{
	sink_text(list->sink, list->begun ? "\n]}\n" : "]}\n");
}

json_t *
json_text(const char *text)
{
	json_t *string = NULL;
	char *escaped = NULL;
	size_t length;
	FILE *stream = open_memstream(&escaped, &length);

	if (stream == NULL)
		return NULL;
	escape_print(stream, text);
	if (escape_close(stream, &escaped))
		string = json_string(escaped);
	free(escaped);
	return string;
}

enum status
json_print(json_t *object)
{
	struct sink sink;
	int failed;

	if (object == NULL)
		return fail_memory();
	sink_open(&sink, STDOUT_FILENO, "standard output");
	failed = json_dump_callback(object, dump_part, &sink, JSON_COMPACT);
	json_decref(object);
	if (failed != 0)
		return fail_memory();
	sink_text(&sink, "\n");
	return sink_close(&sink);
}
