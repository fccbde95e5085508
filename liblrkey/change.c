/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing a store.
 *
 * - The key file in use MUST NOT be written to: a change is made to a copy, under the lock.
 * - The copy MUST be complete, read back and synced before it is renamed, and the
 *   directory synced before success is reported.
 * - What a change finds in its place MUST be synced before anything is built on it, or is said to
 *   be done already: who put it there may have been killed before he synced it.
 * - Whatever goes wrong before the rename MUST leave nothing but, when killed, the
 *   copy, which the next change removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "change.h"
#include "filecopy.h"
#include "record.h"
#include "slots.h"
#include "snapshot.h"
#include "usage.h"

#define KEY_FILE_MODE 0644
/* SP 800-38D, 8.3: no more seals under one key with random IVs. */
#define SEALS_PER_KEY_MAX (UINT64_C(1) << 32)

/* What was put, to compare with what is read back. */
struct put_mark {
	char id[LRK_ID_LEN];
	uint8_t tag[LRK_TAG_LEN];
	bool deleted;
};

struct lrk_change {
	struct lrk_store store;
	struct lrk_header header;
	uint64_t current; /* the generation before this change */
	struct lrk_why warning;
	bool warned;
	int lock_fd;
	int keys_fd;  /* the keys directory, to sync it */
	int usage_fd; /* -1 until a slot was assigned, or when there is none */
	int copy_fd;  /* the new key file; -1 before the first put */
	bool copy_exists; /* under its temporary name */
	struct lrk_keyfile copy;
	uint64_t sealed;
	struct put_mark *marks;
	size_t n_marks;
	size_t marks_size;
};

static enum lrk_err
remove_remains(struct lrk_change *change, struct lrk_why *why)
{
	const struct lrk_dir *keys = &change->store.keys;
	struct stat st;
	char text[160];

	if (unlinkat(keys->fd, LRK_KEY_FILE_NEW, 0) == 0 || errno == ENOENT)
		return LRK_OK;
	if ((errno == EACCES || errno == EPERM) && fstat(keys->fd, &st) == 0) {
		lrk_access_text(&st, text, sizeof(text));
		return lrk_fail(why, LRK_ERR_ACCESS, "%s: %s", keys->path, text);
	}
	return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s/%s", keys->path, LRK_KEY_FILE_NEW);
}

static enum lrk_err
open_usage(struct lrk_change *change, struct lrk_why *why)
{
	const struct lrk_dir *gate = &change->store.gate;
	enum lrk_err err;

	if (change->usage_fd >= 0)
		return LRK_OK;
	err = lrk_usage_open(gate, true, &change->usage_fd, why);
	if (err == LRK_ERR_NOT_FOUND) {
		err = lrk_usage_create(gate, why);
		if (err == LRK_OK)
			err = lrk_usage_open(gate, true, &change->usage_fd, why);
	}
	return err;
}

/*
 * Whether master.key may be there without being on the disk: init has just made it, or a rekey was
 * broken off. What is sealed under a key that is lost with it is lost, too.
 */
static bool
is_master_new(const struct lrk_change *change)
{
	return change->current == 0 || change->store.ring.n_keys > 1;
}

