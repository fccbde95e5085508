/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "grow.h"

void *
grow(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : 2 * *room;

	if (n < *room)
		return array;
	array = reallocarray(array, more, size);
	if (array != NULL)
		*room = more;
	return array;
}

enum status
idlist_add(struct idlist *list, const char *id)
{
	char(*ids)[LRK_ID_LEN + 1] = grow(list->id, list->n, &list->room, sizeof(*ids));

	if (ids == NULL)
		return fail_memory();
	list->id = ids;
	memcpy(list->id[list->n++], id, sizeof(*list->id));
	return STATUS_OK;
}

void
idlist_free(struct idlist *list)
{
	free(list->id);
	*list = (struct idlist){ .n = 0 };
}
