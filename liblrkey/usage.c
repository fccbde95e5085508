/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The usage file.
 *
 * - It MUST NOT be mapped: whoever may verify may truncate it.
 * - The place of a slot MUST come from the sealed entry, never from the file.
 * - A slot MUST be read, judged and written under its lock, in one go: a limit
 *   that was read before the lock is no limit.
 * - A key with a limit MUST be on disk before it is granted, and MUST be refused
 *   where that fails.
 * - Locks MUST be those of the open file (F_OFD_SETLK): a process's own would be
 *   shared by its threads, and lost when any of them closes the file.
 * - A slot of a newer key MUST NOT be written for an older one: whoever still reads an
 *   old snapshot would wipe out the count of a limit.
 * - No one MUST wait longer than the budget: the host waits with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lrkey/text.h>

#include "bytes.h"
#include "keyfile.h"
#include "store.h"
#include "usage.h"

#define MAGIC "lrkusage"
#define VERSION 1
#define MODE 0660
#define NEW_FILE LRK_USAGE_FILE ".new"
#define POLL_NS (1 * 1000 * 1000)
#define READS 8

/* Where things are in a slot. */
enum {
	AT_GENERATION = 0,
	AT_USES = 8,
	AT_DENIED = 16,
	AT_LAST_USED = 24,
	AT_SERVICE = 32,
	AT_RHOST = 64,
	AT_CHECK = 120,
};

_Static_assert(AT_SERVICE + LRK_SERVICE_MAX == AT_RHOST, "the service fills its place");
_Static_assert(AT_RHOST + LRK_RHOST_MAX == AT_CHECK, "the remote host fills its place");
_Static_assert(AT_CHECK + 8 == LRK_SLOT_SIZE, "the check ends the slot");

/* FNV-1a over the words before it. Finds accidents, not attackers. */
static uint64_t
make_check(const uint8_t *slot)
{
	uint64_t check = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < AT_CHECK; i += 8)
		check = (check ^ lrk_get_u64(slot + i)) * UINT64_C(0x100000001b3);
	return check;
}

/* Copies what can be printed of a text into a place of size bytes, the rest NUL. */
static void
put_text(uint8_t *at, size_t size, const char *text)
{
	size_t used = 0;

	memset(at, 0, size);
	for (; text != NULL && text[used] != '\0' && used < size; used++)
		at[used] = text[used] >= 0x20 && text[used] < 0x7f ? (uint8_t)text[used] : '?';
}

static void
get_text(const uint8_t *at, size_t size, char *text)
{
	size_t used = 0;

	for (; used < size && at[used] != '\0'; used++)
		text[used] = at[used] >= 0x20 && at[used] < 0x7f ? (char)at[used] : '?';
	text[used] = '\0';
}

static off_t
slot_offset(const struct lrk_entry *entry)
{
	/* The first place is the file's head. */
	return ((off_t)entry->slot + 1) * LRK_SLOT_SIZE;
}

enum lrk_err
lrk_usage_open(const struct lrk_dir *gate, bool write, int *ret_fd, struct lrk_why *why)
{
	const struct lrk_file_rule rule = { write ? O_RDWR : O_RDONLY, 0, LRK_KEYFILE_MAX };

	return lrk_file_open(gate, LRK_USAGE_FILE, &rule, NULL, ret_fd, NULL, why);
}

static int
write_all(int fd, const uint8_t *bytes, size_t size, off_t at)
{
	ssize_t n = pwrite(fd, bytes, size, at);

	if (n >= 0 && (size_t)n != size)
		errno = ENOSPC;
	return n == (ssize_t)size ? 0 : -1;
}

/* Writes the head of a new usage file, gives it the gate directory's owner and group, syncs it. */
static int
fill_new(const struct lrk_dir *gate, int fd)
{
	uint8_t head[LRK_SLOT_SIZE] = MAGIC;
	struct stat st;

	lrk_put_u64(head + sizeof(MAGIC) - 1, VERSION);
	if (fstat(gate->fd, &st) != 0 || write_all(fd, head, sizeof(head), 0) != 0 ||
	    fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, MODE) != 0)
		return -1;
	return fsync(fd);
}

