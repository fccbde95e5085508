/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "json.h"
#include "reading.h"
#include "targets.h"

enum status
targets_read(const struct request *request, const struct lrk_store *store, const struct ids *ids,
	     int64_t now, struct targets *ret)
{
	*ret = (struct targets){ .n = ids->n, .now = now, .uses = USES_CLOSED };
	ret->target = calloc(ids->n, sizeof(*ret->target));
	if (ret->target == NULL)
		return fail_memory();
	uses_open(store, &ret->uses);
	for (unsigned i = 0; i < ids->n; i++) {
		struct target *target = &ret->target[i];
		enum status status = reading_key(request, store, ids->id[i], &target->entry);
		struct key_view view;

		if (status != STATUS_OK)
			return status;
		view = uses_view(&ret->uses, &target->entry, now);
		target->usage = view.usage;
		target->recorded = view.recorded;
	}
	return STATUS_OK;
}

struct key_view
target_view(const struct targets *targets, unsigned i)
{
	const struct target *target = &targets->target[i];

	return (struct key_view){ .entry = &target->entry,
				  .usage = target->usage,
				  .recorded = target->recorded,
				  .now = targets->now };
}

/* The organization that all changed keys belong to, or NULL. */
static const char *
common_org(const struct targets *targets)
{
	const char *org = NULL;

	for (unsigned i = 0; i < targets->n; i++) {
		const struct target *target = &targets->target[i];

		if (!target->changed)
			continue;
		if (org != NULL && strcmp(org, target->entry.org) != 0)
			return NULL;
		org = target->entry.org;
	}
	return org;
}

enum status
targets_commit(struct work *work, const struct targets *targets, const char *reason)
{
	char (*ids)[LRK_ID_LEN + 1];
	enum status status = STATUS_OK;
	size_t n = 0;

	if (targets->n_changed == 0)
		return work_settle(work);
	ids = calloc(targets->n_changed, sizeof(*ids));
	if (ids == NULL)
		return fail_memory();
	for (unsigned i = 0; i < targets->n && status == STATUS_OK; i++) {
		const struct target *target = &targets->target[i];

		if (!target->changed)
			continue;
		memcpy(ids[n++], target->entry.id, sizeof(*ids));
		status = work_put(work, &target->entry);
	}
	if (status == STATUS_OK)
		status = work_commit(work, (const char(*)[LRK_ID_LEN + 1])ids, n,
				     common_org(targets), reason);
	free(ids);
	return status;
}

static enum status
print_json(const struct targets *targets)
{
	struct json_list list;
	struct sink sink;

	sink_open(&sink, STDOUT_FILENO, "standard output");
	json_list_begin(&list, &sink, "keys");
	for (unsigned i = 0; i < targets->n; i++) {
		struct key_view view = target_view(targets, i);

		json_list_key(&list, &view, NULL);
	}
	json_list_end(&list);
	return sink_close(&sink);
}

enum status
targets_print(const struct request *request, const struct targets *targets, const char *word)
{
	if (request->json)
		return print_json(targets);
	for (unsigned i = 0; i < targets->n; i++)
		if (targets->target[i].changed)
			printf("%s %s\n", targets->target[i].entry.id, word);
	return STATUS_OK;
}

void
targets_free(struct targets *targets)
{
	if (targets->target != NULL)
		lrk_wipe_bytes(targets->target, targets->n * sizeof(*targets->target));
	free(targets->target);
	targets->target = NULL;
	uses_close(&targets->uses);
}
