/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain text of records: bytes in, structs out, and back. Pure: no file,
 * no clock, no cryptography. FORMAT.md describes every byte.
 */
#ifndef LIBLRKEY_CODEC_H
#define LIBLRKEY_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include <lrkey/entry.h>
#include <lrkey/error.h>

/* No plain text of a record is longer. */
#define LRK_PLAIN_MAX 2048

#define LRK_UUID_LEN 16
#define LRK_SEALS_MAX 8
#define LRK_FREE_MAX 128

/* How many records a master key has sealed. */
struct lrk_seal_count {
	uint32_t master_id;
	uint64_t count;
};

/* A run of places in the usage file that no key has. */
struct lrk_free_slots {
	uint32_t first;
	uint32_t count;
};

/* The header of a key file. */
struct lrk_header {
	uint8_t uuid[LRK_UUID_LEN];
	uint64_t generation; /* one more at each change */
	uint32_t slots;	     /* places handed out so far in the usage file */
	unsigned n_seals;
	struct lrk_seal_count seals[LRK_SEALS_MAX];
	unsigned n_free;
	struct lrk_free_slots free[LRK_FREE_MAX];
};

/*
 * Encodes into at most LRK_PLAIN_MAX bytes. The entry's id is not part of the text:
 * it names the record. LRK_ERR_INTERNAL for an entry that decoding would refuse.
 */
LRK_MUST_CHECK enum lrk_err lrk_entry_encode(const struct lrk_entry *entry,
					     uint8_t plain[static LRK_PLAIN_MAX],
					     size_t *ret_length);

/*
 * Decodes what lrk_entry_encode made, and nothing else: each entry has one encoding.
 * id names the record. LRK_ERR_DAMAGED for anything else; LRK_ERR_VERSION for
 * a newer version, or an attribute of one (it might be a restriction).
 */
LRK_MUST_CHECK enum lrk_err lrk_entry_decode(const char id[static LRK_ID_LEN + 1],
					     const uint8_t *plain, size_t length,
					     struct lrk_entry *ret);

LRK_MUST_CHECK enum lrk_err lrk_header_encode(const struct lrk_header *header,
					      uint8_t plain[static LRK_PLAIN_MAX],
					      size_t *ret_length);

LRK_MUST_CHECK enum lrk_err lrk_header_decode(const uint8_t *plain, size_t length,
					      struct lrk_header *ret);

#endif
