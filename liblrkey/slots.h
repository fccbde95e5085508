/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which places of the usage file are taken, as the header keeps it. Pure.
 */
#ifndef LIBLRKEY_SLOTS_H
#define LIBLRKEY_SLOTS_H

#include <lrkey/entry.h>
#include <lrkey/error.h>

#include "codec.h"
#include "keyfile.h"
#include "usage.h"

/* As many as a usage file has room for: it is not opened when it is larger than a key file. */
#define LRK_SLOTS_MAX ((uint32_t)(LRK_KEYFILE_MAX / LRK_SLOT_SIZE) - 1)

/*
 * Gives an entry a place: one that was freed, else the next new one. The generation
 * of the change tells its slot from that of a key that had the place before. LRK_ERR_LIMIT when
 * no place is left.
 */
LRK_MUST_CHECK enum lrk_err lrk_slots_take(struct lrk_header *header, uint64_t generation,
					   struct lrk_entry *entry);

/* Frees a place. Where the header has no room to note it, it is not used again. */
void lrk_slots_free(struct lrk_header *header, uint32_t slot);

#endif
