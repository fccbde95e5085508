/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

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
put(struct trial *trial, struct lrk_change *change, const struct lrk_entry *entry)
{
	if (lrk_change_put(change, entry, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
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
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_int_equal(trial_mode(trial, KEY_FILE), 0644);
}

static struct lrk_header
current_header(struct trial *trial)
{
	struct lrk_store store;
	struct lrk_header header;

	if (lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	lrk_store_close(&store);
	return header;
}

static enum lrk_err
current_entry(struct trial *trial, const char *id, struct lrk_entry *ret)
{
	struct lrk_store store;
	struct lrk_header header;
	enum lrk_err err;

	if (lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	err = lrk_store_get(&store, id, ret, &trial->why);
	lrk_store_close(&store);
	return err;
}

static void
expect_label(struct trial *trial, const char *id, const char *label)
{
	struct lrk_entry entry;

	if (current_entry(trial, id, &entry) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_string_equal(entry.label, label);
}

static void
expect_no_entry(struct trial *trial, const char *id)
{
	struct lrk_entry entry;

	assert_err(current_entry(trial, id, &entry), LRK_ERR_NOT_FOUND);
}

static struct lrk_entry
labelled(const char *id, const char *label)
{
	struct lrk_entry entry = trial_entry(id, 's');

	strcpy(entry.label, label);
	return entry;
}

/* ---- One change after the other --------------------------------------------- */

static void
test_generations(void **state)
{
	struct trial *trial = *state;

	for (uint64_t g = 0; g < 5; g++) {
		struct lrk_change *change = begin(trial);
		const struct lrk_entry entry = labelled(ID_A, "x");

		assert_int_equal(lrk_change_current(change), g);
		assert_int_equal(lrk_change_generation(change), g + 1);
		put(trial, change, &entry);
		assert_int_equal(current_header(trial).generation, g);
		finish(trial, change);
		assert_int_equal(current_header(trial).generation, g + 1);
	}
}

/* Nobody sees a change before it is committed; the change sees the store as it was. */
static void
test_visible_when_committed(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new"),
			       other = labelled(ID_B, "other");
	struct lrk_change *change;
	struct lrk_entry got;

	trial_put(trial, STORE, &old, 1);
	change = begin(trial);
	assert_false(trial_exists(trial, KEY_FILE_NEW)); /* the first put makes it */
	put(trial, change, &new);
	put(trial, change, &other);
	assert_true(trial_exists(trial, KEY_FILE_NEW));
	assert_int_equal(trial_mode(trial, KEY_FILE_NEW), 0600);
	expect_label(trial, ID_A, "old");
	assert_ok(lrk_change_prepare(change, &trial->why));
	expect_label(trial, ID_A, "old");
	expect_no_entry(trial, ID_B);
	assert_ok(lrk_store_get(lrk_change_store(change), ID_A, &got, &trial->why));
	assert_string_equal(got.label, "old");
	{
		bool done = false;

		assert_ok(lrk_change_commit(change, &done, &trial->why));
		assert_true(done);
	}
	expect_label(trial, ID_A, "new");
	expect_label(trial, ID_B, "other");
	assert_ok(lrk_store_get(lrk_change_store(change), ID_A, &got, &trial->why));
	assert_string_equal(got.label, "old");
	lrk_change_end(change);
	expect_label(trial, ID_A, "new");
}

/* However far it came: given up, a change leaves the file as it was, to the byte. */
static void
test_abort(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new");
	size_t size, after_size;
	uint8_t *before;

	trial_put(trial, STORE, &old, 1);
	before = trial_read(trial, KEY_FILE, &size);
	for (unsigned steps = 0; steps < 4; steps++) {
		struct lrk_change *change = begin(trial);
		uint8_t *after;

		if (steps > 0)
			put(trial, change, &new);
		if (steps > 1)
			assert_ok(lrk_change_delete(change, &old, &trial->why));
		if (steps > 2)
			assert_ok(lrk_change_prepare(change, &trial->why));
		lrk_change_end(change);
		assert_false(trial_exists(trial, KEY_FILE_NEW));
		after = trial_read(trial, KEY_FILE, &after_size);
		assert_int_equal(after_size, size);
		assert_memory_equal(after, before, size);
		free(after);
	}
	free(before);
	lrk_change_end(NULL);
	assert_int_equal(current_header(trial).generation, 1);
}

static void
test_change_of_nothing(void **state)
{
	struct trial *trial = *state;

	finish(trial, begin(trial));
	assert_int_equal(current_header(trial).generation, 1);
}

/* ---- What the copy holds ----------------------------------------------------- */

struct raw {
	uint8_t bytes[LRK_RECORD_MAX];
	size_t length;
};

static struct raw
raw_record(struct trial *trial, const char *name)
{
	struct raw raw;

	raw.length = trial_get_raw(trial, STORE, name, raw.bytes, sizeof(raw.bytes));
	return raw;
}

/* What a change does not touch is copied, never sealed again. */
static void
test_unchanged_ciphertext(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { labelled(ID_A, "a"), labelled(ID_B, "b") };
	const struct lrk_entry changed = labelled(ID_B, "changed");
	struct raw a, b, header, a_after, b_after, header_after;

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	a = raw_record(trial, ID_A);
	b = raw_record(trial, ID_B);
	header = raw_record(trial, LRK_HEADER_NAME);
	trial_put(trial, STORE, &changed, 1);
	a_after = raw_record(trial, ID_A);
	b_after = raw_record(trial, ID_B);
	header_after = raw_record(trial, LRK_HEADER_NAME);
	assert_int_equal(a_after.length, a.length);
	assert_memory_equal(a_after.bytes, a.bytes, a.length);
	assert_memory_not_equal(b_after.bytes + 6, b.bytes + 6, LRK_IV_LEN);
	assert_memory_not_equal(header_after.bytes + 6, header.bytes + 6, LRK_IV_LEN);
}

static void
expect_no_bytes(struct trial *trial, const struct raw *raw)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, KEY_FILE, &size);

	/* past the clear beginning, which other records have too */
	for (size_t i = 6; i + 8 <= raw->length; i++)
		if (memmem(bytes, size, raw->bytes + i, 8) != NULL)
			fail_msg("old bytes %zu to %zu are still there", i, i + 7);
	free(bytes);
}

static void
test_old_ciphertext_is_gone(void **state)
{
	struct trial *trial = *state;
	static const char *const labels[] = { "a", "b", "a much longer label", "c" };
	struct lrk_entry entry;

	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		struct raw old = raw_record(trial, ID_A);
		struct raw header = raw_record(trial, LRK_HEADER_NAME);

		entry = labelled(ID_A, labels[i]);
		trial_put(trial, STORE, &entry, 1);
		expect_no_bytes(trial, &old);
		expect_no_bytes(trial, &header);
	}
	{
		struct raw old = raw_record(trial, ID_A);
		struct lrk_change *change = begin(trial);

		assert_ok(lrk_change_delete(change, &entry, &trial->why));
		finish(trial, change);
		expect_no_bytes(trial, &old);
		expect_no_entry(trial, ID_A);
	}
}

/* The same entry more than once in a change: the last word counts. */
static void
test_put_twice(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry one = labelled(ID_A, "one"), two = labelled(ID_A, "two"),
			       other = labelled(ID_B, "other");
	struct lrk_change *change = begin(trial);

	put(trial, change, &one);
	put(trial, change, &other);
	put(trial, change, &two);
	finish(trial, change);
	expect_label(trial, ID_A, "two");

	change = begin(trial);
	put(trial, change, &one);
	assert_ok(lrk_change_delete(change, &one, &trial->why));
	assert_ok(lrk_change_delete(change, &other, &trial->why));
	put(trial, change, &two);
	finish(trial, change);
	expect_label(trial, ID_A, "two");
	expect_no_entry(trial, ID_B);

	change = begin(trial);
	put(trial, change, &one);
	assert_ok(lrk_change_delete(change, &one, &trial->why));
	finish(trial, change);
	expect_no_entry(trial, ID_A);
}

static void
test_delete(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entries[] = { labelled(ID_A, "a"), labelled(ID_B, "b") };
	struct lrk_change *change;
	struct lrk_header header;

	change = begin(trial);
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		assert_ok(lrk_change_assign_slot(change, &entries[i], &trial->why));
		put(trial, change, &entries[i]);
	}
	assert_err(lrk_change_delete(change, &(struct lrk_entry){ .id = ID_C }, &trial->why),
		   LRK_ERR_NOT_FOUND);
	finish(trial, change);
	change = begin(trial);
	assert_ok(lrk_change_delete(change, &entries[0], &trial->why));
	assert_err(lrk_change_delete(change, &entries[0], &trial->why), LRK_ERR_NOT_FOUND);
	finish(trial, change);
	expect_no_entry(trial, ID_A);
	expect_label(trial, ID_B, "b");
	header = current_header(trial);
	assert_int_equal(header.n_free, 1);
	assert_int_equal(header.free[0].first, entries[0].slot);
	assert_int_equal(header.free[0].count, 1);
}

static void
test_invalid_entry(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = labelled(ID_A, "a");
	struct lrk_change *change = begin(trial);

	entry.org[0] = '\0';
	assert_err(lrk_change_put(change, &entry, &trial->why), LRK_ERR_INTERNAL);
	lrk_change_end(change);
	expect_no_entry(trial, ID_A);
	assert_false(trial_exists(trial, KEY_FILE_NEW));
}

static void
test_many_in_one(void **state)
{
	enum { MANY = 2000 };
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	struct lrk_header header;

	for (unsigned i = 0; i < MANY; i++) {
		struct lrk_entry entry = labelled(ID_A, "many");

		snprintf(entry.id, sizeof(entry.id), "many%08u", i);
		assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
		assert_int_equal(entry.slot, i);
		put(trial, change, &entry);
	}
	finish(trial, change);
	header = current_header(trial);
	assert_int_equal(header.generation, 1);
	assert_int_equal(header.slots, MANY);
	assert_int_equal(header.seals[0].count, MANY + 2);
	expect_label(trial, "many00000000", "many");
	expect_label(trial, "many00001999", "many");
}

/* ---- Seals are counted -------------------------------------------------------- */

static void
test_seal_count(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { labelled(ID_A, "a"), labelled(ID_B, "b"),
					     labelled(ID_C, "c") };
	struct lrk_header header;

	trial_put(trial, STORE, entries, 3);
	header = current_header(trial);
	assert_int_equal(header.n_seals, 1);
	assert_int_equal(header.seals[0].count, 1 + 3 + 1);
	trial_put(trial, STORE, entries, 1);
	assert_int_equal(current_header(trial).seals[0].count, 5 + 1 + 1);
	finish(trial, begin(trial));
	assert_int_equal(current_header(trial).seals[0].count, 7 + 1);
}

static void
test_seal_limit(void **state)
{
	static const struct {
		uint64_t before;
		enum lrk_err expected;
	} rows[] = {
		{ (UINT64_C(1) << 32) - 2, LRK_OK },
		{ (UINT64_C(1) << 32) - 1, LRK_ERR_LIMIT },
		{ UINT64_C(1) << 32, LRK_ERR_LIMIT },
	};
	struct trial *trial = *state;
	const struct lrk_entry entry = labelled(ID_A, "a");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_change *change = begin(trial);

		put(trial, change, &entry); /* one seal, and the header's */
		lrk_change_header(change)->seals[0].count = rows[i].before;
		assert_err(lrk_change_prepare(change, &trial->why), rows[i].expected);
		if (rows[i].expected != LRK_OK)
			assert_says(&trial->why, "rekey");
		lrk_change_end(change);
	}
}

