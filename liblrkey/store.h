/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store, opened to read one snapshot of it.
 */
#ifndef LIBLRKEY_STORE_H
#define LIBLRKEY_STORE_H

#include <stdbool.h>

#include <lrkey/entry.h>
#include <lrkey/error.h>

#include "codec.h"
#include "keyfile.h"
#include "masterkey.h"
#include "record.h"
#include "safeopen.h"

#define LRK_ETC "etc/lrkey"
#define LRK_VAR "var/lib/lrkey"
#define LRK_KEYS_DIR "keys"

#define LRK_MASTER_FILE "master.key"
#define LRK_KEY_FILE "keys.gdbm"
#define LRK_KEY_FILE_NEW "keys.gdbm.new"
#define LRK_LOCK_FILE "lock"
#define LRK_USAGE_FILE "usage"
#define LRK_AUDIT_FILE "audit.log"

struct lrk_store {
	struct lrk_dir top;  /* what the others were reached from, where they are names below it */
	struct lrk_dir etc;  /* /etc/lrkey/NAME */
	struct lrk_dir gate; /* /var/lib/lrkey/NAME */
	struct lrk_dir keys; /* /var/lib/lrkey/NAME/keys */
	struct lrk_keyring ring;
	struct lrk_opener *opener; /* of records sealed under the ring; NULL for one question */
	struct lrk_keyfile file;
};

#define LRK_STORE_CLOSED \
	{ .top = LRK_DIR_NONE, .etc = LRK_DIR_NONE, .gate = LRK_DIR_NONE, .keys = LRK_DIR_NONE, \
	  .file = LRK_KEYFILE_NONE }

/*
 * Opens master.key, then the key file, as they are now. LRK_ERR_NO_STORE where master.key or its
 * directory is missing, LRK_ERR_DAMAGED where another file or directory is. A wrong mode or link
 * count of the key file is an error, unless defect is given: then *defect says so, and
 * why what it is. *ret may be closed whatever came of it.
 */
LRK_MUST_CHECK enum lrk_err lrk_store_open(const char *root, const char *name,
					   struct lrk_store *ret, bool *defect,
					   struct lrk_why *why);

/*
 * The same for who asks one question of the store: its directories are judged and not opened, so
 * that files in them can be opened, and nothing else can be done there.
 */
LRK_MUST_CHECK enum lrk_err lrk_store_open_to_ask(const char *root, const char *name,
						  struct lrk_store *ret, struct lrk_why *why);

/* Closes what is open, and wipes the master keys; a second time, it does nothing. */
void lrk_store_close(struct lrk_store *store);

/*
 * Reads the header. LRK_ERR_MASTER_KEY when no master key at hand opens it: the store was
 * rekeyed meanwhile (open it again), or the two files are not of one store.
 */
LRK_MUST_CHECK enum lrk_err lrk_store_header(const struct lrk_store *store,
					     struct lrk_header *ret, struct lrk_why *why);

/* Reads one entry, a tombstone too. LRK_ERR_NOT_FOUND when there is none. */
LRK_MUST_CHECK enum lrk_err lrk_store_get(const struct lrk_store *store, const char *id,
					  struct lrk_entry *ret, struct lrk_why *why);

#endif
