/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm without a command: how the store is, and what to do next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "hint.h"
#include "json.h"
#include "policy.h"
#include "reading.h"
#include "terminal.h"
#include "uses.h"
#include "values.h"

/* How many of those that end soon are named. */
#define FIRST_MAX 5

struct ending {
	int64_t expires;
	char id[LRK_ID_LEN + 1];
	char org[LRK_ORG_MAX + 1];
	char words[FIELD_WORDS_MAX]; /* "in 12 days", on a terminal */
};

struct summary {
	int64_t now;
	struct uses uses;
	int64_t soon; /* what ends within this is due for renewal */
	uint64_t generation;
	uint64_t n_keys; /* without tombstones */
	uint64_t n[LRK_STATE_COUNT];
	uint64_t n_ending; /* work now, and end soon */
	unsigned n_first;
	struct ending first[FIRST_MAX]; /* of those the first */
};

static bool
ends_soon(const struct summary *summary, const struct key_view *view)
{
	int64_t expires = view->entry->expires;

	return view_works(view) && summary->soon != LRK_NEVER && expires != LRK_NEVER &&
	       expires - summary->now <= summary->soon;
}

static bool
is_before(const struct ending *ending, const struct lrk_entry *entry)
{
	return ending->expires < entry->expires ||
	       (ending->expires == entry->expires && strcmp(ending->id, entry->id) < 0);
}

static void
keep_if_first(struct summary *summary, const struct key_view *view)
{
	const struct lrk_entry *entry = view->entry;
	unsigned at = summary->n_first;
	struct ending *ending;

	while (at > 0 && !is_before(&summary->first[at - 1], entry))
		at--;
	if (at == FIRST_MAX)
		return;
	if (summary->n_first < FIRST_MAX)
		summary->n_first++;
	ending = &summary->first[at];
	memmove(ending + 1, ending, (summary->n_first - at - 1) * sizeof(*ending));
	*ending = (struct ending){ .expires = entry->expires };
	memcpy(ending->id, entry->id, sizeof(ending->id));
	memcpy(ending->org, entry->org, sizeof(ending->org));
	if (terminal_is(STDOUT_FILENO))
		end_words(view, ending->words);
}

static enum lrk_err
count(void *context, const struct lrk_entry *entry)
{
	struct summary *summary = context;
	struct key_view view = uses_view(&summary->uses, entry, summary->now);
	enum lrk_state state = view_state(&view);

	summary->n[state]++;
	summary->n_keys += state != LRK_STATE_REVOKED;
	if (ends_soon(summary, &view)) {
		summary->n_ending++;
		keep_if_first(summary, &view);
	}
	return LRK_OK;
}

static enum status
print_json(const struct request *request, const struct summary *summary)
{
	json_t *object = json_pack("{s:s, s:I, s:I, s:I}", "store", request->store, "generation",
				   (json_int_t)summary->generation, "keys",
				   (json_int_t)summary->n_keys, "ending_soon",
				   (json_int_t)summary->n_ending);

	for (unsigned state = 0; object != NULL && state < LRK_STATE_COUNT; state++)
		if (json_object_set_new(object, lrk_state_name((enum lrk_state)state),
					json_integer((json_int_t)summary->n[state])) != 0) {
			json_decref(object);
			object = NULL;
		}
	return json_print(object);
}

/* What ends soon, the soonest first. */
static void
print_ending(const struct summary *summary, const char *soon, bool color)
{
	char end[LRK_TIME_TEXT + FIELD_WORDS_MAX];
	int width = 0;

	for (unsigned i = 0; i < summary->n_first; i++)
		if ((int)strlen(summary->first[i].org) > width)
			width = (int)strlen(summary->first[i].org);
	printf("Ending within %s:\n", soon);
	for (unsigned i = 0; i < summary->n_first; i++) {
		const struct ending *ending = &summary->first[i];
		char when[LRK_TIME_TEXT];

		lrk_time_format(ending->expires, when);
		snprintf(end, sizeof(end), "%s%s", when, ending->words);
		printf("  %s  %-*s  ", ending->id, width, ending->org);
		terminal_print(stdout, color, TERMINAL_YELLOW, end);
		putchar('\n');
	}
	if (summary->n_ending > summary->n_first)
		printf("  and %" PRIu64 " more\n", summary->n_ending - summary->n_first);
}

static void
print_next(const struct request *request, const struct summary *summary, const char *soon)
{
	struct hints hints = { .n = 0 };
	char command[64], what[64];

	if (summary->n_ending > 0) {
		snprintf(command, sizeof(command), "list --expiring-within %s", soon);
		snprintf(what, sizeof(what), "%" PRIu64 " end%s within %s", summary->n_ending,
			 summary->n_ending == 1 ? "s" : "", soon);
		hints_add(&hints, request, command, what);
	}
	hints_add(&hints, request, "generate --org ORG", "makes a key");
	if (summary->n_keys > 0) {
		hints_add(&hints, request, "list", "lists the keys");
		hints_add(&hints, request, "review", "which keys should go, and why");
	}
	hints_add(&hints, request, "--help", "all commands");
	hints_print(&hints, stdout);
}

static enum status
print_text(const struct request *request, const struct summary *summary)
{
	bool color = terminal_has_color(request->color, STDOUT_FILENO);
	char soon[DURATION_TEXT];

	printf("Store %s: %" PRIu64 " key%s, generation %" PRIu64 "\n", request->store,
	       summary->n_keys, summary->n_keys == 1 ? "" : "s", summary->generation);
	for (unsigned state = LRK_STATE_COUNT; state-- > 0;)
		if (summary->n[state] > 0)
			printf("  %-12s %" PRIu64 "\n", lrk_state_name((enum lrk_state)state),
			       summary->n[state]);
	duration_format(summary->soon, soon);
	if (summary->n_ending > 0)
		print_ending(summary, soon, color);
	print_next(request, summary, soon);
	return STATUS_OK;
}

enum status
summary_run(const struct request *request)
{
	struct summary summary = { .n_keys = 0 };
	struct lrk_header header;
	struct lrk_store store;
	struct policy policy;
	enum status status;

	status = reading_open(request, &store, &header);
	if (status == STATUS_OK)
		status = reading_now(&summary.now);
	if (status == STATUS_OK)
		status = policy_read(request, &policy);
	if (status == STATUS_OK) {
		summary.soon = policy.review_renewal;
		summary.generation = header.generation;
		uses_open(&store, &summary.uses);
		status = reading_walk(request, &store, count, &summary, NULL);
		uses_warn_lost(&summary.uses);
		uses_close(&summary.uses);
	}
	lrk_store_close(&store);
	if (status != STATUS_OK)
		return status;
	return request->json ? print_json(request, &summary) : print_text(request, &summary);
}
