/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key files that are damaged, or none: refused, or used without harm. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys.h"

/* Refused as damaged, by reader and writer, with the path said. */
static void
expect_keys_damaged(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;

	assert_err(keys_try_to_read(trial, &file), LRK_ERR_DAMAGED);
	assert_null(file.engine);
	assert_says(&trial->why, "the/path: is damaged");
	assert_err(lrk_keyfile_open_copy(keys_descriptor(trial, O_RDWR), "the/path", &file,
					 &trial->why),
		   LRK_ERR_DAMAGED);
	assert_null(file.engine);
	assert_says(&trial->why, "the/path: is damaged");
}

static void
test_wrong_sizes(void **state)
{
	struct trial *trial = *state;
	size_t size;
	uint8_t *bytes;

	keys_make_few(trial);
	bytes = trial_read(trial, KEYS_FILE, &size);
	bytes[size] = 0;
	trial_write(trial, KEYS_FILE, bytes, size + 1);
	expect_keys_damaged(trial);
	for (size_t cut = 1; cut < size; cut += cut < 64 ? 1 : 511) {
		trial_write(trial, KEYS_FILE, bytes, cut);
		expect_keys_damaged(trial);
	}
	trial_write(trial, KEYS_FILE, bytes, size - 1);
	expect_keys_damaged(trial);
	/* empty is no key file to a reader; to a writer it is the beginning of one */
	trial_write(trial, KEYS_FILE, "", 0);
	assert_err(keys_try_to_read(trial, &(struct lrk_keyfile){ NULL }), LRK_ERR_DAMAGED);
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
		trial_write(trial, KEYS_FILE, junk, sizeof(junk));
		expect_keys_damaged(trial);
	}
	memset(junk, 0, sizeof(junk));
	trial_write(trial, KEYS_FILE, junk, sizeof(junk));
	expect_keys_damaged(trial);
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
	enum lrk_err err = keys_try_to_read(trial, &file);

	if (err != LRK_OK) {
		assert_true(err == LRK_ERR_DAMAGED || err == LRK_ERR_IO);
		return;
	}
	for (unsigned i = 0; i < KEYS_FEW; i++) {
		keys_name(i, name);
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
	int fd = keys_descriptor(trial, O_WRONLY);

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

/* Past the greatest size it is not even looked into, however sparse and well made. */
static void
test_too_large(void **state)
{
	static const struct field next_block = { "next block", 32, 8, false };
	struct trial *trial = *state;
	struct lrk_keyfile file;

	keys_make_few(trial);
	assert_int_equal(truncate(trial_path(trial, KEYS_FILE), LRK_KEYFILE_MAX), 0);
	expect_keys_damaged(trial);
	store_number(trial, &next_block, (uint64_t)LRK_KEYFILE_MAX);
	file = keys_to_read(trial);
	expect_keys_few(&file);
	assert_ok(lrk_keyfile_close(&file));
	assert_int_equal(truncate(trial_path(trial, KEYS_FILE), LRK_KEYFILE_MAX + 4096), 0);
	store_number(trial, &next_block, (uint64_t)LRK_KEYFILE_MAX + 4096);
	expect_keys_damaged(trial);
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

	keys_make_few(trial);
	bytes = trial_read(trial, KEYS_FILE, &size);
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
				expect_keys_damaged(trial);
		}
		write_at(trial, field->at, bytes + field->at, field->width);
	}
	{
		struct lrk_keyfile file = keys_to_read(trial);

		expect_keys_few(&file);
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

	keys_make_few(trial);
	bytes = trial_read(trial, KEYS_FILE, &size);
	for (size_t f = 0; f < COUNT_OF(fields); f++)
		for (size_t at = fields[f].at; at < fields[f].at + fields[f].width; at++) {
			for (unsigned change = 1; change < 256; change++) {
				uint8_t byte = bytes[at] ^ (uint8_t)change;

				write_at(trial, at, &byte, 1);
				if (fields[f].free)
					use_damaged(trial);
				else
					expect_keys_damaged(trial);
			}
			write_at(trial, at, bytes + at, 1);
		}
	free(bytes);
}

