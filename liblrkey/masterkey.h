/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The master keys of a store, as they stand in master.key.
 */
#ifndef LIBLRKEY_MASTERKEY_H
#define LIBLRKEY_MASTERKEY_H

#include <stddef.h>
#include <stdint.h>

#include <lrkey/error.h>

#include "codec.h"
#include "crypto.h"

/* Two are there during a rekey; more are never made. */
#define LRK_MASTER_KEYS_MAX 4
/* The longest master.key, in bytes. */
#define LRK_KEYRING_TEXT_MAX 512

struct lrk_master_key {
	uint32_t id;
	uint8_t key[LRK_AES_KEY_LEN];
};

struct lrk_keyring {
	uint8_t uuid[LRK_UUID_LEN]; /* of the store */
	unsigned n_keys;
	unsigned active; /* the index of the key that seals */
	struct lrk_master_key keys[LRK_MASTER_KEYS_MAX];
};

/*
 * Parses the text of a master.key. The digits of the keys are neither branched
 * upon nor used as an index. LRK_ERR_DAMAGED for what is none, LRK_ERR_VERSION for a newer
 * version. *ret is written on success only, and is the caller's to wipe.
 */
LRK_MUST_CHECK enum lrk_err lrk_keyring_parse(const char *text, size_t length,
					      struct lrk_keyring *ret);

/* The text of a master.key, not terminated; the caller wipes it. */
size_t lrk_keyring_format(const struct lrk_keyring *ring, char text[static LRK_KEYRING_TEXT_MAX]);

/* The key with this id, or NULL. */
const struct lrk_master_key *lrk_keyring_find(const struct lrk_keyring *ring, uint32_t id);

/*
 * Adds a new random key, with an id that the ring does not hold, and makes it
 * the active one. LRK_ERR_LIMIT when the ring is full.
 */
LRK_MUST_CHECK enum lrk_err lrk_keyring_add(struct lrk_keyring *ring, lrk_random_fn random);

#endif
