/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm show: all that is known of one key. */
#include <stdio.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "escape.h"
#include "json.h"
#include "reading.h"
#include "terminal.h"
#include "uses.h"
#include "values.h"

static enum status
show_json(const struct key_view *view)
{
	struct json_list list;
	struct sink sink;

	sink_open(&sink, STDOUT_FILENO, "standard output");
	json_list_begin(&list, &sink, "keys");
	json_list_key(&list, view, NULL);
	json_list_end(&list);
	return sink_close(&sink);
}

static void
show_text(const struct key_view *view)
{
	char text[FIELD_TEXT_MAX], words[FIELD_WORDS_MAX];
	const struct field *field;

	for (unsigned i = 0; (field = field_at(i)) != NULL; i++) {
		if (field->tombstone && view->entry->revoked == 0)
			continue;
		field_text(field, view, ",", text);
		words[0] = '\0';
		if (terminal_is(STDOUT_FILENO))
			field_words(field, view, words);
		printf("%-13s ", field->name);
		escape_print(stdout, text);
		printf("%s\n", words);
	}
}

static enum status
show(const struct request *request, const struct lrk_store *store, const char *id)
{
	struct lrk_entry entry;
	struct key_view view;
	struct uses uses;
	enum status status;
	int64_t now;

	status = reading_now(&now);
	if (status == STATUS_OK)
		status = reading_key(request, store, id, &entry);
	if (status != STATUS_OK)
		return status;
	lrk_wipe_array(entry.digest);
	uses_open(store, &uses);
	view = uses_view(&uses, &entry, now);
	uses_warn_lost(&uses);
	uses_close(&uses);
	if (request->json)
		return show_json(&view);
	show_text(&view);
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	struct lrk_header header;
	struct lrk_store store;
	enum status status;
	struct ids ids;

	status = value_ids(request, &ids);
	if (status != STATUS_OK)
		return status;
	status = reading_open(request, &store, &header);
	if (status == STATUS_OK)
		status = show(request, &store, ids.id[0]);
	lrk_store_close(&store);
	ids_free(&ids);
	return status;
}

const struct command cmd_show = {
	.name = "show",
	.args = "ID",
	.summary = "Shows all that is known of a key, a revoked one too, but never its secret",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
