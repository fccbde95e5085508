/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm init: makes a store. */
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "hint.h"
#include "json.h"
#include "liblrkey/change.h"
#include "liblrkey/create.h"
#include "liblrkey/snapshot.h"
#include "reading.h"
#include "syslog_copy.h"

enum { MANAGERS, VERIFIERS };

static const struct option_row options[] = {
	[MANAGERS] = { "managers", "GROUP", "who may change keys (default " WHO_MANAGERS ")" },
	[VERIFIERS] = { "verifiers", "GROUP", "who may verify them (default " WHO_VERIFIERS ")" },
};

struct init {
	struct lrk_owners owners;
	char managers[64];
	char verifiers[64];
};

/* The group that is meant, by its name; NULL: the caller's own. */
static bool
find_group(const char *name, gid_t *ret_gid, char *ret_name, size_t size)
{
	const struct group *group = name != NULL ? getgrnam(name) : getgrgid(getegid());

	*ret_gid = group != NULL ? group->gr_gid : getegid();
	snprintf(ret_name, size, "%s", group != NULL ? group->gr_name : name != NULL ? name : "-");
	return group != NULL || name == NULL;
}

static enum status
fail_groups(const struct init *init, bool managers, bool verifiers)
{
	if (managers && verifiers)
		return fail(STATUS_POLICY, "init",
			    "groups %s and %s do not exist; as root: groupadd --system %s && groupadd "
			    "--system %s", init->managers, init->verifiers, init->managers,
			    init->verifiers);
	return fail(STATUS_POLICY, "init", "group %s does not exist; as root: groupadd --system %s",
		    managers ? init->managers : init->verifiers,
		    managers ? init->managers : init->verifiers);
}

/* The names of the groups: what was asked for, the custom, or NULL for the caller's own. */
static enum status
choose_groups(const struct request *request, const char **managers, const char **verifiers)
{
	bool is_default = strcmp(request->store, LRK_STORE_DEFAULT) == 0;

	*managers = request->value[MANAGERS];
	*verifiers = request->value[VERIFIERS];
	if (request->root != NULL)
		return STATUS_OK;
	if (is_default && *managers == NULL)
		*managers = WHO_MANAGERS;
	if (is_default && *verifiers == NULL)
		*verifiers = WHO_VERIFIERS;
	if (*managers == NULL || *verifiers == NULL)
		return fail(STATUS_USAGE, "init",
			    "store %s needs --managers GROUP and --verifiers GROUP; only store "
			    LRK_STORE_DEFAULT " has defaults", request->store);
	return STATUS_OK;
}

/* Stores must not share readers: a service of the one could read the keys of the other. */
static enum status
check_readers(const struct request *request, const struct init *init)
{
	struct lrk_why why = { "" };
	char other[LRK_STORE_MAX + 1];
	enum lrk_err err;

	/* A trial has the caller's own group for all, unless it names others. */
	if (request->root != NULL && request->value[VERIFIERS] == NULL)
		return STATUS_OK;
	if (init->owners.managers == init->owners.verifiers)
		return fail(STATUS_POLICY, "init",
			    "group %s cannot be both: its services could change the keys they verify",
			    init->verifiers);
	err = lrk_store_sharing_readers(request->root, request->store, init->owners.verifiers,
					other, &why);
	if (err != LRK_OK)
		return reading_fail(request, true, err, &why);
	if (other[0] != '\0')
		return fail(STATUS_POLICY, "init",
			    "group %s already verifies for store %s; stores do not share readers, "
			    "make another group: groupadd --system NAME", init->verifiers, other);
	return STATUS_OK;
}

static enum status
prepare(const struct request *request, struct init *ret)
{
	const char *managers, *verifiers;
	bool has_managers, has_verifiers;
	enum status status;

	status = choose_groups(request, &managers, &verifiers);
	if (status != STATUS_OK)
		return status;
	if (request->root == NULL && geteuid() != 0)
		return fail(STATUS_PERMISSION, "init",
			    "not permitted: only root makes a store; for a trial without root: lrkeyadm "
			    "--root DIR init");
	*ret = (struct init){ .owners = { .owner = geteuid(), .group = getegid() } };
	if (request->root == NULL)
		ret->owners.group = 0;
	has_managers = find_group(managers, &ret->owners.managers, ret->managers,
				  sizeof(ret->managers));
	has_verifiers = find_group(verifiers, &ret->owners.verifiers, ret->verifiers,
				   sizeof(ret->verifiers));
	if (!has_managers || !has_verifiers)
		return fail_groups(ret, !has_managers, !has_verifiers);
	return check_readers(request, ret);
}

