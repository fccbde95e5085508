/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store, opened to read one snapshot of it.
 *
 * - master.key MUST be opened before the key file: a rekey writes it with the
 *   new key before it puts the new key file in place.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/text.h>
#include <lrkey/wipe.h>

#include "masterfile.h"
#include "store.h"

/* How directories are reached. */
struct reach {
	enum lrk_err (*root)(const char *root, struct lrk_dir *ret, struct lrk_why *why);
	enum lrk_err (*dir)(const struct lrk_dir *from, const char *path, bool group_writable,
			    struct lrk_dir *ret, struct lrk_why *why);
};

static const struct reach by_opening = { lrk_root_open, lrk_dir_open };
static const struct reach by_name = { lrk_root_name, lrk_dir_name };

static enum lrk_err
open_etc(const struct reach *reach, const char *name, struct lrk_store *store, struct lrk_why *why)
{
	char path[sizeof(LRK_ETC) + 1 + LRK_STORE_MAX];
	enum lrk_err err;

	lrk_append(path, lrk_append(path, 0, sizeof(path), LRK_ETC "/"), sizeof(path), name);
	err = reach->dir(&store->top, path, false, &store->etc, why);
	if (err == LRK_OK)
		err = lrk_master_file_read(&store->etc, &store->ring, why);
	/* It is made last: without it there is no store yet. */
	return err == LRK_ERR_NOT_FOUND ? LRK_ERR_NO_STORE : err;
}

static enum lrk_err
open_var(const struct reach *reach, const char *name, struct lrk_store *store, struct lrk_why *why)
{
	char path[sizeof(LRK_VAR) + 1 + LRK_STORE_MAX];
	enum lrk_err err;

	lrk_append(path, lrk_append(path, 0, sizeof(path), LRK_VAR "/"), sizeof(path), name);
	err = reach->dir(&store->top, path, false, &store->gate, why);
	if (err == LRK_OK)
		err = reach->dir(&store->gate, LRK_KEYS_DIR, true, &store->keys, why);
	return err;
}

/* Where master.key is, the store was whole: what is missing beside it was lost. */
static enum lrk_err
as_damaged(enum lrk_err err)
{
	return err == LRK_ERR_NOT_FOUND || err == LRK_ERR_NO_STORE ? LRK_ERR_DAMAGED : err;
}

static enum lrk_err
open_keyfile(struct lrk_store *store, bool *defect, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, LRK_KEYFILE_MAX };
	char path[sizeof(store->keys.path) + sizeof(LRK_KEY_FILE)];
	struct stat st;
	enum lrk_err err;
	int fd;

	err = lrk_file_open(&store->keys, LRK_KEY_FILE, &rule, defect, &fd, &st, why);
	if (err != LRK_OK)
		return err;
	lrk_append(path, lrk_append(path, 0, sizeof(path), store->keys.path), sizeof(path),
		   "/" LRK_KEY_FILE);
	return lrk_keyfile_open(fd, st.st_size, path, &store->file, why);
}

static enum lrk_err
open_store(const struct reach *reach, const char *root, const char *name, struct lrk_store *ret,
	   bool *defect, struct lrk_why *why)
{
	enum lrk_err err;

	*ret = (struct lrk_store)LRK_STORE_CLOSED;
	if (!lrk_is_store_name(name))
		return lrk_fail(why, LRK_ERR_SYNTAX, "not a store name");
	err = reach->root(root, &ret->top, why);
	if (err == LRK_OK)
		err = open_etc(reach, name, ret, why);
	if (err == LRK_OK)
		err = as_damaged(open_var(reach, name, ret, why));
	if (err == LRK_OK)
		err = as_damaged(open_keyfile(ret, defect, why));
	if (err != LRK_OK)
		lrk_store_close(ret);
	return err;
}

enum lrk_err
lrk_store_open(const char *root, const char *name, struct lrk_store *ret, bool *defect,
	       struct lrk_why *why)
{
	enum lrk_err err = open_store(&by_opening, root, name, ret, defect, why);

