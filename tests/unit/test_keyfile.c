/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "keys.h"

/* ---- What it keeps --------------------------------------------------------- */

static void
test_put_and_get(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	uint64_t count = 77;

	keys_make_few(trial);
	file = keys_to_read(trial);
	expect_keys_few(&file);
	expect_no_record(&file, "record999999");
	expect_no_record(&file, "");
	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, KEYS_FEW);
	assert_ok(lrk_keyfile_close(&file));
	assert_null(file.engine);
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_empty(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file = keys_to_change(trial);
	uint64_t count = 77;

	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, 0);
	expect_no_record(&file, "name");
	assert_err(lrk_keyfile_delete(&file, "name"), LRK_ERR_NOT_FOUND);
	assert_ok(lrk_keyfile_close(&file));
	file = keys_to_read(trial);
	expect_no_record(&file, "name");
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_sizes(void **state)
{
	static uint8_t longest[LRK_RECORD_MAX], got[LRK_RECORD_MAX];
	struct trial *trial = *state;
	struct lrk_keyfile file = keys_to_change(trial);
	uint64_t seed = 0x73697a6573;
	size_t length;

	random_bytes(&seed, longest, sizeof(longest));
	for (size_t size = 1; size <= sizeof(longest); size += size < 8 ? 1 : 97) {
		assert_ok(lrk_keyfile_put(&file, "name", longest, size));
		expect_record(&file, "name", longest, size);
		/* one byte too small is no record, and nothing is written */
		memset(got, 0xee, sizeof(got));
		length = 77777;
		assert_err(lrk_keyfile_get(&file, "name", got, size - 1, &length),
			   LRK_ERR_DAMAGED);
		assert_int_equal(length, 77777);
		assert_int_equal(got[0], 0xee);
	}
	assert_ok(lrk_keyfile_put(&file, "name", longest, sizeof(longest)));
	expect_record(&file, "name", longest, sizeof(longest));
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_replace_and_delete(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	uint64_t count;

	keys_make_few(trial);
	file = keys_to_change(trial);
	assert_ok(lrk_keyfile_put(&file, "record000003", (const uint8_t *)"new", 3));
	assert_ok(lrk_keyfile_delete(&file, "record000004"));
	assert_err(lrk_keyfile_delete(&file, "record000004"), LRK_ERR_NOT_FOUND);
	expect_record(&file, "record000003", "new", 3);
	expect_no_record(&file, "record000004");
	assert_ok(lrk_keyfile_close(&file));
	file = keys_to_read(trial);
	expect_record(&file, "record000003", "new", 3);
	expect_no_record(&file, "record000004");
	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, KEYS_FEW - 1);
	assert_ok(lrk_keyfile_close(&file));
}

/* ---- What it forgets ------------------------------------------------------- */

/* No eight bytes in a row of the record are left anywhere in the file. */
static void
expect_forgotten(const struct trial *trial, const uint8_t *record, size_t length)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, KEYS_FILE, &size);

	for (size_t i = 0; i + 8 <= length; i++)
		if (memmem(bytes, size, record + i, 8) != NULL)
			fail_msg("bytes %zu to %zu are still there", i, i + 7);
	free(bytes);
}

static void
expect_kept(const struct trial *trial, const uint8_t *record, size_t length)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, KEYS_FILE, &size);

	assert_non_null(memmem(bytes, size, record, length));
	free(bytes);
}

static void
test_old_bytes_are_gone(void **state)
{
	static const size_t new_lengths[] = { 0, 200, 199, 100, 1, 201, 400, 2000 };
	struct trial *trial = *state;
	uint64_t seed = 0x676f6e65;

	keys_make_few(trial);
	for (size_t i = 0; i < COUNT_OF(new_lengths); i++) {
		struct lrk_keyfile file = keys_to_change(trial);
		uint8_t old[200], new[2000];
		size_t length = new_lengths[i];

		random_bytes(&seed, old, sizeof(old));
		random_bytes(&seed, new, sizeof(new));
		assert_ok(lrk_keyfile_put(&file, "secretrecord", old, sizeof(old)));
		assert_ok(lrk_keyfile_close(&file));
		expect_kept(trial, old, sizeof(old));

		file = keys_to_change(trial);
		if (length == 0)
			assert_ok(lrk_keyfile_delete(&file, "secretrecord"));
		else
			assert_ok(lrk_keyfile_put(&file, "secretrecord", new, length));
		assert_ok(lrk_keyfile_close(&file));
		expect_forgotten(trial, old, sizeof(old));
		if (length != 0)
			expect_kept(trial, new, length);
	}
}

