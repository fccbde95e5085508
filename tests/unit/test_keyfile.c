/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "liblrkey/keyfile.h"
#include "liblrkey/record.h"

#include "trial.h"

#define FILE_NAME "keys"

static int
open_descriptor(const struct trial *trial, int flags)
{
	int fd = open(trial_path(trial, FILE_NAME), flags | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static struct lrk_keyfile
open_to_change(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	enum lrk_err err = lrk_keyfile_open_copy(open_descriptor(trial, O_RDWR | O_CREAT),
						 "the/path", &file, &trial->why);

	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), trial->why.text);
	return file;
}

static enum lrk_err
try_to_read(struct trial *trial, struct lrk_keyfile *file)
{
	return lrk_keyfile_open(open_descriptor(trial, O_RDONLY), trial_size(trial, FILE_NAME),
				"the/path", file, &trial->why);
}

static struct lrk_keyfile
open_to_read(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;

	if (try_to_read(trial, &file) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return file;
}

/* Refused as damaged, by reader and writer, with the path said. */
static void
expect_damaged(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;

	assert_err(try_to_read(trial, &file), LRK_ERR_DAMAGED);
	assert_null(file.engine);
	assert_says(&trial->why, "the/path: is damaged");
	assert_err(lrk_keyfile_open_copy(open_descriptor(trial, O_RDWR), "the/path", &file,
					 &trial->why),
		   LRK_ERR_DAMAGED);
	assert_null(file.engine);
	assert_says(&trial->why, "the/path: is damaged");
}

static void
expect_record(const struct lrk_keyfile *file, const char *name, const void *record, size_t length)
{
	uint8_t bytes[LRK_RECORD_MAX];
	size_t got = 0;

	assert_ok(lrk_keyfile_get(file, name, bytes, sizeof(bytes), &got));
	assert_int_equal(got, length);
	assert_memory_equal(bytes, record, length);
}

static void
expect_none(const struct lrk_keyfile *file, const char *name)
{
	uint8_t bytes[LRK_RECORD_MAX];
	size_t length = 77777;

	assert_err(lrk_keyfile_get(file, name, bytes, sizeof(bytes), &length), LRK_ERR_NOT_FOUND);
	assert_int_equal(length, 77777);
}

static void
random_bytes(uint64_t *seed, uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(next_random(seed) >> 24);
}

/* A key file with a few records; each is its name, over and over. */
enum { FEW = 20 };

static void
name_of(unsigned number, char name[static LRK_ID_LEN + 1])
{
	snprintf(name, LRK_ID_LEN + 1, "record%06u", number);
}

static size_t
record_of(unsigned number, uint8_t record[static LRK_RECORD_MAX])
{
	char name[LRK_ID_LEN + 1];
	size_t length = 100 + number % 50;

	name_of(number, name);
	for (size_t i = 0; i < length; i++)
		record[i] = (uint8_t)name[i % LRK_ID_LEN];
	return length;
}

static void
make_few(struct trial *trial)
{
	struct lrk_keyfile file = open_to_change(trial);

	for (unsigned i = 0; i < FEW; i++) {
		uint8_t record[LRK_RECORD_MAX];
		char name[LRK_ID_LEN + 1];
		size_t length = record_of(i, record);

		name_of(i, name);
		assert_ok(lrk_keyfile_put(&file, name, record, length));
	}
	assert_ok(lrk_keyfile_close(&file));
}

static void
expect_few(const struct lrk_keyfile *file)
{
	for (unsigned i = 0; i < FEW; i++) {
		uint8_t record[LRK_RECORD_MAX];
		char name[LRK_ID_LEN + 1];

		name_of(i, name);
		expect_record(file, name, record, record_of(i, record));
	}
}

/* ---- What it keeps --------------------------------------------------------- */

static void
test_put_and_get(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;
	uint64_t count = 77;

	make_few(trial);
	file = open_to_read(trial);
	expect_few(&file);
	expect_none(&file, "record999999");
	expect_none(&file, "");
	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, FEW);
	assert_ok(lrk_keyfile_close(&file));
	assert_null(file.engine);
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_empty(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file = open_to_change(trial);
	uint64_t count = 77;

	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, 0);
	expect_none(&file, "name");
	assert_err(lrk_keyfile_delete(&file, "name"), LRK_ERR_NOT_FOUND);
	assert_ok(lrk_keyfile_close(&file));
	file = open_to_read(trial);
	expect_none(&file, "name");
	assert_ok(lrk_keyfile_close(&file));
}

