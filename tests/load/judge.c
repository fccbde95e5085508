/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#include "tests/pam/code.h"

#include "judge.h"
#include "model.h"

unsigned long judge_contended;

/* An answer, and the turn of the key that it was given by. */
struct answer {
	struct event event;
	unsigned turn;
};

/* The answers of one key: by their begin, and by their end. */
struct trial {
	const struct key *key;
	struct answer *by_begin;
	const struct answer **by_end;
	size_t n;
};

static bool
may_be(const struct key *key, unsigned flags, int code)
{
	if ((flags & KEY_EXISTS) == 0 || (flags & KEY_DEAD) != 0)
		return code == PAM_AUTH_ERR;
	/* One that has ended may be pruned at any time. */
	if ((flags & KEY_ENDED) != 0)
		return code == PAM_ACCT_EXPIRED || code == PAM_AUTH_ERR;
	if ((flags & (KEY_OFF | KEY_BARRED)) != 0)
		return code == PAM_PERM_DENIED;
	/* Whose use limit it is, waits for its record, but not for ever. */
	if (key->limit > 0 && (code == PAM_MAXTRIES || code == PAM_AUTHINFO_UNAVAIL))
		return true;
	return code == PAM_SUCCESS;
}

/* Whether the key can have been at this turn during the event. */
static bool
can_meet(const struct key *key, unsigned turn, const struct event *event)
{
	return key->turns[turn].begin <= event->end &&
	       (turn + 1 == key->n_turns || key->turns[turn + 1].end >= event->begin);
}

static void
tell_wrong(const struct key *key, const struct event *event, unsigned least)
{
	char turns[TURNS_MAX * 56] = "";
	const char *said = "";
	size_t used = 0;

	for (unsigned i = 0; i < key->n_turns && used < sizeof(turns); i++)
		used += (size_t)snprintf(turns + used, sizeof(turns) - used, " %llu-%llu:%u",
					 (unsigned long long)key->turns[i].begin,
					 (unsigned long long)key->turns[i].end,
					 key->turns[i].flags);
	for (unsigned i = 0; i < model->n_alarms && i < ALARMS_MAX; i++)
		if (model->alarms[i].time >= event->begin && model->alarms[i].time <= event->end)
			said = model->alarms[i].text;
	model_wrong("key %.12s: %s at %llu-%llu, when it was past turn %u of%s; %s", key->text + 4,
		    code_name(event->code), (unsigned long long)event->begin,
		    (unsigned long long)event->end, least, turns, said);
}

/* The earliest turn is the best choice: it leaves all others to those that come after. */
static void
judge_order(const struct trial *trial)
{
	const struct key *key = trial->key;
	unsigned least = 0;
	size_t ended = 0;

	for (size_t i = 0; i < trial->n; i++) {
		struct answer *answer = &trial->by_begin[i];
		unsigned turn, met = 0;

		for (; trial->by_end[ended]->event.end < answer->event.begin; ended++)
			if (trial->by_end[ended]->turn > least)
				least = trial->by_end[ended]->turn;
		for (turn = 0; turn < key->n_turns; turn++)
			met += can_meet(key, turn, &answer->event);
		judge_contended += met > 1;
		for (turn = least; turn < key->n_turns; turn++)
			if (can_meet(key, turn, &answer->event) &&
			    may_be(key, key->turns[turn].flags, answer->event.code))
				break;
		if (turn == key->n_turns) {
			tell_wrong(key, &answer->event, least);
			turn = least;
		}
		answer->turn = turn;
	}
}

/* How many of those that began before this time may have spent a use. */
static unsigned
spent_before(const struct trial *trial, uint64_t when)
{
	unsigned spent = 0;

	for (size_t i = 0; i < trial->n && trial->by_begin[i].event.begin < when; i++)
		spent += trial->by_begin[i].event.code != PAM_MAXTRIES;
	return spent;
}

