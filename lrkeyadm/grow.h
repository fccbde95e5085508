/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists that grow. */
#ifndef LRKEYADM_GROW_H
#define LRKEYADM_GROW_H

#include <stddef.h>

#include <lrkey/names.h>

#include "message.h"

/*
 * The array with room for one more behind n items of size bytes, moved or not; NULL, the array
 * as it was, when memory is short. The caller's to free.
 */
void *grow(void *array, size_t n, size_t *room, size_t size);

/* Key ids, for an audit line. */
struct idlist {
	char (*id)[LRK_ID_LEN + 1];
	size_t n;
	size_t room;
};

enum status idlist_add(struct idlist *list, const char *id);
void idlist_free(struct idlist *list);

#endif