enum lrk_err
lrk_usage_create(const struct lrk_dir *gate, struct lrk_why *why)
{
	int dir = openat(gate->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum lrk_err err = LRK_OK;
	int fd = -1;

	/* What a killed run has left is in the way; it never became the usage file. */
	if (dir >= 0 && (unlinkat(dir, NEW_FILE, 0) == 0 || errno == ENOENT))
		fd = openat(dir, NEW_FILE,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 || fill_new(gate, fd) != 0 ||
	    renameat2(dir, NEW_FILE, dir, LRK_USAGE_FILE, RENAME_NOREPLACE) != 0 ||
	    fsync(dir) != 0) {
		err = errno == EACCES || errno == EPERM ? LRK_ERR_ACCESS : LRK_ERR_IO;
		lrk_fail_errno(why, err, errno, "%s/%s", gate->path, LRK_USAGE_FILE);
		if (fd >= 0)
			unlinkat(dir, NEW_FILE, 0);
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return err;
}

/* Whose slot it is that stands in an entry's place. */
enum slot_owner {
	SLOT_NOBODYS, /* missing, damaged, or of a key that had the place before */
	SLOT_OURS,
	SLOT_NEWER, /* of a key that has the place now: our snapshot is an old one */
};

static enum slot_owner
judge_slot(const uint8_t *slot, ssize_t length, const struct lrk_entry *entry)
{
	uint64_t generation;

	if (length != LRK_SLOT_SIZE || lrk_get_u64(slot + AT_CHECK) != make_check(slot))
		return SLOT_NOBODYS;
	generation = lrk_get_u64(slot + AT_GENERATION);
	if (generation == entry->slot_generation)
		return SLOT_OURS;
	return generation > entry->slot_generation ? SLOT_NEWER : SLOT_NOBODYS;
}

static enum lrk_err
read_slot(int fd, const struct lrk_entry *entry, struct lrk_usage *ret, enum slot_owner *ret_owner)
{
	uint8_t slot[LRK_SLOT_SIZE];
	ssize_t n;

	do
		n = pread(fd, slot, sizeof(slot), slot_offset(entry));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return LRK_ERR_IO;
	memset(ret, 0, sizeof(*ret));
	*ret_owner = judge_slot(slot, n, entry);
	if (*ret_owner != SLOT_OURS)
		return LRK_OK;
	ret->uses = lrk_get_u64(slot + AT_USES);
	ret->denied = lrk_get_u64(slot + AT_DENIED);
	ret->last_used = (int64_t)lrk_get_u64(slot + AT_LAST_USED);
	if (ret->last_used < 0 || ret->last_used > LRK_TIME_MAX)
		ret->last_used = 0;
	get_text(slot + AT_SERVICE, LRK_SERVICE_MAX, ret->service);
	get_text(slot + AT_RHOST, LRK_RHOST_MAX, ret->rhost);
	return LRK_OK;
}

enum lrk_err
lrk_usage_read(int fd, const struct lrk_entry *entry, struct lrk_usage *ret, bool *ret_valid)
{
	enum slot_owner owner = SLOT_NOBODYS;
	enum lrk_err err = LRK_OK;

	/* Without the lock it may be read while it is written: then it is whole a moment later. */
	for (int i = 0; i < READS && err == LRK_OK && owner == SLOT_NOBODYS; i++)
		err = read_slot(fd, entry, ret, &owner);
	if (err == LRK_OK)
		*ret_valid = owner == SLOT_OURS;
	return err;
}

enum lrk_err
lrk_usage_write(int fd, const struct lrk_entry *entry, const struct lrk_usage *usage)
{
	uint8_t slot[LRK_SLOT_SIZE];

	lrk_put_u64(slot + AT_GENERATION, entry->slot_generation);
	lrk_put_u64(slot + AT_USES, usage->uses);
	lrk_put_u64(slot + AT_DENIED, usage->denied);
	lrk_put_u64(slot + AT_LAST_USED, (uint64_t)usage->last_used);
	put_text(slot + AT_SERVICE, LRK_SERVICE_MAX, usage->service);
	put_text(slot + AT_RHOST, LRK_RHOST_MAX, usage->rhost);
	lrk_put_u64(slot + AT_CHECK, make_check(slot));
	return write_all(fd, slot, sizeof(slot), slot_offset(entry)) == 0 ? LRK_OK : LRK_ERR_IO;
}

/* Takes the lock of an entry's slot, waiting at most so long; false, with errno set. */
static bool
lock_slot(int fd, const struct lrk_entry *entry, int64_t wait_ms)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = slot_offset(entry),
			      .l_len = LRK_SLOT_SIZE };
	const struct timespec pause = { .tv_nsec = POLL_NS };
	struct timespec now, from;

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return true;
	if (wait_ms == 0 || clock_gettime(CLOCK_MONOTONIC, &from) != 0)
		return false;
	do {
		nanosleep(&pause, NULL);
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return true;
		if ((errno != EAGAIN && errno != EACCES) ||
		    clock_gettime(CLOCK_MONOTONIC, &now) != 0)
			return false;
	} while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 <
		 wait_ms);
	errno = EAGAIN;
	return false;
}

