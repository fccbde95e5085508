/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store with damaged files, as the utility reads and changes it: what is read is what was
 * written, what was changed can be read, nothing hangs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "liblrkey/change.h"
#include "liblrkey/create.h"
#include "liblrkey/inspect.h"
#include "liblrkey/snapshot.h"
#include "trove.h"

#define HANG_MS 10000

static struct trove trove;

static void
set_up(void)
{
	const struct lrk_owners owners = { geteuid(), getegid(), getegid(), getegid() };
	struct lrk_why why;

	if (trove.root != NULL)
		return;
	fuzz_require(lrk_store_create(fuzz_root(), LRK_STORE_DEFAULT, &owners, &why) == LRK_OK);
	trove_fill(&trove, fuzz_root());
}

static enum lrk_err
visit_entry(void *context, const struct lrk_entry *entry)
{
	static const uint8_t wiped[LRK_DIGEST_LEN];
	uint64_t *n = context;

	fuzz_require(lrk_is_id(entry->id));
	fuzz_require(memcmp(entry->digest, wiped, sizeof(wiped)) == 0);
	fuzz_require(strcmp(entry->created_by, "tester") == 0);
	if (strcmp(entry->id, trove.keys[TROVE_REVOKED].id) == 0)
		fuzz_require(entry->revoked != 0);
	if (strcmp(entry->id, trove.keys[TROVE_DEACTIVATED].id) == 0)
		fuzz_require(entry->deactivated != 0);
	/* A walk that goes in a circle ends with the test, not with the machine. */
	return ++*n < 100000 ? LRK_OK : LRK_ERR_LIMIT;
}

static enum lrk_err
visit_record(void *context, const struct lrk_inspected *record)
{
	uint64_t *n = context;

	fuzz_require(record->err == LRK_OK || record->entry == NULL);
	return ++*n < 100000 ? LRK_OK : LRK_ERR_LIMIT;
}

static void
read_all(void)
{
	struct lrk_store store = LRK_STORE_CLOSED;
	struct lrk_header header;
	struct lrk_why why;
	uint64_t n = 0;

	if (lrk_snapshot_open(trove.root, LRK_STORE_DEFAULT, &store, &header, NULL, &why) ==
	    LRK_OK) {
		enum lrk_err err = lrk_snapshot_walk(&store, visit_entry, &n, &why);

		fuzz_require(err != LRK_ERR_LIMIT);
		n = 0;
		err = lrk_inspect(&store, visit_record, &n, &why);
		fuzz_require(err != LRK_ERR_LIMIT);
	}
	lrk_store_close(&store);
}

/* Deactivates the plain key, takes another out, and adds one. */
static enum lrk_err
make_changes(struct lrk_change *change, struct lrk_entry *entry, struct lrk_why *why)
{
	struct lrk_entry other;
	enum lrk_err err;

	err = lrk_store_get(lrk_change_store(change), trove.keys[TROVE_PLAIN].id, entry, why);
	if (err == LRK_OK) {
		entry->deactivated = TROVE_NOW;
		err = lrk_change_put(change, entry, why);
	}
	if (err == LRK_OK)
		err = lrk_store_get(lrk_change_store(change), trove.keys[TROVE_OTHER_ORG].id,
				    &other, why);
	if (err == LRK_OK)
		err = lrk_change_delete(change, &other, why);
	if (err == LRK_OK) {
		memcpy(other.id, trove.keys[TROVE_UNKNOWN].id, sizeof(other.id));
		memset(other.label, 'l', 60);
		err = lrk_change_assign_slot(change, &other, why);
	}
	if (err == LRK_OK)
		err = lrk_change_put(change, &other, why);
	return err == LRK_OK ? lrk_change_prepare(change, why) : err;
}

static void
expect_deactivated(void)
{
	struct lrk_store store;
	struct lrk_entry entry;
	struct lrk_why why;

	fuzz_require(lrk_store_open(trove.root, LRK_STORE_DEFAULT, &store, NULL, &why) == LRK_OK);
	fuzz_require(lrk_store_get(&store, trove.keys[TROVE_PLAIN].id, &entry, &why) == LRK_OK);
	fuzz_require(entry.deactivated == TROVE_NOW);
	lrk_store_close(&store);
}

static void
change_some(void)
{
	struct lrk_change *change = NULL;
	struct lrk_entry entry;
	struct lrk_why why = { "" };
	bool done = false;
	enum lrk_err err;

	err = lrk_change_begin(trove.root, LRK_STORE_DEFAULT, &change, &why);
	if (err == LRK_OK)
		err = make_changes(change, &entry, &why);
	if (err == LRK_OK)
		err = lrk_change_commit(change, &done, &why);
	fuzz_require((err == LRK_OK) == done);
	/* That there is no such key is for the caller to say. */
	fuzz_require(err == LRK_OK || err == LRK_ERR_NOT_FOUND || why.text[0] != '\0');
	lrk_change_end(change);
	if (done)
		expect_deactivated();
	for (int file = 0; file < TROVE_FILES; file++)
		if (trove.damaged[file])
			return;
	fuzz_require(done);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t from;
	int fd;

	set_up();
	trove_damage(&trove, data, size);
	from = fuzz_cpu_ms();
	fd = fuzz_free_descriptor();
	read_all();
	change_some();
	fuzz_require(fuzz_free_descriptor() == fd);
	fuzz_require(fuzz_cpu_ms() - from < HANG_MS);
	return 0;
}
