/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain text of records.
 *
 * - What is decoded MUST be checked as if a stranger had written it, although a
 *   master key vouches for it: a manager of today may be one of yesterday.
 * - An unknown attribute MUST be an error: it may be a restriction.
 * - An entry MUST have one encoding only, so that what was read back can be
 *   compared with what was written.
 */
#include <stdbool.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "bytes.h"
#include "codec.h"

#define VERSION 1

/* Attributes of an entry, in the order in which they stand. */
enum tag {
	TAG_DIGEST = 1,
	TAG_ORG = 2,
	TAG_SCOPES = 3,
	TAG_CREATED = 4,
	TAG_CREATED_BY = 5,
	TAG_EXPIRES = 6,
	TAG_TERM = 7,
	TAG_LABEL = 8,
	TAG_OWNER = 9,
	TAG_NOT_BEFORE = 10,
	TAG_NETS = 11,
	TAG_MAX_USES = 12,
	TAG_PREDECESSOR = 13,
	TAG_SUCCESSOR = 14,
	TAG_DEACTIVATED = 15,
	TAG_REVOKED = 16,
	TAG_REVOKED_BY = 17,
	TAG_REASON = 18,
	TAG_SLOT = 19,
	TAG_END
};

/* Writing: a buffer that notes when it was too small, so that only the end asks. */
struct writer {
	uint8_t *bytes;
	size_t size;
	size_t used;
	bool full;
};

static void
put_bytes(struct writer *w, const void *bytes, size_t length)
{
	if (w->full || length > w->size - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->bytes + w->used, bytes, length);
	w->used += length;
}

/* A number in network order. */
static void
put_number(struct writer *w, uint64_t number, unsigned width)
{
	uint8_t bytes[8];

	lrk_put_number(bytes, number, width);
	put_bytes(w, bytes, width);
}

static void
put_attribute(struct writer *w, enum tag tag, const void *value, size_t length)
{
	put_number(w, tag, 1);
	put_number(w, length, 2);
	put_bytes(w, value, length);
}

static void
put_text(struct writer *w, enum tag tag, const char *text)
{
	if (text[0] != '\0')
		put_attribute(w, tag, text, strlen(text));
}

static void
put_u64(struct writer *w, enum tag tag, uint64_t number)
{
	put_number(w, tag, 1);
	put_number(w, 8, 2);
	put_number(w, number, 8);
}

/* Times whose absence means something else than 0 leave that value out. */
static void
put_time(struct writer *w, enum tag tag, int64_t when, int64_t absent)
{
	if (when != absent)
		put_u64(w, tag, (uint64_t)when);
}

static void
put_scopes(struct writer *w, const struct lrk_entry *entry)
{
	uint8_t list[LRK_SCOPES_MAX * (1 + LRK_SCOPE_MAX)];
	struct writer l = { .bytes = list, .size = sizeof(list) };

	for (unsigned i = 0; i < entry->n_scopes; i++) {
		size_t length = strlen(entry->scopes[i]);

		put_number(&l, length, 1);
		put_bytes(&l, entry->scopes[i], length);
	}
	put_attribute(w, TAG_SCOPES, list, l.used);
}

static size_t
net_address_length(const struct lrk_net *net)
{
	return net->family == 4 ? 4 : 16;
}

static void
put_nets(struct writer *w, const struct lrk_entry *entry)
{
	uint8_t list[LRK_NETS_MAX * (2 + 16)];
	struct writer l = { .bytes = list, .size = sizeof(list) };

	if (entry->n_nets == 0)
		return;
	for (unsigned i = 0; i < entry->n_nets; i++) {
		const struct lrk_net *net = &entry->nets[i];

		put_number(&l, net->family, 1);
		put_number(&l, net->prefix, 1);
		put_bytes(&l, net->address, net_address_length(net));
	}
	put_attribute(w, TAG_NETS, list, l.used);
}

static void
put_slot(struct writer *w, const struct lrk_entry *entry)
{
	put_number(w, TAG_SLOT, 1);
	put_number(w, 4 + 8, 2);
	put_number(w, entry->slot, 4);
	put_number(w, entry->slot_generation, 8);
}

static bool
is_time(int64_t when)
{
	return when >= 0 && when <= LRK_TIME_MAX;
}

static bool
is_end(int64_t when)
{
	return when == LRK_NEVER || is_time(when);
}

