/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm prune: forgets keys that ended long ago. */
#include <stdio.h>

#include "grow.h"
#include "json.h"
#include "policy.h"
#include "reading.h"
#include "work.h"

struct prune {
	struct work *work;
	int64_t age;
	uint64_t n_revoked;
	uint64_t n_expired;
	struct idlist ids;
	enum status status; /* of what stopped the walk */
};

static bool
is_past(const struct prune *prune, int64_t end)
{
	return prune->age != LRK_NEVER && end <= prune->work->now &&
	       prune->work->now - end >= prune->age;
}

/* The walk is over the store as it was; what is deleted is gone from its copy. */
static enum lrk_err
visit(void *context, const struct lrk_entry *entry)
{
	struct prune *prune = context;
	bool revoked = entry->revoked != 0;

	if (!is_past(prune, revoked ? entry->revoked : entry->expires))
		return LRK_OK;
	prune->n_revoked += revoked;
	prune->n_expired += !revoked;
	prune->status = idlist_add(&prune->ids, entry->id);
	if (prune->status == STATUS_OK)
		prune->status = work_delete(prune->work, entry);
	return prune->status == STATUS_OK ? LRK_OK : LRK_ERR_IO;
}

static enum status
delete_old(const struct request *request, struct prune *prune)
{
	enum status status = reading_walk(request, lrk_change_store(prune->work->change), visit,
					  prune, &prune->status);

	if (status != STATUS_OK)
		return status;
	if (prune->ids.n == 0)
		return work_settle(prune->work);
	return work_commit(prune->work, (const char(*)[LRK_ID_LEN + 1])prune->ids.id,
			   prune->ids.n, NULL, NULL);
}

static enum status
print_result(const struct request *request, const struct prune *prune)
{
	if (request->json)
		return json_print(json_pack("{s:s, s:I, s:I}", "store", request->store, "revoked",
					    (json_int_t)prune->n_revoked, "expired",
					    (json_int_t)prune->n_expired));
	printf("pruned: %llu revoked, %llu expired\n", (unsigned long long)prune->n_revoked,
	       (unsigned long long)prune->n_expired);
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	enum status status, printed;
	struct policy policy;
	struct work work;
	struct prune prune = { .work = &work };

	status = policy_read(request, &policy);
	if (status != STATUS_OK)
		return status;
	prune.age = policy.tombstone_age;
	status = work_begin(request, &work);
	if (status == STATUS_OK)
		status = delete_old(request, &prune);
	if (status == STATUS_OK || work.done) {
		printed = print_result(request, &prune);
		status = status != STATUS_OK ? status : printed;
	}
	work_end(&work);
	idlist_free(&prune.ids);
	return status;
}

const struct command cmd_prune = {
	.name = "prune",
	.args = "",
	.summary = "Forgets keys that were revoked or expired longer ago than the policy's tombstone-age",
	.changes = true,
	.run = run,
};
