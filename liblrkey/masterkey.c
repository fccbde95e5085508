/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of master.key:
 *
 *	lrkey-master-keys 1
 *	store <uuid: 32 hexadecimal digits>
 *	active <id: 8 digits> <key: 32 digits>
 *	old <id> <key>
 *
 * - Digits of a key MUST NOT steer a branch or be an index.
 * - Nothing of a key MUST remain: every buffer that held digits or bytes is wiped.
 */
#include <stdbool.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "bytes.h"
#include "masterkey.h"

#define FIRST_LINE "lrkey-master-keys "
#define VERSION "1"

/* The value of a hexadecimal digit, lower case; marks *wrong when it is none. */
static uint32_t
hex_value(uint8_t c, uint32_t *wrong)
{
	uint32_t digit = c - (uint32_t)'0', letter = c - (uint32_t)'a';
	/* All ones where the subtraction stayed in range. */
	uint32_t is_digit = ((digit | (9 - digit)) >> 31) - 1;
	uint32_t is_letter = ((letter | (5 - letter)) >> 31) - 1;

	*wrong |= ~(is_digit | is_letter);
	return (digit & is_digit) | ((letter + 10) & is_letter);
}

static char
hex_digit(uint32_t value)
{
	uint32_t is_letter = (9 - value) >> 31;

	return (char)('0' + value + is_letter * ('a' - '0' - 10));
}

static void
put_hex(char **at, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		*(*at)++ = hex_digit(bytes[i] >> 4);
		*(*at)++ = hex_digit(bytes[i] & 0xf);
	}
}

static void
put_string(char **at, const char *text)
{
	size_t length = strlen(text);

	memcpy(*at, text, length);
	*at += length;
}

/* What is left to parse. */
struct text {
	const char *at;
	size_t left;
};

static bool
take(struct text *text, const char *word)
{
	size_t length = strlen(word);

	if (length > text->left || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	text->left -= length;
	return true;
}

static bool
take_hex(struct text *text, uint8_t *bytes, size_t length)
{
	uint32_t wrong = 0;

	if (text->left < 2 * length)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint32_t high = hex_value((uint8_t)text->at[2 * i], &wrong);
		uint32_t low = hex_value((uint8_t)text->at[2 * i + 1], &wrong);

		bytes[i] = (uint8_t)(high << 4 | low);
	}
	text->at += 2 * length;
	text->left -= 2 * length;
	return wrong == 0;
}

static bool
take_key(struct text *text, struct lrk_keyring *ring)
{
	struct lrk_master_key *key = &ring->keys[ring->n_keys];
	uint8_t id[4];

	if (ring->n_keys == LRK_MASTER_KEYS_MAX || !take_hex(text, id, sizeof(id)))
		return false;
	key->id = (uint32_t)lrk_get_number(id, sizeof(id));
	if (lrk_keyring_find(ring, key->id) != NULL)
		return false;
	if (!take(text, " ") || !take_hex(text, key->key, sizeof(key->key)) || !take(text, "\n"))
		return false;
	ring->n_keys++;
	return true;
}

/* Whether what is left begins with a line that is a greater number; all else is not ours. */
static bool
is_newer(const struct text *text)
{
	size_t digits = 0;

	while (digits < text->left && text->at[digits] >= '0' && text->at[digits] <= '9')
		digits++;
	return digits < text->left && text->at[digits] == '\n' && text->at[0] != '0' &&
	       (digits > 1 || text->at[0] > VERSION[0]);
}

enum lrk_err
lrk_keyring_parse(const char *text, size_t length, struct lrk_keyring *ret)
{
	struct text t = { text, length };
	struct lrk_keyring ring = { 0 };
	enum lrk_err err = LRK_ERR_DAMAGED;
	unsigned n_active = 0;

	if (!take(&t, FIRST_LINE))
		goto out;
	if (!take(&t, VERSION "\n")) {
		if (is_newer(&t))
			err = LRK_ERR_VERSION;
		goto out;
	}
	if (!take(&t, "store ") || !take_hex(&t, ring.uuid, sizeof(ring.uuid)) || !take(&t, "\n"))
		goto out;
	while (t.left > 0) {
		if (take(&t, "active ")) {
			ring.active = ring.n_keys;
			n_active++;
		} else if (!take(&t, "old ")) {
			goto out;
		}
		if (!take_key(&t, &ring))
			goto out;
	}
	if (n_active != 1)
		goto out;
	*ret = ring;
	err = LRK_OK;
out:
	lrk_wipe_object(&ring);
	return err;
}

size_t
lrk_keyring_format(const struct lrk_keyring *ring, char text[static LRK_KEYRING_TEXT_MAX])
{
	char *at = text;

	put_string(&at, FIRST_LINE VERSION "\nstore ");
	put_hex(&at, ring->uuid, sizeof(ring->uuid));
	put_string(&at, "\n");
	for (unsigned i = 0; i < ring->n_keys; i++) {
		uint8_t id[4];

		lrk_put_number(id, ring->keys[i].id, sizeof(id));
		put_string(&at, i == ring->active ? "active " : "old ");
		put_hex(&at, id, sizeof(id));
		put_string(&at, " ");
		put_hex(&at, ring->keys[i].key, sizeof(ring->keys[i].key));
		put_string(&at, "\n");
	}
	return (size_t)(at - text);
}

const struct lrk_master_key *
lrk_keyring_find(const struct lrk_keyring *ring, uint32_t id)
{
	for (unsigned i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].id == id)
			return &ring->keys[i];
	return NULL;
}

enum lrk_err
lrk_keyring_add(struct lrk_keyring *ring, lrk_random_fn random)
{
	struct lrk_master_key key;
	enum lrk_err err;

	if (ring->n_keys == LRK_MASTER_KEYS_MAX)
		return LRK_ERR_LIMIT;
	do
		err = random(&key.id, sizeof(key.id));
	while (err == LRK_OK && lrk_keyring_find(ring, key.id) != NULL);
	if (err == LRK_OK)
		err = random(key.key, sizeof(key.key));
	if (err == LRK_OK) {
		ring->keys[ring->n_keys] = key;
		ring->active = ring->n_keys++;
	}
	lrk_wipe_object(&key);
	return err;
}
