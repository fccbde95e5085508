/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One PAM transaction, as a service makes it, with a password that is known beforehand. */
#ifndef TESTS_BENCH_LOGIN_H
#define TESTS_BENCH_LOGIN_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <security/pam_appl.h>

#define TOKENS_MAX 65536
#define TOKEN_SIZE 96

struct tokens {
	char (*text)[TOKEN_SIZE];
	size_t n;
};

struct login {
	const char *confdir;
	const char *service;
	const char *user;
	bool refused; /* what is expected */
};

static inline void
give_up(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

/* The lines of a file, at most TOKENS_MAX. */
static inline struct tokens
read_tokens(const char *path)
{
	struct tokens tokens = { .n = 0 };
	FILE *file = fopen(path, "re");

	tokens.text = calloc(TOKENS_MAX, TOKEN_SIZE);
	if (file == NULL || tokens.text == NULL)
		give_up(path, strerror(errno));
	while (tokens.n < TOKENS_MAX && fgets(tokens.text[tokens.n], TOKEN_SIZE, file) != NULL) {
		tokens.text[tokens.n][strcspn(tokens.text[tokens.n], "\n")] = '\0';
		tokens.n++;
	}
	fclose(file);
	if (tokens.n == 0)
		give_up(path, "has no line");
	return tokens;
}

static inline int
answer_token(int n, const struct pam_message **messages, struct pam_response **ret, void *context)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(context);
	*ret = responses;
	return PAM_SUCCESS;
}

/* Ends the program when the outcome is not the expected one: it would measure something else. */
static inline void
log_in(const struct login *login, char *token)
{
	const struct pam_conv conversation = { .conv = answer_token, .appdata_ptr = token };
	pam_handle_t *pamh = NULL;
	int code;

	code = pam_start_confdir(login->service, login->user, &conversation, login->confdir, &pamh);
	if (code != PAM_SUCCESS)
		give_up(login->service, "no transaction");
	code = pam_authenticate(pamh, 0);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pamh, 0);
	if ((code != PAM_SUCCESS) != login->refused)
		give_up(login->service, pam_strerror(pamh, code));
	pam_end(pamh, code);
}

/* With BENCH_CLOCK=cpu what the process itself used: steadier where others are at work. */
static inline uint64_t
now_ns(void)
{
	static clockid_t clock = -1;
	struct timespec ts;

	if (clock == -1) {
		const char *wanted = getenv("BENCH_CLOCK");

		clock = CLOCK_MONOTONIC;
		if (wanted != NULL && strcmp(wanted, "cpu") == 0)
			clock = CLOCK_PROCESS_CPUTIME_ID;
	}
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline int
compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static inline uint64_t
median_ns(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_ns);
	return values[n / 2];
}

#endif
