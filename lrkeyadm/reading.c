/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <lrkey/when.h>

#include "hint.h"
#include "liblrkey/lock.h"
#include "reading.h"
#include "who.h"

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

enum status
reading_fail(const struct request *request, bool manager, enum lrk_err err,
	     const struct lrk_why *why)
{
	char what[64], prefix[HINT_MAX];

	if (err == LRK_ERR_ACCESS)
		return who_is_refused(request, manager, why);
	snprintf(what, sizeof(what), "store %s", request->store);
	hint_prefix(request, prefix);
	if (err == LRK_ERR_NO_STORE && is_to_be_made(request))
		return fail(STATUS_STORE, what, "%s; '%s init' makes the store", why->text, prefix);
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

enum status
reading_key(const struct request *request, const struct lrk_store *store, const char *id,
	    struct lrk_entry *ret)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_store_get(store, id, ret, &why);

	if (err == LRK_ERR_NOT_FOUND)
		return fail(STATUS_NO_KEY, id, "no such key in store %s", request->store);
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