/* An empty text is an absent one; else it must be what valid says. */
static bool
is_absent_or(const char *text, bool (*valid)(const char *))
{
	return text[0] == '\0' || valid(text);
}

static bool
is_scope_list(const struct lrk_entry *entry)
{
	if (entry->n_scopes < 1 || entry->n_scopes > LRK_SCOPES_MAX)
		return false;
	for (unsigned i = 0; i < entry->n_scopes; i++) {
		if (!lrk_is_scope(entry->scopes[i]))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(entry->scopes[i], entry->scopes[j]) == 0)
				return false;
	}
	return true;
}

static bool
is_net_list(const struct lrk_entry *entry)
{
	if (entry->n_nets > LRK_NETS_MAX)
		return false;
	for (unsigned i = 0; i < entry->n_nets; i++)
		if (!lrk_net_is_valid(&entry->nets[i]))
			return false;
	return true;
}

/* What holds for every entry, written or read. */
static bool
is_entry(const struct lrk_entry *entry)
{
	bool revoked = entry->revoked != 0;

	return lrk_is_id(entry->id) && lrk_is_org(entry->org) && is_scope_list(entry) &&
	       is_net_list(entry) && lrk_is_user_name(entry->created_by) &&
	       is_absent_or(entry->label, lrk_is_label) &&
	       is_absent_or(entry->owner, lrk_is_user_name) &&
	       is_absent_or(entry->predecessor, lrk_is_id) &&
	       is_absent_or(entry->successor, lrk_is_id) && is_time(entry->created) &&
	       is_time(entry->not_before) && is_end(entry->expires) && is_end(entry->term) &&
	       is_time(entry->deactivated) && is_time(entry->revoked) &&
	       revoked == (entry->reason != LRK_REASON_NONE) &&
	       (unsigned)entry->reason < LRK_REASON_COUNT &&
	       revoked == (entry->revoked_by[0] != '\0') &&
	       is_absent_or(entry->revoked_by, lrk_is_user_name);
}

enum lrk_err
lrk_entry_encode(const struct lrk_entry *entry, uint8_t plain[static LRK_PLAIN_MAX],
		 size_t *ret_length)
{
	struct writer w = { .bytes = plain, .size = LRK_PLAIN_MAX };
	uint8_t reason = (uint8_t)entry->reason;

	if (!is_entry(entry))
		return LRK_ERR_INTERNAL;
	put_number(&w, VERSION, 1);
	put_attribute(&w, TAG_DIGEST, entry->digest, sizeof(entry->digest));
	put_text(&w, TAG_ORG, entry->org);
	put_scopes(&w, entry);
	put_u64(&w, TAG_CREATED, (uint64_t)entry->created);
	put_text(&w, TAG_CREATED_BY, entry->created_by);
	put_time(&w, TAG_EXPIRES, entry->expires, LRK_NEVER);
	put_time(&w, TAG_TERM, entry->term, LRK_NEVER);
	put_text(&w, TAG_LABEL, entry->label);
	put_text(&w, TAG_OWNER, entry->owner);
	put_time(&w, TAG_NOT_BEFORE, entry->not_before, 0);
	put_nets(&w, entry);
	if (entry->max_uses != 0)
		put_u64(&w, TAG_MAX_USES, entry->max_uses);
	put_text(&w, TAG_PREDECESSOR, entry->predecessor);
	put_text(&w, TAG_SUCCESSOR, entry->successor);
	put_time(&w, TAG_DEACTIVATED, entry->deactivated, 0);
	put_time(&w, TAG_REVOKED, entry->revoked, 0);
	put_text(&w, TAG_REVOKED_BY, entry->revoked_by);
	if (reason != 0)
		put_attribute(&w, TAG_REASON, &reason, 1);
	put_slot(&w, entry);
	if (w.full)
		return LRK_ERR_INTERNAL;
	*ret_length = w.used;
	return LRK_OK;
}

/* Reading: what was missing or wrong is noted, so that only the end asks. */
struct reader {
	const uint8_t *bytes;
	size_t left;
	bool bad;
};

static const uint8_t *
get_bytes(struct reader *r, size_t length)
{
	const uint8_t *at = r->bytes;

	if (r->bad || length > r->left) {
		r->bad = true;
		return NULL;
	}
	r->bytes += length;
	r->left -= length;
	return at;
}

static uint64_t
get_number(struct reader *r, unsigned width)
{
	const uint8_t *bytes = get_bytes(r, width);

	return bytes != NULL ? lrk_get_number(bytes, width) : 0;
}