/* The first line of the audit log: who made the store. */
static enum status
write_audit(const struct request *request, int64_t now)
{
	struct audit audit = AUDIT_CLOSED;
	struct lrk_why why = { "" };
	struct lrk_change *change;
	struct audit_event event;
	enum status status;
	struct who who;
	enum lrk_err err;

	err = lrk_change_begin(request->root, request->store, &change, &why);
	if (err != LRK_OK)
		return reading_fail(request, true, err, &why);
	who_am_i(&who);
	event = (struct audit_event){ .store = request->store,
				      .time = now,
				      .generation = lrk_change_current(change),
				      .who = &who,
				      .command = request->command->name,
				      .outcome = AUDIT_DONE };
	status = audit_open(lrk_change_store(change), &audit);
	if (status == STATUS_OK)
		status = audit_append(&audit, &event);
	if (status == STATUS_OK && !syslog_change(&event))
		status = fail_memory();
	audit_close(&audit);
	lrk_change_end(change);
	return status;
}

static void
explain_groups(const struct request *request, const struct init *init)
{
	int width = (int)(strlen(init->managers) > strlen(init->verifiers) ?
				  strlen(init->managers) : strlen(init->verifiers));

	printf("Store %s is made. ", request->store);
	if (init->owners.managers == init->owners.verifiers) {
		printf("Group %s both manages and verifies its keys.\n", init->managers);
		return;
	}
	printf("Its groups:\n"
	       "  %-*s  managers, who make and revoke keys; they must be in %s too\n"
	       "  %-*s  verifiers: the users of services, which check keys\n", width,
	       init->managers, init->verifiers, width, init->verifiers);
}

/* The two commands that come next. */
static void
print_next(const struct request *request, const struct init *init)
{
	struct hints hints = { .n = 0 };
	char command[160];

	snprintf(command, sizeof(command), "usermod -aG %s,%s USER", init->managers,
		 init->verifiers);
	if (request->root == NULL)
		hints_add(&hints, NULL, command, "makes a manager, from the next login on");
	hints_add(&hints, request, "generate --org ORG", "makes a key, as a manager or root");
	if (request->root != NULL)
		hints_add(&hints, request, "list", "lists the keys");
	hints_print(&hints, stdout);
}

static enum status
print_result(const struct request *request, const struct init *init, int64_t now)
{
	char when[LRK_TIME_TEXT];

	lrk_time_format(now, when);
	if (request->json)
		return json_print(json_pack("{s:s, s:s?, s:s, s:s, s:s}", "store", request->store,
					    "root", request->root, "managers", init->managers,
					    "verifiers", init->verifiers, "created", when));
	explain_groups(request, init);
	print_next(request, init);
	return STATUS_OK;
}

static enum status
fail_exists(const struct request *request, const struct lrk_why *why)
{
	char prefix[HINT_MAX];

	hint_prefix(request, prefix);
	return fail(STATUS_CREATE, "init", "%s; '%s check' looks at the store that is there",
		    why->text, prefix);
}

/* Whether a disk failed when the master key, which is made last, had its name already. */
static bool
is_made(const struct request *request)
{
	struct lrk_store store = LRK_STORE_CLOSED;
	struct lrk_why why = { "" };
	struct lrk_header header;
	enum lrk_err err;

	err = lrk_snapshot_open(request->root, request->store, &store, &header, NULL, &why);
	lrk_store_close(&store);
	return err == LRK_OK;
}

static enum status
run(const struct request *request)
{
	struct lrk_why why = { "" };
	enum status status;
	struct init init = { .managers = "" };
	enum lrk_err err;
	int64_t now;

	status = prepare(request, &init);
	if (status == STATUS_OK)
		status = reading_now(&now);
	if (status != STATUS_OK)
		return status;
	err = lrk_store_create(request->root, request->store, &init.owners, &why);
	if (err == LRK_ERR_EXISTS)
		return fail_exists(request, &why);
	status = err == LRK_OK ? write_audit(request, now) : fail_core(err, "init", &why);
	if (status != STATUS_OK && (err == LRK_OK || (err == LRK_ERR_IO && is_made(request))))
		note("init", "the store is made all the same; nothing in its audit log tells of it");
	return status == STATUS_OK ? print_result(request, &init, now) : status;
}

const struct command cmd_init = {
	.name = "init",
	.args = "",
	.summary = "Makes a store; as root, or under --root DIR as its owner",
	OPTIONS(options),
	.changes = true,
	.run = run,
};
