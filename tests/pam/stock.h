/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stores and keys for the tests of the module, made through the core.
 * Whatever fails here ends the test.
 */
#ifndef TESTS_PAM_STOCK_H
#define TESTS_PAM_STOCK_H

#include <lrkey/entry.h>

#include "liblrkey/masterkey.h"
#include "liblrkey/usage.h"

/* 2027-01-15T08:00:00Z: what the tests call now. */
#define STOCK_NOW INT64_C(1800000000)

struct stock_key {
	char text[LRK_APIKEY_LEN + 1];
	char id[LRK_ID_LEN + 1];
};

/* Makes a store that the caller owns. */
void stock_make_store(const char *root, const char *name);

/*
 * A key of organization acme with every scope, made a day ago and to end in 90 days; edit
 * (unless NULL) changes that before it is stored.
 */
struct stock_key stock_make_key(const char *root, const char *store,
				void (*edit)(struct lrk_entry *entry));

/* Changes a stored key. */
void stock_change_key(const char *root, const char *store, const struct stock_key *key,
		      void (*edit)(struct lrk_entry *entry));

/* What the store knows of a key. */
struct lrk_entry stock_read_key(const char *root, const char *store, const struct stock_key *key);

/* What the usage file says of a key, which must be something. */
struct lrk_usage stock_read_usage(const char *root, const char *store,
				  const struct stock_key *key);

/* The store's master keys, which the caller wipes. */
void stock_read_keyring(const char *root, const char *store, struct lrk_keyring *ret);

/* Writes the check that belongs to a key whose other characters were changed. */
void stock_write_check(char *key);

/* Ready-made edits. */
void stock_deactivate(struct lrk_entry *entry);
void stock_activate(struct lrk_entry *entry);
void stock_revoke(struct lrk_entry *entry);
void stock_expire(struct lrk_entry *entry);
void stock_set_pending(struct lrk_entry *entry);
void stock_deprecate(struct lrk_entry *entry);
/* Replaces "*" by scim and prometheus. */
void stock_set_scopes(struct lrk_entry *entry);
/* 192.0.2.0/24 and 2001:db8::/32 */
void stock_set_nets(struct lrk_entry *entry);
void stock_limit_uses(struct lrk_entry *entry);

#endif
