/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame of every command that changes keys.
 *
 * - Nothing MUST be committed whose audit line is not on the disk.
 * - A change that failed behind its audit line MUST take that line back.
 * - A command that changes keys MUST end with work_commit or work_settle before it reports success.
 */
#include <stdio.h>
#include <string.h>

#include "reading.h"
#include "syslog_copy.h"
#include "work.h"

static enum status
fail_change(const struct work *work, enum lrk_err err, const struct lrk_why *why)
{
	return reading_fail(work->request, true, err, why);
}

static struct audit_event
event_of(const struct work *work)
{
	return (struct audit_event){
		.store = work->request->store,
		.time = work->now,
		.generation = lrk_change_generation(work->change),
		.who = &work->who,
		.command = work->request->command->name,
		.outcome = AUDIT_DONE,
	};
}

static int
mend_audit(const struct work *work, const char *reason)
{
	struct audit_event event = event_of(work);

	event.reason = reason;
	return audit_mend(&work->audit, lrk_change_current(work->change), &event);
}

enum status
work_begin(const struct request *request, struct work *ret)
{
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;
	int error;

	*ret = (struct work){ .request = request, .audit = AUDIT_CLOSED };
	who_am_i(&ret->who);
	err = lrk_change_begin(request->root, request->store, &ret->change, &why);
	if (err != LRK_OK)
		return fail_change(ret, err, &why);
	signals_hold(&ret->signals);
	if (lrk_change_warning(ret->change) != NULL)
		note("warning", "%s; this change repairs it", lrk_change_warning(ret->change));
	/* Behind the lock: waiting for it takes time. */
	status = reading_now(&ret->now);
	if (status == STATUS_OK)
		status = audit_open(lrk_change_store(ret->change), &ret->audit);
	if (status != STATUS_OK)
		return status;
	error = mend_audit(ret, "interrupted");
	return error == 0 ? STATUS_OK : fail_errno(STATUS_IO, ret->audit.path, error);
}

static enum status
fail_interrupted(const struct work *work)
{
	return fail(STATUS_IO, work->request->command->name, "interrupted; nothing was changed");
}

enum status
work_put(const struct work *work, const struct lrk_entry *entry)
{
	struct lrk_why why = { "" };
	enum lrk_err err;

	/* There may be a million of them. */
	if (signals_end())
		return fail_interrupted(work);
	err = lrk_change_put(work->change, entry, &why);

	return err == LRK_OK ? STATUS_OK : fail_change(work, err, &why);
}

enum status
work_delete(const struct work *work, const struct lrk_entry *entry)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_change_delete(work->change, entry, &why);

	return err == LRK_OK ? STATUS_OK : fail_change(work, err, &why);
}

enum status
work_assign_slot(const struct work *work, struct lrk_entry *entry)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_change_assign_slot(work->change, entry, &why);

	if (err == LRK_ERR_USAGE)
		return fail(STATUS_STORE, "use limit",
			    "%s; a missing usage file is made anew by root's next change", why.text);
	return err == LRK_OK ? STATUS_OK : fail_change(work, err, &why);
}

/* Everybody sees it, and nobody knows whether the disk does. */
static void
tell_done(struct lrk_why *why)
{
	size_t used = strlen(why->text);

	snprintf(why->text + used, sizeof(why->text) - used,
		 "; the change is made, but a power cut may undo it");
}

enum status
work_commit(struct work *work, const char (*ids)[LRK_ID_LEN + 1], size_t n_ids, const char *org,
	    const char *reason)
{
	struct audit_event event = event_of(work);
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;

	event.ids = ids;
	event.n_ids = n_ids;
	event.org = org;
	event.reason = reason;
	err = lrk_change_prepare(work->change, &why);
	if (err != LRK_OK)
		return fail_change(work, err, &why);
	if (signals_end())
		return fail_interrupted(work);
	status = audit_append(&work->audit, &event);
	/* Before it is current: nobody changes a key, ends himself, and leaves no word. */
	if (status == STATUS_OK && !syslog_change(&event))
		status = fail_memory();
	if (status == STATUS_OK) {
		err = lrk_change_commit(work->change, &work->done, &why);
		if (err != LRK_OK && work->done)
			tell_done(&why);
		if (err != LRK_OK)
			status = fail_change(work, err, &why);
	}
	if (!work->done)
		/* If this fails too, the next change does it. */
		(void)mend_audit(work, "failed");
	return status;
}

enum status
work_settle(const struct work *work)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_change_settle(work->change, &why);

	return err == LRK_OK ? STATUS_OK : fail_change(work, err, &why);
}

void
work_end(struct work *work)
{
	audit_close(&work->audit);
	lrk_change_end(work->change);
	work->change = NULL;
	signals_release(&work->signals);
}
