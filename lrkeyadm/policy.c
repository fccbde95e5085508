/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy of a store: its settings, and what they forbid.
 *
 * - What is not understood MUST be refused: a limit that is passed over is none.
 */
#include <stdio.h>
#include <string.h>

#include <lrkey/when.h>

#include "policy.h"
#include "policyfile.h"
#include "values.h"

#define REFUSALS_MAX 1000000000

#define DAY INT64_C(86400)

enum kind {
	KIND_LIFE,     /* a duration above 0, or never */
	KIND_AGE,      /* a duration, or never */
	KIND_DURATION, /* a duration */
	KIND_NUMBER,
	KIND_YES_NO,
};

enum setting {
	DEFAULT_EXPIRY,
	MAX_EXPIRY,
	ALLOW_NEVER,
	REQUIRE_LABEL,
	DEFAULT_OVERLAP,
	TOMBSTONE_AGE,
	REVIEW_UNUSED,
	REVIEW_REFUSALS,
	REVIEW_RENEWAL,
	N_SETTINGS
};

static const struct {
	const char *name;
	enum kind kind;
	int64_t value; /* where nobody has decided */
} settings[N_SETTINGS] = {
	[DEFAULT_EXPIRY] = { "default-expiry", KIND_LIFE, 90 * DAY },
	[MAX_EXPIRY] = { "max-expiry", KIND_LIFE, LRK_NEVER },
	[ALLOW_NEVER] = { "allow-never", KIND_YES_NO, 1 },
	[REQUIRE_LABEL] = { "require-label", KIND_YES_NO, 0 },
	[DEFAULT_OVERLAP] = { "default-overlap", KIND_DURATION, 7 * DAY },
	[TOMBSTONE_AGE] = { "tombstone-age", KIND_AGE, 365 * DAY },
	[REVIEW_UNUSED] = { "review-unused", KIND_AGE, 90 * DAY },
	[REVIEW_REFUSALS] = { "review-refusals", KIND_NUMBER, 10 },
	[REVIEW_RENEWAL] = { "review-renewal", KIND_DURATION, 14 * DAY },
};

static const char *const allowed[] = {
	[KIND_LIFE] = "a duration like 90d (s m h d w y) or never",
	[KIND_AGE] = "a duration like 90d (s m h d w y) or never",
	[KIND_DURATION] = "a duration like 7d (s m h d w y)",
	[KIND_NUMBER] = "a number from 0 to 1000000000",
	[KIND_YES_NO] = "yes or no",
};

/* Where each setting comes from, for messages. */
static char places[N_SETTINGS][POLICY_PATH_MAX];

/* The policy while its files are read. */
struct reading {
	int64_t value[N_SETTINGS];
	bool set[N_SETTINGS];
};

static bool
parse_number(const char *text, int64_t *ret)
{
	int64_t number = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && number <= REFUSALS_MAX; i++)
		number = number * 10 + (text[i] - '0');
	if (i == 0 || text[i] != '\0' || number > REFUSALS_MAX)
		return false;
	*ret = number;
	return true;
}

static bool
parse_value(enum kind kind, const char *text, int64_t *ret)
{
	switch (kind) {
	case KIND_LIFE:
	case KIND_AGE:
		if (strcmp(text, "never") == 0) {
			*ret = LRK_NEVER;
			return true;
		}
		return lrk_duration_parse(text, ret) == LRK_OK && (kind == KIND_AGE || *ret > 0);
	case KIND_DURATION:
		return lrk_duration_parse(text, ret) == LRK_OK;
	case KIND_NUMBER:
		return parse_number(text, ret);
	case KIND_YES_NO:
		*ret = strcmp(text, "yes") == 0;
		return *ret == 1 || strcmp(text, "no") == 0;
	}
	return false;
}

static enum status
fail_setting(const struct policy_file *file, enum setting setting, const char *value)
{
	const char *may_be = allowed[settings[setting].kind];
	char why[256];

	if (value[0] == '\0')
		snprintf(why, sizeof(why), "has no value; allowed is %s", may_be);
	else
		snprintf(why, sizeof(why), "'%.80s' is not allowed; allowed is %s", value, may_be);
	return policy_file_fail(file, settings[setting].name, why);
}

