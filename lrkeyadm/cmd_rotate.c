/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm rotate: a successor for a key, which goes on for a while. */
#include <string.h>

#include <lrkey/wipe.h>

#include "announce.h"
#include "issue.h"
#include "policy.h"
#include "reading.h"
#include "targets.h"

enum { OVERLAP, EXPIRES, OUTPUT };

static const struct option_row options[] = {
	[OVERLAP] = { "overlap", "DUR", "how long the old key goes on (default 7d; 0s: not at all)" },
	[EXPIRES] = { "expires", "WHEN", "when the new key ends (default: a term like the old one's)" },
	[OUTPUT] = { "output", "FILE", "write the key to FILE, made anew with mode 0600" },
};

struct rotation {
	struct policy policy;
	int64_t overlap;
	int64_t expires;
	struct targets targets; /* the old key */
	struct issue issue;	/* the new one */
};

static enum status
parse(const struct request *request, struct rotation *ret)
{
	const char *overlap = request->value[OVERLAP], *expires = request->value[EXPIRES];
	enum status status;
	int64_t now;

	ret->issue.output = request->value[OUTPUT];
	if (ret->issue.output != NULL && ret->issue.output[0] == '\0')
		return fail_value("--output", "", "empty; it names a file");
	status = reading_now(&now);
	if (status == STATUS_OK && overlap != NULL)
		status = value_duration("--overlap", overlap, &ret->overlap);
	if (status == STATUS_OK && expires != NULL) {
		status = value_when("--expires", expires, now, &ret->expires);
		if (status == STATUS_OK && ret->expires <= now)
			status = fail_value("--expires", expires, "not ahead of now");
	}
	if (status == STATUS_OK)
		status = policy_read(request, &ret->policy);
	if (status == STATUS_OK && overlap == NULL)
		ret->overlap = ret->policy.default_overlap;
	return status;
}

/* Only who could come in with the old key may be given a new one in its place. */
static enum status
check_state(const struct key_view *view)
{
	const struct lrk_entry *entry = view->entry;
	char when[LRK_TIME_TEXT];

	switch (view_state(view)) {
	case LRK_STATE_REVOKED:
		lrk_time_format(entry->revoked, when);
		return fail(STATUS_POLICY, entry->id,
			    "revoked %s, which is for good; generate a new key", when);
	case LRK_STATE_DEACTIVATED:
		return fail(STATUS_POLICY, entry->id, "deactivated; activate it first");
	case LRK_STATE_PENDING:
		lrk_time_format(entry->not_before > entry->created ? entry->not_before :
								      entry->created, when);
		return fail(STATUS_POLICY, entry->id, "pending until %s; it can be rotated from then on",
			    when);
	case LRK_STATE_EXPIRED:
		lrk_time_format(entry->expires, when);
		return fail(STATUS_POLICY, entry->id,
			    "expired %s; generate a new key, or extend it with edit --expires", when);
	case LRK_STATE_DEPRECATED:
	case LRK_STATE_EXHAUSTED:
	case LRK_STATE_ACTIVE:
	case LRK_STATE_COUNT:
		break;
	}
	if (entry->successor[0] != '\0')
		return fail(STATUS_POLICY, entry->id, "rotated already; its successor is %s",
			    entry->successor);
	return STATUS_OK;
}

static int64_t
end_of_term(int64_t now, int64_t term)
{
	if (term == LRK_NEVER)
		return LRK_NEVER;
	return now < LRK_TIME_MAX - term ? now + term : LRK_TIME_MAX;
}

/* The successor, but for id, digest and slot. */
static enum status
make_model(const struct request *request, struct rotation *rotation)
{
	const struct lrk_entry *old = &rotation->targets.target[0].entry;
	struct lrk_entry *model = &rotation->issue.model;
	const char *expires = request->value[EXPIRES];
	int64_t now = rotation->targets.now;
	char term[DURATION_TEXT];
	enum status status;

	*model = *old;
	lrk_wipe_array(model->digest);
	memcpy(model->predecessor, old->id, sizeof(model->predecessor));
	model->created = model->not_before = now;
	if (expires != NULL) {
		model->expires = rotation->expires;
		model->term = model->expires == LRK_NEVER ? LRK_NEVER : model->expires - now;
	} else {
		model->expires = end_of_term(now, old->term);
	}
	duration_format(model->term, term);
	status = policy_allows_end(&rotation->policy, expires != NULL ? "--expires" : "term",
				   expires != NULL ? expires : term, now, model->expires);
	if (status == STATUS_OK)
		status = policy_allows_label(&rotation->policy, old->id, model->label);
	return status;
}

/* What ends the old key: the overlap, unless its own end comes first. */
static void
deprecate(struct rotation *rotation)
{
	struct target *target = &rotation->targets.target[0];
	int64_t end = end_of_term(rotation->targets.now, rotation->overlap);

	memcpy(target->entry.successor, rotation->issue.keys.ids[0],
	       sizeof(target->entry.successor));
	if (end < target->entry.expires)
		target->entry.expires = end;
}

static enum status
rotate(const struct request *request, struct work *work, struct rotation *rotation)
{
	const struct lrk_entry *old = &rotation->targets.target[0].entry;
	struct key_view view = target_view(&rotation->targets, 0);
	char ids[2][LRK_ID_LEN + 1];
	enum status status;

	status = check_state(&view);
	if (status == STATUS_OK)
		status = make_model(request, rotation);
	if (status == STATUS_OK)
		status = issue_put(work, &rotation->issue);
	if (status != STATUS_OK)
		return status;
	deprecate(rotation);
	status = work_put(work, old);
	if (status != STATUS_OK)
		return status;
	memcpy(ids[0], old->id, sizeof(ids[0]));
	memcpy(ids[1], rotation->issue.keys.ids[0], sizeof(ids[1]));
	return issue_commit(work, &rotation->issue, (const char(*)[LRK_ID_LEN + 1])ids, 2);
}

static void
say_what_was_made(const struct work *work, const struct rotation *rotation)
{
	const struct lrk_entry *old = &rotation->targets.target[0].entry;
	struct key_view view = target_view(&rotation->targets, 0);
	char end[LRK_TIME_TEXT];

	announce_keys(work, &rotation->issue, old->successor);
	lrk_time_format(old->expires, end);
	if (view_works(&view))
		note(old->id, "goes on until %s", end);
	else
		note(old->id, "no longer works");
	announce_next(work, &rotation->issue, old->successor);
}

static enum status
run(const struct request *request)
{
	struct rotation rotation = { .targets = TARGETS_NONE, .issue = ISSUE_ONE };
	enum status status;
	struct work work;
	struct ids ids;

	status = value_ids(request, &ids);
	if (status != STATUS_OK)
		return status;
	status = parse(request, &rotation);
	if (status == STATUS_OK) {
		status = work_begin(request, &work);
		if (status == STATUS_OK)
			status = targets_read(request, lrk_change_store(work.change), &ids,
					      work.now, &rotation.targets);
		if (status == STATUS_OK)
			status = rotate(request, &work, &rotation);
		status = issue_end(&work, &rotation.issue, status);
		if (status == STATUS_OK)
			say_what_was_made(&work, &rotation);
		work_end(&work);
	}
	targets_free(&rotation.targets);
	ids_free(&ids);
	return status;
}

const struct command cmd_rotate = {
	.name = "rotate",
	.args = "ID",
	.summary = "Makes a successor for a key, which goes on for a while, and prints it, this once",
	OPTIONS(options),
	.min_args = 1,
	.max_args = 1,
	.changes = true,
	.run = run,
};
