/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry: all that the store knows of one key. A tombstone is the entry of a
 * revoked key. Holds no secret; the digest of one is wiped before an entry
 * leaves the core.
 */
#ifndef LRKEY_ENTRY_H
#define LRKEY_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/apikey.h>
#include <lrkey/names.h>
#include <lrkey/net.h>
#include <lrkey/when.h>

/* Why a key was revoked. The numbers are part of the format. */
enum lrk_reason {
	LRK_REASON_NONE = 0,
	LRK_REASON_COMPROMISED = 1,
	LRK_REASON_MISUSED = 2,
	LRK_REASON_USAGE_LIMIT = 3,
	LRK_REASON_INACTIVE_OWNER = 4,
	LRK_REASON_OBSOLETE = 5,
	LRK_REASON_RENEWAL = 6,
	LRK_REASON_OTHER = 7,
	LRK_REASON_COUNT
};

/* In the order in which they name a key's state when several hold. */
enum lrk_state {
	LRK_STATE_REVOKED,
	LRK_STATE_DEACTIVATED,
	LRK_STATE_PENDING,
	LRK_STATE_EXPIRED,
	LRK_STATE_EXHAUSTED,
	LRK_STATE_DEPRECATED,
	LRK_STATE_ACTIVE,
	LRK_STATE_COUNT
};

struct lrk_entry {
	char id[LRK_ID_LEN + 1];
	uint8_t digest[LRK_DIGEST_LEN];
	char org[LRK_ORG_MAX + 1];
	char label[LRK_LABEL_MAX + 1];	/* "" is none */
	char owner[LRK_USER_MAX + 1];	/* "" is none */
	char created_by[LRK_USER_MAX + 1];
	unsigned n_scopes;		/* 1 to LRK_SCOPES_MAX */
	char scopes[LRK_SCOPES_MAX][LRK_SCOPE_MAX + 1];
	unsigned n_nets;		/* 0: from everywhere */
	struct lrk_net nets[LRK_NETS_MAX];
	int64_t created;
	int64_t not_before;		/* 0 is none */
	int64_t expires;		/* the first second without it; LRK_NEVER */
	int64_t term;			/* the life it was made for, in seconds; LRK_NEVER */
	uint64_t max_uses;		/* 0 is no limit */
	char predecessor[LRK_ID_LEN + 1]; /* "" is none */
	char successor[LRK_ID_LEN + 1];	/* "" is none; set by a rotation */
	int64_t deactivated;		/* since when; 0 is not deactivated */
	int64_t revoked;		/* since when; 0 is not revoked */
	char revoked_by[LRK_USER_MAX + 1];
	enum lrk_reason reason;		/* why it was revoked */
	uint32_t slot;			/* its place in the usage file */
	uint64_t slot_generation;	/* what a valid slot of it says */
};

/* A clock this many seconds before a key's creation makes the key pending. */
#define LRK_CLOCK_TOLERANCE 300

/* The state of a key at a time, when it has been used so often. */
enum lrk_state lrk_entry_state(const struct lrk_entry *entry, int64_t now, uint64_t uses);

/* Whether a key in this state lets its holder in. */
bool lrk_state_works(enum lrk_state state);

/* Whether the key holds the scope, by its name or through "*". */
bool lrk_entry_holds_scope(const struct lrk_entry *entry, const char *scope);

/* "active"; NULL for what is no state. And back: LRK_STATE_COUNT for what is none. */
const char *lrk_state_name(enum lrk_state state);
enum lrk_state lrk_state_from_name(const char *name);

/* "usage-limit"; NULL for none. And back: LRK_REASON_NONE for what is none. */
const char *lrk_reason_name(enum lrk_reason reason);
enum lrk_reason lrk_reason_from_name(const char *name);

#endif
