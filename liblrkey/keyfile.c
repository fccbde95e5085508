/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key file as a GDBM database. The only file that includes GDBM.
 *
 * - GDBM MUST open by a descriptor that safeopen judged: its own open follows
 *   links, waits on a FIFO and makes files.
 * - It MUST neither lock (whoever may read could lock everybody out), nor map
 *   (a file that shrinks would kill the host), nor be given a fatal function (its
 *   own ends the process).
 * - Its cache MUST NOT be resized while something is in it, nor become full while it writes: it
 *   would lose a bucket, and abort the process later. See make_room.
 * - The sizes in its header MUST be those that this file makes: they decide
 *   how much GDBM allocates and reads.
 * - Only "item not found" means that there is none; every other failure is a damaged file.
 * - Bytes that are replaced or freed MUST be overwritten: GDBM leaves them in the file.
 */
#include <errno.h>
#include <gdbm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"
#include "record.h"

#define BLOCK_SIZE 4096

/* How the file begins, in the order and width of this machine (gdbm 1.23, gdbm_file_header). */
struct engine_header {
	uint32_t magic;
	int32_t block_size;
	int64_t directory;
	int32_t directory_size;
	int32_t directory_bits;
	int32_t bucket_size;
	int32_t bucket_elements;
	int64_t next_block;
};

#define ENGINE_MAGIC 0x13579acfu
/* A bucket of 4096 bytes: 136 with its first element, 24 for each of the others. */
#define BUCKET_ELEMENTS ((BLOCK_SIZE - 136) / 24 + 1)
#define DIRECTORY_BITS_MIN 9
#define DIRECTORY_BITS_MAX 27

static GDBM_FILE
engine(const struct lrk_keyfile *file)
{
	return file->engine;
}

static bool
is_our_header(const struct engine_header *h, off_t size)
{
	return h->magic == ENGINE_MAGIC && h->block_size == BLOCK_SIZE &&
	       h->bucket_size == BLOCK_SIZE && h->bucket_elements == BUCKET_ELEMENTS &&
	       h->directory_bits >= DIRECTORY_BITS_MIN && h->directory_bits <= DIRECTORY_BITS_MAX &&
	       h->directory_size == (int32_t)(sizeof(int64_t) << h->directory_bits) &&
	       h->directory >= BLOCK_SIZE && h->directory < size &&
	       h->directory_size < size - h->directory && h->next_block == size;
}

