/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "filter.h"
#include "values.h"

static enum status
parse_list(const char *name, const char *list,
	   enum status (*check)(const char *name, const char *word), struct words *ret)
{
	enum status status = STATUS_OK;

	if (list == NULL)
		return STATUS_OK;
	status = words_split(list, ret);
	for (unsigned i = 0; status == STATUS_OK && i < ret->n; i++)
		status = check(name, ret->word[i]);
	return status;
}

static enum status
check_state(const char *name, const char *word)
{
	char suggestion[NEAR_TEXT_MAX];
	struct near near;

	if (lrk_state_from_name(word) != LRK_STATE_COUNT)
		return STATUS_OK;
	near_begin(&near, word);
	for (unsigned i = 0; i < LRK_STATE_COUNT; i++)
		near_consider(&near, lrk_state_name((enum lrk_state)i));
	near_text(&near, suggestion);
	return fail_value(name, word,
			  "not a state%s; allowed are active, pending, deprecated, deactivated, "
			  "expired, exhausted and revoked", suggestion);
}

static enum status
parse_states(const char *list, struct filter *filter)
{
	struct words words = { .n = 0 };
	enum status status = parse_list("--state", list, check_state, &words);

	for (unsigned i = 0; status == STATUS_OK && i < words.n; i++)
		filter->states[lrk_state_from_name(words.word[i])] = true;
	filter->by_state = list != NULL;
	words_free(&words);
	return status;
}

enum status
filter_parse(const struct filter_request *request, struct filter *ret)
{
	enum status status;

	*ret = (struct filter){ .by_end = request->expiring_within != NULL,
				.by_use = request->unused_for != NULL };
	status = parse_list("--org", request->org, value_org, &ret->orgs);
	if (status == STATUS_OK)
		status = parse_list("--scope", request->scope, value_scope, &ret->scopes);
	if (status == STATUS_OK)
		status = parse_list("--label", request->label, value_label, &ret->labels);
	if (status == STATUS_OK)
		status = parse_list("--owner", request->owner, value_user, &ret->owners);
	if (status == STATUS_OK)
		status = parse_states(request->state, ret);
	if (status == STATUS_OK && ret->by_end)
		status = value_duration("--expiring-within", request->expiring_within, &ret->within);
	if (status == STATUS_OK && ret->by_use)
		status = value_duration("--unused-for", request->unused_for, &ret->unused);
	ret->tombstones = request->all || ret->states[LRK_STATE_REVOKED];
	return status;
}

void
filter_free(struct filter *filter)
{
	words_free(&filter->orgs);
	words_free(&filter->scopes);
	words_free(&filter->labels);
	words_free(&filter->owners);
}

static bool
holds_one_of(const struct words *scopes, const struct lrk_entry *entry)
{
	for (unsigned i = 0; i < scopes->n; i++)
		if (lrk_entry_holds_scope(entry, scopes->word[i]))
			return true;
	return false;
}

static bool
label_has_one_of(const struct words *labels, const struct lrk_entry *entry)
{
	for (unsigned i = 0; i < labels->n; i++)
		if (strstr(entry->label, labels->word[i]) != NULL)
			return true;
	return false;
}

/* It works now, and will have ended when the time is over. */
static bool
ends_within(int64_t within, const struct key_view *view)
{
	int64_t expires = view->entry->expires;

	return view_works(view) && expires != LRK_NEVER && expires - view->now <= within;
}

bool
filter_passes_entry(const struct filter *filter, const struct lrk_entry *entry)
{
	return (entry->revoked == 0 || filter->tombstones) &&
	       (filter->orgs.n == 0 || words_have(&filter->orgs, entry->org)) &&
	       (filter->scopes.n == 0 || holds_one_of(&filter->scopes, entry)) &&
	       (filter->labels.n == 0 || label_has_one_of(&filter->labels, entry)) &&
	       (filter->owners.n == 0 || words_have(&filter->owners, entry->owner));
}

bool
filter_passes(const struct filter *filter, const struct key_view *view)
{
	return filter_passes_entry(filter, view->entry) &&
	       (!filter->by_state || filter->states[view_state(view)]) &&
	       (!filter->by_end || ends_within(filter->within, view)) &&
	       (!filter->by_use || view_unused_for(view) >= filter->unused);
}
