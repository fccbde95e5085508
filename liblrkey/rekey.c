/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing the master key.
 *
 * - master.key with both keys MUST be in place before the first record is sealed
 *   under the new one, and stay until none is sealed under the old one.
 */
#include <errno.h>
#include <sys/stat.h>

#include <lrkey/wipe.h>

#include "masterfile.h"
#include "rekey.h"
#include "snapshot.h"

/* Who owns a new master.key: the owner and group of the directory it stands in. */
static enum lrk_err
write_ring(const struct lrk_store *store, const struct lrk_keyring *ring, struct lrk_why *why)
{
	struct stat st;

	if (fstat(store->etc.fd, &st) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", store->etc.path);
	return lrk_master_file_write(&store->etc, ring, st.st_uid, st.st_gid, why);
}

struct resealing {
	struct lrk_change *change;
	lrk_progress_fn progress;
	void *context;
	uint64_t done;
	struct lrk_why *why;
};

static enum lrk_err
reseal_entry(void *context, const struct lrk_entry *entry)
{
	struct resealing *r = context;
	enum lrk_err err = lrk_change_put(r->change, entry, r->why);

	if (err == LRK_OK && r->progress != NULL)
		r->progress(r->context, ++r->done);
	return err;
}

enum lrk_err
lrk_rekey_seal(struct lrk_change *change, lrk_progress_fn progress, void *context,
	       bool *ret_resumed, struct lrk_why *why)
{
	const struct lrk_store *store = lrk_change_store(change);
	struct resealing r = { change, progress, context, 0, why };
	struct lrk_keyring ring = store->ring;
	bool resumed = ring.n_keys > 1;
	enum lrk_err err = LRK_OK;

	if (!resumed) {
		err = lrk_keyring_add(&ring, lrk_random);
		if (err != LRK_OK)
			lrk_fail(why, err, "no new master key: %s", lrk_err_text(err));
		else
			err = write_ring(store, &ring, why);
	}
	if (err == LRK_OK)
		err = lrk_change_start_anew(change, &ring, why);
	lrk_wipe_object(&ring);
	if (err == LRK_OK)
		err = lrk_snapshot_walk_whole(store, reseal_entry, &r, why);
	if (err == LRK_OK)
		*ret_resumed = resumed;
	return err;
}

enum lrk_err
lrk_rekey_finish(struct lrk_change *change, struct lrk_why *why)
{
	const struct lrk_store *store = lrk_change_store(change);
	struct lrk_keyring ring = { .n_keys = 1 };
	enum lrk_err err;

	memcpy(ring.uuid, store->ring.uuid, sizeof(ring.uuid));
	ring.keys[0] = store->ring.keys[store->ring.active];
	err = write_ring(store, &ring, why);
	lrk_wipe_object(&ring);
	return err;
}
