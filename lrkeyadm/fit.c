/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <langinfo.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "fit.h"

/* A text is not cut to less than this, and no text that is as short already. */
#define CUT_MIN 10
/* What is printed for a byte that cannot be: \x9b. */
#define ESCAPED_WIDTH 4

/* What is left out first; ids never are. */
static const char *const less_needed[] = {
	"last_used", "scopes", "label", "expires", "state", "org"
};

#define N_LESS_NEEDED (sizeof(less_needed) / sizeof(less_needed[0]))

/* These give way; ids, states and times are of no use when cut. */
static bool
may_be_cut(const struct field *field)
{
	static const char *const names[] = { "org", "label", "scopes", "allow_from" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(field->name, names[i]) == 0)
			return true;
	return false;
}

/* The width of the character at *text, which is moved behind it. */
static unsigned
next_width(const char **text, mbstate_t *state)
{
	wchar_t character;
	size_t length = mbrtowc(&character, *text, MB_CUR_MAX, state);
	int width;

	if (length == 0 || length > MB_CUR_MAX) {
		*state = (mbstate_t){ 0 };
		(*text)++;
		return ESCAPED_WIDTH;
	}
	*text += length;
	width = wcwidth(character);
	return width >= 0 ? (unsigned)width : ESCAPED_WIDTH * (unsigned)length;
}

static unsigned
text_width(const char *text)
{
	mbstate_t state = { 0 };
	unsigned width = 0;

	while (*text != '\0')
		width += next_width(&text, &state);
	return width;
}

static void
enlarge(unsigned *width, unsigned other)
{
	if (other > *width)
		*width = other;
}

void
fit_begin(struct fit *fit, const struct columns *columns, bool headings)
{
	*fit = (struct fit){ .columns = columns };
	for (unsigned i = 0; i < columns->n; i++)
		fit->cell[i] = headings ? (unsigned)strlen(columns->field[i]->name) : 1;
}

void
fit_measure(struct fit *fit, unsigned column, const char *cell, const char *words, const char *mark)
{
	enlarge(&fit->cell[column], text_width(cell) + (unsigned)strlen(mark));
	enlarge(&fit->words[column], (unsigned)strlen(words));
}

/* How little a column needs when it is shown. */
static unsigned
least_width(const struct fit *fit, unsigned i)
{
	bool cut = may_be_cut(fit->columns->field[i]) && fit->cell[i] > CUT_MIN;

	return cut ? CUT_MIN : fit->cell[i] + (fit->with_words ? fit->words[i] : 0);
}

static bool
is_left_out(const struct field *field, unsigned n_left_out)
{
	for (unsigned i = 0; i < n_left_out; i++)
		if (strcmp(field->name, less_needed[i]) == 0)
			return true;
	return false;
}

/* Whether it fits without so many of the less needed columns. *ret_spare is what is left. */
static bool
try_without(struct fit *fit, unsigned n_left_out, unsigned width, unsigned *ret_spare)
{
	unsigned needed = 0;

	for (unsigned i = 0; i < fit->columns->n; i++) {
		fit->width[i] =
			is_left_out(fit->columns->field[i], n_left_out) ? 0 : least_width(fit, i);
		if (fit->width[i] > 0)
			needed += fit->width[i] + (needed > 0);
	}
	*ret_spare = needed < width ? width - needed : 0;
	return needed <= width;
}

/* Gives what is left to those that were cut, evenly. */
static void
widen(struct fit *fit, unsigned spare)
{
	bool changed = true;

	while (spare > 0 && changed) {
		changed = false;
		for (unsigned i = 0; i < fit->columns->n && spare > 0; i++)
			if (fit->width[i] > 0 && fit->width[i] < fit->cell[i]) {
				fit->width[i]++;
				spare--;
				changed = true;
			}
	}
}

static void
take_shown(struct fit *fit)
{
	for (unsigned i = 0; i < fit->columns->n; i++)
		if (fit->width[i] > 0)
			fit->shown.field[fit->shown.n++] = fit->columns->field[i];
}

void
fit_choose(struct fit *fit, unsigned width, bool may_leave_out)
{
	unsigned most = may_leave_out ? N_LESS_NEEDED : 0, spare = 0;
	bool fits = false;

	for (unsigned n = 0; n <= most && !fits; n++) {
		fit->with_words = true;
		fits = try_without(fit, n, width, &spare);
		if (fits)
			break;
		fit->with_words = false;
		fits = try_without(fit, n, width, &spare);
	}
	widen(fit, spare);
	take_shown(fit);
}

void
fit_all(struct fit *fit)
{
	for (unsigned i = 0; i < fit->columns->n; i++)
		fit->width[i] = UINT_MAX;
	take_shown(fit);
}

const char *
fit_cut(const struct fit *fit, unsigned column, const char *text, char ret[static FIELD_TEXT_MAX])
{
	const char *dots = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\u2026" : "~";
	unsigned wanted = fit->width[column], width = 0;
	const char *end = text, *at = text;
	mbstate_t state = { 0 };

	if (wanted == UINT_MAX || !may_be_cut(fit->columns->field[column]) ||
	    text_width(text) <= wanted)
		return text;
	while (width < wanted) {
		end = at;
		width += next_width(&at, &state);
	}
	snprintf(ret, FIELD_TEXT_MAX, "%.*s%s", (int)(end - text), text, dots);
	return ret;
}
