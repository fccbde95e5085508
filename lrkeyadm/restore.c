/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * - A tombstone, on whichever side, MUST win: a key that was revoked stays revoked.
 * - The count of a key MUST NOT become smaller, nor be known where it is not: a use
 *   limit is never granted twice.
 * - Counts of new keys MUST stand in the usage file before the keys are current.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "progress.h"
#include "reading.h"
#include "restore.h"

/* What becomes of an entry of the backup. */
enum fate {
	FATE_ADD,  /* the store knows nothing of it */
	FATE_BURY, /* it works here, and is a tombstone there */
	FATE_KEEP, /* it is here; what the backup says of it counts for nothing */
};

typedef enum status (*visit_fn)(struct restore *restore, struct lrk_entry *entry,
				const struct lrk_usage *usage);

enum status
restore_fail(const struct request *request, enum lrk_err err, const struct lrk_why *why)
{
	const char *path = request->args[0];
	bool malformed = err == LRK_ERR_SYNTAX || err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION;

	return malformed ? fail(STATUS_DATA, path, "%s", why->text) : fail_core(err, path, why);
}

/* Calls visit for each entry; the end of the backup must be met. */
static enum status
walk(struct restore *restore, const char *what, visit_fn visit)
{
	enum status status = STATUS_OK;
	struct lrk_why why = { "" };
	struct lrk_usage usage;
	struct lrk_entry entry;
	enum lrk_err err;
	bool end = false;
	uint64_t done = 0;

	progress_begin(what, restore->n_entries);
	err = lrk_backup_rewind(restore->backup, &why);
	while (err == LRK_OK && status == STATUS_OK) {
		err = lrk_backup_next(restore->backup, &entry, &usage, &end, &why);
		if (err != LRK_OK || end)
			break;
		status = visit(restore, &entry, &usage);
		progress_step(++done);
	}
	progress_end();
	lrk_wipe_object(&entry);
	return err == LRK_OK ? status : restore_fail(restore->request, err, &why);
}

/* What becomes of the entry; *ret is the one that is here, if any, and is the caller's to wipe. */
static enum status
find_fate(const struct restore *restore, const struct lrk_entry *entry, struct lrk_entry *ret,
	  enum fate *ret_fate)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_store_get(restore->store, entry->id, ret, &why);

	if (err == LRK_ERR_NOT_FOUND)
		*ret_fate = FATE_ADD;
	else if (err != LRK_OK)
		return reading_fail(restore->request, true, err, &why);
	else
		*ret_fate = entry->revoked != 0 && ret->revoked == 0 ? FATE_BURY : FATE_KEEP;
	return STATUS_OK;
}

static enum status
check_policy(const struct restore *restore, const struct lrk_entry *entry)
{
	int64_t begin = entry->not_before > restore->now ? entry->not_before : restore->now;
	enum status status;

	if (entry->revoked != 0)
		return STATUS_OK;
	status = policy_allows_end(&restore->policy, "key", entry->id, begin, entry->expires);
	if (status == STATUS_OK)
		status = policy_allows_label(&restore->policy, entry->id, entry->label);
	return status;
}

/* Once for all keys without a limit: where one count cannot be written, others cannot either. */
static void
warn_counts(struct restore *restore, const char *why)
{
	if (!restore->warned)
		note("warning", "%s; counts of uses are not restored", why);
	restore->warned = true;
}

static void
open_usage(struct restore *restore)
{
	struct lrk_why why = { "" };

	if (restore->usage_fd >= 0 || restore->warned)
		return;
	if (lrk_usage_open(&restore->store->gate, true, &restore->usage_fd, &why) != LRK_OK) {
		restore->usage_fd = -1;
		warn_counts(restore, why.text);
	}
}

/* Whether the backup knows of more uses or refusals of a key that is here. */
static enum status
find_raised(struct restore *restore, const struct lrk_entry *entry, const struct lrk_usage *usage,
	    bool *ret_raised)
{
	struct lrk_usage before;
	bool valid = false;

	*ret_raised = false;
	open_usage(restore);
	if (restore->usage_fd < 0)
		return STATUS_OK;
	if (lrk_usage_read(restore->usage_fd, entry, &before, &valid) != LRK_OK) {
		if (entry->max_uses != 0)
			return fail_errno(STATUS_IO, LRK_USAGE_FILE, errno);
		warn_counts(restore, lrk_err_text(LRK_ERR_IO));
		return STATUS_OK;
	}
	if (valid || entry->max_uses == 0)
		*ret_raised = usage->uses > before.uses || usage->denied > before.denied ||
			      usage->last_used > before.last_used;
	return STATUS_OK;
}

static enum status
examine_entry(struct restore *restore, struct lrk_entry *entry, const struct lrk_usage *usage)
{
	struct lrk_entry here;
	enum status status;
	bool raised = false;
	enum fate fate = FATE_KEEP;

	status = idlist_add(&restore->ids, entry->id);
	if (status == STATUS_OK)
		status = find_fate(restore, entry, &here, &fate);
	if (status != STATUS_OK)
		return status;
	restore->n_entries++;
	if (fate != FATE_ADD)
		status = find_raised(restore, &here, usage, &raised);
	if (status != STATUS_OK)
		goto out;
	if (raised)
		restore->n_raised++;
	switch (fate) {
	case FATE_ADD:
		restore->n_added++;
		status = check_policy(restore, entry);
		break;
	case FATE_BURY:
		restore->n_revoked++;
		note(entry->id, "works in the store, and is revoked in the backup: revoked");
		break;
	case FATE_KEEP:
		restore->n_kept++;
		note(entry->id, "already in the store%s; kept as it is",
		     here.revoked != 0 ? ", revoked" : "");
		break;
	}
out:
	lrk_wipe_object(&here);
	return status;
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, LRK_ID_LEN);
}

