/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm revoke: ends keys for good. */
#include <stdio.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "ask.h"
#include "escape.h"
#include "guard.h"
#include "reading.h"

enum { REASON, YES, FORCE };

static const struct option_row options[] = {
	[REASON] = { "reason", "REASON", "why: compromised, misused, obsolete ... (default other)" },
	[YES] = { "yes", NULL, "do not ask" },
	[FORCE] = { "force", NULL, "also where no working key would be left for a scope" },
};

static enum status
parse_reason(const struct request *request, enum lrk_reason *ret)
{
	const char *text = request->value[REASON];
	char suggestion[NEAR_TEXT_MAX];
	struct near near;

	*ret = text != NULL ? lrk_reason_from_name(text) : LRK_REASON_OTHER;
	if (*ret != LRK_REASON_NONE)
		return STATUS_OK;
	near_begin(&near, text);
	for (unsigned i = LRK_REASON_NONE + 1; i < LRK_REASON_COUNT; i++)
		near_consider(&near, lrk_reason_name((enum lrk_reason)i));
	near_text(&near, suggestion);
	return fail_value("--reason", text,
			  "not a reason%s; allowed are compromised, misused, usage-limit, "
			  "inactive-owner, obsolete, renewal and other", suggestion);
}

/* What must not wait for a successor goes without the guard. */
static bool
is_guarded(const struct request *request, enum lrk_reason reason)
{
	return request->value[FORCE] == NULL && reason != LRK_REASON_COMPROMISED &&
	       reason != LRK_REASON_MISUSED;
}

static void
describe(const struct key_view *view)
{
	static const char *const shown[] = { "org", "label", "scopes", "state", "last_used" };
	char text[FIELD_TEXT_MAX];
	const struct field *field;

	fprintf(stderr, "  %s", view->entry->id);
	for (unsigned i = 0; (field = field_at(i)) != NULL; i++)
		for (size_t j = 0; j < sizeof(shown) / sizeof(shown[0]); j++)
			if (strcmp(field->name, shown[j]) == 0) {
				field_text(field, view, ",", text);
				fprintf(stderr, "  %s ", field->name);
				escape_print(stderr, text);
			}
	fputc('\n', stderr);
}

/* Asks about those that are not revoked yet. */
static enum status
ask(const struct targets *targets)
{
	char question[96];
	unsigned n = 0;

	for (unsigned i = 0; i < targets->n; i++) {
		struct key_view view = target_view(targets, i);

		if (view.entry->revoked != 0)
			continue;
		describe(&view);
		n++;
	}
	snprintf(question, sizeof(question), "Revoke %u key%s for good?", n, n == 1 ? "" : "s");
	if (n == 0 || ask_yes(question))
		return STATUS_OK;
	note("revoke", "not confirmed; nothing was changed");
	return STATUS_NO;
}

/* The question is put before the lock is taken: others need not wait for the answer. */
static enum status
confirm(const struct request *request, const struct ids *ids, bool guarded)
{
	struct targets targets = TARGETS_NONE;
	struct lrk_header header;
	struct lrk_store store;
	enum status status;
	int64_t now;

	status = reading_open(request, &store, &header);
	if (status == STATUS_OK)
		status = reading_now(&now);
	if (status == STATUS_OK)
		status = targets_read(request, &store, ids, now, &targets);
	if (status == STATUS_OK && guarded)
		status = guard_check(request, &store, &targets);
	if (status == STATUS_OK)
		status = ask(&targets);
	targets_free(&targets);
	lrk_store_close(&store);
	return status;
}

/* A tombstone is the entry itself: its digest tells who still holds the key. */
static void
bury(struct targets *targets, const struct who *who, enum lrk_reason reason)
{
	for (unsigned i = 0; i < targets->n; i++) {
		struct target *target = &targets->target[i];

		if (target->entry.revoked != 0) {
			note(target->entry.id, "already revoked; left as it is");
			continue;
		}
		target->entry.revoked = targets->now;
		target->entry.reason = reason;
		snprintf(target->entry.revoked_by, sizeof(target->entry.revoked_by), "%s",
			 who->user);
		target->changed = true;
		targets->n_changed++;
	}
}

static enum status
revoke_keys(const struct request *request, const struct ids *ids, enum lrk_reason reason)
{
	struct targets targets = TARGETS_NONE;
	const struct lrk_store *store;
	enum status status, printed;
	struct work work;

	status = work_begin(request, &work);
	if (status != STATUS_OK)
		goto out;
	store = lrk_change_store(work.change);
	status = targets_read(request, store, ids, work.now, &targets);
	if (status == STATUS_OK && is_guarded(request, reason))
		status = guard_check(request, store, &targets);
	if (status == STATUS_OK) {
		bury(&targets, &work.who, reason);
		status = targets_commit(&work, &targets, lrk_reason_name(reason));
	}
	if (status == STATUS_OK || work.done) {
		printed = targets_print(request, &targets, "revoked");
		status = status != STATUS_OK ? status : printed;
	}
out:
	work_end(&work);
	targets_free(&targets);
	return status;
}

static enum status
run(const struct request *request)
{
	enum lrk_reason reason;
	enum status status;
	struct ids ids;

	status = parse_reason(request, &reason);
	if (status == STATUS_OK)
		status = value_ids(request, &ids);
	if (status != STATUS_OK)
		return status;
	if (request->value[YES] == NULL) {
		if (ask_possible())
			status = confirm(request, &ids, is_guarded(request, reason));
		else
			status = fail(STATUS_USAGE, "revoke",
				      "needs --yes where there is no terminal to ask at");
	}
	if (status == STATUS_OK)
		status = revoke_keys(request, &ids, reason);
	ids_free(&ids);
	return status;
}

const struct command cmd_revoke = {
	.name = "revoke",
	.args = "ID...",
	.summary = "Revokes keys for good; all of them or none",
	OPTIONS(options),
	.min_args = 1,
	.max_args = ARGS_MANY,
	.changes = true,
	.run = run,
};