static void
judge_limit(const struct trial *trial)
{
	const struct key *key = trial->key;
	uint64_t refused = UINT64_MAX;
	unsigned granted = 0;

	for (size_t i = 0; i < trial->n; i++) {
		const struct event *event = &trial->by_end[i]->event;

		granted += event->code == PAM_SUCCESS;
		if (event->code == PAM_SUCCESS && event->begin > refused)
			model_wrong("key %.12s: success after its limit was reached",
				    key->text + 4);
		if (event->code != PAM_MAXTRIES || event->end >= refused)
			continue;
		refused = event->end;
		if (spent_before(trial, refused) < key->limit)
			model_wrong("key %.12s: refused before its limit of %u was reached",
				    key->text + 4, key->limit);
	}
	if (granted > key->limit)
		model_wrong("key %.12s: %u times let in, not %u", key->text + 4, granted,
			    key->limit);
}

static int
compare_begin(const void *one, const void *other)
{
	const struct answer *a = one, *b = other;

	return (a->event.begin > b->event.begin) - (a->event.begin < b->event.begin);
}

static int
compare_end(const void *one, const void *other)
{
	const struct answer *const *a = one, *const *b = other;

	return ((*a)->event.end > (*b)->event.end) - ((*a)->event.end < (*b)->event.end);
}

static void
judge_key(const struct key *key, struct answer *answers, size_t n)
{
	struct trial trial = { key, answers, calloc(n + 1, sizeof(*trial.by_end)), n };

	if (trial.by_end == NULL)
		abort();
	qsort(answers, n, sizeof(*answers), compare_begin);
	for (size_t i = 0; i < n; i++)
		trial.by_end[i] = &answers[i];
	qsort(trial.by_end, n, sizeof(*trial.by_end), compare_end);
	judge_order(&trial);
	if (key->limit > 0)
		judge_limit(&trial);
	free(trial.by_end);
}

void
judge_all(void)
{
	size_t *first = calloc((size_t)model->n_keys + 1, sizeof(*first));
	struct answer *answers = calloc(model->n_logins + 1, sizeof(*answers));
	size_t n = 0;

	if (first == NULL || answers == NULL)
		abort();
	judge_contended = 0;
	/* Sorted by key: counted, then placed. */
	for (unsigned w = 0; w < WORKERS; w++)
		for (uint32_t i = 0; i < model->workers[w].n_events; i++)
			first[model->workers[w].events[i].key]++;
	for (unsigned key = 0; key < model->n_keys; key++) {
		size_t count = first[key];

		first[key] = n;
		n += count;
	}
	for (unsigned w = 0; w < WORKERS; w++)
		for (uint32_t i = 0; i < model->workers[w].n_events; i++) {
			const struct event *event = &model->workers[w].events[i];

			answers[first[event->key]++].event = *event;
		}
	n = 0;
	for (unsigned key = 0; key < model->n_keys; key++) {
		judge_key(&model->keys[key], answers + n, first[key] - n);
		n = first[key];
	}
	free(answers);
	free(first);
}

static int
code_of(const char *name)
{
	int code = 0;

	while (code < 256 && strcmp(code_name(code), name) != 0)
		code++;
	return code;
}

int
judge_text(void)
{
	static const char text[LRK_APIKEY_LEN + 1] = "lrk_";
	unsigned long long begin, end;
	unsigned key = 0, number;
	char line[160], name[64];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct worker *worker = &model->workers[0];

		if (sscanf(line, "key %u", &number) == 1) {
			key = model_add(text, 0, number);
		} else if (sscanf(line, "turn %llu %llu %u", &begin, &end, &number) == 3) {
			model_turn(key, begin, end, number);
		} else if (sscanf(line, "login %llu %llu %63s", &begin, &end, name) == 3) {
			worker->events[worker->n_events++] =
				(struct event){ begin, end, key, (uint8_t)code_of(name) };
			model->n_logins++;
		} else {
			return 2;
		}
	}
	judge_all();
	return model->n_wrong == 0 ? 0 : 1;
}
