/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one question.
 *
 * - The secret MUST be proven before anything about the key is looked at or
 *   said; digests are compared in constant time.
 * - What an unknown id costs MUST be what a wrong secret costs: the header is
 *   opened and a digest compared in place of the entry's.
 * - No failure MUST ever become a verdict: it is an error, and the caller's to refuse.
 */
#include <stdio.h>
#include <string.h>

#include <lrkey/verify.h>
#include <lrkey/wipe.h>

#include "store.h"

/* How often a store is opened again when it was rekeyed in between. */
#define ATTEMPTS 3

/* Proves the credential against its entry, or goes through the motions. */
static enum lrk_err
prove(const struct lrk_store *store, const struct lrk_credential *credential,
      struct lrk_entry *entry, enum lrk_verdict *ret, struct lrk_why *why)
{
	static const uint8_t nobodys_digest[LRK_DIGEST_LEN];
	struct lrk_header header;
	enum lrk_err err;

	err = lrk_store_get(store, credential->id, entry, why);
	if (err == LRK_ERR_NOT_FOUND) {
		err = lrk_store_header(store, &header, why);
		if (err == LRK_OK) {
			bool equal = lrk_equal(credential->digest, nobodys_digest, LRK_DIGEST_LEN);

			(void)equal;
			*ret = LRK_VERDICT_UNKNOWN_KEY;
		}
		return err;
	}
	if (err == LRK_OK)
		*ret = lrk_equal(credential->digest, entry->digest, LRK_DIGEST_LEN) ?
			       LRK_VERDICT_VALID :
			       LRK_VERDICT_WRONG_SECRET;
	return err;
}

static enum lrk_err
prove_in_store(const struct lrk_question *question, struct lrk_entry *entry,
	       enum lrk_verdict *ret, struct lrk_why *why)
{
	enum lrk_err err = LRK_ERR_MASTER_KEY;

	for (int i = 0; i < ATTEMPTS && err == LRK_ERR_MASTER_KEY; i++) {
		struct lrk_store store;

		err = lrk_store_open(question->root, question->store, &store, NULL, why);
		if (err == LRK_OK)
			err = prove(&store, question->credential, entry, ret, why);
		lrk_store_close(&store);
	}
	return err;
}

/* The order of decision once the secret is proven; use limits are counted after all of it. */
static enum lrk_verdict
decide(const struct lrk_question *question, const struct lrk_entry *entry, enum lrk_state state)
{
	switch (state) {
	case LRK_STATE_REVOKED:
		return LRK_VERDICT_REVOKED;
	case LRK_STATE_DEACTIVATED:
		return LRK_VERDICT_DEACTIVATED;
	case LRK_STATE_PENDING:
		return LRK_VERDICT_PENDING;
	case LRK_STATE_EXPIRED:
		return LRK_VERDICT_EXPIRED;
	case LRK_STATE_EXHAUSTED:
	case LRK_STATE_DEPRECATED:
	case LRK_STATE_ACTIVE:
	case LRK_STATE_COUNT:
		break;
	}
	if (question->org != NULL && strcmp(question->org, entry->org) != 0)
		return LRK_VERDICT_ORG;
	if (question->scope != NULL && !lrk_entry_holds_scope(entry, question->scope))
		return LRK_VERDICT_SCOPE;
	if (entry->n_nets > 0 && !lrk_net_match(entry->nets, entry->n_nets, question->from))
		return LRK_VERDICT_ADDRESS;
	return LRK_VERDICT_VALID;
}

enum lrk_err
lrk_verify(const struct lrk_question *question, struct lrk_answer *ret, struct lrk_why *why)
{
	struct lrk_answer answer = { .state = LRK_STATE_COUNT };
	enum lrk_err err;

	err = prove_in_store(question, &answer.entry, &answer.verdict, why);
	lrk_wipe_array(answer.entry.digest);
	if (err != LRK_OK)
		goto out;
	if (answer.verdict == LRK_VERDICT_VALID) {
		answer.state = lrk_entry_state(&answer.entry, question->now, 0);
		answer.verdict = decide(question, &answer.entry, answer.state);
	} else {
		memset(&answer.entry, 0, sizeof(answer.entry));
	}
	*ret = answer;
out:
	return err;
}

bool
lrk_verdict_is_proven(enum lrk_verdict verdict)
{
	return verdict >= LRK_VERDICT_REVOKED && verdict < LRK_VERDICT_COUNT;
}

void
lrk_refusal_text(const struct lrk_question *question, const struct lrk_answer *answer, char *text,
		 size_t size)
{
	const struct lrk_entry *entry = &answer->entry;
	char when[LRK_TIME_TEXT];

	switch (answer->verdict) {
	case LRK_VERDICT_UNKNOWN_KEY:
		snprintf(text, size, "unknown key");
		return;
	case LRK_VERDICT_WRONG_SECRET:
		snprintf(text, size, "wrong secret");
		return;
	case LRK_VERDICT_REVOKED:
		lrk_time_format(entry->revoked, when);
		snprintf(text, size, "revoked %s %s", when, lrk_reason_name(entry->reason));
		return;
	case LRK_VERDICT_DEACTIVATED:
		snprintf(text, size, "deactivated");
		return;
	case LRK_VERDICT_PENDING:
		/* Without a time set it is the clock that stands before the key's creation. */
		lrk_time_format(entry->not_before > entry->created ? entry->not_before :
								      entry->created,
				when);
		snprintf(text, size, "pending until %s", when);
		return;
	case LRK_VERDICT_EXPIRED:
		lrk_time_format(entry->expires, when);
		snprintf(text, size, "expired %s", when);
		return;
	case LRK_VERDICT_ORG:
		snprintf(text, size, "organization");
		return;
	case LRK_VERDICT_SCOPE:
		snprintf(text, size, "scope %s", question->scope);
		return;
	case LRK_VERDICT_ADDRESS:
		snprintf(text, size, "address %s",
			 question->from != NULL && question->from[0] != '\0' ? question->from :
									       "unknown");
		return;
	case LRK_VERDICT_OWNER:
		snprintf(text, size, "owner %s", entry->owner);
		return;
	case LRK_VERDICT_USE_LIMIT:
		snprintf(text, size, "use limit");
		return;
	case LRK_VERDICT_VALID:
	case LRK_VERDICT_COUNT:
		break;
	}
	snprintf(text, size, "none");
}
