/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <lrkey/wipe.h>

#include "record.h"
#include "snapshot.h"

#define ATTEMPTS 3

enum lrk_err
lrk_snapshot_open(const char *root, const char *name, struct lrk_store *ret,
		  struct lrk_header *ret_header, bool *defect, struct lrk_why *why)
{
	enum lrk_err err = LRK_ERR_MASTER_KEY;

	for (int i = 0; i < ATTEMPTS && err == LRK_ERR_MASTER_KEY; i++) {
		if (i > 0)
			lrk_store_close(ret);
		err = lrk_store_open(root, name, ret, defect, why);
		if (err == LRK_OK) {
			/* A defect's text must outlive a header that opens. */
			struct lrk_why header_why;

			err = lrk_store_header(ret, ret_header, &header_why);
			if (err != LRK_OK && why != NULL)
				*why = header_why;
		}
	}
	return err;
}

struct walk {
	const struct lrk_store *store;
	lrk_entry_fn visit;
	void *context;
	struct lrk_why *why;
	bool digests;
	bool stopped; /* by visit, not by the file */
};

static enum lrk_err
visit_record(void *context, const char *name, size_t name_length, const uint8_t *record,
	     size_t length)
{
	struct walk *walk = context;
	uint8_t plain[LRK_PLAIN_MAX];
	char id[LRK_ID_LEN + 1] = "";
	struct lrk_entry entry;
	enum lrk_err err = LRK_ERR_DAMAGED;

	if (name_length == strlen(LRK_HEADER_NAME) &&
	    memcmp(name, LRK_HEADER_NAME, name_length) == 0)
		return LRK_OK;
	if (name_length == LRK_ID_LEN)
		memcpy(id, name, LRK_ID_LEN);
	if (lrk_is_id(id))
		err = lrk_record_open(&walk->store->ring, walk->store->opener,
				      LRK_RECORD_ENTRY, id, record, length, plain, &length);
	if (err == LRK_OK)
		err = lrk_entry_decode(id, plain, length, &entry);
	lrk_wipe_array(plain);
	if (err != LRK_OK)
		return lrk_fail(walk->why, err, "%s/%s: record %s: %s", walk->store->keys.path,
				LRK_KEY_FILE, lrk_is_id(id) ? id : "with a strange name",
				lrk_err_text(err));
	if (!walk->digests)
		lrk_wipe_array(entry.digest);
	err = walk->visit(walk->context, &entry);
	walk->stopped = err != LRK_OK;
	lrk_wipe_array(entry.digest);
	return err;
}

static enum lrk_err
walk_all(const struct lrk_store *store, bool digests, lrk_entry_fn visit, void *context,
	 struct lrk_why *why)
{
	struct lrk_why engine_why = { "" };
	struct walk walk = { .store = store,
			     .visit = visit,
			     .context = context,
			     .why = &engine_why,
			     .digests = digests };
	enum lrk_err err;

	err = lrk_keyfile_walk(&store->file, visit_record, &walk);
	if (err != LRK_OK && !walk.stopped) {
		if (engine_why.text[0] == '\0')
			lrk_fail(&engine_why, err, "%s/%s: %s", store->keys.path, LRK_KEY_FILE,
				 lrk_err_text(err));
		if (why != NULL)
			*why = engine_why;
	}
	return err;
}

enum lrk_err
lrk_snapshot_walk(const struct lrk_store *store, lrk_entry_fn visit, void *context,
		  struct lrk_why *why)
{
	return walk_all(store, false, visit, context, why);
}

enum lrk_err
lrk_snapshot_walk_whole(const struct lrk_store *store, lrk_entry_fn visit, void *context,
			struct lrk_why *why)
{
	return walk_all(store, true, visit, context, why);
}