static void
test_sizes(void **state)
{
	static uint8_t longest[LRK_RECORD_MAX], got[LRK_RECORD_MAX];
	struct trial *trial = *state;
	struct lrk_keyfile file = open_to_change(trial);
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

	make_few(trial);
	file = open_to_change(trial);
	assert_ok(lrk_keyfile_put(&file, "record000003", (const uint8_t *)"new", 3));
	assert_ok(lrk_keyfile_delete(&file, "record000004"));
	assert_err(lrk_keyfile_delete(&file, "record000004"), LRK_ERR_NOT_FOUND);
	expect_record(&file, "record000003", "new", 3);
	expect_none(&file, "record000004");
	assert_ok(lrk_keyfile_close(&file));
	file = open_to_read(trial);
	expect_record(&file, "record000003", "new", 3);
	expect_none(&file, "record000004");
	assert_ok(lrk_keyfile_count(&file, &count));
	assert_int_equal(count, FEW - 1);
	assert_ok(lrk_keyfile_close(&file));
}

/* ---- What it forgets ------------------------------------------------------- */

/* No eight bytes in a row of the record are left anywhere in the file. */
static void
expect_forgotten(const struct trial *trial, const uint8_t *record, size_t length)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, FILE_NAME, &size);

	for (size_t i = 0; i + 8 <= length; i++)
		if (memmem(bytes, size, record + i, 8) != NULL)
			fail_msg("bytes %zu to %zu are still there", i, i + 7);
	free(bytes);
}

static void
expect_kept(const struct trial *trial, const uint8_t *record, size_t length)
{
	size_t size;
	uint8_t *bytes = trial_read(trial, FILE_NAME, &size);

	assert_non_null(memmem(bytes, size, record, length));
	free(bytes);
}

static void
test_old_bytes_are_gone(void **state)
{
	static const size_t new_lengths[] = { 0, 200, 199, 100, 1, 201, 400, 2000 };
	struct trial *trial = *state;
	uint64_t seed = 0x676f6e65;

	make_few(trial);
	for (size_t i = 0; i < COUNT_OF(new_lengths); i++) {
		struct lrk_keyfile file = open_to_change(trial);
		uint8_t old[200], new[2000];
		size_t length = new_lengths[i];

		random_bytes(&seed, old, sizeof(old));
		random_bytes(&seed, new, sizeof(new));
		assert_ok(lrk_keyfile_put(&file, "secretrecord", old, sizeof(old)));
		assert_ok(lrk_keyfile_close(&file));
		expect_kept(trial, old, sizeof(old));

		file = open_to_change(trial);
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

	make_few(trial);
	file = open_to_change(trial);
	for (size_t i = 0; i < COUNT_OF(records); i++) {
		random_bytes(&seed, records[i], sizeof(records[i]));
		assert_ok(lrk_keyfile_put(&file, "secretrecord", records[i], 150 - 10 * i));
	}
	assert_ok(lrk_keyfile_delete(&file, "secretrecord"));
	assert_ok(lrk_keyfile_close(&file));
	for (size_t i = 0; i < COUNT_OF(records); i++)
		expect_forgotten(trial, records[i], 150 - 10 * i);
	file = open_to_read(trial);
	expect_few(&file);
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

	name_of(number, name);
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

		name_of(i, name);
		if (model->seeds[i] == 0)
			expect_none(file, name);
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
		struct lrk_keyfile file = open_to_change(trial);

		for (unsigned i = 0; i < 500; i++)
			change_at_random(&file, &model, &seed, round / 8 % 2 == 1);
		assert_ok(lrk_keyfile_close(&file));
		file = open_to_read(trial);
		expect_model(&file, &model);
		assert_ok(lrk_keyfile_close(&file));
	}
	assert_true(model.n > 500);
}

