/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed backups.
 *
 * - The key MUST be made from a new random salt for each file, so that the record's
 *   number can be its IV.
 * - The number of each record, and that the last is the last, MUST be sealed with
 *   it: a record that was moved, left out or cut off is an error.
 * - scrypt's cost MUST NOT be read from the file: it could ask for all memory.
 * - What is opened holds digests: plain buffers are wiped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "backup.h"
#include "bytes.h"
#include "codec.h"
#include "crypto.h"

#define FIRST_LINE "lrkey-backup "
#define VERSION "1"
#define MAGIC FIRST_LINE VERSION "\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)

enum record_type {
	RECORD_ENTRY = 1,
	RECORD_END = 2,
};

/* Type, id, uses, denied, last use, service and remote host with their lengths, the entry. */
#define PLAIN_MAX (1 + LRK_ID_LEN + 3 * 8 + 1 + LRK_SERVICE_MAX + 1 + LRK_RHOST_MAX + LRK_PLAIN_MAX)
#define FRAME_MAX (2 + PLAIN_MAX + LRK_TAG_LEN)
#define BUFFER_SIZE 65536

struct lrk_backup {
	int fd;
	uint8_t key[LRK_AES_KEY_LEN];
	struct lrk_gcm *gcm; /* reading: the same key */
	uint64_t number; /* of the next record */
	uint64_t entries;
	bool ended;  /* nothing more is read: the end was, or a failure */
	size_t at;   /* reading: the next byte in buffer */
	size_t used; /* how much of it there is */
	uint8_t buffer[BUFFER_SIZE];
};

static enum lrk_err
fail(struct lrk_why *why, enum lrk_err err)
{
	return lrk_fail(why, err, "%s", lrk_err_text(err));
}

static enum lrk_err
fail_io(struct lrk_why *why)
{
	return lrk_fail_errno(why, LRK_ERR_IO, errno, "the backup");
}

/* Writing. What is in the buffer is sealed already. */

static enum lrk_err
flush(struct lrk_backup *backup)
{
	enum lrk_err err = lrk_file_write(backup->fd, backup->buffer, backup->used);

	if (err == LRK_OK)
		backup->used = 0;
	return err;
}

static enum lrk_err
append(struct lrk_backup *backup, const void *bytes, size_t length)
{
	enum lrk_err err = LRK_OK;

	if (length > sizeof(backup->buffer) - backup->used)
		err = flush(backup);
	if (err == LRK_OK) {
		memcpy(backup->buffer + backup->used, bytes, length);
		backup->used += length;
	}
	return err;
}

/* Reading. */

/* Copies length bytes; LRK_ERR_DAMAGED where the file has no more. */
static enum lrk_err
take(struct lrk_backup *backup, void *bytes, size_t length)
{
	uint8_t *to = bytes;

	while (length > 0) {
		size_t part = backup->used - backup->at;

		if (part == 0) {
			ssize_t n = read(backup->fd, backup->buffer, sizeof(backup->buffer));

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return n < 0 ? LRK_ERR_IO : LRK_ERR_DAMAGED;
			backup->at = 0;
			backup->used = (size_t)n;
			continue;
		}
		if (part > length)
			part = length;
		memcpy(to, backup->buffer + backup->at, part);
		backup->at += part;
		to += part;
		length -= part;
	}
	return LRK_OK;
}

static void
make_iv(uint64_t number, uint8_t iv[static LRK_IV_LEN])
{
	memset(iv, 0, LRK_IV_LEN);
	lrk_put_number(iv + LRK_IV_LEN - 8, number, 8);
}

/* A frame: the length of the sealed text, the sealed text, the tag. The first two are bound. */
static enum lrk_err
put_frame(struct lrk_backup *backup, const uint8_t *plain, size_t length)
{
	uint8_t frame[FRAME_MAX], iv[LRK_IV_LEN];
	enum lrk_err err;

	lrk_put_number(frame, length, 2);
	make_iv(backup->number, iv);
	err = lrk_gcm_seal(backup->key, iv, frame, 2, plain, length, frame + 2, frame + 2 + length);
	if (err == LRK_OK)
		err = append(backup, frame, 2 + length + LRK_TAG_LEN);
	if (err == LRK_OK)
		backup->number++;
	return err;
}

static enum lrk_err
take_frame(struct lrk_backup *backup, uint8_t plain[static PLAIN_MAX], size_t *ret_length)
{
	uint8_t frame[FRAME_MAX], iv[LRK_IV_LEN];
	enum lrk_err err;
	size_t length;

	err = take(backup, frame, 2);
	if (err != LRK_OK)
		return err;
	length = (size_t)lrk_get_number(frame, 2);
	if (length == 0 || length > PLAIN_MAX)
		return LRK_ERR_DAMAGED;
	err = take(backup, frame + 2, length + LRK_TAG_LEN);
	if (err != LRK_OK)
		return err;
	make_iv(backup->number, iv);
	err = lrk_gcm_open(backup->gcm, iv, frame, 2, frame + 2, length, frame + 2 + length, plain);
	if (err == LRK_OK) {
		backup->number++;
		*ret_length = length;
	}
	return err;
}

