/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slots.h"

enum lrk_err
lrk_slots_take(struct lrk_header *header, uint64_t generation, struct lrk_entry *entry)
{
	if (header->n_free > 0) {
		struct lrk_free_slots *run = &header->free[header->n_free - 1];

		entry->slot = run->first++;
		if (--run->count == 0)
			header->n_free--;
	} else {
		if (header->slots >= LRK_SLOTS_MAX)
			return LRK_ERR_LIMIT;
		entry->slot = header->slots++;
	}
	entry->slot_generation = generation;
	return LRK_OK;
}

void
lrk_slots_free(struct lrk_header *header, uint32_t slot)
{
	for (unsigned i = 0; i < header->n_free; i++) {
		struct lrk_free_slots *run = &header->free[i];

		if (slot + 1 == run->first)
			run->first--;
		else if (run->first + run->count != slot)
			continue;
		run->count++;
		return;
	}
	if (header->n_free < LRK_FREE_MAX)
		header->free[header->n_free++] = (struct lrk_free_slots){ slot, 1 };
}