static enum lrk_err
settle_master(const struct lrk_change *change, struct lrk_why *why)
{
	const struct lrk_dir *etc = &change->store.etc;
	int fd = openat(etc->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum lrk_err err = LRK_OK;

	if (fd < 0 || fsync(fd) != 0)
		err = lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", etc->path);
	if (fd >= 0)
		close(fd);
	return err;
}

enum lrk_err
lrk_change_begin(const char *root, const char *name, struct lrk_change **ret, struct lrk_why *why)
{
	struct lrk_change *change;
	struct lrk_why usage_why;
	enum lrk_err err;

	change = calloc(1, sizeof(*change));
	if (change == NULL)
		return lrk_fail(why, LRK_ERR_NOMEM, "%s", lrk_err_text(LRK_ERR_NOMEM));
	change->store = (struct lrk_store)LRK_STORE_CLOSED;
	change->lock_fd = change->keys_fd = change->usage_fd = change->copy_fd = -1;

	err = lrk_lock_take(root, name, &change->lock_fd, why);
	if (err != LRK_OK)
		goto out;
	err = lrk_snapshot_open(root, name, &change->store, &change->header, &change->warned,
				&change->warning);
	if (err != LRK_OK) {
		if (why != NULL)
			*why = change->warning;
		goto out;
	}
	change->current = change->header.generation;
	change->keys_fd = openat(change->store.keys.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (change->keys_fd < 0) {
		err = lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", change->store.keys.path);
		goto out;
	}
	err = remove_remains(change, why);
	if (err == LRK_OK && is_master_new(change))
		err = settle_master(change, why);
	if (err != LRK_OK)
		goto out;
	/* Who may make a missing usage file does; who may not needs it only for a limit. */
	if (open_usage(change, &usage_why) != LRK_OK)
		change->usage_fd = -1;
	*ret = change;
out:
	if (err != LRK_OK)
		lrk_change_end(change);
	return err;
}

const struct lrk_store *
lrk_change_store(const struct lrk_change *change)
{
	return &change->store;
}

const char *
lrk_change_warning(const struct lrk_change *change)
{
	return change->warned ? change->warning.text : NULL;
}

uint64_t
lrk_change_current(const struct lrk_change *change)
{
	return change->current;
}

uint64_t
lrk_change_generation(const struct lrk_change *change)
{
	return change->current + 1;
}

struct lrk_header *
lrk_change_header(struct lrk_change *change)
{
	return &change->header;
}

static enum lrk_err
fail_copy(const struct lrk_change *change, enum lrk_err err, int error, struct lrk_why *why)
{
	const char *path = change->store.keys.path;

	if (err == LRK_ERR_IO)
		return lrk_fail_errno(why, err, error, "%s/%s", path, LRK_KEY_FILE_NEW);
	return lrk_fail(why, err, "%s/%s: %s", path, LRK_KEY_FILE_NEW, lrk_err_text(err));
}

/* A new file belongs to the directory's group, also where its set-gid bit does not see to it. */
static int
make_copy(struct lrk_change *change)
{
	struct stat dir, copy;
	int fd;

	fd = openat(change->store.keys.fd, LRK_KEY_FILE_NEW,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return -1;
	change->copy_fd = fd;
	change->copy_exists = true;
	if (fstat(change->keys_fd, &dir) != 0 || fstat(fd, &copy) != 0)
		return -1;
	if (copy.st_gid != dir.st_gid && fchown(fd, (uid_t)-1, dir.st_gid) != 0)
		return -1;
	return 0;
}

static enum lrk_err
begin_file(struct lrk_change *change, bool with_copy, struct lrk_why *why)
{
	char path[sizeof(change->store.keys.path) + sizeof(LRK_KEY_FILE_NEW)];
	struct stat st;
	char text[160];
	enum lrk_err err;
	int fd;

	if (make_copy(change) != 0) {
		if ((errno == EACCES || errno == EPERM) && fstat(change->keys_fd, &st) == 0) {
			lrk_access_text(&st, text, sizeof(text));
			return lrk_fail(why, LRK_ERR_ACCESS, "%s: %s", change->store.keys.path,
					text);
		}
		return fail_copy(change, LRK_ERR_IO, errno, why);
	}
	if (with_copy) {
		err = lrk_file_copy(lrk_keyfile_fd(&change->store.file), change->copy_fd);
		if (err != LRK_OK)
			return fail_copy(change, err, errno, why);
	}
	fd = fcntl(change->copy_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail_copy(change, LRK_ERR_IO, errno, why);
	snprintf(path, sizeof(path), "%s/%s", change->store.keys.path, LRK_KEY_FILE_NEW);
	return lrk_keyfile_open_copy(fd, path, &change->copy, why);
}

/* The first thing that is put makes the copy. */
static enum lrk_err
begin_copy(struct lrk_change *change, struct lrk_why *why)
{
	return change->copy_fd >= 0 ? LRK_OK : begin_file(change, true, why);
}

/* What the other keys have sealed is gone with this change; what the active one has, it has. */
static void
forget_other_seals(struct lrk_header *header, uint32_t active_id)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < header->n_seals; i++)
		if (header->seals[i].master_id == active_id)
			header->seals[kept++] = header->seals[i];
	header->n_seals = kept;
}

enum lrk_err
lrk_change_start_anew(struct lrk_change *change, const struct lrk_keyring *ring,
		      struct lrk_why *why)
{
	if (change->copy_fd >= 0)
		return lrk_fail(why, LRK_ERR_INTERNAL, "the change has begun already");
	change->store.ring = *ring;
	forget_other_seals(&change->header, ring->keys[ring->active].id);
	return begin_file(change, false, why);
}

/* tag is NULL for a record that was deleted. */
static enum lrk_err
add_mark(struct lrk_change *change, const char *id, const uint8_t *tag)
{
	struct put_mark *mark;

	if (change->n_marks == change->marks_size) {
		size_t size = change->marks_size == 0 ? 16 : change->marks_size * 2;
		struct put_mark *marks = reallocarray(change->marks, size, sizeof(*marks));

		if (marks == NULL)
			return LRK_ERR_NOMEM;
		change->marks = marks;
		change->marks_size = size;
	}
	mark = &change->marks[change->n_marks++];
	memcpy(mark->id, id, sizeof(mark->id));
	mark->deleted = tag == NULL;
	if (tag != NULL)
		memcpy(mark->tag, tag, sizeof(mark->tag));
	return LRK_OK;
}

/* Seals a plain text and stores it in the copy; *ret_tag is the seal's. */
static enum lrk_err
put_record(struct lrk_change *change, enum lrk_record_type type, const char *name,
	   const uint8_t *plain, size_t length, uint8_t ret_tag[static LRK_TAG_LEN])
{
	uint8_t record[LRK_RECORD_MAX];
	enum lrk_err err;

	err = lrk_record_seal(&change->store.ring, type, name, plain, length, record, &length);
	if (err != LRK_OK)
		return err;
	change->sealed++;
	err = lrk_keyfile_put(&change->copy, name, record, length);
	/* There is no such thing as a missing record here. */
	if (err == LRK_ERR_NOT_FOUND)
		err = LRK_ERR_DAMAGED;
	if (err == LRK_OK)
		memcpy(ret_tag, lrk_record_tag(record, length), LRK_TAG_LEN);
	return err;
}

enum lrk_err
lrk_change_put(struct lrk_change *change, const struct lrk_entry *entry, struct lrk_why *why)
{
	uint8_t plain[LRK_PLAIN_MAX], tag[LRK_TAG_LEN];
	size_t length;
	enum lrk_err err;

	err = begin_copy(change, why);
	if (err != LRK_OK)
		return err;
	errno = 0;
	err = lrk_entry_encode(entry, plain, &length);
	if (err == LRK_OK)
		err = put_record(change, LRK_RECORD_ENTRY, entry->id, plain, length, tag);
	if (err == LRK_OK)
		err = add_mark(change, entry->id, tag);
	if (err != LRK_OK)
		fail_copy(change, err, errno, why);
	lrk_wipe_array(plain);
	return err;
}

enum lrk_err
lrk_change_delete(struct lrk_change *change, const struct lrk_entry *entry, struct lrk_why *why)
{
	enum lrk_err err = begin_copy(change, why);

	if (err != LRK_OK)
		return err;
	errno = 0;
	err = lrk_keyfile_delete(&change->copy, entry->id);
	if (err == LRK_OK)
		err = add_mark(change, entry->id, NULL);
	if (err != LRK_OK)
		return fail_copy(change, err, errno, why);
	lrk_slots_free(&change->header, entry->slot);
	return LRK_OK;
}

static enum lrk_err
clear_slot(struct lrk_change *change, const struct lrk_entry *entry, struct lrk_why *why)
{
	enum lrk_err err = open_usage(change, why);

	if (err == LRK_OK)
		err = lrk_usage_reset(change->usage_fd, entry, why);
	/* Without a limit nothing hangs on the slot. */
	if (entry->max_uses == 0)
		return LRK_OK;
	/* A disk that failed is told from a file that is not there, or not ours to write. */
	return err == LRK_OK || err == LRK_ERR_IO ? err : LRK_ERR_USAGE;
}

enum lrk_err
lrk_change_assign_slot(struct lrk_change *change, struct lrk_entry *entry, struct lrk_why *why)
{
	enum lrk_err err = lrk_slots_take(&change->header, lrk_change_generation(change), entry);

	if (err != LRK_OK)
		return lrk_fail(why, err, "the usage file has no place left");
	return clear_slot(change, entry, why);
}

/* Adds this change's seals, the header's own among them, to the count of the active key. */
static enum lrk_err
count_seals(struct lrk_change *change, struct lrk_why *why)
{
	struct lrk_header *header = &change->header;
	uint32_t id = change->store.ring.keys[change->store.ring.active].id;
	unsigned i = 0;

	while (i < header->n_seals && header->seals[i].master_id != id)
		i++;
	if (i == header->n_seals) {
		if (i == LRK_SEALS_MAX)
			return lrk_fail(why, LRK_ERR_LIMIT, "the header holds no more master keys");
		header->seals[i] = (struct lrk_seal_count){ .master_id = id };
		header->n_seals++;
	}
	header->seals[i].count += change->sealed + 1;
	if (header->seals[i].count > SEALS_PER_KEY_MAX)
		return lrk_fail(why, LRK_ERR_LIMIT,
				"master key %08x has sealed all that it may: run lrkeyadm rekey", id);
	return LRK_OK;
}

static enum lrk_err
seal_header(struct lrk_change *change, uint8_t ret_tag[static LRK_TAG_LEN], struct lrk_why *why)
{
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length;
	enum lrk_err err;

	change->header.generation = lrk_change_generation(change);
	err = count_seals(change, why);
	if (err != LRK_OK)
		return err;
	errno = 0;
	err = lrk_header_encode(&change->header, plain, &length);
	if (err == LRK_OK)
		err = put_record(change, LRK_RECORD_HEADER, LRK_HEADER_NAME, plain, length,
				 ret_tag);
	if (err != LRK_OK)
		fail_copy(change, err, errno, why);
	return err;
}

static enum lrk_err
check_record(const struct lrk_change *change, const struct lrk_keyfile *file,
	     enum lrk_record_type type, const char *name, const uint8_t *tag)
{
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	struct lrk_entry entry;
	size_t length, plain_length = 0;
	enum lrk_err err;

	err = lrk_keyfile_get(file, name, record, sizeof(record), &length);
	if (err == LRK_OK)
		err = lrk_record_open(&change->store.ring, change->store.opener, type, name,
				      record, length, plain, &plain_length);
	if (err == LRK_OK && !lrk_equal(lrk_record_tag(record, length), tag, LRK_TAG_LEN))
		err = LRK_ERR_DAMAGED;
	if (err == LRK_OK && type == LRK_RECORD_ENTRY)
		err = lrk_entry_decode(name, plain, plain_length, &entry);
	else if (err == LRK_OK)
		err = lrk_header_decode(plain, plain_length, &header);
	lrk_wipe_array(plain);
	lrk_wipe_array(entry.digest);
	return err == LRK_ERR_NOT_FOUND ? LRK_ERR_DAMAGED : err;
}

static enum lrk_err
check_absent(const struct lrk_keyfile *file, const char *id)
{
	uint8_t record[LRK_RECORD_MAX];
	size_t length;
	enum lrk_err err = lrk_keyfile_get(file, id, record, sizeof(record), &length);

	if (err == LRK_OK)
		return LRK_ERR_DAMAGED;
	return err == LRK_ERR_NOT_FOUND ? LRK_OK : err;
}

static enum lrk_err
check_mark(const struct lrk_change *change, const struct lrk_keyfile *file,
	   const struct put_mark *mark)
{
	char id[LRK_ID_LEN + 1] = "";

	memcpy(id, mark->id, LRK_ID_LEN);
	if (mark->deleted)
		return check_absent(file, id);
	return check_record(change, file, LRK_RECORD_ENTRY, id, mark->tag);
}

/* Whether a later put or deletion of the same id counts, which is looked at in its turn. */
static bool
was_put_again(const struct lrk_change *change, size_t i)
{
	for (size_t j = i + 1; j < change->n_marks; j++)
		if (memcmp(change->marks[j].id, change->marks[i].id, LRK_ID_LEN) == 0)
			return true;
	return false;
}

/* Opens the copy as a reader would, and reads back what this change put there. */
static enum lrk_err
read_back(struct lrk_change *change, const uint8_t *header_tag, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, LRK_KEYFILE_MAX };
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	char path[sizeof(change->store.keys.path) + sizeof(LRK_KEY_FILE_NEW)];
	struct stat st;
	enum lrk_err err;
	int fd;

	err = lrk_file_open(&change->store.keys, LRK_KEY_FILE_NEW, &rule, NULL, &fd, &st, why);
	if (err != LRK_OK)
		return err;
	snprintf(path, sizeof(path), "%s/%s", change->store.keys.path, LRK_KEY_FILE_NEW);
	err = lrk_keyfile_open(fd, st.st_size, path, &file, why);
	if (err != LRK_OK)
		return err;
	errno = 0;
	err = check_record(change, &file, LRK_RECORD_HEADER, LRK_HEADER_NAME, header_tag);
	for (size_t i = 0; err == LRK_OK && i < change->n_marks; i++) {
		err = check_mark(change, &file, &change->marks[i]);
		if (err == LRK_ERR_DAMAGED && was_put_again(change, i))
			err = LRK_OK;
	}
	if (err != LRK_OK)
		fail_copy(change, err, errno, why);
	lrk_keyfile_close(&file);
	return err;
}

enum lrk_err
lrk_change_prepare(struct lrk_change *change, struct lrk_why *why)
{
	uint8_t header_tag[LRK_TAG_LEN];
	enum lrk_err err;

	err = begin_copy(change, why);
	if (err == LRK_OK)
		err = seal_header(change, header_tag, why);
	if (err != LRK_OK)
		return err;
	err = lrk_keyfile_close(&change->copy);
	if (err != LRK_OK)
		return fail_copy(change, err, errno, why);
	if (fchmod(change->copy_fd, KEY_FILE_MODE) != 0)
		return fail_copy(change, LRK_ERR_IO, errno, why);
	err = read_back(change, header_tag, why);
	if (err != LRK_OK)
		return err;
	if (fsync(change->copy_fd) != 0)
		return fail_copy(change, LRK_ERR_IO, errno, why);
	if (change->usage_fd >= 0 && fdatasync(change->usage_fd) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s/%s", change->store.gate.path,
				      LRK_USAGE_FILE);
	return LRK_OK;
}

enum lrk_err
lrk_change_settle(const struct lrk_change *change, struct lrk_why *why)
{
	if (fsync(change->keys_fd) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", change->store.keys.path);
	return LRK_OK;
}

enum lrk_err
lrk_change_commit(struct lrk_change *change, bool *ret_done, struct lrk_why *why)
{
	*ret_done = false;
	if (renameat(change->keys_fd, LRK_KEY_FILE_NEW, change->keys_fd, LRK_KEY_FILE) != 0)
		return fail_copy(change, LRK_ERR_IO, errno, why);
	change->copy_exists = false;
	*ret_done = true;
	return lrk_change_settle(change, why);
}

void
lrk_change_end(struct lrk_change *change)
{
	if (change == NULL)
		return;
	lrk_keyfile_close(&change->copy);
	if (change->copy_fd >= 0)
		close(change->copy_fd);
	if (change->usage_fd >= 0)
		close(change->usage_fd);
	if (change->copy_exists)
		unlinkat(change->keys_fd, LRK_KEY_FILE_NEW, 0);
	if (change->keys_fd >= 0)
		close(change->keys_fd);
	lrk_store_close(&change->store);
	/* Closing the lock's only descriptor gives it back. */
	if (change->lock_fd >= 0)
		close(change->lock_fd);
	free(change->marks);
	lrk_wipe_object(change);
	free(change);
}