static void
test_too_many_master_keys(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	struct lrk_header *header = lrk_change_header(change);

	header->n_seals = LRK_SEALS_MAX;
	for (unsigned i = 0; i < LRK_SEALS_MAX; i++)
		header->seals[i].master_id = header->seals[0].master_id + 1 + i;
	assert_err(lrk_change_prepare(change, &trial->why), LRK_ERR_LIMIT);
	lrk_change_end(change);
}

/* ---- Slots ---------------------------------------------------------------------- */

static void
test_slots(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry a = labelled(ID_A, "a"), b = labelled(ID_B, "b"), c = labelled(ID_C, "c");
	struct lrk_change *change = begin(trial);

	assert_ok(lrk_change_assign_slot(change, &a, &trial->why));
	assert_ok(lrk_change_assign_slot(change, &b, &trial->why));
	assert_int_equal(a.slot, 0);
	assert_int_equal(b.slot, 1);
	assert_int_equal(a.slot_generation, 1);
	assert_int_equal(b.slot_generation, 1);
	put(trial, change, &a);
	put(trial, change, &b);
	finish(trial, change);

	change = begin(trial);
	assert_ok(lrk_change_delete(change, &a, &trial->why));
	finish(trial, change);

	/* the place that was freed, and another generation */
	change = begin(trial);
	assert_ok(lrk_change_assign_slot(change, &c, &trial->why));
	assert_int_equal(c.slot, 0);
	assert_int_equal(c.slot_generation, 3);
	put(trial, change, &c);
	assert_ok(lrk_change_assign_slot(change, &a, &trial->why));
	assert_int_equal(a.slot, 2);
	put(trial, change, &a);
	finish(trial, change);
	assert_int_equal(current_header(trial).n_free, 0);
	assert_int_equal(current_header(trial).slots, 3);
}

