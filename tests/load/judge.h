/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether what the model holds can have happened. */
#ifndef TESTS_LOAD_JUDGE_H
#define TESTS_LOAD_JUDGE_H

/*
 * The answers about each key must have an order in which each is right at some moment between its
 * begin and its end, and that agrees with the order of those of which one ended before
 * the other began (linearizability). A limited key is never granted more often than
 * its limit, and not refused for it before. Tells of each answer for which that does not hold.
 */
void judge_all(void);

/* How many answers came while a change of their key was going on, by the last judgement. */
extern unsigned long judge_contended;

/*
 * The same for a history in words, a line each:
 *
 *	key LIMIT
 *	turn BEGIN END FLAGS		of the key named last
 *	login BEGIN END CODE		with it
 */
int judge_text(void);

#endif
