/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm without a command: how the store is, and what to do next. */
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "hint.h"
#include "json.h"
#include "policy.h"
#include "reading.h"
#include "uses.h"
#include "values.h"

struct summary {
	int64_t now;
	struct uses uses;
	int64_t soon; /* what ends within this is due for renewal */
	uint64_t generation;
	uint64_t n_keys; /* without tombstones */
	uint64_t n[LRK_STATE_COUNT];
	uint64_t n_ending; /* work now, and end soon */
};

static enum lrk_err
count(void *context, const struct lrk_entry *entry)
{
	struct summary *summary = context;
	struct key_view view = uses_view(&summary->uses, entry, summary->now);
	enum lrk_state state = view_state(&view);

	summary->n[state]++;
	summary->n_keys += state != LRK_STATE_REVOKED;
	summary->n_ending += view_works(&view) && summary->soon != LRK_NEVER &&
			     entry->expires != LRK_NEVER &&
			     entry->expires - summary->now <= summary->soon;
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

static void
print_next(const char *prefix, const char *command, const char *what)
{
	printf("  %s %-30s %s\n", prefix, command, what);
}

static enum status
print_text(const struct request *request, const struct summary *summary)
{
	char prefix[HINT_MAX], command[64], soon[DURATION_TEXT];

	printf("Store %s: %" PRIu64 " key%s, generation %" PRIu64 "\n", request->store,
	       summary->n_keys, summary->n_keys == 1 ? "" : "s", summary->generation);
	for (unsigned state = LRK_STATE_COUNT; state-- > 0;)
		if (summary->n[state] > 0)
			printf("  %-12s %" PRIu64 "\n", lrk_state_name((enum lrk_state)state),
			       summary->n[state]);
	hint_prefix(request, prefix);
	puts("Next:");
	if (summary->n_ending > 0) {
		duration_format(summary->soon, soon);
		snprintf(command, sizeof(command), "list --expiring-within %s", soon);
		printf("  %s %-30s %" PRIu64 " end%s within %s\n", prefix, command,
		       summary->n_ending, summary->n_ending == 1 ? "s" : "", soon);
	}
	print_next(prefix, "generate --org ORG", "makes a key");
	if (summary->n_keys > 0) {
		print_next(prefix, "list", "lists the keys");
		print_next(prefix, "review", "which keys should go, and why");
	}
	print_next(prefix, "--help", "all commands");
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