static size_t
put_short_text(uint8_t *at, const char *text)
{
	size_t length = strlen(text);

	at[0] = (uint8_t)length;
	memcpy(at + 1, text, length);
	return 1 + length;
}

/* Reads a text of at most max bytes; false when it is longer, or no text, or not there. */
static bool
get_short_text(const uint8_t **at, size_t *left, char *text, size_t max)
{
	size_t length;

	if (*left == 0)
		return false;
	length = (*at)[0];
	if (length > max || length > *left - 1)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((*at)[1 + i] < 0x20 || (*at)[1 + i] >= 0x7f)
			return false;
	memcpy(text, *at + 1, length);
	text[length] = '\0';
	*at += 1 + length;
	*left -= 1 + length;
	return true;
}

static enum lrk_err
new_backup(int fd, struct lrk_backup **ret)
{
	struct lrk_backup *backup = calloc(1, sizeof(*backup));

	if (backup == NULL)
		return LRK_ERR_NOMEM;
	backup->fd = fd;
	*ret = backup;
	return LRK_OK;
}

enum lrk_err
lrk_backup_create(int fd, const char *passphrase, size_t length, struct lrk_backup **ret,
		  struct lrk_why *why)
{
	struct lrk_backup *backup = NULL;
	uint8_t salt[LRK_SALT_LEN];
	enum lrk_err err;

	err = new_backup(fd, &backup);
	if (err == LRK_OK)
		err = lrk_random(salt, sizeof(salt));
	if (err == LRK_OK)
		err = lrk_scrypt(passphrase, length, salt, backup->key);
	if (err != LRK_OK) {
		fail(why, err);
		goto out;
	}
	err = append(backup, MAGIC, MAGIC_LEN);
	if (err == LRK_OK)
		err = append(backup, salt, sizeof(salt));
	if (err == LRK_OK)
		*ret = backup;
	else
		fail_io(why);
out:
	if (err != LRK_OK)
		lrk_backup_free(backup);
	return err;
}

enum lrk_err
lrk_backup_put(struct lrk_backup *backup, const struct lrk_entry *entry,
	       const struct lrk_usage *usage, struct lrk_why *why)
{
	uint8_t plain[PLAIN_MAX], encoded[LRK_PLAIN_MAX];
	size_t length, used = 0;
	enum lrk_err err;

	err = lrk_entry_encode(entry, encoded, &length);
	if (err != LRK_OK)
		goto out;
	plain[used++] = RECORD_ENTRY;
	memcpy(plain + used, entry->id, LRK_ID_LEN);
	used += LRK_ID_LEN;
	lrk_put_number(plain + used, usage->uses, 8);
	lrk_put_number(plain + used + 8, usage->denied, 8);
	lrk_put_number(plain + used + 16, (uint64_t)usage->last_used, 8);
	used += 24;
	used += put_short_text(plain + used, usage->service);
	used += put_short_text(plain + used, usage->rhost);
	memcpy(plain + used, encoded, length);
	used += length;
	err = put_frame(backup, plain, used);
	if (err == LRK_OK)
		backup->entries++;
out:
	lrk_wipe_array(plain);
	lrk_wipe_array(encoded);
	if (err == LRK_ERR_IO)
		return fail_io(why);
	return err == LRK_OK ? err : fail(why, err);
}

enum lrk_err
lrk_backup_finish(struct lrk_backup *backup, struct lrk_why *why)
{
	uint8_t plain[1 + 8] = { RECORD_END };
	enum lrk_err err;

	lrk_put_number(plain + 1, backup->entries, 8);
	err = put_frame(backup, plain, sizeof(plain));
	if (err == LRK_OK)
		err = flush(backup);
	if (err == LRK_OK && fsync(backup->fd) != 0)
		err = LRK_ERR_IO;
	if (err == LRK_ERR_IO)
		return fail_io(why);
	return err == LRK_OK ? err : fail(why, err);
}

/* Reads what stands before the first record. */
static enum lrk_err
take_head(struct lrk_backup *backup, uint8_t salt[static LRK_SALT_LEN], struct lrk_why *why)
{
	char magic[MAGIC_LEN];
	enum lrk_err err;

	if (lseek(backup->fd, 0, SEEK_SET) != 0)
		return fail_io(why);
	backup->at = backup->used = 0;
	backup->number = backup->entries = 0;
	backup->ended = false;
	err = take(backup, magic, sizeof(magic));
	if (err == LRK_ERR_IO)
		return fail_io(why);
	if (err != LRK_OK || memcmp(magic, FIRST_LINE, sizeof(FIRST_LINE) - 1) != 0)
		return lrk_fail(why, LRK_ERR_SYNTAX, "is no backup made by lrkeyadm export");
	if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
		return fail(why, LRK_ERR_VERSION);
	err = take(backup, salt, LRK_SALT_LEN);
	if (err == LRK_ERR_IO)
		return fail_io(why);
	return err == LRK_OK ? err : fail(why, err);
}

