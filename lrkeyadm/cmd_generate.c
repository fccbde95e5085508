/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm generate: makes keys. */
#include <string.h>

#include "announce.h"
#include "attributes.h"
#include "issue.h"
#include "policy.h"
#include "reading.h"
#include "values.h"

/* They are all held in memory until they are printed. */
#define COUNT_MAX 1000000

enum { ORG, LABEL, EXPIRES, NOT_BEFORE, SCOPE, OWNER, MAX_USES, ALLOW_FROM, OUTPUT, COUNT };

static const struct option_row options[] = {
	[ORG] = { "org", "ORG", "the organization that the keys belong to (must be given)" },
	[LABEL] = { "label", "TEXT", "a description, at most 64 characters" },
	[EXPIRES] = { "expires", "WHEN", "when they end: 30d, 2027-01-31, never (default 90d)" },
	[NOT_BEFORE] = { "not-before", "WHEN", "when they begin to work" },
	[SCOPE] = { "scope", "NAME,...", "what they may be used for (default everything)" },
	[OWNER] = { "owner", "USER", "the user who answers for them" },
	[MAX_USES] = { "max-uses", "N", "how often each of them may be used (default no limit)" },
	[ALLOW_FROM] = { "allow-from", "CIDR,...", "networks from which they work" },
	[OUTPUT] = { "output", "FILE", "write the keys to FILE, made anew with mode 0600" },
	[COUNT] = { "count", "N", "how many to make, in one change" },
};

static enum status
parse_times(const struct request *request, int64_t now, struct lrk_entry *model)
{
	const char *expires = request->value[EXPIRES], *not_before = request->value[NOT_BEFORE];
	char text[LRK_TIME_TEXT];
	enum status status;
	int64_t start;

	if (not_before != NULL) {
		status = value_begin("--not-before", not_before, now, &model->not_before);
		if (status != STATUS_OK)
			return status;
	}
	start = model->not_before > now ? model->not_before : now;
	if (expires != NULL) {
		status = value_when("--expires", expires, now, &model->expires);
		if (status != STATUS_OK)
			return status;
		lrk_time_format(start, text);
		if (model->expires <= start)
			return fail_value("--expires", expires, "not ahead of %s, when the key begins",
					  start == now ? "now" : text);
	}
	model->created = now;
	return STATUS_OK;
}

/* What the store's administrator leaves to its managers. */
static enum status
apply_policy(const struct request *request, struct lrk_entry *model)
{
	int64_t start = model->not_before > model->created ? model->not_before : model->created;
	const char *expires = request->value[EXPIRES];
	struct policy policy;
	enum status status;

	status = policy_read(request, &policy);
	if (status != STATUS_OK)
		return status;
	if (expires == NULL)
		model->expires = policy_default_end(&policy, start);
	model->term = model->expires == LRK_NEVER ? LRK_NEVER : model->expires - start;
	status = policy_allows_end(&policy, "--expires", expires != NULL ? expires : "never", start,
				   model->expires);
	if (status == STATUS_OK)
		status = policy_allows_label(&policy, "generate", model->label);
	return status;
}

static enum status
parse(const struct request *request, struct issue *ret)
{
	const struct attributes attributes = {
		.label = request->value[LABEL],
		.scopes = request->value[SCOPE] != NULL ? request->value[SCOPE] : LRK_SCOPE_ANY,
		.owner = request->value[OWNER],
		.networks = request->value[ALLOW_FROM],
		.max_uses = request->value[MAX_USES],
	};
	const char *org = request->value[ORG], *count = request->value[COUNT];
	unsigned number = 1;
	enum status status;
	int64_t now;

	*ret = (struct issue)ISSUE_ONE;
	ret->output = request->value[OUTPUT];
	if (org == NULL)
		return fail(STATUS_USAGE, "generate", "--org is missing: lrkeyadm generate --org ORG");
	status = value_org("--org", org);
	if (status == STATUS_OK) {
		memcpy(ret->model.org, org, strlen(org) + 1);
		status = attributes_parse(&attributes, &ret->model);
	}
	if (status == STATUS_OK && count != NULL)
		status = value_count("--count", count, COUNT_MAX, &number);
	ret->count = number;
	if (status == STATUS_OK && ret->output != NULL && ret->output[0] == '\0')
		status = fail_value("--output", "", "empty; it names a file");
	if (status == STATUS_OK)
		status = reading_now(&now);
	if (status == STATUS_OK)
		status = parse_times(request, now, &ret->model);
	if (status == STATUS_OK)
		status = apply_policy(request, &ret->model);
	return status;
}

static enum status
run(const struct request *request)
{
	struct issue issue;
	char first[LRK_ID_LEN + 1] = "";
	enum status status;
	struct work work;

	status = parse(request, &issue);
	if (status != STATUS_OK)
		return status;
	status = work_begin(request, &work);
	if (status == STATUS_OK)
		status = issue_put(&work, &issue);
	if (status == STATUS_OK) {
		memcpy(first, issue.keys.ids[0], sizeof(first));
		status = issue_commit(&work, &issue, (const char(*)[LRK_ID_LEN + 1])issue.keys.ids,
				      issue.keys.n);
	}
	status = issue_end(&work, &issue, status);
	if (status == STATUS_OK) {
		announce_keys(&work, &issue, first);
		announce_next(&work, &issue, first);
	}
	work_end(&work);
	return status;
}

const struct command cmd_generate = {
	.name = "generate",
	.args = "",
	.summary = "Makes a new key for an organization and prints it, this once",
	OPTIONS(options),
	.changes = true,
	.run = run,
};
