/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verdict: what pam_authenticate found, kept with the PAM handle for
 * pam_acct_mgmt. The only thing that outlives a call.
 */
#ifndef PAM_LRKEY_VERDICT_H
#define PAM_LRKEY_VERDICT_H

#include <stdbool.h>
#include <time.h>

#include <security/pam_modules.h>

#include <lrkey/verify.h>

#define VERDICT_TERM_MAX 255

enum verdict_kind {
	VERDICT_UNPROVEN = 0, /* nobody has shown a secret of ours */
	VERDICT_REFUSED,      /* with code; a proven key, or a store that cannot answer */
	VERDICT_ACCEPTED,
};

/* A part of a question. One that does not fit is never the same as any other. */
struct verdict_term {
	enum {
		TERM_NONE,
		TERM_TEXT,
		TERM_TOO_LONG
	} kind;
	char text[VERDICT_TERM_MAX + 1];
};

struct verdict {
	enum verdict_kind kind;
	int code; /* of a refusal: what pam_authenticate returned */
	/* Of an acceptance: whose, when, and what was asked. */
	struct lrk_credential credential;
	struct timespec when;
	struct verdict_term root, store, org, scope, from;
	bool owner_active;
};

/*
 * Forgets the handle's verdict, its credential wiped, and begins one with nothing
 * proven, which *ret points to while the handle lives. PAM_SUCCESS or PAM_BUF_ERR; the
 * old verdict is forgotten in either case.
 */
int verdict_begin(pam_handle_t *pamh, struct verdict **ret);

/* The handle's verdict, or NULL when there was none yet. */
const struct verdict *verdict_get(const pam_handle_t *pamh);

void verdict_refuse(struct verdict *verdict, int code);

/* Keeps the question, with a copy of its credential, as answered with yes. */
void verdict_accept(struct verdict *verdict, const struct lrk_question *question,
		    const struct timespec *when);

/* Whether the acceptance is one by the store that this question is for. */
bool verdict_is_of_store(const struct verdict *verdict, const struct lrk_question *question);

/* Whether it answers this question, too: the same terms, and no more than a second ago. */
bool verdict_still_holds(const struct verdict *verdict, const struct lrk_question *question,
			 const struct timespec *now);

#endif
