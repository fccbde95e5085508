/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A backup as import reads it, behind its passphrase: the target seals the frames that the input
 * asks for. What is read to its end is written again as it was, byte by byte.
 *
 * scrypt would take all the time; this program is linked with --wrap=lrk_scrypt.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "liblrkey/backup.h"
#include "liblrkey/bytes.h"
#include "liblrkey/crypto.h"

#define HEAD "lrkey-backup 1\n"
#define HEAD_LEN (sizeof(HEAD) - 1 + LRK_SALT_LEN)
#define FILE_MAX 65536

static const uint8_t the_key[LRK_AES_KEY_LEN] = "sixteen bytes...";

/* The linker puts it in the place of lrk_scrypt. */
enum lrk_err __wrap_lrk_scrypt(const char *passphrase, size_t length, const uint8_t *salt,
			       uint8_t *key);

enum lrk_err
__wrap_lrk_scrypt(const char *passphrase, size_t length, const uint8_t *salt, uint8_t *key)
{
	(void)passphrase;
	(void)length;
	(void)salt;
	memcpy(key, the_key, sizeof(the_key));
	return LRK_OK;
}

/* Seals a frame behind the others; the number of the record is its IV. */
static size_t
seal_frame(uint8_t *at, uint64_t number, const uint8_t *plain, size_t length)
{
	uint8_t iv[LRK_IV_LEN] = { 0 };

	lrk_put_number(at, length, 2);
	lrk_put_number(iv + LRK_IV_LEN - 8, number, 8);
	fuzz_require(lrk_gcm_seal(the_key, iv, at, 2, plain, length, at + 2, at + 2 + length) ==
		     LRK_OK);
	return 2 + length + LRK_TAG_LEN;
}

/* Frames of the input: a length of two bytes, then the plain text. */
static size_t
seal_all(uint8_t *file, const uint8_t *data, size_t size)
{
	size_t used = HEAD_LEN;

	memcpy(file, HEAD, sizeof(HEAD) - 1);
	memset(file + sizeof(HEAD) - 1, 's', LRK_SALT_LEN);
	for (uint64_t number = 0; size > 2; number++) {
		size_t length = (size_t)lrk_get_number(data, 2);

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		if (length > FILE_MAX - used - 2 - LRK_TAG_LEN)
			break;
		used += seal_frame(file + used, number, data, length);
		data += length;
		size -= length;
	}
	return used;
}

/* Reads to the end; the copy, if any, gets all of it. */
static enum lrk_err
read_all(struct lrk_backup *backup, struct lrk_backup *copy, unsigned *ret_entries)
{
	struct lrk_entry entry = { 0 };
	struct lrk_usage usage = { 0 };
	struct lrk_why why;
	bool end = false;
	enum lrk_err err;

	*ret_entries = 0;
	for (;;) {
		err = lrk_backup_next(backup, &entry, &usage, &end, &why);
		if (err != LRK_OK || end)
			return err;
		++*ret_entries;
		fuzz_require(lrk_is_id(entry.id) && lrk_is_org(entry.org));
		if (copy != NULL)
			fuzz_require(lrk_backup_put(copy, &entry, &usage, &why) == LRK_OK);
	}
}

static void
try_file(const uint8_t *file, size_t size)
{
	static uint8_t again[FILE_MAX];
	int from = memfd_create("backup", MFD_CLOEXEC), to = memfd_create("again", MFD_CLOEXEC);
	struct lrk_backup *backup = NULL, *copy = NULL;
	unsigned first, second;
	struct lrk_why why;
	enum lrk_err err;

	fuzz_require(from >= 0 && to >= 0 && write(from, file, size) == (ssize_t)size);
	err = lrk_backup_open(from, "", 0, &backup, &why);
	if (err != LRK_OK)
		goto out;
	fuzz_require(lrk_backup_create(to, "", 0, &copy, &why) == LRK_OK);
	err = read_all(backup, copy, &first);
	/* An end is an end. */
	fuzz_require(read_all(backup, NULL, &second) != LRK_OK);
	fuzz_require(lrk_backup_rewind(backup, &why) == LRK_OK);
	fuzz_require(read_all(backup, NULL, &second) == err && first == second);
	if (err == LRK_OK) {
		fuzz_require(lrk_backup_finish(copy, &why) == LRK_OK);
		fuzz_require(pread(to, again, sizeof(again), 0) == (ssize_t)size);
		fuzz_require(memcmp(again + HEAD_LEN, file + HEAD_LEN, size - HEAD_LEN) == 0);
	}
out:
	fuzz_require(err == LRK_OK || err == LRK_ERR_DAMAGED || err == LRK_ERR_SYNTAX ||
		     err == LRK_ERR_VERSION);
	lrk_backup_free(backup);
	lrk_backup_free(copy);
	close(from);
	close(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_MAX];

	/* As it is, then as frames that open. */
	try_file(data, size);
	try_file(file, seal_all(file, data, size));
	return 0;
}
