/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "keys.h"

int
keys_descriptor(const struct trial *trial, int flags)
{
	int fd = open(trial_path(trial, KEYS_FILE), flags | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

struct lrk_keyfile
keys_to_change(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	enum lrk_err err = lrk_keyfile_open_copy(keys_descriptor(trial, O_RDWR | O_CREAT),
						 "the/path", &file, &trial->why);

	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), trial->why.text);
	return file;
}

enum lrk_err
keys_try_to_read(struct trial *trial, struct lrk_keyfile *file)
{
	return lrk_keyfile_open(keys_descriptor(trial, O_RDONLY), trial_size(trial, KEYS_FILE),
				"the/path", file, &trial->why);
}

struct lrk_keyfile
keys_to_read(struct trial *trial)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;

	if (keys_try_to_read(trial, &file) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return file;
}

void
expect_record(const struct lrk_keyfile *file, const char *name, const void *record, size_t length)
{
	uint8_t bytes[LRK_RECORD_MAX];
	size_t got = 0;

	assert_ok(lrk_keyfile_get(file, name, bytes, sizeof(bytes), &got));
	assert_int_equal(got, length);
	assert_memory_equal(bytes, record, length);
}

void
expect_no_record(const struct lrk_keyfile *file, const char *name)
{
	uint8_t bytes[LRK_RECORD_MAX];
	size_t length = 77777;

	assert_err(lrk_keyfile_get(file, name, bytes, sizeof(bytes), &length), LRK_ERR_NOT_FOUND);
	assert_int_equal(length, 77777);
}

void
keys_name(unsigned number, char name[static LRK_ID_LEN + 1])
{
	snprintf(name, LRK_ID_LEN + 1, "record%06u", number);
}

size_t
keys_record(unsigned number, uint8_t record[static LRK_RECORD_MAX])
{
	char name[LRK_ID_LEN + 1];
	size_t length = 100 + number % 50;

	keys_name(number, name);
	for (size_t i = 0; i < length; i++)
		record[i] = (uint8_t)name[i % LRK_ID_LEN];
	return length;
}

void
keys_make_few(struct trial *trial)
{
	struct lrk_keyfile file = keys_to_change(trial);

	for (unsigned i = 0; i < KEYS_FEW; i++) {
		uint8_t record[LRK_RECORD_MAX];
		char name[LRK_ID_LEN + 1];
		size_t length = keys_record(i, record);

		keys_name(i, name);
		assert_ok(lrk_keyfile_put(&file, name, record, length));
	}
	assert_ok(lrk_keyfile_close(&file));
}

void
expect_keys_few(const struct lrk_keyfile *file)
{
	for (unsigned i = 0; i < KEYS_FEW; i++) {
		uint8_t record[LRK_RECORD_MAX];
		char name[LRK_ID_LEN + 1];

		keys_name(i, name);
		expect_record(file, name, record, keys_record(i, record));
	}
}
