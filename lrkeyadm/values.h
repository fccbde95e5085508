/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What users may write for an organization, a scope, a time and so on. Each
 * function says what is allowed where a value is not, and returns STATUS_USAGE then.
 * name is how messages call the value, "--org" say.
 */
#ifndef LRKEYADM_VALUES_H
#define LRKEYADM_VALUES_H

#include <stdint.h>

#include <lrkey/entry.h>

#include "command.h"
#include "words.h"

enum status value_org(const char *name, const char *text);
enum status value_label(const char *name, const char *text);
enum status value_scope(const char *name, const char *text);
/* One numeric address, without a prefix. */
enum status value_address(const char *name, const char *text);
/* The name of a user, who need not exist any more. */
enum status value_user(const char *name, const char *text);
/* The name of a user who exists. */
enum status value_owner(const char *name, const char *text);

/* Into the entry's scopes: as they come, those that are there already left out. */
enum status value_scopes(const char *name, const char *text, struct lrk_entry *entry);
/* Into the entry's networks. */
enum status value_networks(const char *name, const char *text, struct lrk_entry *entry);

enum status value_when(const char *name, const char *text, int64_t now, int64_t *ret);
/* The time when a key begins to work: never is none. */
enum status value_begin(const char *name, const char *text, int64_t now, int64_t *ret);
enum status value_duration(const char *name, const char *text, int64_t *ret);
/* And back: "90d", in the largest unit that leaves no rest; "never" for LRK_NEVER. */
#define DURATION_TEXT 24
void duration_format(int64_t seconds, char text[static DURATION_TEXT]);
/* A whole number from 1 to max. */
enum status value_count(const char *name, const char *text, unsigned max, unsigned *ret);

/* A use limit: a whole number from 1 to USES_MAX, which readers of JSON take whole. */
#define USES_MAX ((UINT64_C(1) << 53) - 1)
enum status value_uses(const char *name, const char *text, uint64_t *ret);

/* Key ids, each once, in the order given. They point into the request. */
struct ids {
	const char **id;
	unsigned n;
};

/* Says where the ids of the request's store are to be seen when the text is none. */
enum status value_id(const struct request *request, const char *name, const char *text);

enum status value_ids(const struct request *request, struct ids *ret);
void ids_free(struct ids *ids);

#endif
