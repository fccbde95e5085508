/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* Words longer than this are never near to a name. */
#define NEAR_MAX 32
/* More changes than these make another word. */
#define NEAR_CHANGES 2

enum status
words_split(const char *text, struct words *ret)
{
	struct words words = { .n = 0 };
	unsigned commas = 0;
	char *at, *word;

	for (const char *c = text; *c != '\0'; c++)
		commas += *c == ',';
	words.copy = strdup(text);
	words.word = calloc(commas + 1, sizeof(*words.word));
	if (words.copy == NULL || words.word == NULL) {
		words_free(&words);
		return fail_memory();
	}
	at = words.copy;
	while ((word = strsep(&at, ",")) != NULL)
		words.word[words.n++] = word;
	*ret = words;
	return STATUS_OK;
}

void
words_free(struct words *words)
{
	free(words->word);
	free(words->copy);
	*words = (struct words){ .n = 0 };
}

bool
words_have(const struct words *words, const char *word)
{
	for (unsigned i = 0; i < words->n; i++)
		if (strcmp(words->word[i], word) == 0)
			return true;
	return false;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many characters must be added, removed, changed or swapped with the next to make b of a. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned d[NEAR_MAX + 1][NEAR_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > NEAR_MAX || b_length > NEAR_MAX)
		return NEAR_MAX;
	for (unsigned j = 0; j <= b_length; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		d[i][0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			unsigned change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = least(change, least(d[i][j - 1], d[i - 1][j]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_length][b_length];
}

void
near_begin(struct near *near, const char *word)
{
	*near = (struct near){ .word = word, .changes = NEAR_CHANGES + 1 };
}

void
near_consider(struct near *near, const char *name)
{
	size_t length = strlen(near->word);
	unsigned changes = distance(near->word, name);

	if (length > 1 && strncmp(near->word, name, length) == 0) {
		near->completions = near->completion != NULL;
		near->completion = name;
	}
	/* --organization for --org; two letters begin too many words. */
	if (strlen(name) > 2 && strncmp(near->word, name, strlen(name)) == 0 &&
	    (near->beginning == NULL || strlen(name) > strlen(near->beginning)))
		near->beginning = name;
	if (changes == near->changes)
		near->nearest = NULL;
	if (changes < near->changes) {
		near->changes = changes;
		near->nearest = name;
	}
}

static void
print_near(const struct near *near, const char *dashes, char text[static NEAR_TEXT_MAX])
{
	const char *name = near->completions ? NULL : near->completion;

	/* Two changes of a word of three letters make any other word. */
	if (near->completion == NULL && 2 * near->changes <= strlen(near->word))
		name = near->nearest;
	if (near->completion == NULL && name == NULL)
		name = near->beginning;
	text[0] = '\0';
	if (name != NULL)
		snprintf(text, NEAR_TEXT_MAX, " (did you mean '%s%s'?)", dashes, name);
}

void
near_text(const struct near *near, char text[static NEAR_TEXT_MAX])
{
	print_near(near, "", text);
}

void
near_option_text(const struct near *near, char text[static NEAR_TEXT_MAX])
{
	print_near(near, "--", text);
}
