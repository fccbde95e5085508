/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a store's administrator decides for its managers: policy.conf. */
#ifndef LRKEYADM_POLICY_H
#define LRKEYADM_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/entry.h>

#include "command.h"

/* Durations are seconds; LRK_NEVER where a setting may be "never". */
struct policy {
	int64_t default_expiry;	 /* the life of a key for which none was asked */
	int64_t max_expiry;	 /* the longest one that may be asked for */
	bool allow_never;	 /* keys without an end may be made */
	bool require_label;
	int64_t default_overlap; /* of a rotation */
	int64_t tombstone_age;	 /* older ones go with prune */
	int64_t review_unused;	 /* obsolete when not used for so long */
	int64_t review_refusals; /* misused with more proven refusals */
	int64_t review_renewal;	 /* due for renewal when it ends within this */
};

/*
 * Reads policy.conf and policy.conf.d/ of the request's store; what is not set is as it comes
 * built in. STATUS_POLICY, with the setting and the file, for what is not understood.
 */
enum status policy_read(const struct request *request, struct policy *ret);

/* The end of a key that begins then, when none was asked for. */
int64_t policy_default_end(const struct policy *policy, int64_t begin);

/*
 * Whether a key that begins then may end so; STATUS_POLICY, with the setting, when it may not.
 * name and value are how the message calls it, "--expires" and "never" say.
 */
enum status policy_allows_end(const struct policy *policy, const char *name, const char *value,
			      int64_t begin, int64_t end);

/* The same for a label, which is "" for none. */
enum status policy_allows_label(const struct policy *policy, const char *what, const char *label);

#endif
