/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attributes of a key that users give: what generate and edit share. */
#ifndef LRKEYADM_ATTRIBUTES_H
#define LRKEYADM_ATTRIBUTES_H

#include "values.h"

/* The values of options; NULL: not given. */
struct attributes {
	const char *label;
	const char *scopes;
	const char *owner;
	const char *networks;
	const char *max_uses;
	bool may_clear; /* an empty label, owner or network list, and the limit "none", are no mistake */
};

/* Sets in entry what was given; what is cleared, and what was not given, is left as it is. */
enum status attributes_parse(const struct attributes *given, struct lrk_entry *entry);

#endif
