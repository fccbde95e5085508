/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a table fits into a terminal: long texts are cut, then the words behind times are left
 * away, then whole columns.
 */
#ifndef LRKEYADM_FIT_H
#define LRKEYADM_FIT_H

#include "fields.h"

struct fit {
	const struct columns *columns;
	unsigned cell[COLUMNS_MAX];  /* the widest text of each column */
	unsigned words[COLUMNS_MAX]; /* the widest words behind it */
	/* What was chosen. */
	bool with_words;
	unsigned width[COLUMNS_MAX]; /* 0: the column is left out */
	struct columns shown;
};

void fit_begin(struct fit *fit, const struct columns *columns, bool headings);

/*
 * A text that is to stand in the column with this index, the words behind it, and a mark, which
 * stays where the words do not.
 */
void fit_measure(struct fit *fit, unsigned column, const char *cell, const char *words,
		 const char *mark);

/* Chooses for a terminal of this width. Columns are left out only if they may be. */
void fit_choose(struct fit *fit, unsigned width, bool may_leave_out);

/* No terminal: all of everything. */
void fit_all(struct fit *fit);

/* The text, cut to the width of its column where it must be; returns ret or text. */
const char *fit_cut(const struct fit *fit, unsigned column, const char *text,
		    char ret[static FIELD_TEXT_MAX]);

#endif
