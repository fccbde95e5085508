/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys that a command names, as they are and as they will be. */
#ifndef LRKEYADM_TARGETS_H
#define LRKEYADM_TARGETS_H

#include "fields.h"
#include "values.h"
#include "work.h"

struct target {
	struct lrk_entry entry;
	bool changed;
};

struct targets {
	struct target *target;
	unsigned n;
	unsigned n_changed;
	int64_t now;
};

/* Reads all of them, or says which is missing. Free *ret with targets_free, also on failure. */
enum status targets_read(const struct request *request, const struct lrk_store *store,
			 const struct ids *ids, int64_t now, struct targets *ret);

/* Puts those that changed and commits; without any, nothing is done. */
enum status targets_commit(struct work *work, const struct targets *targets, const char *reason);

/* Prints what became of them: JSON of all, or a line "ID WORD" for each that changed. */
enum status targets_print(const struct request *request, const struct targets *targets,
			  const char *word);

/* Wipes and frees. */
void targets_free(struct targets *targets);

#endif
