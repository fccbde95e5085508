/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at each record of a key file, also where some cannot be opened: for
 * whoever checks a store.
 */
#ifndef LIBLRKEY_INSPECT_H
#define LIBLRKEY_INSPECT_H

#include <stdbool.h>

#include "store.h"

struct lrk_inspected {
	char id[LRK_ID_LEN + 1]; /* "" where the name is none */
	bool is_header;
	bool is_sealed;		 /* it is long enough to have what follows */
	uint32_t master_id;
	uint8_t iv[LRK_IV_LEN];
	enum lrk_err err;		/* why it cannot be read */
	const struct lrk_entry *entry;	/* its digest wiped; NULL for the header, and with err */
};

/*
 * Calls visit for each record, in file order, until it returns something else than LRK_OK,
 * which is then returned. Needs the store's file and ring only. Another error means that the
 * file does not hold together, with the reason in why.
 */
typedef enum lrk_err (*lrk_inspect_fn)(void *context, const struct lrk_inspected *record);
LRK_MUST_CHECK enum lrk_err lrk_inspect(const struct lrk_store *store, lrk_inspect_fn visit,
					void *context, struct lrk_why *why);

#endif