/* What was assigned in a change that was given up is assigned again. */
static void
test_slots_of_aborted_change(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry a = labelled(ID_A, "a");

	for (int i = 0; i < 3; i++) {
		struct lrk_change *change = begin(trial);

		assert_ok(lrk_change_assign_slot(change, &a, &trial->why));
		assert_int_equal(a.slot, 0);
		assert_int_equal(a.slot_generation, 1);
		lrk_change_end(change);
	}
	assert_int_equal(current_header(trial).slots, 0);
}

static void
test_no_slot_left(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry a = labelled(ID_A, "a");
	struct lrk_change *change = begin(trial);

	lrk_change_header(change)->slots = UINT32_MAX;
	assert_err(lrk_change_assign_slot(change, &a, &trial->why), LRK_ERR_LIMIT);
	lrk_change_end(change);
}

/* ---- Reading back ----------------------------------------------------------------- */

/* Where the n-th byte of a record stands in a file. */
static off_t
offset_in(struct trial *trial, const char *file, const struct raw *raw)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, file, &size);
	const uint8_t *found = memmem(bytes, size, raw->bytes, raw->length);
	off_t at = found != NULL ? found - bytes : -1;

	free(bytes);
	return at;
}

static void
flip_byte(struct trial *trial, const char *file, off_t at)
{
	int fd = open(trial_path(trial, file), O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static struct raw
raw_of_copy(struct trial *trial, const char *id)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	struct raw raw;
	int fd = open(trial_path(trial, KEY_FILE_NEW), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(lrk_keyfile_open(fd, trial_size(trial, KEY_FILE_NEW), KEY_FILE_NEW, &file,
				   &trial->why));
	assert_ok(lrk_keyfile_get(&file, id, raw.bytes, sizeof(raw.bytes), &raw.length));
	assert_ok(lrk_keyfile_close(&file));
	return raw;
}

/* A disk that does not keep what it was given: noticed before the copy takes the place. */
static void
test_reads_back(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new");
	struct lrk_change *change;
	struct raw raw;

	trial_put(trial, STORE, &old, 1);
	change = begin(trial);
	put(trial, change, &new);
	raw = raw_of_copy(trial, ID_A);
	flip_byte(trial, KEY_FILE_NEW, offset_in(trial, KEY_FILE_NEW, &raw) + 30);
	assert_err(lrk_change_prepare(change, &trial->why), LRK_ERR_DAMAGED);
	assert_says(&trial->why, trial_path(trial, KEY_FILE_NEW));
	lrk_change_end(change);
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	expect_label(trial, ID_A, "old");
}

/* A record that was sealed well, but is not the one that was put. */
static void
test_reads_back_what_was_put(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new");
	struct lrk_change *change;
	struct raw raw, old_raw;
	int fd;

	trial_put(trial, STORE, &old, 1);
	old_raw = raw_record(trial, ID_A);
	change = begin(trial);
	put(trial, change, &new);
	raw = raw_of_copy(trial, ID_A);
	assert_int_equal(raw.length, old_raw.length);
	fd = open(trial_path(trial, KEY_FILE_NEW), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, old_raw.bytes, old_raw.length,
				offset_in(trial, KEY_FILE_NEW, &raw)),
			 old_raw.length);
	close(fd);
	assert_err(lrk_change_prepare(change, &trial->why), LRK_ERR_DAMAGED);
	lrk_change_end(change);
}

static void
test_copy_disappears(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new");
	struct lrk_change *change;
	bool done = true;

	trial_put(trial, STORE, &old, 1);
	change = begin(trial);
	put(trial, change, &new);
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_int_equal(unlink(trial_path(trial, KEY_FILE_NEW)), 0);
	assert_err(lrk_change_commit(change, &done, &trial->why), LRK_ERR_IO);
	assert_false(done);
	assert_says(&trial->why, "No such file");
	lrk_change_end(change);
	expect_label(trial, ID_A, "old");
}

/* ---- What was there before ----------------------------------------------------------- */

static void
test_remains_are_removed(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = labelled(ID_A, "a");

	trial_write(trial, KEY_FILE_NEW, "what a killed change has left", 29);
	trial_chmod(trial, KEY_FILE_NEW, 0666);
	lrk_change_end(begin(trial));
	assert_false(trial_exists(trial, KEY_FILE_NEW));

	trial_write(trial, KEY_FILE_NEW, "again", 5);
	trial_put(trial, STORE, &entry, 1);
	expect_label(trial, ID_A, "a");

	/* a link is removed, not followed */
	trial_write(trial, "target", "stays", 5);
	assert_int_equal(symlink(trial_path(trial, "target"), trial_path(trial, KEY_FILE_NEW)), 0);
	trial_put(trial, STORE, &entry, 1);
	{
		size_t size;
		uint8_t *bytes = trial_read(trial, "target", &size);

		assert_int_equal(size, 5);
		assert_memory_equal(bytes, "stays", 5);
		free(bytes);
	}
}

static void
test_remains_that_stay(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = NULL;

	trial_mkdir(trial, KEY_FILE_NEW, 0755);
	assert_err(lrk_change_begin(trial->root, STORE, &change, &trial->why), LRK_ERR_IO);
	assert_null(change);
	assert_says(&trial->why, trial_path(trial, KEY_FILE_NEW));
}

/* The rename is the repair; who holds the other link keeps the old file. */
static void
test_defects_are_repaired(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry old = labelled(ID_A, "old"), new = labelled(ID_A, "new");
	struct lrk_change *change = begin(trial);

	assert_null(lrk_change_warning(change));
	lrk_change_end(change);
	trial_put(trial, STORE, &old, 1);

	trial_chmod(trial, KEY_FILE, 0666);
	change = begin(trial);
	assert_non_null(lrk_change_warning(change));
	assert_non_null(strstr(lrk_change_warning(change), trial_path(trial, KEY_FILE)));
	assert_non_null(strstr(lrk_change_warning(change), "writable by everybody"));
	put(trial, change, &new);
	finish(trial, change);
	expect_label(trial, ID_A, "new");

	assert_int_equal(link(trial_path(trial, KEY_FILE), trial_path(trial, "link")), 0);
	change = begin(trial);
	assert_non_null(strstr(lrk_change_warning(change), "hard link"));
	put(trial, change, &old);
	finish(trial, change);
	expect_label(trial, ID_A, "old");
	assert_true(trial_exists(trial, "link"));

	change = begin(trial);
	assert_null(lrk_change_warning(change));
	lrk_change_end(change);
}

static void
test_unusable_stores(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = NULL;

	assert_err(lrk_change_begin(trial->root, "Not A Name", &change, &trial->why),
		   LRK_ERR_SYNTAX);
	assert_err(lrk_change_begin(trial->root, "other", &change, &trial->why), LRK_ERR_NO_STORE);
	assert_int_equal(rename(trial_path(trial, LOCK_FILE), trial_path(trial, "away")), 0);
	assert_err(lrk_change_begin(trial->root, STORE, &change, &trial->why), LRK_ERR_NO_STORE);
	assert_says(&trial->why, trial_path(trial, LOCK_FILE));
	assert_int_equal(rename(trial_path(trial, "away"), trial_path(trial, LOCK_FILE)), 0);

	trial_chmod(trial, LOCK_FILE, 0666);
	assert_err(lrk_change_begin(trial->root, STORE, &change, &trial->why), LRK_ERR_UNSAFE);
	trial_chmod(trial, LOCK_FILE, 0660);

	trial_write(trial, KEY_FILE, "junk", 4);
	assert_err(lrk_change_begin(trial->root, STORE, &change, &trial->why), LRK_ERR_DAMAGED);
	assert_says(&trial->why, trial_path(trial, KEY_FILE));
	assert_null(change);
}

/* ---- Others ---------------------------------------------------------------------------- */

/* What a change makes belongs to the directory's group, whatever the umask and the set-gid bit. */
static void
test_mode_and_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct trial *trial = *state;
	const struct lrk_entry entry = labelled(ID_A, "a");

	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		mode_t before = umask(masks[i]);

		trial_put(trial, STORE, &entry, 1);
		umask(before);
		assert_int_equal(trial_mode(trial, KEY_FILE), 0644);
	}
}

