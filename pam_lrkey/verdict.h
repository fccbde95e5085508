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

#include "call.h"

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
	bool kept; /* it is the handle's, and libpam's to free */
	int code;  /* of a refusal: what pam_authenticate returned */
	struct verdict_term line_root, line_store; /* as the line that found it has them */
	struct verdict_term store;		   /* the name that came of it */
	/* Of an acceptance: whose, when, and what was asked. */
	struct lrk_credential credential;
	struct timespec when;
	struct verdict_term org, scope, from;
	bool owner_active;
};

/* Forgets the handle's verdict, its credential wiped. */
void verdict_forget(pam_handle_t *pamh);

/*
 * Begins a verdict of this line, with nothing proven, and forgets the handle's, unless another
 * line has found that: it may be one of the same pam_authenticate, and then stands until
 * this line proves something. PAM_SUCCESS, or PAM_BUF_ERR, and all is forgotten.
 */
int verdict_begin(struct call *call, struct verdict **ret);

/*
 * Ends what verdict_begin began: the verdict is the handle's, in place of any other, unless it
 * proves nothing and another line's stands; then it is wiped and freed. PAM_SUCCESS or PAM_BUF_ERR.
 */
int verdict_end(pam_handle_t *pamh, struct verdict *verdict);

/* The handle's verdict, or NULL when there is none; false when that cannot be told. */
bool verdict_find(const pam_handle_t *pamh, const struct verdict **ret);

void verdict_refuse(struct verdict *verdict, int code);

/* Keeps the question, with a copy of its credential, as answered with yes. */
void verdict_accept(struct verdict *verdict, const struct lrk_question *question,
		    const struct timespec *when);

/*
 * Whether it is this line's to answer for: found by a line that names the same store, in the same
 * words or by the same name. The words alone are enough: when the user has changed since, so
 * that they name another store, that one is to be asked.
 */
bool verdict_is_of_line(const struct verdict *verdict, struct call *call);

/* Whether it answers this question, too: the same terms, and no more than a second ago. */
bool verdict_still_holds(const struct verdict *verdict, const struct lrk_question *question,
			 const struct timespec *now);

#endif
