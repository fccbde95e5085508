/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of words: those that users give with commas, and those that a word
 * with a typing error may have been meant to be.
 */
#ifndef LRKEYADM_WORDS_H
#define LRKEYADM_WORDS_H

#include <stdbool.h>

#include "message.h"

struct words {
	char *copy;
	char **word;
	unsigned n;
};

/* Splits text at its commas; empty words are kept, for whoever checks them. To words_free. */
enum status words_split(const char *text, struct words *ret);

void words_free(struct words *words);

bool words_have(const struct words *words, const char *word);

/*
 * The name that a word was most likely meant to be: begin with the word, consider each
 * name, and get " (did you mean 'x'?)", or "" when none is near enough to be sure.
 */
struct near {
	const char *word;
	const char *completion; /* begins with the word */
	bool completions;	/* more than one does */
	const char *nearest;	/* NULL when two are as near */
	const char *beginning;	/* the longest that the word begins with */
	unsigned changes;
};

#define NEAR_TEXT_MAX 64

void near_begin(struct near *near, const char *word);
void near_consider(struct near *near, const char *name);
void near_text(const struct near *near, char text[static NEAR_TEXT_MAX]);

/* The same for names of options, as they are typed. */
void near_option_text(const struct near *near, char text[static NEAR_TEXT_MAX]);

#endif
