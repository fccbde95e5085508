/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person is told of new keys, on standard error: one line, or at a terminal that shows
 * the keys themselves what they are and what can be done next.
 */
#ifndef LRKEYADM_ANNOUNCE_H
#define LRKEYADM_ANNOUNCE_H

#include "issue.h"

/* What was made. first is the id of the first key. */
void announce_keys(const struct work *work, const struct issue *issue,
		   const char first[static LRK_ID_LEN + 1]);

/* What to do with it; nothing where nobody looks on, or where there are several. */
void announce_next(const struct work *work, const struct issue *issue,
		   const char first[static LRK_ID_LEN + 1]);

#endif
