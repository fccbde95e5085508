/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which keys a list shows. */
#ifndef LRKEYADM_FILTER_H
#define LRKEYADM_FILTER_H

#include "fields.h"

/* NULL in each place: not asked. */
struct filter_request {
	const char *org;
	const char *scope;
	const char *state;
	const char *label;
	const char *owner;
	const char *expiring_within;
	const char *unused_for;
	bool all; /* tombstones too */
};

struct filter {
	struct words orgs; /* n is 0: not asked */
	struct words scopes;
	struct words labels;
	struct words owners;
	bool states[LRK_STATE_COUNT]; /* all false: not asked */
	bool by_state;
	bool tombstones;
	bool by_end;
	int64_t within;
	bool by_use;
	int64_t unused;
};

/* STATUS_USAGE for a value that is not allowed. Free *ret with filter_free, also on failure. */
enum status filter_parse(const struct filter_request *request, struct filter *ret);

void filter_free(struct filter *filter);

bool filter_passes(const struct filter *filter, const struct key_view *view);

/* The part of it that needs no look at how the key was used: false rules it out. */
bool filter_passes_entry(const struct filter *filter, const struct lrk_entry *entry);

#endif
