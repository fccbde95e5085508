/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <string.h>

#include <lrkey/entry.h>

static const char *const state_names[LRK_STATE_COUNT] = {
	[LRK_STATE_REVOKED] = "revoked",     [LRK_STATE_DEACTIVATED] = "deactivated",
	[LRK_STATE_PENDING] = "pending",     [LRK_STATE_EXPIRED] = "expired",
	[LRK_STATE_EXHAUSTED] = "exhausted", [LRK_STATE_DEPRECATED] = "deprecated",
	[LRK_STATE_ACTIVE] = "active",
};

static const char *const reason_names[LRK_REASON_COUNT] = {
	[LRK_REASON_COMPROMISED] = "compromised",
	[LRK_REASON_MISUSED] = "misused",
	[LRK_REASON_USAGE_LIMIT] = "usage-limit",
	[LRK_REASON_INACTIVE_OWNER] = "inactive-owner",
	[LRK_REASON_OBSOLETE] = "obsolete",
	[LRK_REASON_RENEWAL] = "renewal",
	[LRK_REASON_OTHER] = "other",
};

enum lrk_state
lrk_entry_state(const struct lrk_entry *entry, int64_t now, uint64_t uses)
{
	if (entry->revoked != 0)
		return LRK_STATE_REVOKED;
	if (entry->deactivated != 0)
		return LRK_STATE_DEACTIVATED;
	if (now < entry->not_before || now < entry->created - LRK_CLOCK_TOLERANCE)
		return LRK_STATE_PENDING;
	if (now >= entry->expires)
		return LRK_STATE_EXPIRED;
	if (entry->max_uses != 0 && uses >= entry->max_uses)
		return LRK_STATE_EXHAUSTED;
	if (entry->successor[0] != '\0')
		return LRK_STATE_DEPRECATED;
	return LRK_STATE_ACTIVE;
}

bool
lrk_state_works(enum lrk_state state)
{
	return state == LRK_STATE_ACTIVE || state == LRK_STATE_DEPRECATED;
}

bool
lrk_entry_holds_scope(const struct lrk_entry *entry, const char *scope)
{
	for (unsigned i = 0; i < entry->n_scopes; i++)
		if (strcmp(entry->scopes[i], LRK_SCOPE_ANY) == 0 ||
		    strcmp(entry->scopes[i], scope) == 0)
			return true;
	return false;
}

const char *
lrk_state_name(enum lrk_state state)
{
	return (unsigned)state < LRK_STATE_COUNT ? state_names[state] : NULL;
}

enum lrk_state
lrk_state_from_name(const char *name)
{
	unsigned state = 0;

	while (state < LRK_STATE_COUNT && strcmp(name, state_names[state]) != 0)
		state++;
	return (enum lrk_state)state;
}

const char *
lrk_reason_name(enum lrk_reason reason)
{
	return (unsigned)reason < LRK_REASON_COUNT ? reason_names[reason] : NULL;
}

enum lrk_reason
lrk_reason_from_name(const char *name)
{
	for (unsigned reason = 1; reason < LRK_REASON_COUNT; reason++)
		if (strcmp(name, reason_names[reason]) == 0)
			return (enum lrk_reason)reason;
	return LRK_REASON_NONE;
}
