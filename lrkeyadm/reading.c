/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lrkey/names.h>
#include <lrkey/when.h>

#include "hint.h"
#include "liblrkey/lock.h"
#include "reading.h"
#include "who.h"
#include "words.h"

/* master.key is made last: without one, init makes a store, or ends what it began. */
static bool
is_to_be_made(const struct request *request)
{
	const char *root = request->root != NULL ? request->root : "";
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" LRK_ETC "/%s/" LRK_MASTER_FILE, root, request->store);
	return lstat(path, &st) != 0 && errno == ENOENT;
}

static int
is_store_dir(const struct dirent *entry)
{
	return lrk_is_store_name(entry->d_name);
}

/* The store whose name is near to the one that was given. */
static void
find_near_store(const struct request *request, char suggestion[static NEAR_TEXT_MAX])
{
	struct dirent **found;
	struct near near;
	char path[4096];
	int n;

	suggestion[0] = '\0';
	snprintf(path, sizeof(path), "%s/" LRK_VAR, request->root != NULL ? request->root : "");
	n = scandir(path, &found, is_store_dir, NULL);
	if (n < 0)
		return;
	near_begin(&near, request->store);
	for (int i = 0; i < n; i++)
		if (strcmp(found[i]->d_name, request->store) != 0)
			near_consider(&near, found[i]->d_name);
	near_text(&near, suggestion);
	while (n-- > 0)
		free(found[n]);
	free(found);
}

/* With what makes it: root, or under --root its owner. Only one store has default groups. */
static enum status
fail_no_store(const struct request *request, const char *what, const struct lrk_why *why)
{
	bool needs_groups = request->root == NULL && strcmp(request->store, LRK_STORE_DEFAULT) != 0;
	bool needs_root = request->root == NULL && geteuid() != 0;
	char mkdir[HINT_MAX], prefix[HINT_MAX], suggestion[NEAR_TEXT_MAX];

	hint_mkdir(request, mkdir);
	hint_prefix(request, prefix);
	find_near_store(request, suggestion);
	return fail(STATUS_STORE, what, "%s%s; %s'%s%s init%s' makes the store", why->text,
		    suggestion, needs_root ? "as root: " : "", mkdir, prefix,
		    needs_groups ? " --managers GROUP --verifiers GROUP" : "");
}

enum status
reading_fail(const struct request *request, bool manager, enum lrk_err err,
	     const struct lrk_why *why)
{
	char what[64];

	if (err == LRK_ERR_ACCESS)
		return who_is_refused(request, manager, why);
	snprintf(what, sizeof(what), "store %s", request->store);
	if (err == LRK_ERR_NO_STORE && is_to_be_made(request))
		return fail_no_store(request, what, why);
	return fail_core(err, what, why);
}

enum status
reading_open(const struct request *request, struct lrk_store *ret, struct lrk_header *ret_header)
{
	struct lrk_why why = { "" };
	enum lrk_err err;

	*ret = (struct lrk_store)LRK_STORE_CLOSED;
	err = lrk_snapshot_open(request->root, request->store, ret, ret_header, NULL, &why);
	/* Readers need no lock, but who may take it is a manager. */
	if (err == LRK_OK)
		err = lrk_lock_check(request->root, request->store, &why);
	return err == LRK_OK ? STATUS_OK : reading_fail(request, true, err, &why);
}

enum status
reading_open_verifier(const struct request *request, struct lrk_store *ret,
		      struct lrk_header *ret_header)
{
	struct lrk_why why = { "" };
	enum lrk_err err;

	*ret = (struct lrk_store)LRK_STORE_CLOSED;
	err = lrk_snapshot_open(request->root, request->store, ret, ret_header, NULL, &why);
	return err == LRK_OK ? STATUS_OK : reading_fail(request, false, err, &why);
}

enum lrk_err
reading_dir(const struct request *request, const char *above, struct lrk_dir *ret,
	    struct lrk_why *why)
{
	struct lrk_dir top = LRK_DIR_NONE;
	char path[64];
	enum lrk_err err;

	snprintf(path, sizeof(path), "%s/%s", above, request->store);
	err = lrk_root_open(request->root, &top, why);
	if (err == LRK_OK)
		err = lrk_dir_open(&top, path, false, ret, why);
	lrk_dir_close(&top);
	return err;
}

static enum status
fail_no_key(const struct request *request, const char *id)
{
	char prefix[HINT_MAX];

	hint_prefix(request, prefix);
	return fail(STATUS_NO_KEY, id, "no such key in store %s; '%s list' shows the ids",
		    request->store, prefix);
}

enum status
reading_key(const struct request *request, const struct lrk_store *store, const char *id,
	    struct lrk_entry *ret)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_store_get(store, id, ret, &why);

	if (err == LRK_ERR_NOT_FOUND)
		return fail_no_key(request, id);
	return err == LRK_OK ? STATUS_OK : reading_fail(request, true, err, &why);
}

enum status
reading_walk(const struct request *request, const struct lrk_store *store, lrk_entry_fn visit,
	     void *context, const enum status *stopped)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_snapshot_walk(store, visit, context, &why);

	if (stopped != NULL && *stopped != STATUS_OK)
		return *stopped;
	return err == LRK_OK ? STATUS_OK : reading_fail(request, true, err, &why);
}

enum status
reading_now(int64_t *ret)
{
	enum lrk_err err = lrk_time_now(ret);

	return err == LRK_OK ? STATUS_OK : fail_core(err, "clock", NULL);
}