/* The rest of r as a text of at most max bytes, at least 1, without a NUL. */
static void
get_text(struct reader *r, char *text, size_t max)
{
	size_t length = r->left;
	const uint8_t *bytes = get_bytes(r, length);

	if (bytes == NULL || length == 0 || length > max || memchr(bytes, 0, length) != NULL) {
		r->bad = true;
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

/* A time that stands there; absent is the value that would have been left out. */
static int64_t
get_time(struct reader *r, int64_t absent)
{
	int64_t when = (int64_t)get_number(r, 8);

	if (!is_time(when) || when == absent)
		r->bad = true;
	return when;
}

static void
get_scopes(struct reader *r, struct lrk_entry *entry)
{
	while (r->left > 0 && !r->bad) {
		size_t length = (size_t)get_number(r, 1);
		struct reader one = { .bytes = get_bytes(r, length), .left = length };

		if (r->bad || entry->n_scopes == LRK_SCOPES_MAX) {
			r->bad = true;
			return;
		}
		get_text(&one, entry->scopes[entry->n_scopes++], LRK_SCOPE_MAX);
		r->bad |= one.bad;
	}
}

static void
get_nets(struct reader *r, struct lrk_entry *entry)
{
	if (r->left == 0)
		r->bad = true;
	while (r->left > 0 && !r->bad) {
		struct lrk_net *net = &entry->nets[entry->n_nets];
		const uint8_t *address;

		if (entry->n_nets == LRK_NETS_MAX) {
			r->bad = true;
			return;
		}
		net->family = (uint8_t)get_number(r, 1);
		net->prefix = (uint8_t)get_number(r, 1);
		address = get_bytes(r, net_address_length(net));
		if (address == NULL)
			return;
		memcpy(net->address, address, net_address_length(net));
		entry->n_nets++;
	}
}

static void
get_attribute(struct reader *value, enum tag tag, struct lrk_entry *entry)
{
	const uint8_t *bytes;

	switch (tag) {
	case TAG_DIGEST:
		bytes = get_bytes(value, LRK_DIGEST_LEN);
		if (bytes != NULL)
			memcpy(entry->digest, bytes, LRK_DIGEST_LEN);
		break;
	case TAG_ORG:
		get_text(value, entry->org, LRK_ORG_MAX);
		break;
	case TAG_SCOPES:
		get_scopes(value, entry);
		break;
	case TAG_CREATED:
		entry->created = get_time(value, -1);
		break;
	case TAG_CREATED_BY:
		get_text(value, entry->created_by, LRK_USER_MAX);
		break;
	case TAG_EXPIRES:
		entry->expires = get_time(value, LRK_NEVER);
		break;
	case TAG_TERM:
		entry->term = get_time(value, LRK_NEVER);
		break;
	case TAG_LABEL:
		get_text(value, entry->label, LRK_LABEL_MAX);
		break;
	case TAG_OWNER:
		get_text(value, entry->owner, LRK_USER_MAX);
		break;
	case TAG_NOT_BEFORE:
		entry->not_before = get_time(value, 0);
		break;
	case TAG_NETS:
		get_nets(value, entry);
		break;
	case TAG_MAX_USES:
		entry->max_uses = get_number(value, 8);
		if (entry->max_uses == 0)
			value->bad = true;
		break;
	case TAG_PREDECESSOR:
		get_text(value, entry->predecessor, LRK_ID_LEN);
		break;
	case TAG_SUCCESSOR:
		get_text(value, entry->successor, LRK_ID_LEN);
		break;
	case TAG_DEACTIVATED:
		entry->deactivated = get_time(value, 0);
		break;
	case TAG_REVOKED:
		entry->revoked = get_time(value, 0);
		break;
	case TAG_REVOKED_BY:
		get_text(value, entry->revoked_by, LRK_USER_MAX);
		break;
	case TAG_REASON:
		entry->reason = (enum lrk_reason)get_number(value, 1);
		if (entry->reason == LRK_REASON_NONE)
			value->bad = true;
		break;
	case TAG_SLOT:
		entry->slot = (uint32_t)get_number(value, 4);
		entry->slot_generation = get_number(value, 8);
		break;
	case TAG_END:
		value->bad = true;
		break;
	}
	if (value->left != 0)
		value->bad = true;
}

/* The attributes that every entry has; the others are optional. */
static const uint32_t required_tags = 1u << TAG_DIGEST | 1u << TAG_ORG | 1u << TAG_SCOPES |
				      1u << TAG_CREATED | 1u << TAG_CREATED_BY | 1u << TAG_SLOT;

enum lrk_err
lrk_entry_decode(const char id[static LRK_ID_LEN + 1], const uint8_t *plain, size_t length,
		 struct lrk_entry *ret)
{
	struct reader r = { .bytes = plain, .left = length };
	struct lrk_entry entry = { .expires = LRK_NEVER, .term = LRK_NEVER };
	enum lrk_err err = LRK_ERR_DAMAGED;
	uint32_t seen = 0;
	uint64_t last = 0;

	memcpy(entry.id, id, LRK_ID_LEN);
	if (length > 0 && plain[0] > VERSION)
		return LRK_ERR_VERSION;
	if (get_number(&r, 1) != VERSION)
		goto out;
	while (r.left > 0 && !r.bad) {
		uint64_t tag = get_number(&r, 1);
		size_t size = (size_t)get_number(&r, 2);
		struct reader value = { .bytes = get_bytes(&r, size), .left = size };

		if (r.bad || tag <= last)
			goto out;
		if (tag >= TAG_END) {
			err = LRK_ERR_VERSION;
			goto out;
		}
		get_attribute(&value, (enum tag)tag, &entry);
		if (value.bad)
			goto out;
		seen |= 1u << tag;
		last = tag;
	}
	if (r.bad || (seen & required_tags) != required_tags || !is_entry(&entry))
		goto out;
	*ret = entry;
	err = LRK_OK;
out:
	lrk_wipe_object(&entry);
	return err;
}

enum lrk_err
lrk_header_encode(const struct lrk_header *header, uint8_t plain[static LRK_PLAIN_MAX],
		  size_t *ret_length)
{
	struct writer w = { .bytes = plain, .size = LRK_PLAIN_MAX };

	if (header->n_seals > LRK_SEALS_MAX || header->n_free > LRK_FREE_MAX)
		return LRK_ERR_INTERNAL;
	put_number(&w, VERSION, 1);
	put_bytes(&w, header->uuid, sizeof(header->uuid));
	put_number(&w, header->generation, 8);
	put_number(&w, header->slots, 4);
	put_number(&w, header->n_seals, 1);
	for (unsigned i = 0; i < header->n_seals; i++) {
		put_number(&w, header->seals[i].master_id, 4);
		put_number(&w, header->seals[i].count, 8);
	}
	put_number(&w, header->n_free, 1);
	for (unsigned i = 0; i < header->n_free; i++) {
		put_number(&w, header->free[i].first, 4);
		put_number(&w, header->free[i].count, 4);
	}
	if (w.full)
		return LRK_ERR_INTERNAL;
	*ret_length = w.used;
	return LRK_OK;
}

enum lrk_err
lrk_header_decode(const uint8_t *plain, size_t length, struct lrk_header *ret)
{
	struct reader r = { .bytes = plain, .left = length };
	struct lrk_header header = { 0 };
	const uint8_t *uuid;

	if (length > 0 && plain[0] > VERSION)
		return LRK_ERR_VERSION;
	if (get_number(&r, 1) != VERSION)
		return LRK_ERR_DAMAGED;
	uuid = get_bytes(&r, LRK_UUID_LEN);
	if (uuid != NULL)
		memcpy(header.uuid, uuid, LRK_UUID_LEN);
	header.generation = get_number(&r, 8);
	header.slots = (uint32_t)get_number(&r, 4);
	header.n_seals = (unsigned)get_number(&r, 1);
	if (header.n_seals > LRK_SEALS_MAX)
		return LRK_ERR_DAMAGED;
	for (unsigned i = 0; i < header.n_seals; i++) {
		header.seals[i].master_id = (uint32_t)get_number(&r, 4);
		header.seals[i].count = get_number(&r, 8);
	}
	header.n_free = (unsigned)get_number(&r, 1);
	if (header.n_free > LRK_FREE_MAX)
		return LRK_ERR_DAMAGED;
	for (unsigned i = 0; i < header.n_free; i++) {
		header.free[i].first = (uint32_t)get_number(&r, 4);
		header.free[i].count = (uint32_t)get_number(&r, 4);
	}
	if (r.bad || r.left != 0)
		return LRK_ERR_DAMAGED;
	*ret = header;
	return LRK_OK;
}
