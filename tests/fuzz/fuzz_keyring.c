/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of master.key: what parses is written again as it was, byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "liblrkey/masterkey.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lrk_keyring untouched;
	char *text = (char *)fuzz_bytes(data, size), again[LRK_KEYRING_TEXT_MAX];
	struct lrk_keyring ring = untouched;
	enum lrk_err err;

	err = lrk_keyring_parse(text, size, &ring);
	if (err != LRK_OK) {
		fuzz_require(err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION);
		fuzz_require(memcmp(&ring, &untouched, sizeof(ring)) == 0);
		goto out;
	}
	fuzz_require(ring.n_keys >= 1 && ring.n_keys <= LRK_MASTER_KEYS_MAX);
	fuzz_require(ring.active < ring.n_keys);
	for (unsigned i = 0; i < ring.n_keys; i++)
		fuzz_require(lrk_keyring_find(&ring, ring.keys[i].id) == &ring.keys[i]);
	fuzz_require(lrk_keyring_format(&ring, again) == size);
	fuzz_require(memcmp(again, text, size) == 0);
out:
	free(text);
	return 0;
}
