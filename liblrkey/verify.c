/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one question.
 *
 * - The secret MUST be proven before anything about the key is looked at or
 *   said; digests are compared in constant time.
 * - What an unknown id costs MUST be what a wrong secret costs: the header is
 *   opened and a digest compared in place of the entry's.
 * - No failure MUST ever become a verdict: it is an error, and the caller's to refuse.
 * - A use MUST be counted last, when everything else has said yes, and before the
 *   answer: verify, policy, consume, success.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/verify.h>
#include <lrkey/wipe.h>

#include "owner.h"
#include "store.h"
#include "usage.h"

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

/* What the key's state and its attributes say, in the order of decision. */
static enum lrk_err
decide(const struct lrk_question *question, const struct lrk_entry *entry, enum lrk_state state,
       enum lrk_verdict *ret, struct lrk_why *why)
{
	bool usable = true;
	enum lrk_err err = LRK_OK;

	if (state == LRK_STATE_REVOKED) {
		*ret = LRK_VERDICT_REVOKED;
	} else if (state == LRK_STATE_DEACTIVATED) {
		*ret = LRK_VERDICT_DEACTIVATED;
	} else if (state == LRK_STATE_PENDING) {
		*ret = LRK_VERDICT_PENDING;
	} else if (state == LRK_STATE_EXPIRED) {
		*ret = LRK_VERDICT_EXPIRED;
	} else if (question->org != NULL && strcmp(question->org, entry->org) != 0) {
		*ret = LRK_VERDICT_ORG;
	} else if (question->scope != NULL && !lrk_entry_holds_scope(entry, question->scope)) {
		*ret = LRK_VERDICT_SCOPE;
	} else if (entry->n_nets > 0 &&
		   !lrk_net_match(entry->nets, entry->n_nets, question->from)) {
		*ret = LRK_VERDICT_ADDRESS;
	} else {
		if (question->owner_active && entry->owner[0] != '\0')
			err = lrk_owner_is_usable(entry->owner, question->now, &usable, why);
		if (err == LRK_OK)
			*ret = usable ? LRK_VERDICT_VALID : LRK_VERDICT_OWNER;
	}
	return err;
}

/* Looks whether the limit is used up, and leaves it as it is. */
static enum lrk_err
check_limit(const struct lrk_store *store, struct lrk_answer *answer, struct lrk_why *why)
{
	struct lrk_usage usage;
	bool valid = false;
	enum lrk_err err;
	int fd;

	err = lrk_usage_open(&store->gate, false, &fd, why);
	if (err == LRK_OK) {
		err = lrk_usage_read(fd, &answer->entry, &usage, &valid);
		if (err != LRK_OK)
			lrk_fail_errno(why, err, errno, "%s/%s", store->gate.path, LRK_USAGE_FILE);
		close(fd);
	}
	if (err == LRK_OK && !valid)
		err = lrk_fail(why, LRK_ERR_USAGE,
			       "%s/%s: the slot of key %s is not valid: set --max-uses again",
			       store->gate.path, LRK_USAGE_FILE, answer->entry.id);
	if (err != LRK_OK)
		return err == LRK_ERR_NOMEM ? err : LRK_ERR_USAGE;
	if (usage.uses >= answer->entry.max_uses)
		answer->verdict = LRK_VERDICT_USE_LIMIT;
	return LRK_OK;
}

/* Records the use that is about to be granted, or that a proven secret was refused. */
static enum lrk_err
count_use(const struct lrk_store *store, const struct lrk_question *question,
	  struct lrk_answer *answer, struct lrk_why *why)
{
	const struct lrk_use use = { question->now, question->service, question->rhost };
	bool valid = answer->verdict == LRK_VERDICT_VALID, granted = true;
	enum lrk_err err;
	int fd;

	err = lrk_usage_open(&store->gate, true, &fd, why);
	if (err == LRK_OK) {
		if (valid)
			err = lrk_usage_grant(fd, &answer->entry, &use, &granted, why);
		else
			lrk_usage_deny(fd, &answer->entry);
		close(fd);
	}
	if (!granted)
		answer->verdict = LRK_VERDICT_USE_LIMIT;
	if (err == LRK_OK || !valid)
		return LRK_OK;
	if (answer->entry.max_uses != 0)
		return LRK_ERR_USAGE;
	answer->unrecorded = true;
	return LRK_OK;
}

static enum lrk_err
judge(const struct lrk_store *store, const struct lrk_question *question,
      struct lrk_answer *answer, struct lrk_why *why)
{
	enum lrk_err err;

	/* Without its uses: the limit comes last. */
	answer->state = lrk_entry_state(&answer->entry, question->now, 0);
	err = decide(question, &answer->entry, answer->state, &answer->verdict, why);
	if (err != LRK_OK || question->use == LRK_USE_IGNORE)
		return err;
	if (question->use == LRK_USE_COUNT)
		err = count_use(store, question, answer, why);
	else if (answer->verdict == LRK_VERDICT_VALID && answer->entry.max_uses != 0)
		err = check_limit(store, answer, why);
	if (answer->verdict == LRK_VERDICT_USE_LIMIT)
		answer->state = LRK_STATE_EXHAUSTED;
	return err;
}

static enum lrk_err
ask_store(const struct lrk_question *question, struct lrk_answer *answer, struct lrk_why *why)
{
	struct lrk_store store;
	enum lrk_err err;

	err = lrk_store_open_to_ask(question->root, question->store, &store, why);
	if (err == LRK_OK)
		err = prove(&store, question->credential, &answer->entry, &answer->verdict, why);
	lrk_wipe_array(answer->entry.digest);
	if (err == LRK_OK && answer->verdict == LRK_VERDICT_VALID)
		err = judge(&store, question, answer, why);
	else if (err == LRK_OK)
		memset(&answer->entry, 0, sizeof(answer->entry));
	lrk_store_close(&store);
	return err;
}

enum lrk_err
lrk_verify(const struct lrk_question *question, struct lrk_answer *ret, struct lrk_why *why)
{
	struct lrk_answer answer = { .state = LRK_STATE_COUNT };
	enum lrk_err err = LRK_ERR_MASTER_KEY;

	for (int i = 0; i < ATTEMPTS && err == LRK_ERR_MASTER_KEY; i++)
		err = ask_store(question, &answer, why);
	if (err == LRK_OK)
		*ret = answer;
	/* What the entry says is nobody's but the caller's. */
	lrk_wipe_object(&answer);
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
