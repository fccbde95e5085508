/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The usage file: what each key was used for, in fixed slots. Whoever may
 * verify may write it: what it says is untrusted, and escaped before display.
 */
#ifndef LIBLRKEY_USAGE_H
#define LIBLRKEY_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/entry.h>
#include <lrkey/error.h>

#include "safeopen.h"

#define LRK_SERVICE_MAX 32
#define LRK_RHOST_MAX 56
#define LRK_SLOT_SIZE 128

/* How long a key with a limit waits for its slot. */
#define LRK_SLOT_WAIT_MS 200

struct lrk_usage {
	uint64_t uses;
	uint64_t denied;   /* refusals of the proven secret */
	int64_t last_used; /* 0 is never */
	char service[LRK_SERVICE_MAX + 1]; /* printable ASCII */
	char rhost[LRK_RHOST_MAX + 1];	   /* printable ASCII */
};

/* What an authentication leaves behind. NULL texts are none. */
struct lrk_use {
	int64_t now;
	const char *service;
	const char *rhost;
};

/*
 * Opens the usage file of a store, to read or to write it too. The descriptor
 * is the caller's to close; closing it gives all slots back. LRK_ERR_NOT_FOUND when it is missing.
 */
LRK_MUST_CHECK enum lrk_err lrk_usage_open(const struct lrk_dir *gate, bool write, int *ret_fd,
					   struct lrk_why *why);

/* Makes a missing usage file, with the gate directory's owner and group. */
LRK_MUST_CHECK enum lrk_err lrk_usage_create(const struct lrk_dir *gate, struct lrk_why *why);

/*
 * What the slot of an entry says. All zero, and *ret_valid false, when the slot is
 * missing, damaged or another key's. LRK_ERR_IO, with errno set, when it cannot be read.
 */
LRK_MUST_CHECK enum lrk_err lrk_usage_read(int fd, const struct lrk_entry *entry,
					   struct lrk_usage *ret, bool *ret_valid);

/* Makes the slot of an entry say this, whatever stood there. Not synced. */
LRK_MUST_CHECK enum lrk_err lrk_usage_write(int fd, const struct lrk_entry *entry,
					    const struct lrk_usage *usage);

/*
 * Makes the slot of a new entry say, under its lock, that it was not used. Not synced. A key with a
 * limit waits for the lock, others try once; LRK_ERR_USAGE when the slot was not had, LRK_ERR_IO
 * when it was not written.
 */
LRK_MUST_CHECK enum lrk_err lrk_usage_reset(int fd, const struct lrk_entry *entry,
					    struct lrk_why *why);

/*
 * Records that the key lets its holder in, before it does. *ret_granted is false
 * when the key's limit is used up; a refusal is recorded then. For a key with a
 * limit, LRK_OK means that the use is on disk; any error means that it must be refused: its
 * slot was not had in LRK_SLOT_WAIT_MS, or is not valid, or cannot be written. For other keys the
 * lock is tried once, and an error means only that nothing was recorded, or that the slot was not
 * valid, and holds nothing but this use now.
 */
LRK_MUST_CHECK enum lrk_err lrk_usage_grant(int fd, const struct lrk_entry *entry,
					    const struct lrk_use *use, bool *ret_granted,
					    struct lrk_why *why);

/*
 * Under the slot's lock, makes the counts the larger of what stands there and of usage, and the
 * last use the later; a slot that is not valid says usage then.
 */
LRK_MUST_CHECK enum lrk_err lrk_usage_raise(int fd, const struct lrk_entry *entry,
					    const struct lrk_usage *usage, struct lrk_why *why);

/* Records, where it can be done at once, that the proven secret was refused. */
void lrk_usage_deny(int fd, const struct lrk_entry *entry);

#endif
