/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_judge.h"
#include "liblrkey/inspect.h"
#include "liblrkey/record.h"
#include "liblrkey/usage.h"
#include "progress.h"

/* SP 800-38D, 8.3, and where it is time to think of it. */
#define SEALS_MAX (UINT64_C(1) << 32)
#define SEALS_MANY (SEALS_MAX / 4 * 3)

/* What tells one seal from another; the same must not be there twice. */
struct seal {
	uint32_t master_id;
	uint8_t iv[LRK_IV_LEN];
	char id[LRK_ID_LEN + 1];
};

struct place {
	uint32_t slot;
	bool limited;
	char id[LRK_ID_LEN + 1];
};

struct look {
	struct check *check;
	char path[300]; /* of the key file */
	struct seal *seals;
	struct place *places;
	size_t n_seals;
	size_t n_places;
	size_t room;
	int usage_fd;
	int64_t newest; /* creation */
	char newest_id[LRK_ID_LEN + 1];
	uint64_t n_unknown_master; /* sealed under a master key that is not here */
	uint32_t unknown_master;
};

static bool
make_room(struct look *look)
{
	size_t room = look->room == 0 ? 64 : 2 * look->room;
	struct seal *seals;
	struct place *places;

	if (look->n_seals < look->room)
		return true;
	seals = reallocarray(look->seals, room, sizeof(*seals));
	if (seals != NULL)
		look->seals = seals;
	places = reallocarray(look->places, room, sizeof(*places));
	if (places != NULL)
		look->places = places;
	if (seals == NULL || places == NULL)
		return false;
	look->room = room;
	return true;
}

static void
look_at_slot(struct look *look, const struct lrk_entry *entry)
{
	struct lrk_usage usage;
	bool valid = false;

	look->places[look->n_places] = (struct place){ .slot = entry->slot,
						       .limited = entry->max_uses != 0 };
	memcpy(look->places[look->n_places].id, entry->id, sizeof(entry->id));
	look->n_places++;
	if (entry->max_uses == 0 || entry->revoked != 0 || look->usage_fd < 0)
		return;
	if (lrk_usage_read(look->usage_fd, entry, &usage, &valid) != LRK_OK || !valid)
		findings_add(&look->check->findings, SEVERITY_ERROR, entry->id,
			     "has a use limit, but no valid record of its uses, and is refused; edit %s "
			     "--max-uses N begins a new one", entry->id);
}

static void
look_at_entry(struct look *look, const struct lrk_entry *entry)
{
	look->check->n_keys++;
	look_at_slot(look, entry);
	if (entry->created > look->newest) {
		look->newest = entry->created;
		memcpy(look->newest_id, entry->id, sizeof(look->newest_id));
	}
}

static void
find_unreadable(struct look *look, const struct lrk_inspected *record)
{
	if (record->err == LRK_ERR_MASTER_KEY) {
		look->unknown_master = record->master_id;
		look->n_unknown_master++;
	} else if (!record->is_header) { /* lrk_store_header has told of that */
		findings_add(&look->check->findings, SEVERITY_ERROR, look->path,
			     "record %s: %s; restore the store, or import the key from a backup into a "
			     "new one", record->id[0] != '\0' ? record->id : "with a strange name",
			     lrk_err_text(record->err));
	}
}

static enum lrk_err
look_at_record(void *context, const struct lrk_inspected *record)
{
	struct look *look = context;
	struct seal *seal;

	if (!make_room(look)) {
		look->check->findings.status = fail_memory();
		return LRK_ERR_NOMEM;
	}
	if (record->is_sealed) {
		seal = &look->seals[look->n_seals++];
		seal->master_id = record->master_id;
		memcpy(seal->iv, record->iv, sizeof(seal->iv));
		snprintf(seal->id, sizeof(seal->id), "%s",
			 record->is_header ? LRK_HEADER_NAME :
			 record->id[0] != '\0' ? record->id : "?");
	}
	if (record->err != LRK_OK)
		find_unreadable(look, record);
	else if (record->entry != NULL)
		look_at_entry(look, record->entry);
	progress_step(look->n_seals);
	return LRK_OK;
}

static int
compare_seals(const void *a, const void *b)
{
	const struct seal *x = a, *y = b;

	if (x->master_id != y->master_id)
		return x->master_id < y->master_id ? -1 : 1;
	return memcmp(x->iv, y->iv, sizeof(x->iv));
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->slot > y->slot) - (x->slot < y->slot);
}

static void
find_equal_seals(struct look *look)
{
	for (size_t i = 1; i < look->n_seals; i++) {
		const struct seal *a = &look->seals[i - 1], *b = &look->seals[i];

		if (compare_seals(a, b) == 0)
			findings_add(&look->check->findings, SEVERITY_ERROR, look->path,
				     "records %s and %s were sealed with one IV under master key %08x; "
				     "as root: rekey", a->id, b->id, a->master_id);
	}
}

/* How many records a master key has sealed, of those that are here. */
static uint64_t
count_present(const struct look *look, uint32_t master_id)
{
	uint64_t n = 0;

	for (size_t i = 0; i < look->n_seals; i++)
		n += look->seals[i].master_id == master_id;
	return n;
}

