/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making keys within a change, and handing them out: what generate and rotate share.
 *
 *	issue_put	draws the keys and puts their entries
 *	(the caller puts what else belongs to the change)
 *	issue_commit	writes --output, and commits
 *	issue_end	prints the keys when the change is current; always, wipes
 */
#ifndef LRKEYADM_ISSUE_H
#define LRKEYADM_ISSUE_H

#include "frame.h"
#include "newkeys.h"

struct issue {
	struct lrk_entry model; /* what the keys share: all but id, digest and slot */
	size_t count;
	const char *output; /* a file to be made for them; NULL: standard output */
	struct newkeys keys;
	struct newfile file;
	struct frame frame; /* around the keys; set by issue_end */
};

#define ISSUE_ONE { .count = 1, .file = NEWFILE_NONE }

enum status issue_put(const struct work *work, struct issue *issue);

/* Commits as work_commit does. */
enum status issue_commit(struct work *work, struct issue *issue,
			 const char (*ids)[LRK_ID_LEN + 1], size_t n_ids);

/* status is what came of it so far, and is returned unless printing fails. */
enum status issue_end(const struct work *work, struct issue *issue, enum status status);

#endif
