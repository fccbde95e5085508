/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
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
	*list = (struct json_list){ .sink = sink };
	sink_text(sink, "{\"");
	sink_text(sink, name);
	sink_text(sink, "\":[");
}

/* Begins an object and releases it; JSON_EMBED leaves the braces away, so that it can go on. */
static enum status
begin_object(struct json_list *list, json_t *object)
{
	int failed;

	if (object == NULL)
		return fail_memory();
	sink_text(list->sink, list->begun ? ",\n{" : "\n{");
	list->begun = true;
	failed = json_dump_callback(object, dump_part, list->sink, JSON_COMPACT | JSON_EMBED);
	json_decref(object);
	return failed == 0 ? STATUS_OK : fail_memory();
}

enum status
json_list_object(struct json_list *list, json_t *object)
{
	enum status status = begin_object(list, object);

	sink_text(list->sink, "}");
	return status;
}

enum status
json_list_key(struct json_list *list, const struct key_view *view, const char *apikey)
{
	enum status status = begin_object(list, fields_object(view));

	if (status != STATUS_OK)
		return status;
	if (apikey != NULL) {
		/* Its alphabet needs no escape. */
		sink_text(list->sink, ",\"key\":\"");
		sink_bytes(list->sink, apikey, LRK_APIKEY_LEN);
		sink_text(list->sink, "\"");
	}
	sink_text(list->sink, "}");
	return STATUS_OK;
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
