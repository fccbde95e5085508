/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is shown of a key: one table of fields, from which JSON, CSV, tables
 * and "show" all come.
 */
#ifndef LRKEYADM_FIELDS_H
#define LRKEYADM_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/entry.h>

#include "liblrkey/usage.h"
#include "words.h"

/*
 * A key as it is shown: its entry, its use (all zero where none is known), whether its
 * slot in the usage file is valid, and the time that decides its state.
 */
struct key_view {
	const struct lrk_entry *entry;
	struct lrk_usage usage;
	bool recorded;
	int64_t now;
};

enum field_kind {
	FIELD_NULL,
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_LIST
};

/* The longest item of a list, with its NUL. */
#define FIELD_ITEM_MAX 64

struct field_value {
	enum field_kind kind;
	const char *text; /* of a text or a number; in the entry, or in room */
	char room[LRK_TIME_TEXT];
	/* Of a list: how many there are, and one of them. */
	unsigned n;
	void (*item)(const struct key_view *view, unsigned i, char text[static FIELD_ITEM_MAX]);
};

struct field {
	const char *name;   /* in JSON; in capitals the name of the column */
	const char *absent; /* what text says for null */
	bool tombstone;	    /* only tombstones have it */
	bool is_end;	    /* a time worth words, "in 12 days" */
	void (*get)(const struct key_view *view, struct field_value *ret);
};

/* The field with this index, or NULL behind the last. */
const struct field *field_at(unsigned i);

/* The value of a field; it lives as long as the view's entry and *ret. */
void field_value(const struct field *field, const struct key_view *view, struct field_value *ret);

/* The longest text of a field. */
#define FIELD_TEXT_MAX 1024

/* The text of a field; lists are joined by separator. */
void field_text(const struct field *field, const struct key_view *view, const char *separator,
		char text[static FIELD_TEXT_MAX]);

/* The words that a terminal adds to a time: " in 12 days"; "" for most fields. */
#define FIELD_WORDS_MAX 32
void field_words(const struct field *field, const struct key_view *view,
		 char words[static FIELD_WORDS_MAX]);

/* The same for the key's end, whatever the field. */
void end_words(const struct key_view *view, char words[static FIELD_WORDS_MAX]);

#define COLUMNS_MAX 32

struct columns {
	const struct field *field[COLUMNS_MAX];
	unsigned n;
};

/* The columns that a list with commas names, in any case; NULL: the default ones. */
enum status columns_parse(const char *name, const char *list, struct columns *ret);

/* The heading of a column, in capitals. */
#define HEADING_MAX 32
void column_heading(const struct field *field, char heading[static HEADING_MAX]);

enum lrk_state view_state(const struct key_view *view);

/* Whether the key lets its holder in: its state says so, and its use limit can be kept. */
bool view_works(const struct key_view *view);

/* For how many seconds it was not used, since its last use or else its creation. */
int64_t view_unused_for(const struct key_view *view);

#endif
