/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm review: which keys should be revoked or rotated, and why. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liblrkey/owner.h"

#include "escape.h"
#include "grow.h"
#include "hint.h"
#include "json.h"
#include "owners.h"
#include "policy.h"
#include "reading.h"
#include "terminal.h"
#include "uses.h"

#define DETAIL_MAX 160

/* A key that something should be done about. */
struct advice {
	char id[LRK_ID_LEN + 1];
	char org[LRK_ORG_MAX + 1];
	enum lrk_reason reason;
	char detail[DETAIL_MAX];
};

struct review {
	const struct request *request;
	struct policy policy;
	int64_t now;
	struct uses uses;
	struct owners owners;
	bool any_owner;
	struct sink sink;
	struct json_list json;
	struct advice *findings; /* until they are sorted; not with JSON */
	size_t n;
	size_t room;
	enum status status;	    /* of what stopped the walk */
	enum status owner_status; /* of owners that nobody can tell of; the others still count */
};

/* What revoke has no say in: it can no longer work, or it goes by itself. */
static bool
is_over(enum lrk_state state)
{
	return state == LRK_STATE_EXPIRED || state == LRK_STATE_REVOKED;
}

static bool
is_used_up(const struct key_view *view, char detail[static DETAIL_MAX])
{
	snprintf(detail, DETAIL_MAX, "used %" PRIu64 " of %" PRIu64 " times", view->usage.uses,
		 view->entry->max_uses);
	return view->entry->max_uses != 0 && view->usage.uses >= view->entry->max_uses;
}

static bool
is_misused(const struct review *review, const struct key_view *view, char detail[static DETAIL_MAX])
{
	snprintf(detail, DETAIL_MAX, "refused %" PRIu64 " times, with the right secret",
		 view->usage.denied);
	return view->usage.denied > (uint64_t)review->policy.review_refusals;
}

static bool
has_inactive_owner(struct review *review, const struct key_view *view,
		   char detail[static DETAIL_MAX])
{
	const char *owner = view->entry->owner;
	bool usable = true;
	enum status status;

	if (owner[0] == '\0')
		return false;
	review->any_owner = true;
	status = owners_look_up(&review->owners, owner, review->now, &usable);
	if (status != STATUS_OK) {
		review->owner_status = status;
		return false;
	}
	snprintf(detail, DETAIL_MAX, "owner %s is missing, expired or locked", owner);
	return !usable;
}

/* A key whose time has not come, or that is being replaced, need not be in use. */
static bool
is_obsolete(const struct review *review, const struct key_view *view,
	    char detail[static DETAIL_MAX])
{
	const struct lrk_entry *entry = view->entry;
	int64_t unused = review->policy.review_unused;
	bool used = view->usage.last_used != 0;
	char when[LRK_TIME_TEXT];

	lrk_time_format(used ? view->usage.last_used : entry->created, when);
	snprintf(detail, DETAIL_MAX, used ? "last used %s" : "never used since %s", when);
	/* Where no use can be on record, none is no sign. */
	return view->recorded && unused != LRK_NEVER && entry->successor[0] == '\0' &&
	       view_state(view) != LRK_STATE_PENDING && view_unused_for(view) >= unused &&
	       review->now - entry->not_before >= unused;
}

static bool
is_due(const struct review *review, const struct key_view *view, char detail[static DETAIL_MAX])
{
	int64_t within = review->policy.review_renewal;
	char when[LRK_TIME_TEXT];

	lrk_time_format(view->entry->expires, when);
	snprintf(detail, DETAIL_MAX, "ends %s", when);
	return within != LRK_NEVER && view_state(view) == LRK_STATE_ACTIVE &&
	       view->entry->expires != LRK_NEVER && view->entry->expires - review->now <= within;
}

/* The first reason that holds; LRK_REASON_NONE when none does. */
static enum lrk_reason
judge(struct review *review, const struct key_view *view, char detail[static DETAIL_MAX])
{
	enum lrk_state state = view_state(view);

	if (state == LRK_STATE_REVOKED)
		return LRK_REASON_NONE;
	if (!is_over(state) && is_used_up(view, detail))
		return LRK_REASON_USAGE_LIMIT;
	if (is_misused(review, view, detail))
		return LRK_REASON_MISUSED;
	if (is_over(state))
		return LRK_REASON_NONE;
	if (has_inactive_owner(review, view, detail))
		return LRK_REASON_INACTIVE_OWNER;
	if (is_obsolete(review, view, detail))
		return LRK_REASON_OBSOLETE;
	if (is_due(review, view, detail))
		return LRK_REASON_RENEWAL;
	return LRK_REASON_NONE;
}

#define COMMAND_MAX (HINT_MAX + 64)

