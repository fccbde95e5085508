/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the module does in its two phases.
 *
 * - PAM_SUCCESS MUST come from a verdict LRK_VERDICT_VALID of the store, or from
 *   one in the same handle, to the same question, at most a second old.
 * - PAM_IGNORE MUST mean that no key of ours has been proven; no error ever
 *   becomes it.
 * - What proves nothing (no token, no key, an unknown one, a wrong secret) MUST
 *   be told from the outside by nothing: one code, no message.
 * - The token stays libpam's, uncopied; the credential MUST be wiped on every path.
 */
#include <string.h>

#include <security/pam_ext.h>

#include <lrkey/wipe.h>

#include "decide.h"
#include "grant.h"
#include "log.h"
#include "verdict.h"

/* The code for each verdict of the store, in the order of decision. */
static const int codes[LRK_VERDICT_COUNT] = {
	[LRK_VERDICT_UNKNOWN_KEY] = PAM_AUTH_ERR,
	[LRK_VERDICT_WRONG_SECRET] = PAM_AUTH_ERR,
	[LRK_VERDICT_REVOKED] = PAM_AUTH_ERR,
	[LRK_VERDICT_DEACTIVATED] = PAM_PERM_DENIED,
	[LRK_VERDICT_PENDING] = PAM_ACCT_EXPIRED,
	[LRK_VERDICT_EXPIRED] = PAM_ACCT_EXPIRED,
	[LRK_VERDICT_ORG] = PAM_PERM_DENIED,
	[LRK_VERDICT_SCOPE] = PAM_PERM_DENIED,
	[LRK_VERDICT_ADDRESS] = PAM_PERM_DENIED,
	[LRK_VERDICT_OWNER] = PAM_PERM_DENIED,
	[LRK_VERDICT_USE_LIMIT] = PAM_MAXTRIES,
	[LRK_VERDICT_VALID] = PAM_SUCCESS,
};

static int
fail_store(const struct call *call, enum lrk_err err, struct lrk_why *why)
{
	if (err == LRK_ERR_NOMEM) {
		log_no_memory(call);
		return PAM_BUF_ERR;
	}
	if (why->text[0] == '\0')
		lrk_fail(why, err, "%s", lrk_err_text(err));
	log_store_alarm(call, why);
	return PAM_AUTHINFO_UNAVAIL;
}

/* What this line of the service file asks of a key, here. */
static struct lrk_question
make_question(struct call *call, const struct lrk_credential *credential)
{
	const struct options *options = &call->options;
	struct lrk_question question = {
		.root = options->root,
		.store = call_name_store(call),
		.credential = credential,
		.org = options->org,
		.scope = options->scope,
		.from = call_item(call, PAM_RHOST),
		.owner_active = strcmp(options->owner, OPTIONS_OWNER_ACTIVE) == 0,
		.service = call_item(call, PAM_SERVICE),
		.rhost = call_item(call, PAM_RHOST),
	};

	if (strcmp(options->org, OPTIONS_ORG_MATCH) == 0)
		question.org = call_item(call, PAM_USER);
	else if (strcmp(options->org, OPTIONS_ORG_ANY) == 0)
		question.org = NULL;
	if (question.scope == NULL)
		question.scope = call_item(call, PAM_SERVICE);
	return question;
}

/* Reads the clock for a question; PAM_AUTHINFO_UNAVAIL when there is none, logged. */
static int
read_clock(const struct call *call, struct lrk_question *question, struct timespec *ret)
{
	struct lrk_why why = { "" };

	if (clock_gettime(CLOCK_REALTIME, ret) != 0)
		return fail_store(call, LRK_ERR_CLOCK, &why);
	question->now = ret->tv_sec;
	return PAM_SUCCESS;
}

/*
 * Asks the store. *ret_unproven is set when the answer is no and the secret was not
 * shown to be a key's; then, and only then, the refusal says nothing about a key.
 */
static int
ask_store(const struct call *call, const struct lrk_question *question, struct lrk_answer *ret,
	  bool *ret_unproven)
{
	struct lrk_why why = { "" };
	enum lrk_err err;

	*ret_unproven = false;
	log_debug(call, "asking store %s for key %s",
		  question->store != NULL ? question->store : "of nobody",
		  question->credential->id);
	err = question->store != NULL ? lrk_verify(question, ret, &why) : LRK_ERR_NO_STORE;
	if (err == LRK_ERR_NO_STORE && call->options.store_by_user) {
		/* Whoever tries names shall find none, and raise no alarm with each. */
		log_debug(call, "there is no such store");
		*ret = (struct lrk_answer){ .verdict = LRK_VERDICT_UNKNOWN_KEY };
	} else if (err != LRK_OK) {
		return fail_store(call, err, &why);
	}
	if (ret->unrecorded)
		log_unrecorded(call, &why);
	if (ret->verdict == LRK_VERDICT_VALID)
		return PAM_SUCCESS;
	log_refused(call, question, ret);
	*ret_unproven = !lrk_verdict_is_proven(ret->verdict);
	return (unsigned)ret->verdict < LRK_VERDICT_COUNT ? codes[ret->verdict] : PAM_AUTH_ERR;
}