enum status
restore_examine(struct restore *restore)
{
	enum status status = walk(restore, "examine", examine_entry);

	if (status != STATUS_OK || restore->ids.n == 0)
		return status;
	qsort(restore->ids.id, restore->ids.n, sizeof(*restore->ids.id), compare_ids);
	for (size_t i = 1; i < restore->ids.n; i++)
		if (compare_ids(restore->ids.id[i - 1], restore->ids.id[i]) == 0)
			return fail(STATUS_DATA, restore->request->args[0], "holds key %s twice",
				    restore->ids.id[i]);
	return STATUS_OK;
}

/*
 * Raises what stands in the slot of an entry. A limit whose count is not known stays so, and
 * the key refused: that is for "edit" to end.
 */
static enum status
raise_counts(struct restore *restore, const struct lrk_entry *entry, const struct lrk_usage *usage)
{
	bool limited = entry->max_uses != 0, valid = false;
	struct lrk_why why = { "" };
	struct lrk_usage before;
	enum lrk_err err = LRK_ERR_USAGE;

	open_usage(restore);
	if (restore->warned && !limited)
		return STATUS_OK;
	if (restore->usage_fd >= 0)
		err = lrk_usage_read(restore->usage_fd, entry, &before, &valid);
	if (err == LRK_OK && limited && !valid)
		return STATUS_OK;
	if (err == LRK_OK)
		err = lrk_usage_raise(restore->usage_fd, entry, usage, &why);
	if (err == LRK_OK)
		return STATUS_OK;
	if (limited)
		return fail_core(err == LRK_ERR_IO ? err : LRK_ERR_USAGE, entry->id, &why);
	warn_counts(restore, why.text[0] != '\0' ? why.text : lrk_err_text(err));
	return STATUS_OK;
}

/* The organization of all that changed, as long as it is one. */
static void
note_org(struct restore *restore, const struct lrk_entry *entry)
{
	if (restore->ids.n == 0)
		memcpy(restore->org, entry->org, sizeof(restore->org));
	else if (strcmp(restore->org, entry->org) != 0)
		restore->org[0] = '\0';
}

static enum status
put_entry(struct restore *restore, struct lrk_entry *entry, const struct lrk_usage *usage)
{
	struct lrk_entry here;
	enum status status;
	bool raised = true;
	enum fate fate = FATE_KEEP;

	status = find_fate(restore, entry, &here, &fate);
	if (status == STATUS_OK && fate == FATE_KEEP)
		status = find_raised(restore, &here, usage, &raised);
	if (status != STATUS_OK || !raised)
		goto out;
	note_org(restore, entry);
	if (fate == FATE_KEEP) {
		/* Only its counts change, behind the line that tells of it. */
		status = idlist_add(&restore->ids, here.id);
		goto out;
	}
	if (fate == FATE_ADD) {
		/* Judged before; but the file may be another by now. */
		status = check_policy(restore, entry);
		here = *entry;
		if (status == STATUS_OK)
			status = work_assign_slot(restore->work, &here);
		if (status == STATUS_OK)
			status = raise_counts(restore, &here, usage);
	} else {
		here.revoked = entry->revoked;
		here.reason = entry->reason;
		memcpy(here.revoked_by, entry->revoked_by, sizeof(here.revoked_by));
	}
	if (status == STATUS_OK)
		status = work_put(restore->work, &here);
	if (status == STATUS_OK)
		status = idlist_add(&restore->ids, here.id);
out:
	lrk_wipe_object(&here);
	return status;
}

enum status
restore_put(struct restore *restore)
{
	restore->ids.n = 0;
	return walk(restore, "import", put_entry);
}

static enum status
raise_entry(struct restore *restore, struct lrk_entry *entry, const struct lrk_usage *usage)
{
	struct lrk_entry here;
	enum status status;
	enum fate fate = FATE_KEEP;

	status = find_fate(restore, entry, &here, &fate);
	if (status == STATUS_OK && fate != FATE_ADD)
		status = raise_counts(restore, &here, usage);
	lrk_wipe_object(&here);
	return status;
}

enum status
restore_raise(struct restore *restore)
{
	enum status status;

	if (restore->n_kept + restore->n_revoked == 0)
		return STATUS_OK;
	status = walk(restore, "counts", raise_entry);
	if (status == STATUS_OK && restore->usage_fd >= 0 && fdatasync(restore->usage_fd) != 0)
		status = fail_errno(STATUS_IO, LRK_USAGE_FILE, errno);
	return status;
}

void
restore_end(struct restore *restore)
{
	if (restore->usage_fd >= 0)
		close(restore->usage_fd);
	restore->usage_fd = -1;
	idlist_free(&restore->ids);
}
