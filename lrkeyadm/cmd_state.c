/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm deactivate and activate: switch keys off and on. */
#include "targets.h"

static enum status
fail_revoked(const struct lrk_entry *entry)
{
	char when[LRK_TIME_TEXT];

	lrk_time_format(entry->revoked, when);
	return fail(STATUS_POLICY, entry->id, "revoked %s, which is for good; generate a new key", when);
}

/* What activating does not mend is said, so that nobody waits for it to work. */
static void
note_not_working(const struct targets *targets)
{
	char when[LRK_TIME_TEXT];

	for (unsigned i = 0; i < targets->n; i++) {
		const struct lrk_entry *entry = &targets->target[i].entry;
		struct key_view view = target_view(targets, i);
		enum lrk_state state = view_state(&view);

		if (!targets->target[i].changed)
			continue;
		lrk_time_format(entry->expires, when);
		if (state == LRK_STATE_EXPIRED)
			note(entry->id, "activated, but expired %s", when);
		else if (state == LRK_STATE_EXHAUSTED)
			note(entry->id, "activated, but exhausted");
		else if (lrk_state_works(state) && !view_works(&view))
			note(entry->id, "activated, but its use limit has no valid record");
	}
}

static enum status
switch_keys(struct targets *targets, bool on)
{
	for (unsigned i = 0; i < targets->n; i++)
		if (targets->target[i].entry.revoked != 0)
			return fail_revoked(&targets->target[i].entry);
	for (unsigned i = 0; i < targets->n; i++) {
		struct target *target = &targets->target[i];

		if ((target->entry.deactivated == 0) == on) {
			note(target->entry.id, on ? "not deactivated; left as it is" :
						    "already deactivated; left as it is");
			continue;
		}
		target->entry.deactivated = on ? 0 : targets->now;
		target->changed = true;
		targets->n_changed++;
	}
	return STATUS_OK;
}

static enum status
run_switch(const struct request *request, bool on)
{
	struct targets targets = TARGETS_NONE;
	enum status status, printed;
	struct work work;
	struct ids ids;

	status = value_ids(request, &ids);
	if (status != STATUS_OK)
		return status;
	status = work_begin(request, &work);
	if (status == STATUS_OK)
		status = targets_read(request, lrk_change_store(work.change), &ids, work.now,
				      &targets);
	if (status == STATUS_OK)
		status = switch_keys(&targets, on);
	if (status == STATUS_OK)
		status = targets_commit(&work, &targets, NULL);
	if (status == STATUS_OK || work.done) {
		if (on)
			note_not_working(&targets);
		printed = targets_print(request, &targets, on ? "activated" : "deactivated");
		status = status != STATUS_OK ? status : printed;
	}
	work_end(&work);
	targets_free(&targets);
	ids_free(&ids);
	return status;
}

static enum status
run_deactivate(const struct request *request)
{
	return run_switch(request, false);
}

static enum status
run_activate(const struct request *request)
{
	return run_switch(request, true);
}

const struct command cmd_deactivate = {
	.name = "deactivate",
	.args = "ID...",
	.summary = "Switches keys off, until they are activated again",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.changes = true,
	.run = run_deactivate,
};

const struct command cmd_activate = {
	.name = "activate",
	.args = "ID...",
	.summary = "Switches deactivated keys on again",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.changes = true,
	.run = run_activate,
};
