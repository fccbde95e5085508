/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed records: what stands in the key file under one name.
 */
#ifndef LIBLRKEY_RECORD_H
#define LIBLRKEY_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <lrkey/error.h>

#include "codec.h"
#include "crypto.h"
#include "masterkey.h"

/* The clear beginning: version, type, master key id, IV. */
#define LRK_RECORD_CLEAR (1 + 1 + 4 + LRK_IV_LEN)
#define LRK_RECORD_MAX (LRK_RECORD_CLEAR + LRK_PLAIN_MAX + LRK_TAG_LEN)

/* The name under which the header stands; no key id has this length. */
#define LRK_HEADER_NAME "header"

enum lrk_record_type {
	LRK_RECORD_HEADER = 1,
	LRK_RECORD_ENTRY = 2,
};

/*
 * Seals a plain text under the ring's active key, with a new random IV. The
 * text, the type, the name, the store and the master key are bound together.
 */
LRK_MUST_CHECK enum lrk_err lrk_record_seal(const struct lrk_keyring *ring,
					    enum lrk_record_type type, const char *name,
					    const uint8_t *plain, size_t length,
					    uint8_t record[static LRK_RECORD_MAX],
					    size_t *ret_length);

/* What opening one record leaves for the next: the cipher, set up with one master key. */
struct lrk_opener {
	struct lrk_gcm *gcm; /* NULL where nothing was opened yet */
	uint32_t master_id;
};

/* Wipes what is left. */
void lrk_opener_end(struct lrk_opener *opener);

/*
 * Opens a record, with what opener, which may be NULL, has from others of the same store.
 * LRK_ERR_MASTER_KEY when the ring has no key with its master key id, LRK_ERR_DAMAGED when the key
 * does not open it, LRK_ERR_VERSION for a newer version.
 */
LRK_MUST_CHECK enum lrk_err lrk_record_open(const struct lrk_keyring *ring,
					    struct lrk_opener *opener,
					    enum lrk_record_type type, const char *name,
					    const uint8_t *record, size_t length,
					    uint8_t plain[static LRK_PLAIN_MAX],
					    size_t *ret_length);

/* The tag of a sealed record: what tells two seals apart. */
static inline const uint8_t *
lrk_record_tag(const uint8_t *record, size_t length)
{
	return record + length - LRK_TAG_LEN;
}

#endif