static enum status
fail_unknown(const struct policy_file *file, const char *name)
{
	char suggestion[NEAR_TEXT_MAX], why[128];
	struct near near;

	near_begin(&near, name);
	for (unsigned i = 0; i < N_SETTINGS; i++)
		near_consider(&near, settings[i].name);
	near_text(&near, suggestion);
	snprintf(why, sizeof(why), "unknown setting%s; lrkey-policy.conf(5) lists them", suggestion);
	return policy_file_fail(file, name, why);
}

static enum status
take_setting(void *context, const struct policy_file *file, const char *name, const char *value)
{
	struct reading *reading = context;
	enum setting setting = 0;

	while (setting < N_SETTINGS && strcmp(name, settings[setting].name) != 0)
		setting++;
	if (setting == N_SETTINGS)
		return fail_unknown(file, name);
	if (!parse_value(settings[setting].kind, value, &reading->value[setting]))
		return fail_setting(file, setting, value);
	reading->set[setting] = true;
	memcpy(places[setting], file->path, sizeof(places[setting]));
	return STATUS_OK;
}

/* What was set must go together; what is built in gives way. */
static enum status
reconcile(struct reading *reading)
{
	int64_t *value = reading->value;

	if (!reading->set[DEFAULT_EXPIRY] && value[DEFAULT_EXPIRY] > value[MAX_EXPIRY])
		value[DEFAULT_EXPIRY] = value[MAX_EXPIRY];
	if (value[DEFAULT_EXPIRY] > value[MAX_EXPIRY])
		return fail(STATUS_POLICY, places[DEFAULT_EXPIRY],
			    "default-expiry is longer than max-expiry in %s", places[MAX_EXPIRY]);
	if (value[DEFAULT_EXPIRY] == LRK_NEVER && value[ALLOW_NEVER] == 0)
		return fail(STATUS_POLICY, places[DEFAULT_EXPIRY],
			    "default-expiry is never, and allow-never is no in %s",
			    places[ALLOW_NEVER]);
	return STATUS_OK;
}

enum status
policy_read(const struct request *request, struct policy *ret)
{
	struct reading reading = { .value = { 0 } };
	enum status status;

	for (unsigned i = 0; i < N_SETTINGS; i++) {
		reading.value[i] = settings[i].value;
		places[i][0] = '\0';
	}
	status = policy_files_read(request, take_setting, &reading);
	if (status == STATUS_OK)
		status = reconcile(&reading);
	if (status == STATUS_OK)
		*ret = (struct policy){
			.default_expiry = reading.value[DEFAULT_EXPIRY],
			.max_expiry = reading.value[MAX_EXPIRY],
			.allow_never = reading.value[ALLOW_NEVER] != 0,
			.require_label = reading.value[REQUIRE_LABEL] != 0,
			.default_overlap = reading.value[DEFAULT_OVERLAP],
			.tombstone_age = reading.value[TOMBSTONE_AGE],
			.review_unused = reading.value[REVIEW_UNUSED],
			.review_refusals = reading.value[REVIEW_REFUSALS],
			.review_renewal = reading.value[REVIEW_RENEWAL],
		};
	return status;
}

int64_t
policy_default_end(const struct policy *policy, int64_t begin)
{
	if (policy->default_expiry == LRK_NEVER || begin > LRK_TIME_MAX - policy->default_expiry)
		return LRK_NEVER;
	return begin + policy->default_expiry;
}

enum status
policy_allows_end(const struct policy *policy, const char *name, const char *value, int64_t begin,
		  int64_t end)
{
	char longest[DURATION_TEXT], what[160];

	snprintf(what, sizeof(what), "%s '%.80s'", name, value);
	if (end == LRK_NEVER && !policy->allow_never)
		return fail(STATUS_POLICY, what, "not allowed: allow-never is no in %s",
			    places[ALLOW_NEVER]);
	if (policy->max_expiry == LRK_NEVER ||
	    (end != LRK_NEVER && end - begin <= policy->max_expiry))
		return STATUS_OK;
	duration_format(policy->max_expiry, longest);
	return fail(STATUS_POLICY, what, "too long: max-expiry is %s in %s", longest,
		    places[MAX_EXPIRY]);
}

enum status
policy_allows_label(const struct policy *policy, const char *what, const char *label)
{
	if (label[0] != '\0' || !policy->require_label)
		return STATUS_OK;
	return fail(STATUS_POLICY, what, "a label is missing: require-label is yes in %s; use --label",
		    places[REQUIRE_LABEL]);
}
