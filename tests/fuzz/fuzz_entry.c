/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain text of records. Whatever decodes encodes to the very same bytes, and holds what
 * the rest of the software takes for granted.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "liblrkey/codec.h"

static const char id[LRK_ID_LEN + 1] = "Fuzz00000001";

static bool
is_time(int64_t when)
{
	return when >= 0 && when <= LRK_TIME_MAX;
}

static void
judge_entry(const struct lrk_entry *entry)
{
	fuzz_require(strcmp(entry->id, id) == 0);
	fuzz_require(lrk_is_org(entry->org));
	fuzz_require(entry->label[0] == '\0' || lrk_is_label(entry->label));
	fuzz_require(entry->owner[0] == '\0' || lrk_is_user_name(entry->owner));
	fuzz_require(lrk_is_user_name(entry->created_by));
	fuzz_require(entry->n_scopes >= 1 && entry->n_scopes <= LRK_SCOPES_MAX);
	for (unsigned i = 0; i < entry->n_scopes; i++)
		fuzz_require(lrk_is_scope(entry->scopes[i]));
	fuzz_require(entry->n_nets <= LRK_NETS_MAX);
	for (unsigned i = 0; i < entry->n_nets; i++)
		fuzz_require(lrk_net_is_valid(&entry->nets[i]));
	fuzz_require(is_time(entry->created) && is_time(entry->not_before));
	fuzz_require(is_time(entry->deactivated) && is_time(entry->revoked));
	fuzz_require(entry->expires == LRK_NEVER || is_time(entry->expires));
	fuzz_require(entry->predecessor[0] == '\0' || lrk_is_id(entry->predecessor));
	fuzz_require(entry->successor[0] == '\0' || lrk_is_id(entry->successor));
	fuzz_require((entry->revoked != 0) == (entry->reason != LRK_REASON_NONE));
	fuzz_require((entry->revoked != 0) == (entry->revoked_by[0] != '\0'));
	fuzz_require(entry->reason < LRK_REASON_COUNT);
	fuzz_require(lrk_entry_state(entry, 1800000000, 0) < LRK_STATE_COUNT);
	if (entry->revoked != 0)
		fuzz_require(lrk_entry_state(entry, 1800000000, 0) == LRK_STATE_REVOKED);
}

static void
try_entry(const uint8_t *plain, size_t size)
{
	static const struct lrk_entry untouched;
	struct lrk_entry entry = untouched;
	uint8_t again[LRK_PLAIN_MAX];
	enum lrk_err err;
	size_t length;

	err = lrk_entry_decode(id, plain, size, &entry);
	if (err != LRK_OK) {
		fuzz_require(err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION);
		fuzz_require(memcmp(&entry, &untouched, sizeof(entry)) == 0);
		return;
	}
	judge_entry(&entry);
	fuzz_require(lrk_entry_encode(&entry, again, &length) == LRK_OK);
	fuzz_require(length == size && memcmp(again, plain, size) == 0);
}

static void
try_header(const uint8_t *plain, size_t size)
{
	static const struct lrk_header untouched;
	struct lrk_header header = untouched;
	uint8_t again[LRK_PLAIN_MAX];
	enum lrk_err err;
	size_t length;

	err = lrk_header_decode(plain, size, &header);
	if (err != LRK_OK) {
		fuzz_require(err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION);
		fuzz_require(memcmp(&header, &untouched, sizeof(header)) == 0);
		return;
	}
	fuzz_require(header.n_seals <= LRK_SEALS_MAX && header.n_free <= LRK_FREE_MAX);
	fuzz_require(lrk_header_encode(&header, again, &length) == LRK_OK);
	fuzz_require(length == size && memcmp(again, plain, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *plain = fuzz_bytes(data, size);

	try_entry(plain, size);
	try_header(plain, size);
	free(plain);
	return 0;
}