/* Put, changed and removed in one go, among others that stay. */
static void
test_all_in_one_change(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	uint64_t seed = 0x6f6e65;
	uint8_t records[4][150];

	keys_make_few(trial);
	file = keys_to_change(trial);
	for (size_t i = 0; i < COUNT_OF(records); i++) {
		random_bytes(&seed, records[i], sizeof(records[i]));
		assert_ok(lrk_keyfile_put(&file, "secretrecord", records[i], 150 - 10 * i));
	}
	assert_ok(lrk_keyfile_delete(&file, "secretrecord"));
	assert_ok(lrk_keyfile_close(&file));
	for (size_t i = 0; i < COUNT_OF(records); i++)
		expect_forgotten(trial, records[i], 150 - 10 * i);
	file = keys_to_read(trial);
	expect_keys_few(&file);
	assert_ok(lrk_keyfile_close(&file));
}

/* ---- Many ------------------------------------------------------------------ */

enum { MANY = 3000 };

/* What ought to be there: the seed of each record's bytes, or 0. */
struct model {
	uint64_t seeds[MANY];
	uint64_t n;
};

static size_t
model_record(uint64_t record_seed, uint8_t record[static LRK_RECORD_MAX])
{
	size_t length = 30 + random_below(&record_seed, 400);

	random_bytes(&record_seed, record, length);
	return length;
}

static void
change_at_random(struct lrk_keyfile *file, struct model *model, uint64_t *seed, bool shrink)
{
	unsigned number = random_below(seed, MANY);
	uint8_t record[LRK_RECORD_MAX];
	char name[LRK_ID_LEN + 1];

	keys_name(number, name);
	if (random_below(seed, 10) < (shrink ? 7 : 3)) {
		assert_err(lrk_keyfile_delete(file, name),
			   model->seeds[number] != 0 ? LRK_OK : LRK_ERR_NOT_FOUND);
		model->n -= model->seeds[number] != 0;
		model->seeds[number] = 0;
	} else {
		model->n += model->seeds[number] == 0;
		model->seeds[number] = next_random(seed) | 1;
		assert_ok(lrk_keyfile_put(file, name, record,
					  model_record(model->seeds[number], record)));
	}
}

static void
expect_model(const struct lrk_keyfile *file, const struct model *model)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < MANY; i++) {
		uint8_t record[LRK_RECORD_MAX];
		char name[LRK_ID_LEN + 1];

		keys_name(i, name);
		if (model->seeds[i] == 0)
			expect_no_record(file, name);
		else
			expect_record(file, name, record, model_record(model->seeds[i], record));
	}
	assert_ok(lrk_keyfile_count(file, &count));
	assert_int_equal(count, model->n);
}

/* Grown, shrunk and grown again over many openings: what GDBM writes is always what is opened. */
static void
test_many_changes(void **state)
{
	static struct model model;
	struct trial *trial = *state;
	uint64_t seed = 0x6d616e79;

	memset(&model, 0, sizeof(model));
	for (unsigned round = 0; round < 30; round++) {
		struct lrk_keyfile file = keys_to_change(trial);

		for (unsigned i = 0; i < 500; i++)
			change_at_random(&file, &model, &seed, round / 8 % 2 == 1);
		assert_ok(lrk_keyfile_close(&file));
		file = keys_to_read(trial);
		expect_model(&file, &model);
		assert_ok(lrk_keyfile_close(&file));
	}
	assert_true(model.n > 500);
}

/* ---- Walking --------------------------------------------------------------- */

struct walked {
	unsigned seen[KEYS_FEW];
	unsigned visits;
	unsigned stop_at; /* 0: never */
};

static enum lrk_err
visit(void *context, const char *name, size_t name_length, const uint8_t *record, size_t length)
{
	struct walked *walked = context;
	uint8_t expected[LRK_RECORD_MAX];
	char text[LRK_ID_LEN + 1] = "";
	unsigned number;

	assert_int_equal(name_length, LRK_ID_LEN);
	memcpy(text, name, name_length);
	number = (unsigned)strtoul(text + strlen("record"), NULL, 10);
	assert_in_range(number, 0, KEYS_FEW - 1);
	assert_int_equal(length, keys_record(number, expected));
	assert_memory_equal(record, expected, length);
	walked->seen[number]++;
	return ++walked->visits == walked->stop_at ? LRK_ERR_LIMIT : LRK_OK;
}

