/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout is that of gdbm 1.23 (gdbm_file_header, avail_block, hash_bucket, bucket_element), in
 * the order and width of this machine; liblrkey/FORMAT.md names what of it is judged.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "damage.h"
#include "fuzz.h"

/* The header's length of the file is made to fit again, so that GDBM gets to see the rest. */
#define FLAG_HEAL 1

#define BLOCK 4096
#define ELEMENTS 166
#define ELEMENT_SIZE 24
#define AVAIL_SIZE 16
#define LENGTH_MAX ((off_t)1 << 30)

struct field {
	uint16_t at;
	uint8_t width;
};

static const struct field header_fields[] = {
	{ 0, 4 },  { 4, 4 },  { 8, 8 },	 { 16, 4 }, { 20, 4 },
	{ 24, 4 }, { 28, 4 }, { 32, 8 }, { 40, 4 }, { 44, 4 },
	{ 48, 8 }, { 56, 4 }, { 64, 8 }, { 72, 4 }, { 80, 8 },
};

/* In front of its elements. */
static const struct field bucket_fields[] = {
	{ 0, 4 },  { 8, 4 },  { 16, 8 }, { 24, 4 }, { 32, 8 },
	{ 40, 4 }, { 48, 8 }, { 88, 4 }, { 96, 8 }, { 104, 4 },
	{ 108, 4 },
};

#define BUCKET_FIRST 112

/* Hash, the first characters of the name, where the record is, and its two lengths. */
static const struct field element_fields[] = {
	{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 4 }, { 20, 4 },
};

enum element_field { ELEMENT_HASH, ELEMENT_NAME, ELEMENT_AT, ELEMENT_NAME_LEN, ELEMENT_LEN };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct instruction {
	unsigned kind;
	unsigned which; /* of what there are several */
	unsigned field;
	unsigned how;
	uint32_t value;
};

static uint64_t
get(const struct damage_file *file, uint64_t at, unsigned width)
{
	uint64_t number = 0;

	if (at <= file->size && width <= file->size - at)
		memcpy(&number, file->bytes + at, width);
	return number;
}

static void
set(struct damage_file *file, uint64_t at, unsigned width, uint64_t number)
{
	if (at <= file->size && width <= file->size - at)
		memcpy(file->bytes + at, &number, width);
}

/* The numbers at which readers go wrong. */
static uint64_t
special(const struct damage_file *file, unsigned which)
{
	const uint64_t numbers[] = {
		0,
		1,
		UINT64_MAX,
		INT32_MAX,
		(uint32_t)INT32_MIN,
		INT64_MAX,
		(uint64_t)INT64_MIN,
		BLOCK,
		(uint64_t)file->length,
		(uint64_t)file->length - 1,
		(uint64_t)file->length + 1,
		(uint64_t)file->length - BLOCK,
		(uint64_t)LENGTH_MAX,
		0x7ffffe00,
		ELEMENTS,
		ELEMENTS + 1,
	};

	return numbers[which % COUNT_OF(numbers)];
}

static void
change(struct damage_file *file, uint64_t at, unsigned width, const struct instruction *what)
{
	uint64_t old = get(file, at, width);

	switch (what->how % 5) {
	case 0:
		set(file, at, width, what->value);
		break;
	case 1:
		set(file, at, width, special(file, what->value));
		break;
	case 2:
		set(file, at, width, old + (uint64_t)(int64_t)(int8_t)what->value);
		break;
	case 3:
		set(file, at, width, old ^ UINT64_C(1) << what->value % (8 * width));
		break;
	default:
		set(file, at, width, old + (uint64_t)(int64_t)(int16_t)what->value * BLOCK);
		break;
	}
}

/* ---- Where things are ---- */

static uint64_t
directory_entry(const struct damage_file *file, unsigned which)
{
	uint64_t entries = get(file, 16, 4) / 8;

	return get(file, 8, 8) + 8 * (entries > 0 ? which % entries : 0);
}

static uint64_t
bucket(const struct damage_file *file, unsigned which)
{
	return get(file, directory_entry(file, which), 8);
}

/* The element at or behind which that is in use; the one itself where none is. */
static uint64_t
element(const struct damage_file *file, unsigned which)
{
	uint64_t first = bucket(file, which >> 8) + BUCKET_FIRST;

	for (unsigned i = 0; i < ELEMENTS; i++) {
		uint64_t at = first + ELEMENT_SIZE * ((which + i) % ELEMENTS);

		if (get(file, at, 4) != UINT32_MAX)
			return at;
	}
	return first + ELEMENT_SIZE * (which % ELEMENTS);
}

static uint64_t
part_of(const struct damage_file *file, uint64_t element_at, enum element_field field)
{
	return get(file, element_at + element_fields[field].at, element_fields[field].width);
}

/* ---- What becomes of them ---- */

/* One element takes the place of another, or only its record's place and lengths. */
static void
copy_element(struct damage_file *file, const struct instruction *what)
{
	uint64_t from = element(file, what->which), to = element(file, what->value);
	unsigned skip = what->how % 2 == 0 ? 0 : 8;
	uint8_t copy[ELEMENT_SIZE];

	if (from + ELEMENT_SIZE > file->size || to + ELEMENT_SIZE > file->size)
		return;
	memcpy(copy, file->bytes + from, sizeof(copy));
	if (what->how % 3 == 0)
		memcpy(file->bytes + from + skip, file->bytes + to + skip, sizeof(copy) - skip);
	memcpy(file->bytes + to + skip, copy + skip, sizeof(copy) - skip);
}

