/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a store what lrkeyadm never makes it, for the tests of "check":
 *
 *	spoil ROOT HOW ID [ID]
 *
 * The store is "system". It goes through the core, so that all but the fault is as it should be.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liblrkey/change.h"
#include "liblrkey/record.h"

/* A generator of random bytes that gives the same ones again: IVs repeat. */
static bool repeat;

int RAND_priv_bytes(unsigned char *bytes, int length);

static void
die(const char *what, const struct lrk_why *why)
{
	fprintf(stderr, "spoil: %s: %s\n", what, why != NULL ? why->text : "failed");
	exit(1);
}

int
RAND_priv_bytes(unsigned char *bytes, int length)
{
	if (repeat)
		memset(bytes, 7, (size_t)length);
	else if (getentropy(bytes, (size_t)length) != 0)
		die("getentropy", NULL);
	return 1;
}

static struct lrk_entry
entry_of(const struct lrk_change *change, const char *id)
{
	struct lrk_why why = { "" };
	struct lrk_entry entry;

	if (lrk_store_get(lrk_change_store(change), id, &entry, &why) != LRK_OK)
		die(id, &why);
	return entry;
}

static void
put(struct lrk_change *change, const struct lrk_entry *entry)
{
	struct lrk_why why = { "" };

	if (lrk_change_put(change, entry, &why) != LRK_OK)
		die(entry->id, &why);
}

/* Faults of entries and of the header. */
static bool
change_entries(struct lrk_change *change, const char *how, const char *a, const char *b)
{
	struct lrk_header *header = lrk_change_header(change);
	struct lrk_entry entry = entry_of(change, a);

	if (strcmp(how, "same-slot") == 0) {
		struct lrk_entry other = entry_of(change, b);

		entry.slot = other.slot;
		entry.slot_generation = other.slot_generation;
	} else if (strcmp(how, "slot-beyond") == 0) {
		entry.slot = header->slots + 5;
	} else if (strcmp(how, "slot-free") == 0) {
		header->free[header->n_free++] = (struct lrk_free_slots){ entry.slot, 1 };
	} else if (strcmp(how, "slot-other") == 0) {
		entry.slot_generation++;
	} else if (strcmp(how, "many-seals") == 0) {
		header->seals[0].count = (UINT64_C(1) << 32) - 100;
	} else if (strcmp(how, "few-seals") == 0) {
		header->seals[0].count = 0;
	} else if (strcmp(how, "no-seals") == 0) {
		header->seals[0].master_id ^= 1;
	} else if (strcmp(how, "same-iv") == 0) {
		struct lrk_entry other = entry_of(change, b);

		repeat = true;
		put(change, &other);
	} else {
		return false;
	}
	put(change, &entry);
	return true;
}

static void
commit(struct lrk_change *change)
{
	struct lrk_why why = { "" };
	bool done;

	if (lrk_change_prepare(change, &why) != LRK_OK ||
	    lrk_change_commit(change, &done, &why) != LRK_OK)
		die("commit", &why);
}

/* Faults of a record as it stands in the file. */
static void
change_record(const char *root, const char *how, const char *id)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	struct lrk_why why = { "" };
	uint8_t record[LRK_RECORD_MAX];
	const char *name = id;
	char path[4096];
	size_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/" LRK_VAR "/system/keys/" LRK_KEY_FILE, root);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || lrk_keyfile_open_copy(fd, path, &file, &why) != LRK_OK)
		die(path, &why);
	if (lrk_keyfile_get(&file, id, record, sizeof(record), &length) != LRK_OK)
		die(id, NULL);
	if (strcmp(how, "damage") == 0)
		record[length - 1] ^= 1;
	else if (strcmp(how, "newer") == 0)
		record[0]++;
	else if (strcmp(how, "short") == 0)
		length = 5;
	else if (strcmp(how, "other-master") == 0)
		record[2] ^= 1;
	else if (strcmp(how, "strange-name") == 0)
		name = "x\x1b[31m";
	else
		die(how, NULL);
	if (lrk_keyfile_delete(&file, id) != LRK_OK ||
	    lrk_keyfile_put(&file, name, record, length) != LRK_OK ||
	    lrk_keyfile_close(&file) != LRK_OK)
		die("put", NULL);
}

int
main(int argc, char **argv)
{
	struct lrk_change *change;
	struct lrk_why why = { "" };

	if (argc < 4) {
		fputs("usage: spoil ROOT HOW ID [ID]\n", stderr);
		return 64;
	}
	if (lrk_change_begin(argv[1], "system", &change, &why) != LRK_OK)
		die("begin", &why);
	if (change_entries(change, argv[2], argv[3], argc > 4 ? argv[4] : argv[3]))
		commit(change);
	else
		change_record(argv[1], argv[2], argv[3]);
	lrk_change_end(change);
	return 0;
}
