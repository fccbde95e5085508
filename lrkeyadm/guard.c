/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "liblrkey/snapshot.h"
#include "reading.h"

/* A scope that a key to be revoked holds. */
struct hold {
	const struct lrk_entry *entry;
	const char *scope;
	bool covered; /* another key holds it */
};

struct guard {
	struct hold *holds; /* by organization and scope, each once */
	size_t n_holds;
	size_t n_open; /* that are not covered */
	const char **named; /* ids, sorted */
	size_t n_named;
	struct uses *uses;
	int64_t now;
};

static int
compare_holds(const void *a, const void *b)
{
	const struct hold *x = a, *y = b;
	int order = strcmp(x->entry->org, y->entry->org);

	return order != 0 ? order : strcmp(x->scope, y->scope);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
drop_equal_holds(struct guard *guard)
{
	size_t n = 0;

	for (size_t i = 0; i < guard->n_holds; i++)
		if (n == 0 || compare_holds(&guard->holds[n - 1], &guard->holds[i]) != 0)
			guard->holds[n++] = guard->holds[i];
	guard->n_holds = n;
}

static enum status
collect(const struct targets *targets, struct guard *guard)
{
	size_t room = 0;

	for (unsigned i = 0; i < targets->n; i++)
		room += targets->target[i].entry.n_scopes;
	guard->holds = calloc(room + 1, sizeof(*guard->holds));
	guard->named = calloc(targets->n + 1, sizeof(*guard->named));
	if (guard->holds == NULL || guard->named == NULL)
		return fail_memory();
	for (unsigned i = 0; i < targets->n; i++) {
		const struct lrk_entry *entry = &targets->target[i].entry;
		struct key_view view = target_view(targets, i);

		guard->named[guard->n_named++] = entry->id;
		for (unsigned j = 0; view_works(&view) && j < entry->n_scopes; j++)
			guard->holds[guard->n_holds++] =
				(struct hold){ .entry = entry, .scope = entry->scopes[j] };
	}
	qsort(guard->holds, guard->n_holds, sizeof(*guard->holds), compare_holds);
	qsort(guard->named, guard->n_named, sizeof(*guard->named), compare_names);
	drop_equal_holds(guard);
	guard->n_open = guard->n_holds;
	return STATUS_OK;
}

/* The first hold of an organization, or where it would stand. */
static size_t
first_of_org(const struct guard *guard, const char *org)
{
	size_t low = 0, high = guard->n_holds;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(guard->holds[middle].entry->org, org) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether an entry is of that organization and not among those to be revoked. */
static bool
may_cover(const struct guard *guard, size_t first, const struct lrk_entry *entry)
{
	const char *id = entry->id;

	return first < guard->n_holds &&
	       strcmp(guard->holds[first].entry->org, entry->org) == 0 &&
	       bsearch(&id, guard->named, guard->n_named, sizeof(*guard->named),
		       compare_names) == NULL;
}

/* Where nothing is open any more, the rest of the store need not be read. */
static enum lrk_err
look_at(void *context, const struct lrk_entry *entry)
{
	struct guard *guard = context;
	size_t i = first_of_org(guard, entry->org);
	struct key_view view;

	if (!may_cover(guard, i, entry))
		return LRK_OK;
	view = uses_view(guard->uses, entry, guard->now);
	if (!view_works(&view))
		return LRK_OK;
	for (; i < guard->n_holds && strcmp(guard->holds[i].entry->org, entry->org) == 0; i++)
		if (!guard->holds[i].covered &&
		    lrk_entry_holds_scope(entry, guard->holds[i].scope)) {
			guard->holds[i].covered = true;
			guard->n_open--;
		}
	return guard->n_open == 0 ? LRK_ERR_LIMIT : LRK_OK;
}

static enum status
look_for_others(const struct request *request, const struct lrk_store *store, struct guard *guard)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_snapshot_walk(store, look_at, guard, &why);

	if (err == LRK_OK || guard->n_open == 0)
		return STATUS_OK;
	return reading_fail(request, true, err, &why);
}

static enum status
judge(const struct guard *guard)
{
	for (size_t i = 0; i < guard->n_holds; i++) {
		const struct hold *hold = &guard->holds[i];

		if (!hold->covered)
			return fail(STATUS_POLICY, hold->entry->id,
				    "organization %s would be left without a working key for scope %s; "
				    "rotate the key first, or use --force", hold->entry->org,
				    hold->scope);
	}
	return STATUS_OK;
}

enum status
guard_check(const struct request *request, const struct lrk_store *store, struct targets *targets)
{
	struct guard guard = { .uses = &targets->uses, .now = targets->now };
	enum status status;

	status = collect(targets, &guard);
	if (status == STATUS_OK && guard.n_holds > 0)
		status = look_for_others(request, store, &guard);
	if (status == STATUS_OK)
		status = judge(&guard);
	free(guard.holds);
	free(guard.named);
	return status;
}