static void
check_counts(struct look *look)
{
	const struct lrk_header *header = &look->check->header;
	struct findings *findings = &look->check->findings;
	uint64_t counted = 0;

	for (unsigned i = 0; i < header->n_seals; i++) {
		const struct lrk_seal_count *seals = &header->seals[i];
		uint64_t present = count_present(look, seals->master_id);

		counted += present;
		if (seals->count >= SEALS_MANY)
			findings_add(findings,
				     seals->count >= SEALS_MAX ? SEVERITY_ERROR : SEVERITY_WARNING,
				     look->path, "master key %08x has sealed %" PRIu64 " records, of "
				     "%" PRIu64 " that it may; as root: rekey", seals->master_id,
				     seals->count, SEALS_MAX);
		if (present > seals->count)
			findings_add(findings, SEVERITY_ERROR, look->path,
				     "master key %08x has sealed %" PRIu64 " records that are here, but "
				     "%" PRIu64 " are counted; as root: rekey", seals->master_id,
				     present, seals->count);
	}
	if (counted < look->n_seals)
		findings_add(findings, SEVERITY_ERROR, look->path,
			     "%" PRIu64 " records were sealed under a master key whose seals are not "
			     "counted; as root: rekey", (uint64_t)look->n_seals - counted);
}

static bool
is_free(const struct lrk_header *header, uint32_t slot)
{
	for (unsigned i = 0; i < header->n_free; i++)
		if (slot >= header->free[i].first &&
		    slot - header->free[i].first < header->free[i].count)
			return true;
	return false;
}

static void
check_places(struct look *look)
{
	const struct lrk_header *header = &look->check->header;
	struct findings *findings = &look->check->findings;

	for (size_t i = 0; i < look->n_places; i++) {
		const struct place *place = &look->places[i];

		if (i > 0 && place[-1].slot == place->slot)
			findings_add(findings, SEVERITY_ERROR, place->id,
				     "has the same place in the usage file as key %s; rotate one of "
				     "them", place[-1].id);
		if (look->check->has_header &&
		    (place->slot >= header->slots || is_free(header, place->slot)))
			findings_add(findings, SEVERITY_ERROR, place->id,
				     "has place %u in the usage file, which was not given to it; rotate "
				     "the key", place->slot);
	}
}

static void
check_clock(struct look *look)
{
	char now[LRK_TIME_TEXT], newest[LRK_TIME_TEXT];

	if (look->newest <= look->check->now)
		return;
	lrk_time_format(look->check->now, now);
	lrk_time_format(look->newest, newest);
	findings_add(&look->check->findings, SEVERITY_ERROR, "clock",
		     "shows %s, which is before key %s was made, %s; set the clock", now,
		     look->newest_id, newest);
}

static void
open_usage(struct look *look)
{
	struct lrk_why why = { "" };
	enum lrk_err err;

	if (look->check->store.gate.fd < 0 || look->check->told[FILE_USAGE])
		return;
	err = lrk_usage_open(&look->check->store.gate, false, &look->usage_fd, &why);
	if (err != LRK_OK) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", look->check->store.gate.path, LRK_USAGE_FILE);
		look->usage_fd = -1;
		findings_add(&look->check->findings, SEVERITY_ERROR, path,
			     "%s; keys with a use limit are refused until this is mended",
			     check_reason(path, &why));
	}
}

static void
walk(struct look *look)
{
	struct check *check = look->check;
	struct lrk_why why = { "" };
	uint64_t records;

	if (lrk_keyfile_count(&check->store.file, &records) != LRK_OK)
		records = 0;
	progress_begin("check", records);
	if (lrk_inspect(&check->store, look_at_record, look, &why) != LRK_OK &&
	    check->findings.status == STATUS_OK)
		findings_add(&check->findings, SEVERITY_ERROR, look->path,
			     "%s; restore it from a backup of the machine, or make the store anew and "
			     "import a backup", check_reason(look->path, &why));
	progress_end();
	/* Without any master key that was said already. */
	if (look->n_unknown_master > 0 && check->has_ring)
		findings_add(&check->findings, SEVERITY_ERROR, look->path,
			     "%" PRIu64 " records are sealed under master key %08x, which master.key does "
			     "not hold; restore both files from one backup of the machine",
			     look->n_unknown_master, look->unknown_master);
}

void
check_keys(struct check *check)
{
	struct look look = { .check = check, .usage_fd = -1 };

	snprintf(look.path, sizeof(look.path), "%s/%s", check->store.keys.path, LRK_KEY_FILE);
	open_usage(&look);
	if (check->has_file)
		walk(&look);
	/* What GDBM holds of it is not needed any more, and what follows needs memory, too. */
	lrk_keyfile_close(&check->store.file);
	if (look.n_seals > 0)
		qsort(look.seals, look.n_seals, sizeof(*look.seals), compare_seals);
	if (look.n_places > 0)
		qsort(look.places, look.n_places, sizeof(*look.places), compare_places);
	find_equal_seals(&look);
	if (check->has_header)
		check_counts(&look);
	check_places(&look);
	check_clock(&look);
	if (look.usage_fd >= 0)
		close(look.usage_fd);
	free(look.seals);
	free(look.places);
}
