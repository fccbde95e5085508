/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <lrkey/wipe.h>

#include "bytes.h"
#include "inspect.h"
#include "record.h"

struct inspection {
	const struct lrk_store *store;
	lrk_inspect_fn visit;
	void *context;
	bool stopped; /* by visit, not by the file */
};

/* What stands in clear before the sealed text. */
static void
read_clear(const uint8_t *record, size_t length, struct lrk_inspected *ret)
{
	ret->is_sealed = length >= LRK_RECORD_CLEAR;
	if (!ret->is_sealed)
		return;
	ret->master_id = (uint32_t)lrk_get_number(record + 2, 4);
	memcpy(ret->iv, record + 6, sizeof(ret->iv));
}

static enum lrk_err
visit_record(void *context, const char *name, size_t name_length, const uint8_t *record,
	     size_t length)
{
	struct inspection *inspection = context;
	struct lrk_inspected seen = { .err = LRK_ERR_DAMAGED };
	uint8_t plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	struct lrk_entry entry;
	enum lrk_err err;
	size_t used;

	read_clear(record, length, &seen);
	seen.is_header = name_length == strlen(LRK_HEADER_NAME) &&
			 memcmp(name, LRK_HEADER_NAME, name_length) == 0;
	if (name_length == LRK_ID_LEN)
		memcpy(seen.id, name, LRK_ID_LEN);
	if (!lrk_is_id(seen.id))
		seen.id[0] = '\0';
	if (seen.is_header) {
		seen.err = lrk_record_open(&inspection->store->ring, inspection->store->opener,
					   LRK_RECORD_HEADER, LRK_HEADER_NAME, record, length,
					   plain, &used);
		if (seen.err == LRK_OK)
			seen.err = lrk_header_decode(plain, used, &header);
	} else if (seen.id[0] != '\0') {
		seen.err = lrk_record_open(&inspection->store->ring, inspection->store->opener,
					   LRK_RECORD_ENTRY, seen.id, record, length, plain, &used);
		if (seen.err == LRK_OK)
			seen.err = lrk_entry_decode(seen.id, plain, used, &entry);
		if (seen.err == LRK_OK)
			seen.entry = &entry;
	}
	lrk_wipe_array(plain);
	lrk_wipe_array(entry.digest);
	err = inspection->visit(inspection->context, &seen);
	inspection->stopped = err != LRK_OK;
	return err;
}

enum lrk_err
lrk_inspect(const struct lrk_store *store, lrk_inspect_fn visit, void *context,
	    struct lrk_why *why)
{
	struct inspection inspection = { .store = store, .visit = visit, .context = context };
	enum lrk_err err = lrk_keyfile_walk(&store->file, visit_record, &inspection);

	if (err != LRK_OK && !inspection.stopped)
		lrk_fail(why, err, "%s/%s: %s", store->keys.path, LRK_KEY_FILE, lrk_err_text(err));
	return err;
}
