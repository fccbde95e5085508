/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a store about API keys, again and again, until SIGTERM comes:
 *
 *	verifyloop ROOT <KEYS
 *
 * KEYS is a key a line. Prints how many answers there were, and ends with 0; the first answer that
 * is not yes ends it with 1, and says why.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/verify.h>

#define KEYS_MAX 256

static volatile sig_atomic_t stopped;

static void
stop(int number)
{
	stopped = number;
}

static size_t
read_keys(struct lrk_credential keys[static KEYS_MAX])
{
	char line[128];
	size_t n = 0;

	while (n < KEYS_MAX && fgets(line, sizeof(line), stdin) != NULL) {
		if (lrk_apikey_parse(line, strcspn(line, "\n"), &keys[n]) != LRK_OK) {
			fprintf(stderr, "verifyloop: line %zu is no key\n", n + 1);
			exit(64);
		}
		n++;
	}
	return n;
}

static int
ask(const char *root, const struct lrk_credential *key)
{
	struct lrk_question question = { .root = root,
					 .store = LRK_STORE_DEFAULT,
					 .credential = key };
	struct lrk_why why = { "" };
	struct lrk_answer answer;
	enum lrk_err err;
	char reason[160];

	if (lrk_time_now(&question.now) != LRK_OK)
		return -1;
	err = lrk_verify(&question, &answer, &why);
	if (err != LRK_OK) {
		fprintf(stderr, "verifyloop: %s: %s: %s\n", key->id, lrk_err_name(err), why.text);
		return -1;
	}
	if (answer.verdict != LRK_VERDICT_VALID) {
		lrk_refusal_text(&question, &answer, reason, sizeof(reason));
		fprintf(stderr, "verifyloop: %s: %s\n", key->id, reason);
		return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct lrk_credential keys[KEYS_MAX];
	struct sigaction action = { .sa_handler = stop };
	unsigned long answers = 0;
	size_t n;

	if (argc != 2) {
		fputs("usage: verifyloop ROOT <KEYS\n", stderr);
		return 64;
	}
	sigaction(SIGTERM, &action, NULL);
	n = read_keys(keys);
	if (n == 0)
		return 64;
	do {
		if (ask(argv[1], &keys[answers % n]) != 0)
			return 1;
		answers++;
	} while (stopped == 0);
	printf("%lu\n", answers);
	return 0;
}