static void
unlock_slot(int fd, const struct lrk_entry *entry)
{
	struct flock lock = { .l_type = F_UNLCK,
			      .l_whence = SEEK_SET,
			      .l_start = slot_offset(entry),
			      .l_len = LRK_SLOT_SIZE };

	fcntl(fd, F_OFD_SETLK, &lock);
}

static uint64_t
one_more(uint64_t count)
{
	return count == UINT64_MAX ? count : count + 1;
}

static void
note_use(struct lrk_usage *usage, const struct lrk_use *use)
{
	usage->uses = one_more(usage->uses);
	/* It does not go back, unless what stands there cannot be true. */
	if (use->now < usage->last_used && usage->last_used <= use->now + LRK_CLOCK_TOLERANCE)
		return;
	usage->last_used = use->now;
	lrk_append(usage->service, 0, sizeof(usage->service),
		   use->service != NULL ? use->service : "");
	lrk_append(usage->rhost, 0, sizeof(usage->rhost), use->rhost != NULL ? use->rhost : "");
}

static enum lrk_err
fail_use(struct lrk_why *why, const struct lrk_entry *entry, const char *reason)
{
	return lrk_fail(why, LRK_ERR_USAGE, "%s: a use of key %s cannot be recorded: %s",
			LRK_USAGE_FILE, entry->id, reason);
}

static enum lrk_err
fail_use_errno(struct lrk_why *why, const struct lrk_entry *entry, int error)
{
	if (error == EAGAIN || error == EACCES)
		return fail_use(why, entry, "its slot is locked by somebody else");
	return fail_use(why, entry, strerrordesc_np(error));
}

enum lrk_err
lrk_usage_grant(int fd, const struct lrk_entry *entry, const struct lrk_use *use, bool *ret_granted,
		struct lrk_why *why)
{
	bool limited = entry->max_uses != 0, granted = true;
	struct lrk_usage usage;
	enum lrk_err err = LRK_OK;
	enum slot_owner owner;