enum lrk_err
lrk_backup_open(int fd, const char *passphrase, size_t length, struct lrk_backup **ret,
		struct lrk_why *why)
{
	struct lrk_backup *backup = NULL;
	uint8_t salt[LRK_SALT_LEN];
	enum lrk_err err;

	err = new_backup(fd, &backup);
	if (err != LRK_OK)
		return fail(why, err);
	err = take_head(backup, salt, why);
	if (err == LRK_OK) {
		err = lrk_scrypt(passphrase, length, salt, backup->key);
		if (err == LRK_OK)
			err = lrk_gcm_begin(backup->key, &backup->gcm);
		if (err != LRK_OK)
			fail(why, err);
	}
	if (err == LRK_OK)
		*ret = backup;
	else
		lrk_backup_free(backup);
	return err;
}

enum lrk_err
lrk_backup_rewind(struct lrk_backup *backup, struct lrk_why *why)
{
	uint8_t salt[LRK_SALT_LEN];

	/* Another salt now would mean another key: the records would not open. */
	return take_head(backup, salt, why);
}

/* The end: as many entries as there were, and nothing behind it. */
static enum lrk_err
check_end(struct lrk_backup *backup, const uint8_t *plain, size_t length)
{
	uint8_t byte;

	if (length != 1 + 8 || lrk_get_number(plain + 1, 8) != backup->entries)
		return LRK_ERR_DAMAGED;
	backup->ended = true;
	switch (take(backup, &byte, 1)) {
	case LRK_ERR_DAMAGED:
		return LRK_OK;
	case LRK_ERR_IO:
		return LRK_ERR_IO;
	default:
		return LRK_ERR_DAMAGED;
	}
}

static enum lrk_err
parse_entry(const uint8_t *plain, size_t length, struct lrk_entry *ret, struct lrk_usage *ret_usage)
{
	const uint8_t *at = plain + 1;
	size_t left = length - 1;
	char id[LRK_ID_LEN + 1] = "";
	struct lrk_usage usage = { 0 };
	enum lrk_err err;

	if (left < LRK_ID_LEN + 24)
		return LRK_ERR_DAMAGED;
	memcpy(id, at, LRK_ID_LEN);
	usage.uses = lrk_get_number(at + LRK_ID_LEN, 8);
	usage.denied = lrk_get_number(at + LRK_ID_LEN + 8, 8);
	usage.last_used = (int64_t)lrk_get_number(at + LRK_ID_LEN + 16, 8);
	at += LRK_ID_LEN + 24;
	left -= LRK_ID_LEN + 24;
	if (!lrk_is_id(id) || usage.last_used < 0 || usage.last_used > LRK_TIME_MAX ||
	    !get_short_text(&at, &left, usage.service, LRK_SERVICE_MAX) ||
	    !get_short_text(&at, &left, usage.rhost, LRK_RHOST_MAX))
		return LRK_ERR_DAMAGED;
	err = lrk_entry_decode(id, at, left, ret);
	if (err == LRK_OK)
		*ret_usage = usage;
	return err;
}

enum lrk_err
lrk_backup_next(struct lrk_backup *backup, struct lrk_entry *ret, struct lrk_usage *ret_usage,
		bool *ret_end, struct lrk_why *why)
{
	uint8_t plain[PLAIN_MAX];
	size_t length = 0;
	enum lrk_err err = LRK_ERR_DAMAGED;

	if (!backup->ended)
		err = take_frame(backup, plain, &length);
	if (err == LRK_OK && plain[0] == RECORD_END) {
		err = check_end(backup, plain, length);
		if (err == LRK_OK)
			*ret_end = true;
	} else if (err == LRK_OK) {
		err = plain[0] == RECORD_ENTRY ? parse_entry(plain, length, ret, ret_usage) :
						 LRK_ERR_DAMAGED;
		if (err == LRK_OK) {
			backup->entries++;
			*ret_end = false;
		}
	}
	lrk_wipe_array(plain);
	/* Behind a damaged record may stand one that is whole: an end, even. */
	if (err != LRK_OK)
		backup->ended = true;
	if (err == LRK_ERR_IO)
		return fail_io(why);
	if (err == LRK_ERR_DAMAGED && backup->number == 0)
		return lrk_fail(why, err, "the passphrase is wrong, or the backup is damaged");
	if (err == LRK_ERR_DAMAGED)
		return lrk_fail(why, err, "the backup is damaged or cut off behind %llu entries",
				(unsigned long long)backup->entries);
	return err == LRK_OK ? err : fail(why, err);
}

void
lrk_backup_free(struct lrk_backup *backup)
{
	if (backup == NULL)
		return;
	lrk_gcm_end(backup->gcm);
	lrk_wipe_object(backup);
	free(backup);
}