static void
command_text(const struct review *review, const struct advice *finding,
	     char text[static COMMAND_MAX])
{
	char prefix[HINT_MAX];

	hint_prefix(review->request, prefix);
	if (finding->reason == LRK_REASON_RENEWAL)
		snprintf(text, COMMAND_MAX, "%s rotate %s", prefix, finding->id);
	else
		snprintf(text, COMMAND_MAX, "%s revoke %s --reason %s", prefix, finding->id,
			 lrk_reason_name(finding->reason));
}

static enum status
print_json(struct review *review, const struct advice *finding)
{
	char command[COMMAND_MAX];

	command_text(review, finding, command);
	return json_list_object(&review->json,
				json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", finding->id, "org",
					  finding->org, "reason", lrk_reason_name(finding->reason),
					  "detail", finding->detail, "command", command));
}

static enum status
keep(struct review *review, const struct advice *finding)
{
	struct advice *findings = grow(review->findings, review->n, &review->room,
				       sizeof(*findings));

	if (findings == NULL)
		return fail_memory();
	review->findings = findings;
	review->findings[review->n++] = *finding;
	return STATUS_OK;
}

static enum lrk_err
visit(void *context, const struct lrk_entry *entry)
{
	struct review *review = context;
	struct key_view view = uses_view(&review->uses, entry, review->now);
	struct advice finding = { .reason = LRK_REASON_NONE };

	finding.reason = judge(review, &view, finding.detail);
	if (finding.reason == LRK_REASON_NONE)
		return LRK_OK;
	memcpy(finding.id, entry->id, sizeof(finding.id));
	memcpy(finding.org, entry->org, sizeof(finding.org));
	if (review->request->json) {
		review->n++;
		review->status = print_json(review, &finding);
	} else {
		review->status = keep(review, &finding);
	}
	if (review->status == STATUS_OK && review->sink.error != 0)
		review->status = STATUS_IO; /* sink_close tells */
	return review->status == STATUS_OK ? LRK_OK : LRK_ERR_IO;
}

static enum status
walk(struct review *review, const struct lrk_store *store)
{
	return reading_walk(review->request, store, visit, review, &review->status);
}

static int
compare(const void *a, const void *b)
{
	const struct advice *x = a, *y = b;
	int order = strcmp(x->org, y->org);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static enum status
review_text(struct review *review, const struct lrk_store *store)
{
	enum status status = walk(review, store);
	char command[COMMAND_MAX];

	if (status == STATUS_OK && review->n > 0)
		qsort(review->findings, review->n, sizeof(*review->findings), compare);
	for (size_t i = 0; status == STATUS_OK && i < review->n; i++) {
		const struct advice *finding = &review->findings[i];

		command_text(review, finding, command);
		printf("%s %s %s: ", finding->id, finding->org, lrk_reason_name(finding->reason));
		escape_print(stdout, finding->detail);
		fputs(": ", stdout);
		escape_print(stdout, command);
		putchar('\n');
	}
	free(review->findings);
	if (status == STATUS_OK && review->n == 0 && terminal_is(STDOUT_FILENO))
		note("review", "no key should be revoked or rotated");
	return status;
}

static enum status
review_json(struct review *review, const struct lrk_store *store)
{
	enum status status, closed;

	sink_open(&review->sink, STDOUT_FILENO, "standard output");
	json_list_begin(&review->json, &review->sink, "findings");
	status = walk(review, store);
	/* A broken-off list must not look like a whole one. */
	if (status == STATUS_OK)
		json_list_end(&review->json);
	closed = sink_close(&review->sink);
	return status != STATUS_OK ? status : closed;
}

static enum status
review_store(struct review *review, const struct lrk_store *store)
{
	enum status status;

	uses_open(store, &review->uses);
	status = review->request->json ? review_json(review, store) : review_text(review, store);
	uses_warn_lost(&review->uses);
	if (review->any_owner && !lrk_owner_is_wholly_seen())
		note("owners", "only root sees which of them are expired or locked");
	uses_close(&review->uses);
	owners_free(&review->owners);
	if (status == STATUS_OK)
		status = review->owner_status;
	return status == STATUS_OK && review->n > 0 ? STATUS_NO : status;
}

static enum status
run(const struct request *request)
{
	struct review review = { .request = request };
	struct lrk_header header;
	struct lrk_store store;
	enum status status;

	status = reading_now(&review.now);
	if (status != STATUS_OK)
		return status;
	status = reading_open(request, &store, &header);
	if (status == STATUS_OK)
		status = policy_read(request, &review.policy);
	if (status == STATUS_OK)
		status = review_store(&review, &store);
	lrk_store_close(&store);
	return status;
}

const struct command cmd_review = {
	.name = "review",
	.args = "",
	.summary = "Lists keys that should be revoked or rotated, why, and with which command",
	.run = run,
};
