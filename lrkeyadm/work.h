/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame of every command that changes keys:
 *
 *	work_begin		lock, store, audit log
 *	work_put		as often as wanted
 *	work_commit		new key file, audit line, rename
 *	work_end		always, whatever came of it
 *
 * One work is one change, however many keys it touches.
 */
#ifndef LRKEYADM_WORK_H
#define LRKEYADM_WORK_H

#include <stdbool.h>

#include <lrkey/entry.h>

#include "audit.h"
#include "command.h"
#include "liblrkey/change.h"
#include "signals.h"
#include "who.h"

struct work {
	const struct request *request;
	struct lrk_change *change;
	struct audit audit;
	struct who who;
	int64_t now;
	struct signals signals;
	bool done;	  /* the change is current */
};

/*
 * Takes the lock, or says why not. From then to work_end, SIGINT, SIGTERM and SIGHUP
 * wait: a change is not broken off between the files it writes.
 */
enum status work_begin(const struct request *request, struct work *ret);

enum status work_put(const struct work *work, const struct lrk_entry *entry);

/* Removes an entry; its place in the usage file is free then. */
enum status work_delete(const struct work *work, const struct lrk_entry *entry);

/* Gives a new entry its place in the usage file. */
enum status work_assign_slot(const struct work *work, struct lrk_entry *entry);

/*
 * Makes the change current, with an audit line of these ids, organization (NULL: none or
 * several) and reason (NULL: none). work->done says whether it is current, also on failure:
 * a directory that could not be synced leaves a change that is made, but may not outlive
 * a power cut.
 */
enum status work_commit(struct work *work, const char (*ids)[LRK_ID_LEN + 1], size_t n_ids,
			const char *org, const char *reason);

/*
 * In its place, when there is nothing to change: what is so already is not said to be so before it
 * is on the disk.
 */
enum status work_settle(const struct work *work);

void work_end(struct work *work);

#endif