/* A copy of a key file, with some bytes changed behind its header. */
static void
damage(const uint8_t *bytes, size_t size, uint64_t *seed, uint8_t *damaged)
{
	unsigned changes = 1 + random_below(seed, 12);

	memcpy(damaged, bytes, size);
	for (unsigned n = 0; n < changes; n++) {
		/* every other one in the list of free blocks or the directory */
		unsigned limit = n % 2 == 0 ? (unsigned)size : 8192;

		damaged[40 + random_below(seed, limit - 40)] = (uint8_t)(next_random(seed) >> 20);
	}
}

/* Bytes changed anywhere: no crash, no hang, no record that is too long. */
static void
test_random_damage(void **state)
{
	struct trial *trial = *state;
	uint64_t seed = 0x64616d616765;
	uint8_t *bytes, *damaged;
	size_t size;

	keys_make_few(trial);
	bytes = trial_read(trial, KEYS_FILE, &size);
	damaged = malloc(size);
	assert_non_null(damaged);
	alarm(120);
	for (int i = 0; i < 4000; i++) {
		damage(bytes, size, &seed, damaged);
		trial_write(trial, KEYS_FILE, damaged, size);
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
		struct lrk_keyfile file = keys_to_change(trial);
		uint8_t record[LRK_RECORD_MAX] = { 0 };
		char name[LRK_ID_LEN + 1];
		unsigned visits = 0;
		uint8_t *bytes;
		size_t size, first, last;
		enum lrk_err err;

		for (unsigned i = 0; i < RECORDS; i++) {
			keys_name(t * RECORDS + i, name);
			assert_ok(lrk_keyfile_put(&file, name, record, 34));
		}
		assert_ok(lrk_keyfile_close(&file));
		bytes = trial_read(trial, KEYS_FILE, &size);
		first = stored_number(bytes + directory.at, directory.width);
		last = first + stored_number(bytes + directory_size.at, directory_size.width) - 8;
		write_at(trial, last, bytes + first, 8);
		file = keys_to_read(trial);
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
		assert_int_equal(unlink(trial_path(trial, KEYS_FILE)), 0);
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

	keys_make_few(trial);
	bytes = trial_read(trial, KEYS_FILE, &size);
	damaged = malloc(size);
	assert_non_null(damaged);
	alarm(120);
	for (int i = 0; i < 2000; i++) {
		struct lrk_keyfile file = LRK_KEYFILE_NONE;
		uint8_t record[LRK_RECORD_MAX] = { 0 };

		damage(bytes, size, &seed, damaged);
		trial_write(trial, KEYS_FILE, damaged, size);
		if (lrk_keyfile_open_copy(keys_descriptor(trial, O_RDWR), "the/path", &file,
					  &trial->why) != LRK_OK)
			continue;
		for (unsigned n = 0; n < 10; n++) {
			char name[LRK_ID_LEN + 1];
			enum lrk_err err;

			keys_name(random_below(&seed, 2 * KEYS_FEW), name);
			err = lrk_keyfile_put(&file, name, record,
					      1 + random_below(&seed, sizeof(record) - 1));
			assert_true(err < LRK_ERR_COUNT && err != LRK_ERR_NOT_FOUND);
			if (n % 3 == 0 && lrk_keyfile_delete(&file, name) == LRK_OK)
				expect_no_record(&file, name);
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
		root_test(test_wrong_sizes),
		root_test(test_no_key_file),
		root_test(test_too_large),
		root_test(test_header_fields),
		root_test(test_header_bytes),
		root_test(test_random_damage),
		root_test(test_walk_in_a_circle),
		root_test(test_change_of_damaged),
	};

	return cmocka_run_group_tests_name("keyfile damage", tests, NULL, NULL);
}
