/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys that a command names, as they are and as they will be. */
#ifndef LRKEYADM_TARGETS_H
#define LRKEYADM_TARGETS_H

#include "uses.h"
#include "values.h"
#include "work.h"

struct target {
	struct lrk_entry entry;
	struct lrk_usage usage;
	bool recorded; /* its slot in the usage file is valid */
	bool changed;
};

struct targets {
	struct target *target;
	unsigned n;
	unsigned n_changed;
	int64_t now;
	struct uses uses; /* open as long as they are */
};

#define TARGETS_NONE { .n = 0, .uses = USES_CLOSED }

/*
 * Reads all of them, with their uses, or says which is missing. Free *ret with
 * targets_free, also on failure.
 */
enum status targets_read(const struct request *request, const struct lrk_store *store,
			 const struct ids *ids, int64_t now, struct targets *ret);

/* As the key with this index is now, entry and uses. */
struct key_view target_view(const struct targets *targets, unsigned i);

/* Puts those that changed and commits; without any, nothing is done. */
enum status targets_commit(struct work *work, const struct targets *targets, const char *reason);

/* Prints what became of them: JSON of all, or a line "ID WORD" for each that changed. */
enum status targets_print(const struct request *request, const struct targets *targets,
			  const char *word);

/* Wipes and frees. */
void targets_free(struct targets *targets);

#endif