/* All conditions are met: what is left to do may still fail, and then refuses. */
static int
let_in(const struct call *call, const struct lrk_question *question,
       const struct lrk_answer *answer, const struct timespec *now, struct verdict *verdict)
{
	int code = grant_environment(call, &answer->entry);
	if (code != PAM_SUCCESS) {
		log_no_memory(call);
		verdict_refuse(verdict, code);
		return code;
	}
	verdict_accept(verdict, question, now);
	log_accepted(call, answer);
	grant_notice(call, answer, question->now);
	return PAM_SUCCESS;
}

static int
judge_key(struct call *call, const struct lrk_credential *credential, struct verdict *verdict)
{
	struct lrk_question question = make_question(call, credential);
	struct lrk_answer answer;
	struct timespec now;
	bool unproven = false;
	int code;

	question.use = LRK_USE_COUNT;
	code = read_clock(call, &question, &now);
	if (code == PAM_SUCCESS)
		code = ask_store(call, &question, &answer, &unproven);
	if (code == PAM_SUCCESS)
		code = let_in(call, &question, &answer, &now, verdict);
	else if (!unproven)
		verdict_refuse(verdict, code);
	lrk_wipe_object(&answer);
	return code;
}

static int
judge_token(struct call *call, const char *token, struct verdict *verdict)
{
	bool starts_like_key = strncmp(token, LRK_APIKEY_PREFIX, strlen(LRK_APIKEY_PREFIX)) == 0;
	struct lrk_why why = { "" };
	struct lrk_credential credential;
	enum lrk_err err;
	int code;

	/* No more of a token is read than a key is long. */
	err = lrk_apikey_parse(token, strnlen(token, LRK_APIKEY_LEN + 1), &credential);
	if (err == LRK_ERR_SYNTAX) {
		log_no_key(call, starts_like_key, "malformed");
		return PAM_AUTH_ERR;
	}
	if (err != LRK_OK) {
		code = fail_store(call, err, &why);
		verdict_refuse(verdict, code);
		return code;
	}
	code = judge_key(call, &credential, verdict);
	lrk_wipe_object(&credential);
	return code;
}

/* The codes of a conversation are the host's; only "no memory" means the same here. */
static int
fail_conversation(const struct call *call, int code)
{
	if (code == PAM_BUF_ERR) {
		log_no_memory(call);
		return PAM_BUF_ERR;
	}
	log_no_key(call, false, "no token");
	return PAM_AUTH_ERR;
}

static int
ask_token(struct call *call, struct verdict *verdict)
{
	const char *token = NULL;
	int code;

	/* It looks at use_first_pass in the line's arguments by itself. */
	code = pam_get_authtok(call->pamh, PAM_AUTHTOK, &token, "Password: ");
	if (code != PAM_SUCCESS || token == NULL || token[0] == '\0')
		return fail_conversation(call, code);
	return judge_token(call, token, verdict);
}

int
decide_authenticate(struct call *call)
{
	struct verdict *verdict;
	const char *user = NULL;
	int asked, code;

	/* First, whatever comes of it: hosts expect to be asked for the user. */
	asked = pam_get_user(call->pamh, &user, NULL);
	code = call_read_options(call);
	if (code != PAM_SUCCESS) {
		verdict_forget(call->pamh);
		grant_withdraw_environment(call);
		return code;
	}
	code = verdict_begin(call, &verdict);
	/* What another line has granted goes with its verdict. */
	if (code != PAM_SUCCESS || verdict->kept)
		grant_withdraw_environment(call);
	if (code != PAM_SUCCESS) {
		log_no_memory(call);
		return code;
	}
	code = asked == PAM_SUCCESS ? ask_token(call, verdict) : fail_conversation(call, asked);
	if (verdict_end(call->pamh, verdict) != PAM_SUCCESS) {
		log_no_memory(call);
		grant_withdraw_environment(call);
		return PAM_BUF_ERR;
	}
	return code;
}

static int
judge_again(struct call *call, const struct verdict *verdict)
{
	struct lrk_question question = make_question(call, &verdict->credential);
	struct lrk_answer answer;
	struct timespec now;
	bool unproven;
	int code;

	code = read_clock(call, &question, &now);
	if (code != PAM_SUCCESS)
		return code;
	if (verdict_still_holds(verdict, &question, &now)) {
		log_debug(call, "key %s was accepted just now", verdict->credential.id);
		return PAM_SUCCESS;
	}
	code = ask_store(call, &question, &answer, &unproven);
	lrk_wipe_object(&answer);
	return code;
}

int
decide_account(struct call *call)
{
	const struct verdict *verdict;
	struct lrk_why why = { "" };
	int code;

	code = call_read_options(call);
	if (code != PAM_SUCCESS)
		return code;
	/* What cannot be told is not "none": that would be PAM_IGNORE. */
	if (!verdict_find(call->pamh, &verdict))
		return fail_store(call, LRK_ERR_INTERNAL, &why);
	if (verdict == NULL || verdict->kind == VERDICT_UNPROVEN ||
	    !verdict_is_of_line(verdict, call)) {
		log_debug(call, "no key has been proven here");
		return PAM_IGNORE;
	}
	if (verdict->kind == VERDICT_REFUSED) {
		log_debug(call, "refused as before");
		return verdict->code;
	}
	return judge_again(call, verdict);
}