	if (!lock_slot(fd, entry, limited ? LRK_SLOT_WAIT_MS : 0))
		return fail_use_errno(why, entry, errno);
	if (read_slot(fd, entry, &usage, &owner) != LRK_OK) {
		err = fail_use_errno(why, entry, errno);
		goto out;
	}
	if (owner == SLOT_NEWER) {
		err = fail_use(why, entry, "its slot is another key's by now");
		goto out;
	}
	if (limited && owner != SLOT_OURS) {
		err = fail_use(why, entry, "its slot is not valid: set --max-uses again");
		goto out;
	}
	if (limited && usage.uses >= entry->max_uses) {
		granted = false;
		usage.denied = one_more(usage.denied);
	} else {
		note_use(&usage, use);
	}
	if (lrk_usage_write(fd, entry, &usage) != LRK_OK ||
	    (limited && granted && fdatasync(fd) != 0)) {
		/* A limit that is used up is a refusal, recorded or not. */
		if (granted)
			err = fail_use_errno(why, entry, errno);
	}
	if (err == LRK_OK)
		*ret_granted = granted;
	/* Recorded, and let in: but what stood there is lost, and somebody should hear of it. */
	if (err == LRK_OK && owner != SLOT_OURS)
		err = lrk_fail(why, LRK_ERR_USAGE,
			       "%s: the slot of key %s was not valid, and counts from nothing again",
			       LRK_USAGE_FILE, entry->id);
out:
	unlock_slot(fd, entry);
	return err;
}

/* Of who changes a store: that a disk failed is no matter of limits. */
static enum lrk_err
fail_slot_errno(struct lrk_why *why, const struct lrk_entry *entry, int error)
{
	if (error == EAGAIN || error == EACCES)
		return fail_use_errno(why, entry, error);
	return lrk_fail_errno(why, LRK_ERR_IO, error, "%s: the record of key %s", LRK_USAGE_FILE,
			      entry->id);
}

enum lrk_err
lrk_usage_reset(int fd, const struct lrk_entry *entry, struct lrk_why *why)
{
	static const struct lrk_usage unused;
	enum lrk_err err = LRK_OK;

	if (!lock_slot(fd, entry, entry->max_uses != 0 ? LRK_SLOT_WAIT_MS : 0))
		return fail_slot_errno(why, entry, errno);
	if (lrk_usage_write(fd, entry, &unused) != LRK_OK)
		err = fail_slot_errno(why, entry, errno);
	unlock_slot(fd, entry);
	return err;
}

void
lrk_usage_deny(int fd, const struct lrk_entry *entry)
{
	struct lrk_usage usage;
	enum slot_owner owner;

	if (!lock_slot(fd, entry, 0))
		return;
	/* A slot that is not valid stays so where a limit hangs on it. */
	if (read_slot(fd, entry, &usage, &owner) == LRK_OK &&
	    (owner == SLOT_OURS || (owner == SLOT_NOBODYS && entry->max_uses == 0))) {
		usage.denied = one_more(usage.denied);
		if (lrk_usage_write(fd, entry, &usage) != LRK_OK)
			errno = 0; /* refused all the same */
	}
	unlock_slot(fd, entry);
}

enum lrk_err
lrk_usage_raise(int fd, const struct lrk_entry *entry, const struct lrk_usage *usage,
		struct lrk_why *why)
{
	struct lrk_usage now;
	enum lrk_err err = LRK_OK;
	bool valid;

	if (!lock_slot(fd, entry, LRK_SLOT_WAIT_MS))
		return fail_slot_errno(why, entry, errno);
	if (lrk_usage_read(fd, entry, &now, &valid) != LRK_OK) {
		err = fail_slot_errno(why, entry, errno);
		goto out;
	}
	if (!valid || usage->last_used > now.last_used) {
		now.last_used = usage->last_used;
		memcpy(now.service, usage->service, sizeof(now.service));
		memcpy(now.rhost, usage->rhost, sizeof(now.rhost));
	}
	if (usage->uses > now.uses)
		now.uses = usage->uses;
	if (usage->denied > now.denied)
		now.denied = usage->denied;
	if (lrk_usage_write(fd, entry, &now) != LRK_OK)
		err = fail_slot_errno(why, entry, errno);
out:
	unlock_slot(fd, entry);
	return err;
}
