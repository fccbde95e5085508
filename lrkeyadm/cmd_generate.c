/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm generate: makes keys. */
#include <stdio.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "newkeys.h"
#include "policy.h"
#include "reading.h"
#include "values.h"

/* They are all held in memory until they are printed. */
#define COUNT_MAX 1000000

enum { ORG, LABEL, EXPIRES, NOT_BEFORE, SCOPE, OWNER, ALLOW_FROM, OUTPUT, COUNT };

static const struct option_row options[] = {
	[ORG] = { "org", "ORG", "the organization that the keys belong to (must be given)" },
	[LABEL] = { "label", "TEXT", "a description, at most 64 characters" },
	[EXPIRES] = { "expires", "WHEN", "when they end: 30d, 2027-01-31, never (default 90d)" },
	[NOT_BEFORE] = { "not-before", "WHEN", "when they begin to work" },
	[SCOPE] = { "scope", "NAME,...", "what they may be used for (default everything)" },
	[OWNER] = { "owner", "USER", "the user who answers for them" },
	[ALLOW_FROM] = { "allow-from", "CIDR,...", "networks from which they work" },
	[OUTPUT] = { "output", "FILE", "write the keys to FILE, made anew with mode 0600" },
	[COUNT] = { "count", "N", "how many to make, in one change" },
};

/* What was asked for: the entry that all keys share, but for id, digest and slot. */
struct generate {
	struct lrk_entry model;
	unsigned count;
	const char *output;
};

static enum status
parse_times(const struct request *request, int64_t now, struct lrk_entry *model)
{
	const char *expires = request->value[EXPIRES], *not_before = request->value[NOT_BEFORE];
	char text[LRK_TIME_TEXT];
	enum status status;
	int64_t start;

	if (not_before != NULL) {
		status = value_when("--not-before", not_before, now, &model->not_before);
		if (status != STATUS_OK)
			return status;
		if (model->not_before == LRK_NEVER)
			return fail_value("--not-before", not_before,
					  "a key must begin to work at some time");
	}
	start = model->not_before > now ? model->not_before : now;
	model->expires = policy_default.default_expiry == LRK_NEVER ||
					 start > LRK_TIME_MAX - policy_default.default_expiry ?
				 LRK_NEVER :
				 start + policy_default.default_expiry;
	if (expires != NULL) {
		status = value_when("--expires", expires, now, &model->expires);
		if (status != STATUS_OK)
			return status;
		lrk_time_format(start, text);
		if (model->expires <= start)
			return fail_value("--expires", expires, "not ahead of %s, when the key begins",
					  start == now ? "now" : text);
	}
	model->term = model->expires == LRK_NEVER ? LRK_NEVER : model->expires - start;
	model->created = now;
	return STATUS_OK;
}

static enum status
parse_names(const struct request *request, struct lrk_entry *model)
{
	const char *org = request->value[ORG], *label = request->value[LABEL];
	const char *owner = request->value[OWNER];
	enum status status;

	if (org == NULL)
		return fail(STATUS_USAGE, "generate", "--org is missing: lrkeyadm generate --org ORG");
	status = value_org("--org", org);
	if (status == STATUS_OK)
		snprintf(model->org, sizeof(model->org), "%s", org);
	if (status == STATUS_OK && label != NULL) {
		status = value_label("--label", label);
		if (status == STATUS_OK)
			snprintf(model->label, sizeof(model->label), "%s", label);
	}
	if (status == STATUS_OK && owner != NULL) {
		status = value_owner("--owner", owner);
		if (status == STATUS_OK)
			snprintf(model->owner, sizeof(model->owner), "%s", owner);
	}
	return status;
}

static enum status
parse(const struct request *request, struct generate *ret)
{
	const char *scope = request->value[SCOPE], *networks = request->value[ALLOW_FROM];
	const char *count = request->value[COUNT];
	enum status status;
	int64_t now;

	*ret = (struct generate){ .count = 1, .output = request->value[OUTPUT] };
	status = parse_names(request, &ret->model);
	if (status == STATUS_OK)
		status = value_scopes("--scope", scope != NULL ? scope : LRK_SCOPE_ANY, &ret->model);
	if (status == STATUS_OK && networks != NULL)
		status = value_networks("--allow-from", networks, &ret->model);
	if (status == STATUS_OK && count != NULL)
		status = value_count("--count", count, COUNT_MAX, &ret->count);
	if (status == STATUS_OK && ret->output != NULL && ret->output[0] == '\0')
		status = fail_value("--output", "", "empty; it names a file");
	if (status == STATUS_OK)
		status = reading_now(&now);
	if (status == STATUS_OK)
		status = parse_times(request, now, &ret->model);
	return status;
}

static enum status
put_keys(const struct work *work, struct generate *generate, struct newkeys *keys)
{
	struct lrk_entry entry = generate->model;
	enum status status = STATUS_OK;

	for (size_t i = 0; i < keys->n && status == STATUS_OK; i++) {
		status = newkeys_draw(keys, i, work, &entry);
		if (status == STATUS_OK)
			status = work_assign_slot(work, &entry);
		if (status == STATUS_OK)
			status = work_put(work, &entry);
	}
	lrk_wipe_array(entry.digest);
	return status;
}

/* For the person who looks on; what is read by a program is on standard output. */
static void
say_what_was_made(const struct generate *generate, const struct newkeys *keys)
{
	const struct lrk_entry *model = &generate->model;
	char expires[LRK_TIME_TEXT];

	lrk_time_format(model->expires, expires);
	if (keys->n == 1)
		note(keys->ids[0], "made for organization %s, expires %s; the key is shown only now",
		     model->org, expires);
	else
		note(model->org, "%zu keys made, expire %s; they are shown only now", keys->n, expires);
}

static enum status
make_keys(struct work *work, struct generate *generate, struct newkeys *keys,
	  struct newkeys_file *file)
{
	enum status status = STATUS_OK;

	snprintf(generate->model.created_by, sizeof(generate->model.created_by), "%s",
		 work->who.user);
	if (generate->output != NULL)
		status = newkeys_file_make(generate->output, file);
	if (status == STATUS_OK)
		status = put_keys(work, generate, keys);
	if (status == STATUS_OK && generate->output != NULL)
		status = newkeys_file_write(file, keys);
	if (status == STATUS_OK)
		status = work_commit(work, (const char(*)[LRK_ID_LEN + 1])keys->ids, keys->n,
				     generate->model.org, NULL);
	return status;
}

static enum status
run(const struct request *request)
{
	struct newkeys_file file = NEWKEYS_NO_FILE;
	struct newkeys keys = { .n = 0 };
	struct generate generate;
	enum status status, printed;
	struct work work;

	status = parse(request, &generate);
	if (status != STATUS_OK)
		return status;
	status = newkeys_alloc(generate.count, &keys);
	if (status != STATUS_OK)
		return status;
	status = work_begin(request, &work);
	if (status == STATUS_OK)
		status = make_keys(&work, &generate, &keys, &file);
	newkeys_file_end(&file, work.done);
	if (work.done) {
		struct key_view view = { .entry = &generate.model, .now = work.now };

		printed = newkeys_print(request, &keys, &view, generate.output != NULL);
		if (status == STATUS_OK)
			status = printed;
		if (status == STATUS_OK)
			say_what_was_made(&generate, &keys);
	}
	work_end(&work);
	newkeys_free(&keys);
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
