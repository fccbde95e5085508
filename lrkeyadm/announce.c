/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "announce.h"
#include "escape.h"
#include "hint.h"
#include "terminal.h"

static void
announce_in_a_line(const struct issue *issue, const char *first)
{
	const struct lrk_entry *model = &issue->model;
	const char *where = issue->output != NULL ? "only in " : "shown only now";
	const char *file = issue->output != NULL ? issue->output : "";
	char expires[LRK_TIME_TEXT];

	lrk_time_format(model->expires, expires);
	if (issue->count == 1)
		note(first, "made for organization %s, expires %s; the key is %s%s", model->org,
		     expires, where, file);
	else
		note(model->org, "%zu keys made, expire %s; they are %s%s", issue->count, expires,
		     where, file);
}

/* A line as "show" prints it; none for what the key has not. */
static void
print_field(const struct field *field, const struct key_view *view)
{
	char text[FIELD_TEXT_MAX], words[FIELD_WORDS_MAX];

	field_text(field, view, ",", text);
	if (strcmp(text, "-") == 0)
		return;
	field_words(field, view, words);
	fprintf(stderr, "%-13s ", field->name);
	escape_print(stderr, text);
	fprintf(stderr, "%s\n", words);
}

void
announce_keys(const struct work *work, const struct issue *issue,
	      const char first[static LRK_ID_LEN + 1])
{
	static const char *const names[] = { "id",	   "org",	 "label",      "scopes",
					     "owner",	   "expires",	 "not_before", "max_uses",
					     "allow_from", "predecessor" };
	struct lrk_entry entry = issue->model;
	struct key_view view = { .entry = &entry, .now = work->now };

	if (!issue->frame.wanted) {
		announce_in_a_line(issue, first);
		return;
	}
	memcpy(entry.id, first, sizeof(entry.id));
	if (entry.not_before <= work->now)
		entry.not_before = 0;
	terminal_print(stderr, issue->frame.color, TERMINAL_YELLOW,
		       issue->count == 1 ? "Hand it on now: it is stored nowhere." :
					   "Hand them on now: they are stored nowhere.");
	fputc('\n', stderr);
	for (unsigned i = issue->count > 1; i < sizeof(names) / sizeof(names[0]); i++)
		for (unsigned j = 0; field_at(j) != NULL; j++)
			if (strcmp(field_at(j)->name, names[i]) == 0)
				print_field(field_at(j), &view);
}

void
announce_next(const struct work *work, const struct issue *issue,
	      const char first[static LRK_ID_LEN + 1])
{
	const struct lrk_entry *model = &issue->model;
	struct hints hints = { .n = 0 };
	char command[128];

	if (!issue->frame.wanted || issue->count > 1)
		return;
	snprintf(command, sizeof(command), "verify --org %s%s", model->org,
		 model->n_nets > 0 ? " --from ADDR" : "");
	hints_add(&hints, work->request, command, "asks for it, and checks it");
	snprintf(command, sizeof(command), "show %s", first);
	hints_add(&hints, work->request, command, "when it was used, and how often");
	snprintf(command, sizeof(command), "rotate %s", first);
	hints_add(&hints, work->request, command, "makes its successor, before it ends");
	hints_print(&hints, stderr);
}