static void
test_group_of_directory(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = labelled(ID_A, "a");
	struct stat dir, file;
	gid_t groups[64];
	int n = getgroups((int)COUNT_OF(groups), groups);
	/* root may use any group; others one that they are in */
	gid_t group = geteuid() == 0 ? 4242 : n > 0 ? groups[0] : getegid();

	assert_int_equal(chown(trial_path(trial, KEYS_DIR), (uid_t)-1, group), 0);
	trial_chmod(trial, KEYS_DIR, 0775); /* no set-gid bit */
	trial_put(trial, STORE, &entry, 1);
	assert_int_equal(stat(trial_path(trial, KEYS_DIR), &dir), 0);
	assert_int_equal(stat(trial_path(trial, KEY_FILE), &file), 0);
	assert_int_equal(dir.st_gid, group);
	assert_int_equal(file.st_gid, group);
}

/* The second waits for the first, and builds upon what it finds then. */
static void
test_one_at_a_time(void **state)
{
	struct trial *trial = *state;
	struct lrk_change *change = begin(trial);
	int fd = open(trial_path(trial, LOCK_FILE), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	lrk_change_end(change);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	assert_null(lrk_change_warning(change = begin(trial)));
	lrk_change_end(change);
}

/* The store anew, under another ring: what was not put again is gone. */
static void
test_start_anew(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { labelled(ID_A, "a"), labelled(ID_B, "b") };
	struct lrk_keyring ring = trial_ring(trial, STORE);
	struct lrk_change *change;
	struct lrk_header header;
	struct raw raw;

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	change = begin(trial);
	put(trial, change, &entries[0]);
	assert_err(lrk_change_start_anew(change, &ring, &trial->why), LRK_ERR_INTERNAL);
	lrk_change_end(change);

	change = begin(trial);
	assert_ok(lrk_change_start_anew(change, &ring, &trial->why));
	put(trial, change, &entries[1]);
	finish(trial, change);
	expect_no_entry(trial, ID_A);
	expect_label(trial, ID_B, "b");
	header = current_header(trial);
	assert_int_equal(header.generation, 2);
	assert_int_equal(header.n_seals, 1);
	/* the same master key goes on: 4 until then, an entry, the header */
	assert_int_equal(header.seals[0].count, 6);
	raw = raw_record(trial, ID_A);
	assert_int_equal(raw.length, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_generations),
		store_test(test_visible_when_committed),
		store_test(test_abort),
		store_test(test_change_of_nothing),
		store_test(test_unchanged_ciphertext),
		store_test(test_old_ciphertext_is_gone),
		store_test(test_put_twice),
		store_test(test_delete),
		store_test(test_invalid_entry),
		store_test(test_many_in_one),
		store_test(test_seal_count),
		store_test(test_seal_limit),
		store_test(test_too_many_master_keys),
		store_test(test_slots),
		store_test(test_slots_of_aborted_change),
		store_test(test_no_slot_left),
		store_test(test_reads_back),
		store_test(test_reads_back_what_was_put),
		store_test(test_copy_disappears),
		store_test(test_remains_are_removed),
		store_test(test_remains_that_stay),
		store_test(test_defects_are_repaired),
		store_test(test_unusable_stores),
		store_test(test_mode_and_umask),
		store_test(test_group_of_directory),
		store_test(test_one_at_a_time),
		store_test(test_start_anew),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
