/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A slot of the usage file, which anybody who may verify can write: a limit is never passed, a slot
 * of a newer key never written, and what is said of it can be printed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "liblrkey/bytes.h"
#include "liblrkey/usage.h"

#define NOW INT64_C(1800000000)
#define AT_CHECK (LRK_SLOT_SIZE - 8)

enum {
	FLAG_CHECK = 1,	     /* its check is made to fit */
	FLAG_OURS = 2,	     /* its generation is the entry's */
	FLAG_LIMITED = 4,
	FLAG_CUT = 8,	     /* the file ends inside it */
};

static uint64_t
check_of(const uint8_t *slot)
{
	uint64_t check = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < AT_CHECK; i += 8)
		check = (check ^ lrk_get_number(slot + i, 8)) * UINT64_C(0x100000001b3);
	return check;
}

static bool
is_printable(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] >= 0x7f)
			return false;
	return length <= max;
}

static void
read_slot(int fd, const struct lrk_entry *entry, struct lrk_usage *usage, bool *valid)
{
	fuzz_require(lrk_usage_read(fd, entry, usage, valid) == LRK_OK);
	fuzz_require(is_printable(usage->service, LRK_SERVICE_MAX));
	fuzz_require(is_printable(usage->rhost, LRK_RHOST_MAX));
	fuzz_require(usage->last_used >= 0 && usage->last_used <= LRK_TIME_MAX);
	if (!*valid)
		fuzz_require(usage->uses == 0 && usage->denied == 0 && usage->last_used == 0);
}

/* What was in the slot, and what a use of the key made of it. */
static void
try_grant(int fd, const struct lrk_entry *entry, bool newer)
{
	const struct lrk_use use = { NOW, "scim", "192.0.2.7" };
	struct lrk_usage before, after;
	bool valid, still, granted = false;
	struct lrk_why why;
	enum lrk_err err;

	read_slot(fd, entry, &before, &valid);
	err = lrk_usage_grant(fd, entry, &use, &granted, &why);
	read_slot(fd, entry, &after, &still);
	if (newer || (entry->max_uses != 0 && !valid)) {
		fuzz_require(err != LRK_OK && !granted && still == valid);
		return;
	}
	fuzz_require(still && (err == LRK_OK) == valid);
	fuzz_require(err == LRK_OK || err == LRK_ERR_USAGE);
	if (entry->max_uses != 0 && before.uses >= entry->max_uses) {
		fuzz_require(!granted && after.uses == before.uses);
		fuzz_require(after.denied >= before.denied && after.denied - before.denied <= 1);
		return;
	}
	fuzz_require(granted);
	fuzz_require(after.uses == before.uses + (before.uses != UINT64_MAX));
	fuzz_require(after.denied == before.denied);
}

static void
try_rest(int fd, const struct lrk_entry *entry)
{
	static const struct lrk_usage more = { .uses = 7, .denied = 3, .last_used = NOW };
	struct lrk_usage before, after;
	struct lrk_why why;
	bool valid, still;

	read_slot(fd, entry, &before, &valid);
	lrk_usage_deny(fd, entry);
	read_slot(fd, entry, &after, &still);
	fuzz_require(after.uses == before.uses && after.denied >= before.denied);
	fuzz_require(lrk_usage_raise(fd, entry, &more, &why) == LRK_OK);
	read_slot(fd, entry, &after, &still);
	fuzz_require(still && after.uses >= before.uses && after.uses >= more.uses);
	fuzz_require(lrk_usage_reset(fd, entry, &why) == LRK_OK);
	read_slot(fd, entry, &after, &still);
	fuzz_require(still && after.uses == 0 && after.denied == 0 && after.last_used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	unsigned flags = (unsigned)fuzz_number(&input, 1);
	uint8_t slots[3 * LRK_SLOT_SIZE] = "lrkusage", *slot = slots + LRK_SLOT_SIZE;
	size_t used = sizeof(slots);
	struct lrk_entry entry = { .id = "Fuzz00000001" };
	uint64_t generation;
	int fd = memfd_create("usage", MFD_CLOEXEC);

	entry.max_uses = flags & FLAG_LIMITED ? 1 + fuzz_number(&input, 2) : 0;
	for (size_t i = 0; i < AT_CHECK; i++)
		slot[i] = (uint8_t)fuzz_number(&input, 1);
	lrk_put_number(slot + AT_CHECK, flags & FLAG_CHECK ? check_of(slot) : 0, 8);
	generation = lrk_get_number(slot, 8);
	entry.slot_generation = flags & FLAG_OURS ? generation : fuzz_number(&input, 8);
	if (flags & FLAG_CUT)
		used = LRK_SLOT_SIZE + (size_t)fuzz_number(&input, 1) % LRK_SLOT_SIZE;
	fuzz_require(fd >= 0 && write(fd, slots, used) == (ssize_t)used);
	try_grant(fd, &entry,
		  !(flags & FLAG_CUT) && lrk_get_number(slot + AT_CHECK, 8) == check_of(slot) &&
			  generation > entry.slot_generation);
	try_rest(fd, &entry);
	/* Nothing is written but its own place. */
	if (!(flags & FLAG_CUT)) {
		uint8_t after[sizeof(slots)];

		fuzz_require(pread(fd, after, sizeof(after), 0) == (ssize_t)sizeof(after));
		fuzz_require(memcmp(after, slots, LRK_SLOT_SIZE) == 0);
		fuzz_require(memcmp(after + 2 * LRK_SLOT_SIZE, slots + 2 * LRK_SLOT_SIZE,
				    LRK_SLOT_SIZE) == 0);
	}
	close(fd);
	return 0;
}