	lrk_dir_close(&ret->top);
	if (err != LRK_OK)
		return err;
	ret->opener = calloc(1, sizeof(*ret->opener));
	if (ret->opener == NULL) {
		lrk_store_close(ret);
		return lrk_fail(why, LRK_ERR_NOMEM, "%s", lrk_err_text(LRK_ERR_NOMEM));
	}
	return LRK_OK;
}

enum lrk_err
lrk_store_open_to_ask(const char *root, const char *name, struct lrk_store *ret,
		      struct lrk_why *why)
{
	return open_store(&by_name, root, name, ret, NULL, why);
}

void
lrk_store_close(struct lrk_store *store)
{
	lrk_keyfile_close(&store->file);
	lrk_dir_close(&store->keys);
	lrk_dir_close(&store->gate);
	lrk_dir_close(&store->etc);
	lrk_dir_close(&store->top);
	lrk_wipe_object(&store->ring);
	if (store->opener != NULL)
		lrk_opener_end(store->opener);
	free(store->opener);
	store->opener = NULL;
}

static enum lrk_err
fail_record(const struct lrk_store *store, const char *name, enum lrk_err err, struct lrk_why *why)
{
	return lrk_fail(why, err, "%s/%s: record %s: %s", store->keys.path, LRK_KEY_FILE, name,
			lrk_err_text(err));
}

enum lrk_err
lrk_store_header(const struct lrk_store *store, struct lrk_header *ret, struct lrk_why *why)
{
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	size_t length;
	enum lrk_err err;

	err = lrk_keyfile_get(&store->file, LRK_HEADER_NAME, record, sizeof(record), &length);
	if (err == LRK_ERR_NOT_FOUND)
		err = LRK_ERR_DAMAGED;
	if (err != LRK_OK)
		return fail_record(store, LRK_HEADER_NAME, err, why);
	err = lrk_record_open(&store->ring, store->opener, LRK_RECORD_HEADER, LRK_HEADER_NAME,
			      record, length, plain, &length);
	if (err == LRK_ERR_MASTER_KEY || err == LRK_ERR_DAMAGED)
		return lrk_fail(why, LRK_ERR_MASTER_KEY,
				"%s/%s: no master key in %s/%s opens it: the two are not of one store, "
				"or its header is damaged",
				store->keys.path, LRK_KEY_FILE, store->etc.path, LRK_MASTER_FILE);
	if (err == LRK_OK)
		err = lrk_header_decode(plain, length, &header);
	if (err == LRK_OK && memcmp(header.uuid, store->ring.uuid, sizeof(header.uuid)) != 0)
		err = LRK_ERR_DAMAGED;
	if (err != LRK_OK)
		return fail_record(store, LRK_HEADER_NAME, err, why);
	*ret = header;
	return LRK_OK;
}

enum lrk_err
lrk_store_get(const struct lrk_store *store, const char *id, struct lrk_entry *ret,
	      struct lrk_why *why)
{
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	size_t length;
	enum lrk_err err;

	err = lrk_keyfile_get(&store->file, id, record, sizeof(record), &length);
	if (err == LRK_ERR_NOT_FOUND)
		return err;
	if (err == LRK_OK)
		err = lrk_record_open(&store->ring, store->opener, LRK_RECORD_ENTRY, id, record,
				      length, plain, &length);
	if (err == LRK_OK)
		err = lrk_entry_decode(id, plain, length, ret);
	else if (err == LRK_ERR_DAMAGED || err == LRK_ERR_MASTER_KEY) {
		/* The header tells a wrong master key from a damaged record. */
		enum lrk_err header_err = lrk_store_header(store, &header, why);

		if (header_err != LRK_OK) {
			err = header_err;
			goto out;
		}
	}
	if (err != LRK_OK)
		fail_record(store, id, err, why);
out:
	lrk_wipe_array(plain);
	return err;
}
