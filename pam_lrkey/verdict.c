/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verdict kept with a PAM handle.
 *
 * - The credential MUST be wiped when the verdict is replaced and when the
 *   handle ends; libpam calls cleanup() for both.
 * - cleanup() MUST touch nothing but the verdict: it also runs in forked
 *   children of the host (PAM_DATA_SILENT).
 */
#include <stdlib.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "verdict.h"

#define VERDICT_NAME "pam_lrkey_verdict"

static void
cleanup(pam_handle_t *pamh, void *data, int status)
{
	struct verdict *verdict = data;

	(void)pamh;
	(void)status;
	if (verdict != NULL)
		lrk_wipe_object(verdict);
	free(verdict);
}

static void
keep_term(struct verdict_term *term, const char *text)
{
	size_t length = text != NULL ? strnlen(text, VERDICT_TERM_MAX + 1) : 0;

	if (text == NULL) {
		term->kind = TERM_NONE;
	} else if (length > VERDICT_TERM_MAX) {
		term->kind = TERM_TOO_LONG;
	} else {
		term->kind = TERM_TEXT;
		memcpy(term->text, text, length + 1);
	}
}

static bool
is_term(const struct verdict_term *term, const char *text)
{
	if (text == NULL)
		return term->kind == TERM_NONE;
	return term->kind == TERM_TEXT && strcmp(term->text, text) == 0;
}

bool
verdict_find(const pam_handle_t *pamh, const struct verdict **ret)
{
	const void *data = NULL;
	int code = pam_get_data(pamh, VERDICT_NAME, &data);

	*ret = code == PAM_SUCCESS ? data : NULL;
	return code == PAM_SUCCESS || code == PAM_NO_MODULE_DATA;
}

static bool
has_words_of(const struct verdict *verdict, const struct call *call)
{
	return is_term(&verdict->line_root, call->options.root) &&
	       is_term(&verdict->line_store, call->options.store);
}

bool
verdict_is_of_line(const struct verdict *verdict, struct call *call)
{
	const char *store = call_name_store(call);

	return has_words_of(verdict, call) ||
	       (store != NULL && is_term(&verdict->line_root, call->options.root) &&
		is_term(&verdict->store, store));
}

void
verdict_forget(pam_handle_t *pamh)
{
	/* Where there is none to replace, and no memory to note that, there is none. */
	(void)pam_set_data(pamh, VERDICT_NAME, NULL, cleanup);
}

int
verdict_begin(struct call *call, struct verdict **ret)
{
	const struct verdict *old;
	bool stands = verdict_find(call->pamh, &old) && old != NULL &&
		      old->kind != VERDICT_UNPROVEN && !has_words_of(old, call);
	struct verdict *verdict = calloc(1, sizeof(*verdict));

	if (verdict == NULL)
		goto no_memory;
	keep_term(&verdict->line_root, call->options.root);
	keep_term(&verdict->line_store, call->options.store);
	keep_term(&verdict->store, call_name_store(call));
	if (!stands && pam_set_data(call->pamh, VERDICT_NAME, verdict, cleanup) != PAM_SUCCESS)
		goto no_memory;
	verdict->kept = !stands;
	*ret = verdict;
	return PAM_SUCCESS;
no_memory:
	free(verdict);
	verdict_forget(call->pamh);
	return PAM_BUF_ERR;
}

int
verdict_end(pam_handle_t *pamh, struct verdict *verdict)
{
	int code = PAM_SUCCESS;

	if (verdict->kept)
		return PAM_SUCCESS;
	verdict->kept = verdict->kind != VERDICT_UNPROVEN;
	if (verdict->kept) {
		code = pam_set_data(pamh, VERDICT_NAME, verdict, cleanup);
		if (code == PAM_SUCCESS)
			return code;
		verdict_forget(pamh);
		code = PAM_BUF_ERR;
	}
	cleanup(pamh, verdict, 0);
	return code;
}

void
verdict_refuse(struct verdict *verdict, int code)
{
	verdict->kind = VERDICT_REFUSED;
	verdict->code = code;
}

void
verdict_accept(struct verdict *verdict, const struct lrk_question *question,
	       const struct timespec *when)
{
	verdict->kind = VERDICT_ACCEPTED;
	verdict->credential = *question->credential;
	verdict->when = *when;
	keep_term(&verdict->org, question->org);
	keep_term(&verdict->scope, question->scope);
	keep_term(&verdict->from, question->from);
	verdict->owner_active = question->owner_active;
}

/* A clock that went back says nothing about how long ago it was. */
static bool
is_within_a_second(const struct timespec *then, const struct timespec *now)
{
	if (now->tv_sec == then->tv_sec)
		return now->tv_nsec >= then->tv_nsec;
	return now->tv_sec - 1 == then->tv_sec && now->tv_nsec <= then->tv_nsec;
}

bool
verdict_still_holds(const struct verdict *verdict, const struct lrk_question *question,
		    const struct timespec *now)
{
	return is_term(&verdict->store, question->store) && is_term(&verdict->org, question->org) &&
	       is_term(&verdict->scope, question->scope) &&
	       is_term(&verdict->from, question->from) &&
	       verdict->owner_active == question->owner_active &&
	       is_within_a_second(&verdict->when, now);
}
