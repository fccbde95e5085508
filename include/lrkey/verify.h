/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one question: may the holder of this credential come in, here and now?
 */
#ifndef LRKEY_VERIFY_H
#define LRKEY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/apikey.h>
#include <lrkey/entry.h>
#include <lrkey/error.h>

/* In the order of decision; the first that fails decides. */
enum lrk_verdict {
	LRK_VERDICT_UNKNOWN_KEY = 0, /* nothing proven: no such id */
	LRK_VERDICT_WRONG_SECRET,    /* nothing proven */
	LRK_VERDICT_REVOKED,	     /* from here on the secret is proven */
	LRK_VERDICT_DEACTIVATED,
	LRK_VERDICT_PENDING,
	LRK_VERDICT_EXPIRED,
	LRK_VERDICT_ORG,
	LRK_VERDICT_SCOPE,
	LRK_VERDICT_ADDRESS,
	LRK_VERDICT_OWNER,
	LRK_VERDICT_USE_LIMIT,
	LRK_VERDICT_VALID,
	LRK_VERDICT_COUNT
};

/* What is to happen with a key's use limit, and with the record of its uses. */
enum lrk_use_mode {
	LRK_USE_IGNORE = 0, /* neither looked at nor changed */
	LRK_USE_CHECK,	    /* a limit that is used up refuses; nothing is written */
	LRK_USE_COUNT,	    /* the same, and this use or refusal is recorded */
};

struct lrk_question {
	const char *root;  /* the store lies under this directory; NULL: under / */
	const char *store; /* its name */
	const struct lrk_credential *credential;
	int64_t now;
	const char *org;   /* the organization it must be of; NULL: any */
	const char *scope; /* the scope it must hold; NULL: not asked */
	const char *from;  /* numeric address of the client; NULL: not known */
	bool owner_active; /* its owner, if it has one, must be a usable account */
	enum lrk_use_mode use;
	const char *service; /* what the record of this use says, with LRK_USE_COUNT */
	const char *rhost;
};

struct lrk_answer {
	enum lrk_verdict verdict;
	enum lrk_state state;	/* of a proven key */
	struct lrk_entry entry; /* of a proven key, its digest wiped; else all zero */
	bool unrecorded;	/* valid, without a limit; some use of it is not on record */
};

/*
 * Answers the question from the store as it is now. Opens what it needs and
 * closes all of it; changes nothing but, with LRK_USE_COUNT, the slot of a proven key
 * in the usage file; thread-safe. An unknown id costs what a wrong secret costs.
 *
 * Returns LRK_OK when there is an answer, also when it is no. Any error means
 * that the store could not answer, and why says which file and why; *ret is
 * then untouched. LRK_ERR_USAGE: the key has a limit, and its use could not be recorded.
 * Where the answer says unrecorded, why says the reason.
 */
LRK_MUST_CHECK enum lrk_err lrk_verify(const struct lrk_question *question,
				       struct lrk_answer *ret, struct lrk_why *why);

/* Whether the verdict rests on a proven secret. */
bool lrk_verdict_is_proven(enum lrk_verdict verdict);

/*
 * The reason of a refusal as logs and lrkeyadm word it: "expired
 * 2026-11-20T10:00:00Z", "scope scim". What the question brought in from
 * outside is quoted as it came: escape it before it is displayed.
 */
void lrk_refusal_text(const struct lrk_question *question, const struct lrk_answer *answer,
		      char *text, size_t size);

#endif
