/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm edit: changes what is known of a key, all but its secret. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attributes.h"
#include "policy.h"
#include "reading.h"
#include "targets.h"

enum { LABEL, SCOPE, OWNER, ALLOW_FROM, MAX_USES, EXPIRES, NOT_BEFORE };

static const struct option_row options[] = {
	[LABEL] = { "label", "TEXT", "a description; an empty one clears it" },
	[SCOPE] = { "scope", "NAME,...", "what it may be used for, in place of what it was" },
	[OWNER] = { "owner", "USER", "the user who answers for it; an empty one clears it" },
	[ALLOW_FROM] = { "allow-from", "CIDR,...", "networks from which it works; empty: from all" },
	[MAX_USES] = { "max-uses", "N", "how often it may be used, since it was made; or none" },
	[EXPIRES] = { "expires", "WHEN", "when it ends, sooner or later than it would" },
	[NOT_BEFORE] = { "not-before", "WHEN", "when it begins to work" },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* What was asked for, in an entry of which only that is set. */
struct wish {
	const struct request *request;
	struct policy policy;
	struct lrk_entry entry;
};

static const char *
given(const struct wish *wish, unsigned option)
{
	return wish->request->value[option];
}

static enum status
parse_times(const struct request *request, struct lrk_entry *entry)
{
	const char *expires = request->value[EXPIRES], *not_before = request->value[NOT_BEFORE];
	enum status status;
	int64_t now;

	status = reading_now(&now);
	if (status == STATUS_OK && expires != NULL) {
		status = value_when("--expires", expires, now, &entry->expires);
		if (status == STATUS_OK && entry->expires <= now)
			status = fail_value("--expires", expires,
					    "not ahead of now; deactivate or revoke the key instead");
	}
	if (status == STATUS_OK && not_before != NULL)
		status = value_begin("--not-before", not_before, now, &entry->not_before);
	return status;
}

static enum status
parse(const struct request *request, struct wish *ret)
{
	const struct attributes attributes = {
		.label = request->value[LABEL],
		.scopes = request->value[SCOPE],
		.owner = request->value[OWNER],
		.networks = request->value[ALLOW_FROM],
		.max_uses = request->value[MAX_USES],
		.may_clear = true,
	};
	enum status status;
	unsigned n = 0;

	*ret = (struct wish){ .request = request };
	for (unsigned i = 0; i < N_OPTIONS; i++)
		n += request->value[i] != NULL;
	if (n == 0)
		return fail(STATUS_USAGE, "edit",
			    "nothing to change; 'lrkeyadm edit --help' lists what can be");
	status = attributes_parse(&attributes, &ret->entry);
	if (status == STATUS_OK)
		status = parse_times(request, &ret->entry);
	return status;
}

/* The text that tells the audit log what was changed: the names of options. */
#define CHANGES_MAX 128

static void
add_change(char changes[static CHANGES_MAX], unsigned option)
{
	size_t used = strlen(changes);

	snprintf(changes + used, CHANGES_MAX - used, "%s%s", used > 0 ? "," : "",
		 options[option].name);
}

static bool
same_scopes(const struct lrk_entry *a, const struct lrk_entry *b)
{
	bool same = a->n_scopes == b->n_scopes;

	for (unsigned i = 0; same && i < a->n_scopes; i++)
		same = strcmp(a->scopes[i], b->scopes[i]) == 0;
	return same;
}

static bool
same_nets(const struct lrk_entry *a, const struct lrk_entry *b)
{
	char x[LRK_NET_TEXT], y[LRK_NET_TEXT];
	bool same = a->n_nets == b->n_nets;

	for (unsigned i = 0; same && i < a->n_nets; i++) {
		lrk_net_format(&a->nets[i], x);
		lrk_net_format(&b->nets[i], y);
		same = strcmp(x, y) == 0;
	}
	return same;
}

/* Sets the names that were given; they carry no rule of their own but the policy's of labels. */
static enum status
edit_names(const struct wish *wish, struct lrk_entry *entry, char changes[static CHANGES_MAX])
{
	const struct lrk_entry *to = &wish->entry;
	enum status status = STATUS_OK;

	if (given(wish, LABEL) != NULL && strcmp(entry->label, to->label) != 0) {
		status = policy_allows_label(&wish->policy, entry->id, to->label);
		memcpy(entry->label, to->label, sizeof(entry->label));
		add_change(changes, LABEL);
	}
	if (given(wish, SCOPE) != NULL && !same_scopes(entry, to)) {
		entry->n_scopes = to->n_scopes;
		memcpy(entry->scopes, to->scopes, sizeof(entry->scopes));
		add_change(changes, SCOPE);
	}
	if (given(wish, OWNER) != NULL && strcmp(entry->owner, to->owner) != 0) {
		memcpy(entry->owner, to->owner, sizeof(entry->owner));
		add_change(changes, OWNER);
	}
	if (given(wish, ALLOW_FROM) != NULL && !same_nets(entry, to)) {
		entry->n_nets = to->n_nets;
		memcpy(entry->nets, to->nets, sizeof(entry->nets));
		add_change(changes, ALLOW_FROM);
	}
	return status;
}

/*
 * Whether there is no record of a key's uses. That none could be read is another matter: a
 * count that begins anew because of a passing error would grant the limit twice.
 */
static enum status
is_lost(const struct work *work, const struct lrk_entry *entry, bool *ret_lost)
{
	const struct lrk_dir *gate = &lrk_change_store(work->change)->gate;
	struct lrk_why why = { "" };
	struct lrk_usage usage;
	bool valid = false;
	enum lrk_err err;
	int fd;

	err = lrk_usage_open(gate, false, &fd, &why);
	if (err == LRK_OK) {
		err = lrk_usage_read(fd, entry, &usage, &valid);
		if (err != LRK_OK)
			lrk_fail_errno(&why, err, errno, "%s/%s", gate->path, LRK_USAGE_FILE);
		close(fd);
	}
	if (err != LRK_OK && err != LRK_ERR_NOT_FOUND)
		return fail_core(err, entry->id, &why);
	*ret_lost = !valid;
	return STATUS_OK;
}

/* A limit needs a slot that counts; one that is lost begins anew when the limit is set again. */
static enum status
edit_limit(const struct wish *wish, const struct work *work, struct target *target,
	   char changes[static CHANGES_MAX])
{
	uint64_t limit = wish->entry.max_uses;
	enum status status = STATUS_OK;
	bool begin = false;

	if (given(wish, MAX_USES) == NULL)
		return STATUS_OK;
	if (limit != 0)
		status = is_lost(work, &target->entry, &begin);
	if (status != STATUS_OK || (limit == target->entry.max_uses && !begin))
		return status;
	target->entry.max_uses = limit;
	if (begin) {
		status = work_assign_slot(work, &target->entry);
		target->recorded = status == STATUS_OK;
		if (target->recorded)
			note(target->entry.id, "had no valid record of its uses; a new one begins");
	}
	add_change(changes, MAX_USES);
	return status;
}

/* The name and value of the option that a message about the key's life is to name. */
static enum status
check_life(const struct wish *wish, const struct lrk_entry *entry, int64_t begin)
{
	unsigned option = given(wish, EXPIRES) != NULL ? EXPIRES : NOT_BEFORE;
	const char *name = option == EXPIRES ? "--expires" : "--not-before";
	char when[LRK_TIME_TEXT];

	if (entry->expires <= begin) {
		lrk_time_format(option == EXPIRES ? begin : entry->expires, when);
		return fail_value(name, given(wish, option),
				  option == EXPIRES ? "not ahead of %s, when the key begins" :
						      "not before %s, when the key ends", when);
	}
	if (entry->expires == LRK_NEVER && entry->successor[0] != '\0' && option == EXPIRES)
		return fail(STATUS_POLICY, entry->id,
			    "rotated, its successor is %s: a deprecated key ends at some time",
			    entry->successor);
	/* That it never ends is decided already. */
	if (entry->expires == LRK_NEVER && option == NOT_BEFORE)
		return STATUS_OK;
	return policy_allows_end(&wish->policy, name, given(wish, option), begin, entry->expires);
}

static enum status
edit_life(const struct wish *wish, int64_t now, struct lrk_entry *entry,
	  char changes[static CHANGES_MAX])
{
	const struct lrk_entry *to = &wish->entry;
	int64_t begin;

	if (given(wish, EXPIRES) == NULL && given(wish, NOT_BEFORE) == NULL)
		return STATUS_OK;
	if (given(wish, NOT_BEFORE) != NULL && entry->not_before != to->not_before) {
		entry->not_before = to->not_before;
		add_change(changes, NOT_BEFORE);
	}
	begin = entry->not_before > now ? entry->not_before : now;
	if (given(wish, EXPIRES) != NULL && entry->expires != to->expires) {
		entry->expires = to->expires;
		/* A successor's term stays what it was, unless there was none, or is none now. */
		if (entry->expires == LRK_NEVER)
			entry->term = LRK_NEVER;
		else if (entry->term == LRK_NEVER)
			entry->term = entry->expires - begin;
		add_change(changes, EXPIRES);
	}
	return check_life(wish, entry, begin);
}

static enum status
edit_key(const struct wish *wish, const struct work *work, struct targets *targets,
	 char changes[static CHANGES_MAX])
{
	struct target *target = &targets->target[0];
	char when[LRK_TIME_TEXT];
	enum status status;

	if (target->entry.revoked != 0) {
		lrk_time_format(target->entry.revoked, when);
		return fail(STATUS_POLICY, target->entry.id, "revoked %s, which is for good", when);
	}
	status = edit_names(wish, &target->entry, changes);
	if (status == STATUS_OK)
		status = edit_life(wish, targets->now, &target->entry, changes);
	if (status == STATUS_OK)
		status = edit_limit(wish, work, target, changes);
	target->changed = changes[0] != '\0';
	targets->n_changed = target->changed;
	if (status == STATUS_OK && !target->changed)
		note(target->entry.id, "is so already; left as it is");
	return status;
}

static void
note_exhausted(const struct targets *targets)
{
	struct key_view view = target_view(targets, 0);

	if (targets->target[0].changed && view_state(&view) == LRK_STATE_EXHAUSTED)
		note(view.entry->id, "used up: it was used %llu times before",
		     (unsigned long long)view.usage.uses);
}

static enum status
run(const struct request *request)
{
	struct targets targets = TARGETS_NONE;
	char changes[CHANGES_MAX] = "";
	enum status status, printed;
	struct wish wish;
	struct work work;
	struct ids ids;

	status = parse(request, &wish);
	if (status == STATUS_OK)
		status = value_ids(request, &ids);
	if (status != STATUS_OK)
		return status;
	status = work_begin(request, &work);
	if (status == STATUS_OK)
		status = policy_read(request, &wish.policy);
	if (status == STATUS_OK)
		status = targets_read(request, lrk_change_store(work.change), &ids, work.now,
				      &targets);
	if (status == STATUS_OK)
		status = edit_key(&wish, &work, &targets, changes);
	if (status == STATUS_OK)
		status = targets_commit(&work, &targets, changes);
	if (status == STATUS_OK || work.done) {
		note_exhausted(&targets);
		printed = targets_print(request, &targets, "edited");
		status = status != STATUS_OK ? status : printed;
	}
	work_end(&work);
	targets_free(&targets);
	ids_free(&ids);
	return status;
}

const struct command cmd_edit = {
	.name = "edit",
	.args = "ID",
	.summary = "Changes label, scopes, owner, networks, limits or life of a key",
	OPTIONS(options),
	.min_args = 1,
	.max_args = 1,
	.changes = true,
	.run = run,
};
