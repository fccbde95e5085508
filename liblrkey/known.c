/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of safeopen: looking at five directories again in each authentication takes as
 * long as finding the key.
 *
 * - Only what nobody but root can exchange MUST be noted; it then stays what it was, unless
 *   root wills otherwise.
 * - A place MUST be a directory's identity: its name may come to mean another one, and all that
 *   leads there has to be judged again.
 * - What is noted MUST NOT change, so that it can be read without a lock. Nobody MUST wait:
 *   who cannot note a place looks again the next time.
 */
#include <stdatomic.h>
#include <string.h>

#include "known.h"

#define PLACES_MAX 32
#define PATH_LENGTH_MAX 32

static struct {
	struct lrk_identity from, own;
	size_t length;
	char path[PATH_LENGTH_MAX];
} places[PLACES_MAX];

static atomic_uint n_places;
static atomic_flag is_noting = ATOMIC_FLAG_INIT;

static bool
is_same(const struct lrk_identity *a, const struct lrk_identity *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

bool
lrk_is_known(const struct lrk_place *place)
{
	unsigned n = atomic_load_explicit(&n_places, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (is_same(&places[i].own, &place->own) &&
		    is_same(&places[i].from, &place->from) && places[i].length == place->length &&
		    memcmp(places[i].path, place->path, place->length) == 0)
			return true;
	return false;
}

void
lrk_note_known(const struct lrk_place *place)
{
	unsigned n;

	if (place->length > PATH_LENGTH_MAX || atomic_flag_test_and_set(&is_noting))
		return;
	n = atomic_load_explicit(&n_places, memory_order_relaxed);
	if (n < PLACES_MAX && !lrk_is_known(place)) {
		places[n].from = place->from;
		places[n].own = place->own;
		places[n].length = place->length;
		memcpy(places[n].path, place->path, place->length);
		atomic_store_explicit(&n_places, n + 1, memory_order_release);
	}
	atomic_flag_clear(&is_noting);
}

void
lrk_forget_known(void)
{
	atomic_store(&n_places, 0);
}
