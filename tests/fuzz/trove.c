/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "liblrkey/apikey.h"
#include "liblrkey/change.h"
#include "liblrkey/store.h"
#include "liblrkey/usage.h"
#include "trove.h"

#define OTHERS 240
#define ROOM 4096 /* for what is added behind a file */
#define PART 24

static const char *const paths[TROVE_FILES] = {
	LRK_VAR "/" LRK_STORE_DEFAULT "/" LRK_KEYS_DIR "/" LRK_KEY_FILE,
	LRK_VAR "/" LRK_STORE_DEFAULT "/" LRK_USAGE_FILE,
	LRK_ETC "/" LRK_STORE_DEFAULT "/" LRK_MASTER_FILE,
};

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

static enum lrk_err
not_random(void *bytes, size_t length)
{
	static uint64_t state = 0x9e3779b97f4a7c15;
	uint8_t *at = bytes;

	while (length-- > 0)
		*at++ = (uint8_t)next_random(&state);
	return LRK_OK;
}

/* All from here on make the store; whatever fails ends the process. */

static struct lrk_entry
new_entry(char text[static LRK_APIKEY_LEN + 1])
{
	struct lrk_entry entry = {
		.org = TROVE_ORG,
		.created_by = "tester",
		.n_scopes = 1,
		.scopes = { LRK_SCOPE_ANY },
		.created = TROVE_NOW - 86400,
		.expires = LRK_NEVER,
		.term = LRK_NEVER,
	};
	struct lrk_credential credential;

	fuzz_require(lrk_apikey_generate(not_random, text, &credential) == LRK_OK);
	memcpy(entry.id, credential.id, sizeof(entry.id));
	memcpy(entry.digest, credential.digest, sizeof(entry.digest));
	return entry;
}

static void
put(struct lrk_change *change, struct lrk_entry *entry)
{
	struct lrk_why why;

	fuzz_require(lrk_change_assign_slot(change, entry, &why) == LRK_OK);
	fuzz_require(lrk_change_put(change, entry, &why) == LRK_OK);
}

static void
use_up(const struct lrk_change *change, const struct lrk_entry *entry)
{
	static const struct lrk_usage usage = { .uses = 1, .last_used = TROVE_NOW - 60 };
	struct lrk_why why;
	int fd;

	fuzz_require(lrk_usage_open(&lrk_change_store(change)->gate, true, &fd, &why) == LRK_OK);
	fuzz_require(lrk_usage_write(fd, entry, &usage) == LRK_OK);
	close(fd);
}

static void
put_key(struct trove *trove, struct lrk_change *change, enum trove_key key)
{
	struct lrk_entry entry = new_entry(trove->keys[key].text);

	memcpy(trove->keys[key].id, entry.id, sizeof(entry.id));
	if (key == TROVE_LIMITED)
		entry.max_uses = UINT64_MAX;
	if (key == TROVE_USED_UP)
		entry.max_uses = 1;
	if (key == TROVE_DEACTIVATED)
		entry.deactivated = TROVE_NOW - 60;
	if (key == TROVE_OTHER_ORG)
		strcpy(entry.org, "zenith");
	if (key == TROVE_REVOKED) {
		entry.revoked = TROVE_NOW - 60;
		entry.reason = LRK_REASON_COMPROMISED;
		strcpy(entry.revoked_by, "tester");
	}
	if (key != TROVE_UNKNOWN && key != TROVE_WRONG_SECRET)
		put(change, &entry);
	if (key == TROVE_USED_UP)
		use_up(change, &entry);
}

/* A string cannot be put together of two keys' halves: its check would not fit. */
static void
make_wrong_secret(struct trove *trove, struct lrk_change *change)
{
	struct lrk_entry entry = new_entry(trove->keys[TROVE_WRONG_SECRET].text);
	char unused[LRK_APIKEY_LEN + 1];

	memcpy(trove->keys[TROVE_WRONG_SECRET].id, entry.id, sizeof(entry.id));
	memcpy(entry.digest, new_entry(unused).digest, sizeof(entry.digest));
	put(change, &entry);
}

static void
read_whole(struct damage_file *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	fuzz_require(fd >= 0 && fstat(fd, &st) == 0);
	file->size = (size_t)st.st_size;
	file->length = st.st_size;
	file->room = file->size + ROOM;
	file->bytes = malloc(file->room);
	fuzz_require(file->bytes != NULL);
	fuzz_require(read(fd, file->bytes, file->size) == (ssize_t)file->size);
	close(fd);
}

static const char *
path_of(const struct trove *trove, enum trove_file file)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", trove->root, paths[file]);
	return path;
}

void
trove_fill(struct trove *trove, const char *root)
{
	struct lrk_change *change = NULL;
	char unused[LRK_APIKEY_LEN + 1];
	struct lrk_why why;
	bool done;

	trove->root = root;
	fuzz_require(lrk_change_begin(root, LRK_STORE_DEFAULT, &change, &why) == LRK_OK);
	for (int i = 0; i < OTHERS; i++) {
		struct lrk_entry entry = new_entry(unused);

		put(change, &entry);
	}
	for (enum trove_key key = 0; key < TROVE_KEYS; key++) {
		if (key == TROVE_WRONG_SECRET)
			make_wrong_secret(trove, change);
		else
			put_key(trove, change, key);
	}
	fuzz_require(lrk_change_prepare(change, &why) == LRK_OK);
	fuzz_require(lrk_change_commit(change, &done, &why) == LRK_OK && done);
	lrk_change_end(change);
	for (enum trove_file file = 0; file < TROVE_FILES; file++)
		read_whole(&trove->whole[file], path_of(trove, file));
}

static void
damage(struct trove *trove, enum trove_file which, const uint8_t *program, size_t length)
{
	const struct damage_file *whole = &trove->whole[which];
	struct damage_file file = *whole;

	file.bytes = malloc(file.room);
	fuzz_require(file.bytes != NULL);
	memcpy(file.bytes, whole->bytes, file.size);
	if (which == TROVE_KEY_FILE)
		damage_run(&file, program, length);
	else
		damage_bytes(&file, program, length);
	trove->damaged[which] = file.length != whole->length ||
				memcmp(file.bytes, whole->bytes, whole->size) != 0;
	damage_write(&file, path_of(trove, which));
	free(file.bytes);
}

void
trove_damage(struct trove *trove, const uint8_t *program, size_t length)
{
	struct fuzz_input input = { program, length };
	unsigned which = (unsigned)fuzz_number(&input, 1);

	for (int file = TROVE_FILES - 1; file >= 0; file--) {
		size_t part = file == TROVE_KEY_FILE || input.left < PART ? input.left : PART;

		if ((which & 1u << file) == 0)
			part = 0;
		damage(trove, (enum trove_file)file, input.at, part);
		/* Without any program there is no place to be ahead of. */
		if (part > 0)
			input.at += part;
		input.left -= part;
	}
}

size_t
trove_random_program(uint64_t *state, uint8_t *program, size_t size)
{
	size_t instructions = 1 + next_random(state) % 4, length = 0;

	/* Mostly the key file alone. */
	program[length++] = next_random(state) % 8 != 0 ? 1 : (uint8_t)(next_random(state) % 8);
	/* Mostly healed. */
	program[length++] = next_random(state) % 8 != 0;
	for (; instructions > 0 && length + DAMAGE_INSTRUCTION <= size; instructions--)
		for (int i = 0; i < DAMAGE_INSTRUCTION; i++)
			program[length++] = (uint8_t)next_random(state);
	return length;
}
