/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed records.
 *
 * - An IV MUST be random and new for each seal: an unchanged record is copied,
 *   never sealed again (SP 800-38D, 8.3: at most 2^32 seals under one key).
 * - All that says what a record is MUST be in the additional data, so that a
 *   record that was moved, renamed or retyped does not open.
 */
#include <string.h>

#include "bytes.h"
#include "record.h"

#define VERSION 1

#define AAD_LABEL "lrkey"
#define AAD_MAX (sizeof(AAD_LABEL) - 1 + 1 + 1 + LRK_UUID_LEN + 4 + 1 + LRK_ID_LEN)

static size_t
make_aad(const struct lrk_keyring *ring, enum lrk_record_type type, const char *name,
	 uint32_t master_id, uint8_t aad[static AAD_MAX])
{
	size_t name_length = strnlen(name, LRK_ID_LEN);
	uint8_t *at = aad;

	memcpy(at, AAD_LABEL, sizeof(AAD_LABEL) - 1);
	at += sizeof(AAD_LABEL) - 1;
	*at++ = VERSION;
	*at++ = (uint8_t)type;
	memcpy(at, ring->uuid, LRK_UUID_LEN);
	at += LRK_UUID_LEN;
	lrk_put_number(at, master_id, 4);
	at += 4;
	*at++ = (uint8_t)name_length;
	memcpy(at, name, name_length);
	at += name_length;
	return (size_t)(at - aad);
}

enum lrk_err
lrk_record_seal(const struct lrk_keyring *ring, enum lrk_record_type type, const char *name,
		const uint8_t *plain, size_t length, uint8_t record[static LRK_RECORD_MAX],
		size_t *ret_length)
{
	const struct lrk_master_key *master = &ring->keys[ring->active];
	uint8_t *iv = record + 6, *sealed = record + LRK_RECORD_CLEAR;
	uint8_t aad[AAD_MAX];
	size_t aad_length;
	enum lrk_err err;

	if (length > LRK_PLAIN_MAX)
		return LRK_ERR_INTERNAL;
	record[0] = VERSION;
	record[1] = (uint8_t)type;
	lrk_put_number(record + 2, master->id, 4);
	err = lrk_random(iv, LRK_IV_LEN);
	if (err != LRK_OK)
		return err;
	aad_length = make_aad(ring, type, name, master->id, aad);
	err = lrk_gcm_seal(master->key, iv, aad, aad_length, plain, length, sealed,
			   sealed + length);
	if (err == LRK_OK)
		*ret_length = LRK_RECORD_CLEAR + length + LRK_TAG_LEN;
	return err;
}

void
lrk_opener_end(struct lrk_opener *opener)
{
	lrk_gcm_end(opener->gcm);
	opener->gcm = NULL;
}

static enum lrk_err
set_up(struct lrk_opener *opener, const struct lrk_master_key *master)
{
	if (opener->gcm != NULL && opener->master_id == master->id)
		return LRK_OK;
	lrk_opener_end(opener);
	opener->master_id = master->id;
	return lrk_gcm_begin(master->key, &opener->gcm);
}

enum lrk_err
lrk_record_open(const struct lrk_keyring *ring, struct lrk_opener *opener,
		enum lrk_record_type type, const char *name, const uint8_t *record, size_t length,
		uint8_t plain[static LRK_PLAIN_MAX], size_t *ret_length)
{
	struct lrk_opener once = { .gcm = NULL };
	const struct lrk_master_key *master;
	uint8_t aad[AAD_MAX];
	size_t aad_length, plain_length;
	enum lrk_err err;

	if (length > 0 && record[0] > VERSION)
		return LRK_ERR_VERSION;
	if (length < LRK_RECORD_CLEAR + LRK_TAG_LEN || length > LRK_RECORD_MAX ||
	    record[0] != VERSION || record[1] != (uint8_t)type)
		return LRK_ERR_DAMAGED;
	master = lrk_keyring_find(ring, (uint32_t)lrk_get_number(record + 2, 4));
	if (master == NULL)
		return LRK_ERR_MASTER_KEY;
	plain_length = length - LRK_RECORD_CLEAR - LRK_TAG_LEN;
	aad_length = make_aad(ring, type, name, master->id, aad);
	if (opener == NULL)
		opener = &once;
	err = set_up(opener, master);
	if (err == LRK_OK)
		err = lrk_gcm_open(opener->gcm, record + 6, aad, aad_length,
				   record + LRK_RECORD_CLEAR, plain_length,
				   lrk_record_tag(record, length), plain);
	if (err == LRK_OK)
		*ret_length = plain_length;
	/* What failed is set up anew. */
	if (err != LRK_OK || opener == &once)
		lrk_opener_end(opener);
	return err;
}
