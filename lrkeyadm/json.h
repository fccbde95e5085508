/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON on standard output, one object at a time. */
#ifndef LRKEYADM_JSON_H
#define LRKEYADM_JSON_H

#include <jansson.h>

#include "fields.h"
#include "sink.h"

/* An object with one list: {"keys":[...]}. */
struct json_list {
	struct sink *sink;
	bool begun; /* an item stands there already */
	struct {
		char text[HEADING_MAX + sizeof("{\"\":")];
		size_t length;
	} head[COLUMNS_MAX]; /* what stands before a field's value */
};

void json_list_begin(struct json_list *list, struct sink *sink, const char *name);

/*
 * Adds a key. apikey, which may be NULL, is its string, of LRK_APIKEY_LEN characters,
 * and becomes the member "key". There may be a million of them, and one may be secret: keys do not
 * pass through the JSON library, which makes an object of each value.
 */
void json_list_key(struct json_list *list, const struct key_view *view, const char *apikey);

/* Adds an object, and releases it; NULL is a lack of memory. */
enum status json_list_object(struct json_list *list, json_t *object);

void json_list_end(struct json_list *list);

/* A text from outside, such as a file's name: what could not be displayed is escaped. */
json_t *json_text(const char *text);

/* Prints one object on standard output, and releases it; NULL is a lack of memory. */
enum status json_print(json_t *object);

#endif