/* All elements of a bucket become one. */
static void
fill_bucket(struct damage_file *file, const struct instruction *what)
{
	uint64_t from = element(file, what->which);
	uint64_t first = bucket(file, what->which >> 8) + BUCKET_FIRST;
	uint8_t copy[ELEMENT_SIZE];

	if (from + ELEMENT_SIZE > file->size || first + ELEMENTS * ELEMENT_SIZE > file->size)
		return;
	memcpy(copy, file->bytes + from, sizeof(copy));
	for (unsigned i = 0; i < ELEMENTS; i++)
		memcpy(file->bytes + first + i * ELEMENT_SIZE, copy, sizeof(copy));
	set(file, first - BUCKET_FIRST + 108, 4, ELEMENTS);
}

/* A byte of a record or of its name. */
static void
change_record(struct damage_file *file, const struct instruction *what)
{
	uint64_t at = element(file, what->which), start = part_of(file, at, ELEMENT_AT);
	uint64_t length = part_of(file, at, ELEMENT_NAME_LEN) + part_of(file, at, ELEMENT_LEN);

	if (length > 0)
		change(file, start + what->value % length, 1, what);
}

/* The record of one goes where that of another is. */
static void
copy_record(struct damage_file *file, const struct instruction *what)
{
	uint64_t a = element(file, what->which), b = element(file, what->value);
	uint64_t from = part_of(file, a, ELEMENT_AT) + part_of(file, a, ELEMENT_NAME_LEN);
	uint64_t to = part_of(file, b, ELEMENT_AT) + part_of(file, b, ELEMENT_NAME_LEN);
	uint64_t length = part_of(file, a, ELEMENT_LEN);

	if (from <= file->size && length <= file->size - from && to <= file->size &&
	    length <= file->size - to)
		memmove(file->bytes + to, file->bytes + from, length);
}

static void
copy_block(struct damage_file *file, const struct instruction *what)
{
	uint64_t blocks = file->size / BLOCK;

	if (blocks > 0)
		memmove(file->bytes + BLOCK * (what->which % blocks),
			file->bytes + BLOCK * (what->value % blocks), BLOCK);
}

static void
resize(struct damage_file *file, const struct instruction *what)
{
	switch (what->how % 3) {
	case 0:
		file->size = file->size > 0 ? what->value % file->size : 0;
		file->length = (off_t)file->size;
		break;
	case 1:
		for (unsigned i = 0; i < 1 + what->which % 16 && file->size < file->room; i++)
			file->bytes[file->size++] = (uint8_t)what->value;
		file->length = (off_t)file->size;
		break;
	default:
		file->length = (off_t)file->size + (off_t)(what->value % (uint32_t)LENGTH_MAX);
		break;
	}
}

static void
run_one(struct damage_file *file, const struct instruction *what)
{
	const struct field *field;

	switch (what->kind % 12) {
	case 0:
		field = &header_fields[what->field % COUNT_OF(header_fields)];
		change(file, field->at, field->width, what);
		break;
	case 1:
		change(file, directory_entry(file, what->which), 8, what);
		break;
	case 2:
		field = &bucket_fields[what->field % COUNT_OF(bucket_fields)];
		change(file, bucket(file, what->which) + field->at, field->width, what);
		break;
	case 3:
	case 4:
		field = &element_fields[what->field % COUNT_OF(element_fields)];
		change(file, element(file, what->which) + field->at, field->width, what);
		break;
	case 5:
		copy_element(file, what);
		break;
	case 6:
		change_record(file, what);
		break;
	case 7:
		copy_record(file, what);
		break;
	case 8:
		copy_block(file, what);
		break;
	case 9:
		resize(file, what);
		break;
	case 10:
		fill_bucket(file, what);
		break;
	default:
		if (file->size > 0)
			change(file, (what->which << 8 | what->field) % file->size, 1, what);
		break;
	}
}

static struct instruction
take(struct fuzz_input *input)
{
	struct instruction what;

	what.kind = (unsigned)fuzz_number(input, 1);
	what.which = (unsigned)fuzz_number(input, 2);
	what.field = (unsigned)fuzz_number(input, 1);
	what.how = what.field >> 4;
	what.value = (uint32_t)fuzz_number(input, 4);
	return what;
}

void
damage_run(struct damage_file *file, const uint8_t *program, size_t length)
{
	struct fuzz_input input = { program, length };
	unsigned flags = (unsigned)fuzz_number(&input, 1);

	while (input.left > 0) {
		struct instruction what = take(&input);

		run_one(file, &what);
	}
	if ((flags & FLAG_HEAL) != 0)
		set(file, 32, 8, (uint64_t)file->length);
}

void
damage_bytes(struct damage_file *file, const uint8_t *program, size_t length)
{
	struct fuzz_input input = { program, length };

	while (input.left > 0) {
		struct instruction what = take(&input);

		if (what.kind % 4 == 0)
			resize(file, &what);
		else if (file->size > 0)
			change(file, (what.which << 8 | what.field) % file->size, 1, &what);
	}
}

void
damage_write(const struct damage_file *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	fuzz_require(fd >= 0);
	fuzz_require(ftruncate(fd, 0) == 0);
	fuzz_require(pwrite(fd, file->bytes, file->size, 0) == (ssize_t)file->size);
	fuzz_require(ftruncate(fd, file->length) == 0);
	close(fd);
}
