/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "liblrkey/apikey.h"
#include "liblrkey/change.h"
#include "liblrkey/create.h"

#include "check.h"
#include "stock.h"

static void
must(enum lrk_err err, const struct lrk_why *why)
{
	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), why->text);
}

void
stock_make_store(const char *root, const char *name)
{
	const struct lrk_owners owners = { geteuid(), getegid(), getegid(), getegid() };
	struct lrk_why why = { "" };

	must(lrk_store_create(root, name, &owners, &why), &why);
}

static void
commit(struct lrk_change *change)
{
	struct lrk_why why = { "" };
	bool done = false;

	must(lrk_change_prepare(change, &why), &why);
	must(lrk_change_commit(change, &done, &why), &why);
	assert_true(done);
	lrk_change_end(change);
}

struct stock_key
stock_make_key(const char *root, const char *store, void (*edit)(struct lrk_entry *entry))
{
	struct lrk_entry entry = {
		.org = "acme",
		.label = "test key",
		.created_by = "tester",
		.n_scopes = 1,
		.scopes = { LRK_SCOPE_ANY },
		.created = STOCK_NOW - 86400,
		.expires = STOCK_NOW + 89 * 86400,
		.term = 90 * 86400,
	};
	struct lrk_credential credential;
	struct lrk_change *change = NULL;
	struct lrk_why why = { "" };
	struct stock_key key;

	must(lrk_apikey_generate(lrk_random, key.text, &credential), &why);
	memcpy(key.id, credential.id, sizeof(key.id));
	memcpy(entry.id, credential.id, sizeof(entry.id));
	memcpy(entry.digest, credential.digest, sizeof(entry.digest));
	if (edit != NULL)
		edit(&entry);
	must(lrk_change_begin(root, store, &change, &why), &why);
	must(lrk_change_assign_slot(change, &entry, &why), &why);
	must(lrk_change_put(change, &entry, &why), &why);
	commit(change);
	lrk_wipe_object(&credential);
	lrk_wipe_object(&entry);
	return key;
}

void
stock_change_key(const char *root, const char *store, const struct stock_key *key,
		 void (*edit)(struct lrk_entry *entry))
{
	struct lrk_change *change = NULL;
	struct lrk_why why = { "" };
	struct lrk_entry entry;

	must(lrk_change_begin(root, store, &change, &why), &why);
	must(lrk_store_get(lrk_change_store(change), key->id, &entry, &why), &why);
	edit(&entry);
	must(lrk_change_put(change, &entry, &why), &why);
	commit(change);
	lrk_wipe_object(&entry);
}

struct lrk_entry
stock_read_key(const char *root, const char *store, const struct stock_key *key)
{
	struct lrk_why why = { "" };
	struct lrk_store opened;
	struct lrk_entry entry;

	must(lrk_store_open(root, store, &opened, NULL, &why), &why);
	must(lrk_store_get(&opened, key->id, &entry, &why), &why);
	lrk_store_close(&opened);
	return entry;
}

struct lrk_usage
stock_read_usage(const char *root, const char *store, const struct stock_key *key)
{
	const struct lrk_entry entry = stock_read_key(root, store, key);
	struct lrk_usage usage;
	char path[256];
	bool valid;
	int fd;

	snprintf(path, sizeof(path), "%s/" LRK_VAR "/%s/" LRK_USAGE_FILE, root, store);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(lrk_usage_read(fd, &entry, &usage, &valid), LRK_OK);
	close(fd);
	assert_true(valid);
	return usage;
}

void
stock_read_keyring(const char *root, const char *store, struct lrk_keyring *ret)
{
	char path[256], text[LRK_KEYRING_TEXT_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/" LRK_ETC "/%s/" LRK_MASTER_FILE, root, store);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text));
	close(fd);
	assert_true(n > 0);
	assert_int_equal(lrk_keyring_parse(text, (size_t)n, ret), LRK_OK);
	lrk_wipe_array(text);
}

void
stock_write_check(char *key)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < LRK_APIKEY_LEN - 6; i++) {
		crc ^= (uint8_t)key[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
	}
	crc = ~crc;
	for (size_t i = LRK_APIKEY_LEN; i > LRK_APIKEY_LEN - 6; crc /= 62)
		key[--i] = digits[crc % 62];
}

void
stock_deactivate(struct lrk_entry *entry)
{
	entry->deactivated = STOCK_NOW - 60;
}

void
stock_activate(struct lrk_entry *entry)
{
	entry->deactivated = 0;
}

/* 2027-01-15T07:59:00Z */
void
stock_revoke(struct lrk_entry *entry)
{
	entry->revoked = STOCK_NOW - 60;
	entry->reason = LRK_REASON_COMPROMISED;
	snprintf(entry->revoked_by, sizeof(entry->revoked_by), "tester");
}

/* This second is the first in which it no longer works. */
void
stock_expire(struct lrk_entry *entry)
{
	entry->expires = STOCK_NOW;
}

void
stock_set_pending(struct lrk_entry *entry)
{
	entry->not_before = STOCK_NOW + 1;
}

void
stock_deprecate(struct lrk_entry *entry)
{
	snprintf(entry->successor, sizeof(entry->successor), "Successor001");
	entry->expires = STOCK_NOW + 7 * 86400;
}

void
stock_set_scopes(struct lrk_entry *entry)
{
	entry->n_scopes = 2;
	snprintf(entry->scopes[0], sizeof(entry->scopes[0]), "prometheus");
	snprintf(entry->scopes[1], sizeof(entry->scopes[1]), "scim");
}

void
stock_set_nets(struct lrk_entry *entry)
{
	entry->n_nets = 2;
	assert_int_equal(lrk_net_parse("192.0.2.0/24", &entry->nets[0]), LRK_OK);
	assert_int_equal(lrk_net_parse("2001:db8::/32", &entry->nets[1]), LRK_OK);
}

void
stock_limit_uses(struct lrk_entry *entry)
{
	entry->max_uses = 1;
}
