/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes that take entries out, and the places of entries in the usage file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/record.h"
#include "liblrkey/snapshot.h"
#include "liblrkey/usage.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"
#define ID_B "BBBBBBBBBBBB"
#define ID_C "CCCCCCCCCCCC"

static struct lrk_change *
begin(struct trial *trial)
{
	struct lrk_change *change = NULL;

	if (lrk_change_begin(trial->root, STORE, &change, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return change;
}

static void
finish(struct trial *trial, struct lrk_change *change)
{
	bool done = false;

	if (lrk_change_prepare(change, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	assert_true(done);
	lrk_change_end(change);
}

/* Puts a new entry, with a place in the usage file. */
static struct lrk_entry
add(struct trial *trial, struct lrk_change *change, const char *id)
{
	struct lrk_entry entry = trial_entry(id, 's');

	if (lrk_change_assign_slot(change, &entry, &trial->why) != LRK_OK ||
	    lrk_change_put(change, &entry, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return entry;
}

static void
delete(struct trial *trial, struct lrk_change *change, const struct lrk_entry *entry)
{
	if (lrk_change_delete(change, entry, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
}

static struct lrk_store
open_store(struct trial *trial, struct lrk_header *header)
{
	struct lrk_store store;

	if (lrk_snapshot_open(trial->root, STORE, &store, header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return store;
}

static struct lrk_header
current_header(struct trial *trial)
{
	struct lrk_header header;
	struct lrk_store store = open_store(trial, &header);

	lrk_store_close(&store);
	return header;
}

static enum lrk_err
look_up(struct trial *trial, const char *id)
{
	struct lrk_header header;
	struct lrk_store store = open_store(trial, &header);
	struct lrk_entry entry;
	enum lrk_err err = lrk_store_get(&store, id, &entry, &trial->why);

	lrk_store_close(&store);
	return err;
}

static enum lrk_verdict
ask(struct trial *trial, const char *id)
{
	const struct lrk_credential credential = trial_credential(id, 's');
	const struct lrk_question question = { .root = trial->root, .store = STORE,
					       .credential = &credential, .now = TRIAL_NOW };
	struct lrk_answer answer = { .verdict = LRK_VERDICT_COUNT };

	if (lrk_verify(&question, &answer, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return answer.verdict;
}

static bool
is_slot_valid(struct trial *trial, const struct lrk_entry *entry, struct lrk_usage *usage)
{
	int fd = open(trial_path(trial, USAGE_FILE), O_RDONLY | O_CLOEXEC);
	bool valid = false;

	assert_true(fd >= 0);
	assert_ok(lrk_usage_read(fd, entry, usage, &valid));
	close(fd);
	return valid;
}

static void
use_slot(struct trial *trial, const struct lrk_entry *entry, uint64_t uses)
{
	int fd = open(trial_path(trial, USAGE_FILE), O_RDWR | O_CLOEXEC);
	const struct lrk_usage usage = { .uses = uses, .last_used = TRIAL_NOW };

	assert_true(fd >= 0);
	assert_ok(lrk_usage_write(fd, entry, &usage));
	close(fd);
}

/* ---- What a deletion leaves ----------------------------------------------------------- */

/* No eight bytes that were sealed stay in the file. */
static void
test_nothing_stays(void **state)
{
	enum { WINDOW = 8, ENTRIES = 20 };
	static const unsigned rounds[] = { 1, 4, 7, ENTRIES };
	static uint8_t records[ENTRIES][LRK_RECORD_MAX];
	struct lrk_entry entries[ENTRIES];
	size_t lengths[ENTRIES], size;
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	uint8_t *bytes;

	for (unsigned i = 0; i < ENTRIES; i++) {
		char id[LRK_ID_LEN + 1];

		snprintf(id, sizeof(id), "wiped%07u", i);
		entries[i] = add(trial, change, id);
	}
	finish(trial, change);
	for (unsigned i = 0; i < ENTRIES; i++)
		lengths[i] = trial_get_raw(trial, STORE, entries[i].id, records[i],
					   sizeof(records[i]));
	/* one, some of them next to each other, all */
	for (unsigned round = 0; round < COUNT_OF(rounds); round++) {
		unsigned gone = rounds[round];

		change = begin(trial);
		for (unsigned i = 0; i < gone; i++)
			if (look_up(trial, entries[i].id) == LRK_OK)
				delete(trial, change, &entries[i]);
		finish(trial, change);
		bytes = trial_read(trial, KEY_FILE, &size);
		for (unsigned i = 0; i < ENTRIES; i++) {
			bool found = memmem(bytes, size, records[i], lengths[i]) != NULL;

			assert_int_equal(found, i >= gone);
			if (i >= gone)
				continue;
			for (size_t at = LRK_RECORD_CLEAR; at + WINDOW <= lengths[i]; at++)
				assert_null(memmem(bytes, size, records[i] + at, WINDOW));
		}
		free(bytes);
		for (unsigned i = 0; i < ENTRIES; i++)
			assert_int_equal(ask(trial, entries[i].id),
					 i < gone ? LRK_VERDICT_UNKNOWN_KEY : LRK_VERDICT_VALID);
	}
	assert_int_equal(current_header(trial).n_free, 1);
	assert_int_equal(current_header(trial).free[0].count, ENTRIES);
}

/* Given up, a deletion has not been. */
static void
test_given_up(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	const struct lrk_entry a = add(trial, change, ID_A), b = add(trial, change, ID_B);
	uint8_t *before, *after;
	size_t size, after_size;
	struct lrk_usage usage;

	finish(trial, change);
	use_slot(trial, &a, 5);
	before = trial_read(trial, KEY_FILE, &size);
	for (int prepared = 0; prepared < 2; prepared++) {
		change = begin(trial);
		delete(trial, change, &a);
		delete(trial, change, &b);
		if (prepared == 1)
			assert_ok(lrk_change_prepare(change, &trial->why));
		lrk_change_end(change);
		after = trial_read(trial, KEY_FILE, &after_size);
		assert_int_equal(after_size, size);
		assert_memory_equal(after, before, size);
		free(after);
		assert_false(trial_exists(trial, KEY_FILE_NEW));
		assert_int_equal(current_header(trial).n_free, 0);
		assert_int_equal(ask(trial, ID_A), LRK_VERDICT_VALID);
		assert_true(is_slot_valid(trial, &a, &usage));
		assert_int_equal(usage.uses, 5);
	}
	free(before);
}

/* The place that was freed is another key's, and says nothing of what the first one did. */
static void
test_place_of_another(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	const struct lrk_entry a = add(trial, change, ID_A), b = add(trial, change, ID_B);
	struct lrk_entry c;
	struct lrk_usage usage;

	finish(trial, change);
	use_slot(trial, &a, 5);
	use_slot(trial, &b, 6);
	change = begin(trial);
	delete(trial, change, &a);
	finish(trial, change);
	/* freed, it is as it was: the numbers of a deleted key are nobody's */
	assert_true(is_slot_valid(trial, &a, &usage));
	change = begin(trial);
	c = add(trial, change, ID_C);
	finish(trial, change);
	assert_int_equal(c.slot, a.slot);
	assert_true(c.slot_generation > a.slot_generation);
	assert_true(is_slot_valid(trial, &c, &usage));
	assert_int_equal(usage.uses, 0);
	assert_int_equal(usage.last_used, 0);
	assert_false(is_slot_valid(trial, &a, &usage));
	assert_true(is_slot_valid(trial, &b, &usage));
	assert_int_equal(usage.uses, 6);
}

/* Freed and taken in one change. */
static void
test_in_one_change(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	const struct lrk_entry a = add(trial, change, ID_A);
	struct lrk_entry b;
	struct lrk_usage usage;

	finish(trial, change);
	use_slot(trial, &a, 5);
	change = begin(trial);
	delete(trial, change, &a);
	b = add(trial, change, ID_B);
	finish(trial, change);
	assert_int_equal(b.slot, a.slot);
	assert_true(is_slot_valid(trial, &b, &usage));
	assert_int_equal(usage.uses, 0);
	assert_false(is_slot_valid(trial, &a, &usage));
	assert_int_equal(ask(trial, ID_A), LRK_VERDICT_UNKNOWN_KEY);
	assert_int_equal(ask(trial, ID_B), LRK_VERDICT_VALID);
	assert_int_equal(current_header(trial).slots, 1);
	assert_int_equal(current_header(trial).n_free, 0);
}

/* What is not there cannot be deleted; the change goes on as if nobody had asked. */
static void
test_not_there(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	const struct lrk_entry a = add(trial, change, ID_A), b = trial_entry(ID_B, 's');

	finish(trial, change);
	change = begin(trial);
	assert_err(lrk_change_delete(change, &b, &trial->why), LRK_ERR_NOT_FOUND);
	assert_says(&trial->why, trial_path(trial, KEY_FILE_NEW));
	assert_int_equal(lrk_change_header(change)->n_free, 0);
	delete(trial, change, &a);
	assert_err(lrk_change_delete(change, &a, &trial->why), LRK_ERR_NOT_FOUND);
	assert_err(lrk_change_delete(change, &a, NULL), LRK_ERR_NOT_FOUND);
	assert_int_equal(lrk_change_header(change)->n_free, 1);
	assert_int_equal(lrk_change_header(change)->free[0].count, 1);
	finish(trial, change);
	assert_err(look_up(trial, ID_A), LRK_ERR_NOT_FOUND);
}

/* ---- Places where there is no usage file ------------------------------------------------ */

static void
put_in_the_way(struct trial *trial, int kind)
{
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	trial_write(trial, "elsewhere", "", 0);
	if (kind == 0)
		trial_mkdir(trial, USAGE_FILE, 0755);
	else if (kind == 1)
		assert_int_equal(symlink(trial_path(trial, "elsewhere"),
					 trial_path(trial, USAGE_FILE)), 0);
	else if (kind == 2)
		assert_int_equal(mkfifo(trial_path(trial, USAGE_FILE), 0660), 0);
	else
		assert_int_equal(link(trial_path(trial, "elsewhere"),
				      trial_path(trial, USAGE_FILE)), 0);
}

/* A key without a limit has its place all the same; one with a limit cannot be. */
static void
test_unusable_usage_file(void **state)
{
	static const char *const reasons[] = { "not a regular file", "symbolic link",
					       "not a regular file", "more than one hard link" };
	struct trial *trial = *state;

	alarm(20);
	for (int kind = 0; kind < (int)COUNT_OF(reasons); kind++) {
		struct lrk_entry limited = trial_entry(ID_A, 's'), unlimited = limited;
		struct lrk_change *change;
		struct stat st;

		put_in_the_way(trial, kind);
		change = begin(trial);
		limited.max_uses = 1;
		assert_err(lrk_change_assign_slot(change, &limited, &trial->why), LRK_ERR_USAGE);
		assert_says(&trial->why, trial_path(trial, USAGE_FILE));
		assert_says(&trial->why, reasons[kind]);
		lrk_change_end(change);

		change = begin(trial);
		assert_ok(lrk_change_assign_slot(change, &unlimited, &trial->why));
		assert_int_equal(unlimited.slot, (unsigned)kind);
		assert_ok(lrk_change_put(change, &unlimited, &trial->why));
		finish(trial, change);
		assert_int_equal(ask(trial, ID_A), LRK_VERDICT_VALID);
		assert_int_equal(stat(trial_path(trial, "elsewhere"), &st), 0);
		assert_int_equal(st.st_size, 0);

		assert_int_equal(remove(trial_path(trial, USAGE_FILE)), 0);
		lrk_change_end(begin(trial)); /* makes it anew */
	}
	alarm(0);
}

static void
test_missing_usage_file(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	struct lrk_entry entry = add(trial, change, ID_A);
	const struct lrk_credential credential = trial_credential(ID_B, 's');
	struct lrk_question question = { .root = trial->root, .store = STORE, .now = TRIAL_NOW,
					 .use = LRK_USE_CHECK };
	struct lrk_answer answer;
	struct lrk_usage usage;
	mode_t mask;

	finish(trial, change);
	use_slot(trial, &entry, 5);
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	/* any change makes it, whatever it is about and whatever comes of it */
	mask = umask(0777);
	change = begin(trial);
	umask(mask);
	lrk_change_end(change);
	assert_int_equal(trial_mode(trial, USAGE_FILE), 0660);
	assert_false(is_slot_valid(trial, &entry, &usage));
	/* lost in the middle of one, it is missed where something hangs on it */
	change = begin(trial);
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	entry = trial_entry(ID_B, 's');
	entry.max_uses = 1;
	assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
	assert_ok(lrk_change_put(change, &entry, &trial->why));
	finish(trial, change);
	question.credential = &credential;
	assert_err(lrk_verify(&question, &answer, &trial->why), LRK_ERR_USAGE);
	question.use = LRK_USE_IGNORE;
	assert_ok(lrk_verify(&question, &answer, &trial->why));
	assert_int_equal(answer.verdict, LRK_VERDICT_VALID);
}

/* ---- Anew ------------------------------------------------------------------------------- */

static void
write_ring(struct trial *trial, const struct lrk_keyring *ring)
{
	char text[LRK_KEYRING_TEXT_MAX];

	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(ring, text));
}

/* The header goes on: the store's UUID, its places, its generation; only the seals begin again. */
static void
test_anew_keeps_the_header(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct lrk_keyring ring = old;
	struct lrk_change *change = begin(trial);
	struct lrk_entry entries[4];
	struct lrk_header before, after;
	struct lrk_store store;

	for (unsigned i = 0; i < COUNT_OF(entries); i++) {
		char id[LRK_ID_LEN + 1];

		snprintf(id, sizeof(id), "again%07u", i);
		entries[i] = add(trial, change, id);
	}
	finish(trial, change);
	change = begin(trial);
	delete(trial, change, &entries[1]);
	finish(trial, change);
	before = current_header(trial);

	assert_ok(lrk_keyring_add(&ring, lrk_random));
	write_ring(trial, &ring);
	change = begin(trial);
	assert_ok(lrk_change_start_anew(change, &ring, &trial->why));
	/* it is empty: there is nothing to delete, and what is put is all there is */
	assert_err(lrk_change_delete(change, &entries[0], &trial->why), LRK_ERR_NOT_FOUND);
	assert_ok(lrk_change_put(change, &entries[2], &trial->why));
	assert_err(lrk_change_start_anew(change, &ring, &trial->why), LRK_ERR_INTERNAL);
	finish(trial, change);
	assert_int_equal(trial_mode(trial, KEY_FILE), 0644);

	store = open_store(trial, &after);
	lrk_store_close(&store);
	assert_memory_equal(after.uuid, before.uuid, sizeof(after.uuid));
	assert_true(after.generation == before.generation + 1);
	assert_int_equal(after.slots, 4);
	assert_int_equal(after.n_free, 1);
	assert_int_equal(after.free[0].first, 1);
	assert_int_equal(after.n_seals, 1);
	assert_int_equal(after.seals[0].master_id, ring.keys[1].id);
	assert_int_equal(after.seals[0].count, 2);
	assert_err(look_up(trial, entries[0].id), LRK_ERR_NOT_FOUND);
	assert_ok(look_up(trial, entries[2].id));
	/* under the new key alone */
	ring.keys[0] = ring.keys[1];
	ring.n_keys = 1;
	ring.active = 0;
	write_ring(trial, &ring);
	assert_ok(look_up(trial, entries[2].id));
}

static void
test_anew_given_up(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyring ring = trial_ring(trial, STORE);
	struct lrk_change *change = begin(trial);
	uint8_t *before, *after;
	size_t size, after_size;

	add(trial, change, ID_A);
	finish(trial, change);
	before = trial_read(trial, KEY_FILE, &size);
	assert_ok(lrk_keyring_add(&ring, lrk_random));
	change = begin(trial);
	assert_ok(lrk_change_start_anew(change, &ring, &trial->why));
	assert_ok(lrk_change_prepare(change, &trial->why));
	lrk_change_end(change);
	after = trial_read(trial, KEY_FILE, &after_size);
	assert_int_equal(after_size, size);
	assert_memory_equal(after, before, size);
	free(before);
	free(after);
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_int_equal(ask(trial, ID_A), LRK_VERDICT_VALID);
}

/* ---- A long life --------------------------------------------------------------------------- */

enum { NAMES = 80 };

struct life {
	bool there[NAMES];
	struct lrk_entry entries[NAMES];
	unsigned visited;
	bool slots[4 * NAMES];
};

static enum lrk_err
visit(void *context, const struct lrk_entry *entry)
{
	struct life *life = context;
	unsigned i = (unsigned)strtoul(entry->id + 5, NULL, 10);

	assert_true(i < NAMES);
	assert_true(life->there[i]);
	assert_string_equal(entry->id, life->entries[i].id);
	assert_string_equal(entry->label, life->entries[i].label);
	assert_int_equal(entry->slot, life->entries[i].slot);
	assert_true(entry->slot_generation == life->entries[i].slot_generation);
	/* no place has two keys */
	assert_true(entry->slot < COUNT_OF(life->slots));
	assert_false(life->slots[entry->slot]);
	life->slots[entry->slot] = true;
	life->visited++;
	return LRK_OK;
}

static void
expect_life(struct trial *trial, struct life *life)
{
	struct lrk_header header;
	struct lrk_store store = open_store(trial, &header);
	unsigned n = 0;
	uint64_t count;

	for (unsigned i = 0; i < NAMES; i++)
		n += life->there[i];
	life->visited = 0;
	memset(life->slots, 0, sizeof(life->slots));
	if (lrk_snapshot_walk(&store, visit, life, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_int_equal(life->visited, n);
	assert_ok(lrk_keyfile_count(&store.file, &count));
	assert_int_equal(count, n + 1);
	/* nor has one that is free a key */
	for (unsigned i = 0; i < header.n_free; i++)
		for (uint32_t j = 0; j < header.free[i].count; j++) {
			assert_true(header.free[i].first + j < header.slots);
			assert_false(life->slots[header.free[i].first + j]);
			life->slots[header.free[i].first + j] = true;
		}
	assert_true(header.slots < COUNT_OF(life->slots));
	lrk_store_close(&store);
}

/* Entries of many lengths come, change and go, in changes small and large, some given up. */
static void
test_long_life(void **state)
{
	static struct life life, next;
	struct trial *trial = *state;
	uint64_t random = 0x11fe;

	for (unsigned round = 0; round < 60; round++) {
		struct lrk_change *change = begin(trial);
		unsigned n = 1 + random_below(&random, round % 5 == 0 ? 40 : 6);

		next = life;
		for (unsigned j = 0; j < n; j++) {
			unsigned i = random_below(&random, NAMES);
			struct lrk_entry *entry = &next.entries[i];

			if (next.there[i] && random_below(&random, 2) == 0) {
				delete(trial, change, entry);
				next.there[i] = false;
				continue;
			}
			if (!next.there[i]) {
				char id[LRK_ID_LEN + 1];

				snprintf(id, sizeof(id), "alive%07u", i);
				*entry = trial_entry(id, 's');
				assert_ok(lrk_change_assign_slot(change, entry, &trial->why));
			}
			memset(entry->label, 0, sizeof(entry->label));
			memset(entry->label, 'x', random_below(&random, LRK_LABEL_CHARS + 1));
			if (lrk_change_put(change, entry, &trial->why) != LRK_OK)
				fail_msg("%s", trial->why.text);
			next.there[i] = true;
		}
		if (random_below(&random, 6) == 0) {
			lrk_change_end(change);
		} else {
			finish(trial, change);
			life = next;
		}
		expect_life(trial, &life);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_nothing_stays),
		store_test(test_given_up),
		store_test(test_place_of_another),
		store_test(test_in_one_change),
		store_test(test_not_there),
		store_test(test_unusable_usage_file),
		store_test(test_missing_usage_file),
		store_test(test_anew_keeps_the_header),
		store_test(test_anew_given_up),
		store_test(test_long_life),
	};

	return cmocka_run_group_tests_name("change, deletions", tests, NULL, NULL);
}