static void
test_walk(void **state)
{
	struct trial *trial = *state;
	struct walked walked = { .visits = 0 };
	struct lrk_keyfile file;

	keys_make_few(trial);
	file = keys_to_read(trial);
	assert_ok(lrk_keyfile_walk(&file, visit, &walked));
	for (unsigned i = 0; i < KEYS_FEW; i++)
		assert_int_equal(walked.seen[i], 1);
	for (unsigned stop_at = 1; stop_at <= KEYS_FEW; stop_at++) {
		walked = (struct walked){ .stop_at = stop_at };
		assert_err(lrk_keyfile_walk(&file, visit, &walked), LRK_ERR_LIMIT);
		assert_int_equal(walked.visits, stop_at);
	}
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_walk_nothing(void **state)
{
	struct trial *trial = *state;
	struct walked walked = { .visits = 0 };
	struct lrk_keyfile file = keys_to_change(trial);

	assert_ok(lrk_keyfile_walk(&file, visit, &walked));
	assert_ok(lrk_keyfile_close(&file));
	file = keys_to_read(trial);
	assert_ok(lrk_keyfile_walk(&file, visit, &walked));
	assert_int_equal(walked.visits, 0);
	assert_ok(lrk_keyfile_close(&file));
}

/* ---- How it is opened ------------------------------------------------------ */

/* Whoever may read the file may lock it: nobody else may care. */
static void
test_locks_are_ignored(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	int fd;

	keys_make_few(trial);
	fd = keys_descriptor(trial, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(lockf(fd, F_TLOCK, 0), 0);
	alarm(20);
	file = keys_to_read(trial);
	expect_keys_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	close(fd);
	/* and none is taken */
	file = keys_to_read(trial);
	fd = keys_descriptor(trial, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	assert_ok(lrk_keyfile_close(&file));
	alarm(0);
}

static bool
is_mapped(const struct trial *trial)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	bool mapped = false;
	char line[1024];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		mapped |= strstr(line, trial_path(trial, KEYS_FILE)) != NULL;
	fclose(maps);
	return mapped;
}

static void
test_is_not_mapped(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;

	keys_make_few(trial);
	file = keys_to_read(trial);
	expect_keys_few(&file);
	assert_false(is_mapped(trial));
	/* A file that shrinks under the reader is an error to him, not his end. */
	assert_int_equal(truncate(trial_path(trial, KEYS_FILE), 4096), 0);
	{
		uint8_t bytes[LRK_RECORD_MAX];
		size_t length;
		enum lrk_err err = lrk_keyfile_get(&file, "record000007", bytes, sizeof(bytes),
						   &length);

		assert_true(err == LRK_ERR_DAMAGED || err == LRK_ERR_IO);
	}
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_reader_cannot_write(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	uint8_t *before, *after;
	size_t size, after_size;

	keys_make_few(trial);
	before = trial_read(trial, KEYS_FILE, &size);
	file = keys_to_read(trial);
	assert_int_not_equal(lrk_keyfile_put(&file, "name", (const uint8_t *)"x", 1), LRK_OK);
	assert_int_not_equal(lrk_keyfile_put(&file, "record000001", (const uint8_t *)"x", 1),
			     LRK_OK);
	assert_int_not_equal(lrk_keyfile_delete(&file, "record000001"), LRK_OK);
	expect_keys_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	after = trial_read(trial, KEYS_FILE, &after_size);
	assert_int_equal(after_size, size);
	assert_memory_equal(after, before, size);
	free(before);
	free(after);
}

static void
test_descriptor(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	int fd;

	keys_make_few(trial);
	fd = keys_descriptor(trial, O_RDONLY);
	assert_ok(lrk_keyfile_open(fd, trial_size(trial, KEYS_FILE), "the/path", &file, &trial->why));
	assert_int_equal(lrk_keyfile_fd(&file), fd);
	assert_ok(lrk_keyfile_close(&file));
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over, and closed */
	trial_write(trial, KEYS_FILE, "junk", 4);
	fd = keys_descriptor(trial, O_RDONLY);
	assert_err(lrk_keyfile_open(fd, 4, "the/path", &file, NULL), LRK_ERR_DAMAGED);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/*
 * The engine may lose a bucket, and abort later, where its cache is full while a bucket is split:
 * once when 100,000 keys were made, of some hundred times. So a writer's never is full.
 */
static void
test_cache_is_never_full(void **state)
{
	struct trial *trial = *state;

	for (int again = 0; again < 2; again++) {
		struct lrk_keyfile file = keys_to_change(trial);
		size_t size = 0;
		int automatic = -1;

		assert_int_equal(gdbm_setopt(file.engine, GDBM_GETCACHESIZE, &size,
					     sizeof(size)), 0);
		assert_true(size >= LRK_KEYFILE_MAX / 4096);
		assert_int_equal(gdbm_setopt(file.engine, GDBM_GETCACHEAUTO, &automatic,
					     sizeof(automatic)), 0);
		assert_int_equal(automatic, 0);
		assert_ok(lrk_keyfile_close(&file));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		root_test(test_put_and_get),
		root_test(test_empty),
		root_test(test_sizes),
		root_test(test_replace_and_delete),
		root_test(test_old_bytes_are_gone),
		root_test(test_all_in_one_change),
		root_test(test_many_changes),
		root_test(test_walk),
		root_test(test_walk_nothing),
		root_test(test_locks_are_ignored),
		root_test(test_is_not_mapped),
		root_test(test_reader_cannot_write),
		root_test(test_descriptor),
		root_test(test_cache_is_never_full),
	};

	return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