static enum lrk_err
judge_header(int fd, off_t size, const char *path, struct lrk_why *why)
{
	struct engine_header header;
	ssize_t n = pread(fd, &header, sizeof(header), 0);

	if (n < 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", path);
	if ((size_t)n != sizeof(header) || size > LRK_KEYFILE_MAX || !is_our_header(&header, size))
		return lrk_fail(why, LRK_ERR_DAMAGED,
				"%s: is damaged or no key file: its header does not fit its %lld bytes",
				path, (long long)size);
	return LRK_OK;
}

/* What the engine's last failure means. */
static enum lrk_err
engine_error(void)
{
	switch (gdbm_errno) {
	case GDBM_ITEM_NOT_FOUND:
		return LRK_ERR_NOT_FOUND;
	case GDBM_MALLOC_ERROR:
		return LRK_ERR_NOMEM;
	case GDBM_FILE_OPEN_ERROR:
	case GDBM_FILE_WRITE_ERROR:
	case GDBM_FILE_READ_ERROR:
	case GDBM_FILE_SEEK_ERROR:
	case GDBM_FILE_STAT_ERROR:
	case GDBM_FILE_SYNC_ERROR:
	case GDBM_FILE_TRUNCATE_ERROR:
	case GDBM_FILE_CLOSE_ERROR:
		if (errno == 0)
			errno = EIO;
		return LRK_ERR_IO;
	default:
		return LRK_ERR_DAMAGED;
	}
}

static enum lrk_err
fail_engine(const char *path, struct lrk_why *why)
{
	enum lrk_err err = engine_error();

	if (err == LRK_ERR_NOMEM)
		return lrk_fail(why, err, "%s: %s", path, lrk_err_text(err));
	if (err == LRK_ERR_IO)
		return lrk_fail_errno(why, err, errno, "%s", path);
	return lrk_fail(why, LRK_ERR_DAMAGED, "%s: is damaged", path);
}

static enum lrk_err
open_engine(int fd, const char *path, int flags, struct lrk_keyfile *ret, struct lrk_why *why)
{
	enum lrk_err err;
	GDBM_FILE dbf;

	errno = 0;
	dbf = gdbm_fd_open(fd, path, BLOCK_SIZE,
			   flags | GDBM_NOLOCK | GDBM_NOMMAP | GDBM_CLOERROR, NULL);
	if (dbf == NULL)
		return fail_engine(path, why);
	/* So it ends, too, when a new file could not be synced, which gdbm_errno still tells. */
	if (gdbm_needs_recovery(dbf)) {
		errno = gdbm_last_syserr(dbf);
		err = fail_engine(path, why);
		gdbm_close(dbf);
		return err;
	}
	ret->engine = dbf;
	return LRK_OK;
}

enum lrk_err
lrk_keyfile_open(int fd, off_t size, const char *path, struct lrk_keyfile *ret,
		 struct lrk_why *why)
{
	enum lrk_err err = judge_header(fd, size, path, why);

	if (err != LRK_OK) {
		close(fd);
		return err;
	}
	return open_engine(fd, path, GDBM_READER, ret, why);
}

/*
 * A writer's cache has room for each bucket that a key file can have: when it is full while a
 * bucket is split, GDBM (1.23 to 1.26) frees an element whose link it is about to set. Left to
 * itself it comes to that whenever the directory is doubled, and may lose a bucket.
 */
static enum lrk_err
make_room(struct lrk_keyfile *file)
{
	size_t buckets = LRK_KEYFILE_MAX / BLOCK_SIZE;

	errno = 0;
	if (gdbm_setopt(engine(file), GDBM_SETCACHESIZE, &buckets, sizeof(buckets)) != 0)
		return engine_error();
	return LRK_OK;
}

static enum lrk_err
open_writer(int fd, const char *path, int flags, struct lrk_keyfile *ret, struct lrk_why *why)
{
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	enum lrk_err err = open_engine(fd, path, flags, &file, why);

	if (err != LRK_OK)
		return err;
	err = make_room(&file);
	if (err != LRK_OK) {
		lrk_keyfile_close(&file);
		return lrk_fail(why, err, "%s: %s", path, lrk_err_text(err));
	}
	*ret = file;
	return LRK_OK;
}

enum lrk_err
lrk_keyfile_open_copy(int fd, const char *path, struct lrk_keyfile *ret, struct lrk_why *why)
{
	off_t size = lseek(fd, 0, SEEK_END);
	enum lrk_err err;

	if (size == 0)
		return open_writer(fd, path, GDBM_NEWDB, ret, why);
	err = size > 0 && lseek(fd, 0, SEEK_SET) == 0 ?
		      judge_header(fd, size, path, why) :
		      lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", path);
	if (err != LRK_OK) {
		close(fd);
		return err;
	}
	return open_writer(fd, path, GDBM_WRITER, ret, why);
}

enum lrk_err
lrk_keyfile_close(struct lrk_keyfile *file)
{
	enum lrk_err err = LRK_OK;

	if (file->engine == NULL)
		return LRK_OK;
	errno = 0;
	if (gdbm_close(engine(file)) != 0)
		err = engine_error() == LRK_ERR_NOMEM ? LRK_ERR_NOMEM : LRK_ERR_IO;
	file->engine = NULL;
	return err;
}

int
lrk_keyfile_fd(const struct lrk_keyfile *file)
{
	return gdbm_fdesc(engine(file));
}

static datum
as_datum(const void *bytes, size_t length)
{
	/* The engine's type has no const; it does not write here. */
	return (datum){ .dptr = (char *)(uintptr_t)bytes, .dsize = (int)length };
}

enum lrk_err
lrk_keyfile_get(const struct lrk_keyfile *file, const char *name, uint8_t *record, size_t size,
		size_t *ret_length)
{
	enum lrk_err err = LRK_OK;
	datum found;

	errno = 0;
	found = gdbm_fetch(engine(file), as_datum(name, strlen(name)));
	if (found.dptr == NULL)
		return engine_error();
	if (found.dsize < 0 || (size_t)found.dsize > size) {
		err = LRK_ERR_DAMAGED;
	} else {
		memcpy(record, found.dptr, (size_t)found.dsize);
		*ret_length = (size_t)found.dsize;
	}
	free(found.dptr);
	return err;
}

/* The engine reports success when it could not write a bucket, and only remembers that. */
static enum lrk_err
unseen_error(const struct lrk_keyfile *file)
{
	if (!gdbm_needs_recovery(engine(file)))
		return LRK_OK;
	errno = gdbm_last_syserr(engine(file));
	return engine_error();
}

static enum lrk_err
store(struct lrk_keyfile *file, const char *name, const uint8_t *record, size_t length)
{
	errno = 0;
	if (gdbm_store(engine(file), as_datum(name, strlen(name)), as_datum(record, length),
		       GDBM_REPLACE) != 0)
		return engine_error();
	return unseen_error(file);
}

/* Overwrites the record with this name; one of the same length goes into its very place. */
static enum lrk_err
overwrite(struct lrk_keyfile *file, const char *name, size_t *ret_length)
{
	static const uint8_t zeros[LRK_RECORD_MAX];
	uint8_t old[LRK_RECORD_MAX];
	size_t length;
	enum lrk_err err = lrk_keyfile_get(file, name, old, sizeof(old), &length);

	if (err == LRK_OK)
		err = store(file, name, zeros, length);
	if (err == LRK_OK)
		*ret_length = length;
	return err;
}

enum lrk_err
lrk_keyfile_put(struct lrk_keyfile *file, const char *name, const uint8_t *record, size_t length)
{
	size_t old_length;
	enum lrk_err err = overwrite(file, name, &old_length);

	if (err != LRK_OK && err != LRK_ERR_NOT_FOUND)
		return err;
	return store(file, name, record, length);
}

enum lrk_err
lrk_keyfile_delete(struct lrk_keyfile *file, const char *name)
{
	size_t old_length;
	enum lrk_err err = overwrite(file, name, &old_length);

	if (err != LRK_OK)
		return err;
	errno = 0;
	if (gdbm_delete(engine(file), as_datum(name, strlen(name))) != 0)
		return engine_error();
	return unseen_error(file);
}

/* How many records have room in the file: each has a place in a bucket. */
static enum lrk_err
count_places(const struct lrk_keyfile *file, uint64_t *ret)
{
	struct stat st;

	if (fstat(lrk_keyfile_fd(file), &st) != 0)
		return LRK_ERR_IO;
	*ret = (uint64_t)st.st_size / BLOCK_SIZE * BUCKET_ELEMENTS;
	return LRK_OK;
}

enum lrk_err
lrk_keyfile_walk(const struct lrk_keyfile *file, lrk_visit_fn visit, void *context)
{
	datum name, record, next;
	uint64_t left;
	enum lrk_err err = count_places(file, &left);

	if (err != LRK_OK)
		return err;
	errno = 0;
	name = gdbm_firstkey(engine(file));
	while (name.dptr != NULL) {
		/* The engine goes in a circle where a damaged directory leads it back. */
		if (left-- == 0) {
			free(name.dptr);
			return LRK_ERR_DAMAGED;
		}
		record = gdbm_fetch(engine(file), name);
		if (record.dptr == NULL) {
			err = engine_error();
			/* A name that is walked over and not found is a file that lies. */
			if (err == LRK_ERR_NOT_FOUND)
				err = LRK_ERR_DAMAGED;
			free(name.dptr);
			return err;
		}
		err = visit(context, name.dptr, (size_t)name.dsize, (const uint8_t *)record.dptr,
			    (size_t)record.dsize);
		free(record.dptr);
		if (err != LRK_OK) {
			free(name.dptr);
			return err;
		}
		errno = 0;
		next = gdbm_nextkey(engine(file), name);
		free(name.dptr);
		name = next;
	}
	err = engine_error();
	return err == LRK_ERR_NOT_FOUND ? LRK_OK : err;
}

enum lrk_err
lrk_keyfile_count(const struct lrk_keyfile *file, uint64_t *ret)
{
	gdbm_count_t count = 0;

	errno = 0;
	if (gdbm_count(engine(file), &count) != 0)
		return engine_error();
	*ret = count;
	return LRK_OK;
}