/* ---- Walking --------------------------------------------------------------- */

struct walked {
	unsigned seen[FEW];
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
	assert_in_range(number, 0, FEW - 1);
	assert_int_equal(length, record_of(number, expected));
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

	make_few(trial);
	file = open_to_read(trial);
	assert_ok(lrk_keyfile_walk(&file, visit, &walked));
	for (unsigned i = 0; i < FEW; i++)
		assert_int_equal(walked.seen[i], 1);
	for (unsigned stop_at = 1; stop_at <= FEW; stop_at++) {
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
	struct lrk_keyfile file = open_to_change(trial);

	assert_ok(lrk_keyfile_walk(&file, visit, &walked));
	assert_ok(lrk_keyfile_close(&file));
	file = open_to_read(trial);
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

	make_few(trial);
	fd = open_descriptor(trial, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(lockf(fd, F_TLOCK, 0), 0);
	alarm(20);
	file = open_to_read(trial);
	expect_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	close(fd);
	/* and none is taken */
	file = open_to_read(trial);
	fd = open_descriptor(trial, O_RDONLY);
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
		mapped |= strstr(line, trial_path(trial, FILE_NAME)) != NULL;
	fclose(maps);
	return mapped;
}

static void
test_is_not_mapped(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyfile file;

	make_few(trial);
	file = open_to_read(trial);
	expect_few(&file);
	assert_false(is_mapped(trial));
	/* A file that shrinks under the reader is an error to him, not his end. */
	assert_int_equal(truncate(trial_path(trial, FILE_NAME), 4096), 0);
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

	make_few(trial);
	before = trial_read(trial, FILE_NAME, &size);
	file = open_to_read(trial);
	assert_int_not_equal(lrk_keyfile_put(&file, "name", (const uint8_t *)"x", 1), LRK_OK);
	assert_int_not_equal(lrk_keyfile_put(&file, "record000001", (const uint8_t *)"x", 1),
			     LRK_OK);
	assert_int_not_equal(lrk_keyfile_delete(&file, "record000001"), LRK_OK);
	expect_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	after = trial_read(trial, FILE_NAME, &after_size);
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

	make_few(trial);
	fd = open_descriptor(trial, O_RDONLY);
	assert_ok(lrk_keyfile_open(fd, trial_size(trial, FILE_NAME), "the/path", &file, &trial->why));
	assert_int_equal(lrk_keyfile_fd(&file), fd);
	assert_ok(lrk_keyfile_close(&file));
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over, and closed */
	trial_write(trial, FILE_NAME, "junk", 4);
	fd = open_descriptor(trial, O_RDONLY);
	assert_err(lrk_keyfile_open(fd, 4, "the/path", &file, NULL), LRK_ERR_DAMAGED);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* ---- Damage ---------------------------------------------------------------- */

static void
test_wrong_sizes(void **state)
{
	struct trial *trial = *state;
	size_t size;
	uint8_t *bytes;

	make_few(trial);
	bytes = trial_read(trial, FILE_NAME, &size);
	bytes[size] = 0;
	trial_write(trial, FILE_NAME, bytes, size + 1);
	expect_damaged(trial);
	for (size_t cut = 1; cut < size; cut += cut < 64 ? 1 : 511) {
		trial_write(trial, FILE_NAME, bytes, cut);
		expect_damaged(trial);
	}
	trial_write(trial, FILE_NAME, bytes, size - 1);
	expect_damaged(trial);
	/* empty is no key file to a reader; to a writer it is the beginning of one */
	trial_write(trial, FILE_NAME, "", 0);
	assert_err(try_to_read(trial, &(struct lrk_keyfile){ NULL }), LRK_ERR_DAMAGED);
	free(bytes);
}

static void
test_no_key_file(void **state)
{
	struct trial *trial = *state;
	uint8_t junk[16384];
	uint64_t seed = 0x6a756e6b;

	for (int i = 0; i < 50; i++) {
		random_bytes(&seed, junk, sizeof(junk));
		trial_write(trial, FILE_NAME, junk, sizeof(junk));
		expect_damaged(trial);
	}
	memset(junk, 0, sizeof(junk));
	trial_write(trial, FILE_NAME, junk, sizeof(junk));
	expect_damaged(trial);
}

/* The fields of GDBM's header, as FORMAT.md has them. */
static const struct field {
	const char *name;
	size_t at;
	size_t width;
	bool free; /* more than one value may stand there */
} fields[] = {
	{ "magic", 0, 4, false },	     { "block size", 4, 4, false },
	{ "directory", 8, 8, true },	     { "directory size", 16, 4, false },
	{ "directory bits", 20, 4, false },  { "bucket size", 24, 4, false },
	{ "bucket elements", 28, 4, false }, { "next block", 32, 8, false },
};

static volatile uint8_t touched;

static enum lrk_err
visit_damaged(void *context, const char *name, size_t name_length, const uint8_t *record,
	      size_t length)
{
	unsigned *visits = context;

	/* The bytes that it hands out are there to be read. */
	touched ^= (name_length > 0 ? (uint8_t)name[name_length - 1] : 0) ^
		   (length > 0 ? record[length - 1] : 0);
	return ++*visits == 10000 ? LRK_ERR_LIMIT : LRK_OK;
}

/* Whatever it answers, it answers; and what it says was found is not too long. */
static void
use_damaged(struct trial *trial)
{
	unsigned visits = 0;
	uint64_t count;
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	uint8_t bytes[LRK_RECORD_MAX];
	char name[LRK_ID_LEN + 1];
	size_t length = 0;
	enum lrk_err err = try_to_read(trial, &file);

	if (err != LRK_OK) {
		assert_true(err == LRK_ERR_DAMAGED || err == LRK_ERR_IO);
		return;
	}
	for (unsigned i = 0; i < FEW; i++) {
		name_of(i, name);
		err = lrk_keyfile_get(&file, name, bytes, sizeof(bytes), &length);
		assert_true(err == LRK_OK || err == LRK_ERR_NOT_FOUND || err == LRK_ERR_DAMAGED ||
			    err == LRK_ERR_IO || err == LRK_ERR_NOMEM);
		assert_true(length <= sizeof(bytes));
	}
	err = lrk_keyfile_walk(&file, visit_damaged, &visits);
	assert_true(err < LRK_ERR_COUNT && err != LRK_ERR_NOT_FOUND);
	err = lrk_keyfile_count(&file, &count);
	assert_true(err < LRK_ERR_COUNT && err != LRK_ERR_NOT_FOUND);
	lrk_keyfile_close(&file);
}

static void
write_at(const struct trial *trial, size_t at, const void *bytes, size_t size)
{
	int fd = open_descriptor(trial, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, size, (off_t)at), size);
	close(fd);
}

static uint64_t
stored_number(const uint8_t *at, size_t width)
{
	uint32_t narrow;
	uint64_t wide;

	memcpy(&narrow, at, sizeof(narrow));
	memcpy(&wide, at, sizeof(wide));
	return width == 4 ? narrow : wide;
}

static void
store_number(const struct trial *trial, const struct field *field, uint64_t number)
{
	uint32_t narrow = (uint32_t)number;

	if (field->width == 4)
		write_at(trial, field->at, &narrow, sizeof(narrow));
	else
		write_at(trial, field->at, &number, sizeof(number));
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
		struct lrk_keyfile file = open_to_change(trial);
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

/* Past the greatest size it is not even looked into, however sparse and well made. */
static void
test_too_large(void **state)
{
	static const struct field next_block = { "next block", 32, 8, false };
	struct trial *trial = *state;
	struct lrk_keyfile file;

	make_few(trial);
	assert_int_equal(truncate(trial_path(trial, FILE_NAME), LRK_KEYFILE_MAX), 0);
	expect_damaged(trial);
	store_number(trial, &next_block, (uint64_t)LRK_KEYFILE_MAX);
	file = open_to_read(trial);
	expect_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	assert_int_equal(truncate(trial_path(trial, FILE_NAME), LRK_KEYFILE_MAX + 4096), 0);
	store_number(trial, &next_block, (uint64_t)LRK_KEYFILE_MAX + 4096);
	expect_damaged(trial);
}

/* Values that a size could be mistaken for, in each field of the header. */
static void
test_header_fields(void **state)
{
	static const uint64_t values[] = {
		0, 1, 2, 8, 9, 10, 27, 28, 31, 32, 63, 64, 136, 165, 166, 167, 512, 2048, 4095,
		4096, 4097, 8192, 12288, 16384, 65536, 1u << 20, 1u << 30, 0x13579acd, 0x13579acf,
		0x13579ad0, 0xcf9a5713, INT32_MAX, 0x80000000, UINT32_MAX, UINT64_C(1) << 32,
		UINT64_C(1) << 40, INT64_MAX - 4096, INT64_MAX, UINT64_C(1) << 63,
		UINT64_MAX - 4095, UINT64_MAX,
	};
	struct trial *trial = *state;
	uint8_t *bytes;
	size_t size;

	make_few(trial);
	bytes = trial_read(trial, FILE_NAME, &size);
	for (size_t f = 0; f < COUNT_OF(fields); f++) {
		const struct field *field = &fields[f];
		uint64_t right = stored_number(bytes + field->at, field->width);

		for (size_t v = 0; v < COUNT_OF(values) + 6; v++) {
			/* the table, and what lies beside the right value */
			uint64_t value = v < COUNT_OF(values) ? values[v] :
								right + v - COUNT_OF(values) - 3;

			if (field->width == 4)
				value = (uint32_t)value;
			if (value == right)
				continue;
			store_number(trial, field, value);
			if (field->free && value >= 4096 && value < size)
				use_damaged(trial);
			else
				expect_damaged(trial);
		}
		write_at(trial, field->at, bytes + field->at, field->width);
	}
	{
		struct lrk_keyfile file = open_to_read(trial);

		expect_few(&file);
		assert_ok(lrk_keyfile_close(&file));
	}
	free(bytes);
}

/* Each byte of the header changed to each other value. */
static void
test_header_bytes(void **state)
{
	struct trial *trial = *state;
	uint8_t *bytes;
	size_t size;

	make_few(trial);
	bytes = trial_read(trial, FILE_NAME, &size);
	for (size_t f = 0; f < COUNT_OF(fields); f++)
		for (size_t at = fields[f].at; at < fields[f].at + fields[f].width; at++) {
			for (unsigned change = 1; change < 256; change++) {
				uint8_t byte = bytes[at] ^ (uint8_t)change;

				write_at(trial, at, &byte, 1);
				if (fields[f].free)
					use_damaged(trial);
				else
					expect_damaged(trial);
			}
			write_at(trial, at, bytes + at, 1);
		}
	free(bytes);
}

/* Bytes changed anywhere: no crash, no hang, no record that is too long. */
static void
test_random_damage(void **state)
{
	struct trial *trial = *state;
	uint64_t seed = 0x64616d616765;
	uint8_t *bytes, *damaged;
	size_t size;

	make_few(trial);
	bytes = trial_read(trial, FILE_NAME, &size);
	damaged = malloc(size);
	assert_non_null(damaged);
	alarm(120);
	for (int i = 0; i < 4000; i++) {
		unsigned changes = 1 + random_below(&seed, 12);

		memcpy(damaged, bytes, size);
		for (unsigned n = 0; n < changes; n++) {
			/* every other one in the list of free blocks or the directory */
			size_t limit = n % 2 == 0 ? size : 8192;

			damaged[40 + random_below(&seed, (unsigned)(limit - 40))] =
				(uint8_t)(next_random(&seed) >> 20);
		}
		trial_write(trial, FILE_NAME, damaged, size);
		use_damaged(trial);
	}
	alarm(0);
	free(damaged);
	free(bytes);
}

static enum lrk_err
count_visit(void *context, const char *name, size_t name_length, const uint8_t *record,
	    size_t length)
{
	unsigned *n = context;

	(void)name;
	(void)name_length;
	(void)record;
	(void)length;
	++*n;
	return LRK_OK;
}

/* The last place of the directory leads to the first bucket: behind the last comes the first. */
static void
test_walk_in_a_circle(void **state)
{
	enum { RECORDS = 300, TRIES = 12 };
	static const struct field directory = { "directory", 8, 8, false },
				  directory_size = { "directory size", 16, 4, false };
	struct trial *trial = *state;
	unsigned circles = 0;

	alarm(120);
	for (unsigned t = 0; t < TRIES; t++) {
		struct lrk_keyfile file = open_to_change(trial);
		uint8_t record[LRK_RECORD_MAX] = { 0 };
		char name[LRK_ID_LEN + 1];
		unsigned visits = 0;
		uint8_t *bytes;
		size_t size, first, last;
		enum lrk_err err;

		for (unsigned i = 0; i < RECORDS; i++) {
			name_of(t * RECORDS + i, name);
			assert_ok(lrk_keyfile_put(&file, name, record, 34));
		}
		assert_ok(lrk_keyfile_close(&file));
		bytes = trial_read(trial, FILE_NAME, &size);
		first = stored_number(bytes + directory.at, directory.width);
		last = first + stored_number(bytes + directory_size.at, directory_size.width) - 8;
		write_at(trial, last, bytes + first, 8);
		file = open_to_read(trial);
		err = lrk_keyfile_walk(&file, count_visit, &visits);
		assert_true(err == LRK_OK || err == LRK_ERR_DAMAGED);
		/* No more than would have had room there. */
		assert_in_range(visits, 0, size / 24);
		if (visits > RECORDS) {
			assert_int_equal(err, LRK_ERR_DAMAGED);
			circles++;
		}
		assert_ok(lrk_keyfile_close(&file));
		free(bytes);
		assert_int_equal(unlink(trial_path(trial, FILE_NAME)), 0);
	}
	alarm(0);
	assert_true(circles > 0);
}

/* The same for one who writes: he may fail, but not fall. */
static void
test_change_of_damaged(void **state)
{
	struct trial *trial = *state;
	uint64_t seed = 0x6368616e6765;
	uint8_t *bytes, *damaged;
	size_t size;

	make_few(trial);
	bytes = trial_read(trial, FILE_NAME, &size);
	damaged = malloc(size);
	assert_non_null(damaged);
	alarm(120);
	for (int i = 0; i < 2000; i++) {
		struct lrk_keyfile file = LRK_KEYFILE_NONE;
		uint8_t record[LRK_RECORD_MAX] = { 0 };
		unsigned changes = 1 + random_below(&seed, 12);

		memcpy(damaged, bytes, size);
		for (unsigned n = 0; n < changes; n++) {
			unsigned limit = n % 2 == 0 ? (unsigned)size : 8192;

			damaged[40 + random_below(&seed, limit - 40)] =
				(uint8_t)(next_random(&seed) >> 20);
		}
		trial_write(trial, FILE_NAME, damaged, size);
		if (lrk_keyfile_open_copy(open_descriptor(trial, O_RDWR), "the/path", &file,
					  &trial->why) != LRK_OK)
			continue;
		for (unsigned n = 0; n < 10; n++) {
			char name[LRK_ID_LEN + 1];
			enum lrk_err err;

			name_of(random_below(&seed, 2 * FEW), name);
			err = lrk_keyfile_put(&file, name, record,
					      1 + random_below(&seed, sizeof(record) - 1));
			assert_true(err < LRK_ERR_COUNT && err != LRK_ERR_NOT_FOUND);
			if (n % 3 == 0 && lrk_keyfile_delete(&file, name) == LRK_OK)
				expect_none(&file, name);
		}
		lrk_keyfile_close(&file);
	}
	alarm(0);
	free(damaged);
	free(bytes);
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
		root_test(test_wrong_sizes),
		root_test(test_no_key_file),
		root_test(test_cache_is_never_full),
		root_test(test_too_large),
		root_test(test_header_fields),
		root_test(test_header_bytes),
		root_test(test_random_damage),
		root_test(test_walk_in_a_circle),
		root_test(test_change_of_damaged),
	};

	return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
