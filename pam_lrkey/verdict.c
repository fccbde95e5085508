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

int
verdict_begin(pam_handle_t *pamh, struct verdict **ret)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));

	/* Without memory, this still forgets the old verdict. */
	if (pam_set_data(pamh, VERDICT_NAME, verdict, cleanup) != PAM_SUCCESS) {
		free(verdict);
		return PAM_BUF_ERR;
	}
	if (verdict == NULL)
		return PAM_BUF_ERR;
	*ret = verdict;
	return PAM_SUCCESS;
}

const struct verdict *
verdict_get(const pam_handle_t *pamh)
{
	const void *data = NULL;

	if (pam_get_data(pamh, VERDICT_NAME, &data) != PAM_SUCCESS)
		return NULL;
	return data;
}

void
verdict_refuse(struct verdict *verdict, int code)
{
	lrk_wipe_object(verdict);
	verdict->kind = VERDICT_REFUSED;
	verdict->code = code;
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

void
verdict_accept(struct verdict *verdict, const struct lrk_question *question,
	       const struct timespec *when)
{
	verdict->kind = VERDICT_ACCEPTED;
	verdict->credential = *question->credential;
	verdict->when = *when;
	keep_term(&verdict->root, question->root);
	keep_term(&verdict->store, question->store);
	keep_term(&verdict->org, question->org);
	keep_term(&verdict->scope, question->scope);
	keep_term(&verdict->from, question->from);
	verdict->owner_active = question->owner_active;
}

bool
verdict_is_of_store(const struct verdict *verdict, const struct lrk_question *question)
{
	return is_term(&verdict->root, question->root) && is_term(&verdict->store, question->store);
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
	return verdict_is_of_store(verdict, question) && is_term(&verdict->org, question->org) &&
	       is_term(&verdict->scope, question->scope) &&
	       is_term(&verdict->from, question->from) &&
	       verdict->owner_active == question->owner_active &&
	       is_within_a_second(&verdict->when, now);
}
