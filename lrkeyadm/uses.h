/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record of what keys were used for, beside the store that a command reads. */
#ifndef LRKEYADM_USES_H
#define LRKEYADM_USES_H

#include "fields.h"
#include "liblrkey/store.h"

struct uses {
	int fd; /* -1: there is none to be read */
	size_t n_lost;
	char lost[LRK_ID_LEN + 1]; /* the first of them */
};

#define USES_CLOSED { .fd = -1 }

/*
 * Opens the usage file of an open store. Where it cannot be read, keys look as if
 * they were never used, and one warning a process says why.
 */
void uses_open(const struct lrk_store *store, struct uses *ret);

/* The view of an entry, with its uses. */
struct key_view uses_view(struct uses *uses, const struct lrk_entry *entry, int64_t now);

/* Warns of keys that were viewed and are refused, because their use limit has no valid slot. */
void uses_warn_lost(const struct uses *uses);

void uses_close(struct uses *uses);

#endif
