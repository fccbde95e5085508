/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of safeopen: looking at seven more directories in each authentication takes as long
 * as finding the key.
 *
 * - Only what nobody but root can exchange MUST be noted; it then stays what it was, unless
 *   root wills otherwise.
 * - It MUST be noted with the directory that it led to: under another root, or when something else
 *   lies there, the same way leads to another one, and has to be judged again.
 * - What is noted MUST NOT change, so that it can be read without a lock. Nobody MUST wait:
 *   who cannot note something looks again the next time.
 */
#include <stdatomic.h>
#include <string.h>

#include "known.h"

#define WAYS_MAX 8
#define PATH_LENGTH_MAX 32
/* Two for each store. A directory has its place, or one of those behind it. */
#define PLACES_MAX 256
#define PLACES_TRIED 8

static struct {
	bool is_slash;
	struct lrk_identity from;
	size_t length;
	char path[PATH_LENGTH_MAX];
} ways[WAYS_MAX];

static struct {
	atomic_bool is_taken;
	unsigned way;
	struct lrk_identity dir;
} places[PLACES_MAX];

static atomic_uint n_ways;
static atomic_flag is_noting = ATOMIC_FLAG_INIT;

static bool
is_from(unsigned number, const struct lrk_identity *from)
{
	if (from == NULL || ways[number].is_slash)
		return from == NULL && ways[number].is_slash;
	return lrk_is_same(&ways[number].from, from);
}

/* The number of a way, or WAYS_MAX. */
static unsigned
find_way(const struct lrk_way *way)
{
	unsigned n = atomic_load_explicit(&n_ways, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (is_from(i, way->from) && ways[i].length == way->length &&
		    memcmp(ways[i].path, way->path, way->length) == 0)
			return i;
	return WAYS_MAX;
}

/* The place of a directory, or the first free one of those that it may have, or PLACES_MAX. */
static unsigned
find_place(unsigned way, const struct lrk_identity *dir, bool *ret_taken)
{
	*ret_taken = false;
	for (unsigned i = 0; i < PLACES_TRIED; i++) {
		unsigned at = (unsigned)((dir->ino + i) % PLACES_MAX);

		if (!atomic_load_explicit(&places[at].is_taken, memory_order_acquire))
			return at;
		*ret_taken = places[at].way == way && lrk_is_same(&places[at].dir, dir);
		if (*ret_taken)
			return at;
	}
	return PLACES_MAX;
}

bool
lrk_is_known_way(const struct lrk_way *way)
{
	return find_way(way) < WAYS_MAX;
}

bool
lrk_is_known(const struct lrk_way *way, const struct lrk_identity *dir)
{
	unsigned number = find_way(way);
	bool taken = false;

	if (number < WAYS_MAX)
		find_place(number, dir, &taken);
	return taken;
}

static unsigned
note_way(const struct lrk_way *way)
{
	unsigned number = find_way(way), n = atomic_load_explicit(&n_ways, memory_order_relaxed);

	if (number < WAYS_MAX || n == WAYS_MAX || way->length > PATH_LENGTH_MAX)
		return number;
	ways[n].is_slash = way->from == NULL;
	if (way->from != NULL)
		ways[n].from = *way->from;
	ways[n].length = way->length;
	memcpy(ways[n].path, way->path, way->length);
	atomic_store_explicit(&n_ways, n + 1, memory_order_release);
	return n;
}

void
lrk_note_known(const struct lrk_way *way, const struct lrk_identity *dir)
{
	unsigned number, at;
	bool taken;

	if (!dir->is_whole || (way->from != NULL && !way->from->is_whole) ||
	    atomic_flag_test_and_set(&is_noting))
		return;
	number = note_way(way);
	if (number < WAYS_MAX) {
		at = find_place(number, dir, &taken);
		if (at < PLACES_MAX && !taken) {
			places[at].way = number;
			places[at].dir = *dir;
			atomic_store_explicit(&places[at].is_taken, true, memory_order_release);
		}
	}
	atomic_flag_clear(&is_noting);
}

void
lrk_forget_known(void)
{
	atomic_store(&n_ways, 0);
	for (unsigned i = 0; i < PLACES_MAX; i++)
		atomic_store(&places[i].is_taken, false);
}
