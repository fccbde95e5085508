/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the time that a refusal takes tells what was wrong: "make check-timing", on a machine
 * with nothing else to do. What is found is printed. A leak is found again each time, a
 * disturbance is not: what is below the limit in one of a few attempts is no leak.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lrkey/verify.h>

#include "liblrkey/apikey.h"
#include "liblrkey/crypto.h"
#include "liblrkey/store.h"

#include "tests/pam/check.h"
#include "tests/pam/hooks.h"
#include "tests/pam/host.h"
#include "tests/pam/rounds.h"
#include "tests/pam/stock.h"

#include "welch.h"

#define ATTEMPTS 3

/*
 * A key id is no secret, and nobody guesses one of 71 bits; so an unknown id and a wrong secret
 * are the same work, but not to the nanosecond: the store's header is opened in place of an entry,
 * which is as long as its attributes. The difference that is borne, in nanoseconds.
 */
#define BORNE 1000.0
#define SECRET_AT (LRK_APIKEY_LEN - LRK_SECRET_LEN - 6)

/* Inputs of the two kinds; each has many, so that no single one speaks for its kind. */
#define N_INPUTS 64
static char inputs[2][N_INPUTS][LRK_APIKEY_LEN + 1];

static struct stock_key keys[N_INPUTS];

/* The next input of a kind: copied to one place, so that where it lies makes no difference. */
static char *
take_input(unsigned kind)
{
	static char text[LRK_APIKEY_LEN + 1];

	memcpy(text, inputs[kind][random() % N_INPUTS], sizeof(text));
	return text;
}

/* Whether the two kinds cannot be told apart, or differ by no more than is borne. */
static bool
is_alike(const struct welch_result *result, double borne)
{
	return result->t < WELCH_LEAK || fabs(result->mean[0] - result->mean[1]) < borne;
}

static void
expect_alike(const char *what, welch_fn measure, unsigned long n, double borne)
{
	struct welch_result result = { 0 };
	bool alike = false;

	for (int i = 0; i < ATTEMPTS && !alike; i++) {
		result = welch_compare(measure, n);
		alike = is_alike(&result, borne);

		print_message("# %s: %lu and %lu times, t %.2f, %.0f and %.0f ns (%+.2f %%)\n", what,
			      result.n[0], result.n[1], result.t, result.mean[0], result.mean[1],
			      result.difference);
	}
	if (!alike)
		fail_msg("%s: t is %.2f, and %.0f is the limit", what, result.t, WELCH_LEAK);
}

/* ---- What is measured ---- */

static double
measure_parse(unsigned kind)
{
	struct lrk_credential credential;
	const char *text = take_input(kind);
	uint64_t from = welch_ticks();
	enum lrk_err err = lrk_apikey_parse(text, LRK_APIKEY_LEN, &credential);

	(void)err;
	return welch_nanoseconds(welch_ticks() - from);
}

static double
measure_verify(unsigned kind)
{
	struct lrk_credential credential;
	struct lrk_question question = {
		.root = host.root,
		.store = LRK_STORE_DEFAULT,
		.credential = &credential,
		.now = STOCK_NOW,
		.use = LRK_USE_COUNT,
		.service = HOST_SERVICE,
		.rhost = "",
	};
	struct lrk_why why = { "" };
	struct lrk_answer answer;
	uint64_t from;
	double passed;

	assert_int_equal(lrk_apikey_parse(take_input(kind), LRK_APIKEY_LEN, &credential), LRK_OK);
	from = welch_ticks();
	assert_int_equal(lrk_verify(&question, &answer, &why), LRK_OK);
	passed = welch_nanoseconds(welch_ticks() - from);
	assert_false(lrk_verdict_is_proven(answer.verdict));
	return passed;
}

static double
measure_login(unsigned kind)
{
	uint64_t from;
	double passed;
	int code;

	host.n_script = host.n_answered = 0;
	host_answer(HOST_TEXT, take_input(kind), 0);
	hooks_forget();
	from = welch_ticks();
	code = host_authenticate(0);
	passed = welch_nanoseconds(welch_ticks() - from);
	assert_code(code, PAM_AUTH_ERR);
	return passed;
}

/* ---- The kinds ---- */

/* Another character of the alphabet. */
static void
change(char *key, size_t at)
{
	key[at] = key[at] == 'x' ? 'y' : 'x';
}

static void
make_unknown_and_wrong(void)
{
	struct lrk_credential credential;

	for (size_t i = 0; i < N_INPUTS; i++) {
		for (int kind = 0; kind < 2; kind++)
			assert_int_equal(lrk_apikey_generate(lrk_random, inputs[kind][i],
							     &credential),
					 LRK_OK);
		memcpy(inputs[1][i] + 4, keys[i].id, LRK_ID_LEN);
		stock_write_check(inputs[1][i]);
	}
}

/* Wrong from the first character of the secret on, or in the last one only. */
static void
make_first_and_last(void)
{
	for (size_t i = 0; i < N_INPUTS; i++) {
		memcpy(inputs[0][i], keys[i].text, sizeof(inputs[0][i]));
		memcpy(inputs[1][i], keys[i].text, sizeof(inputs[1][i]));
		change(inputs[0][i], SECRET_AT);
		change(inputs[1][i], SECRET_AT + LRK_SECRET_LEN - 1);
		stock_write_check(inputs[0][i]);
		stock_write_check(inputs[1][i]);
	}
}

/* No keys: the check does not fit, by its first character or by its last one. */
static void
make_malformed(void)
{
	make_first_and_last();
	for (size_t i = 0; i < N_INPUTS; i++) {
		memcpy(inputs[0][i], keys[i].text, sizeof(inputs[0][i]));
		memcpy(inputs[1][i], keys[i].text, sizeof(inputs[1][i]));
		change(inputs[0][i], LRK_APIKEY_LEN - 6);
		change(inputs[1][i], LRK_APIKEY_LEN - 1);
	}
}

static int
set_up(void **state)
{
	if (host_set_up(state) != 0)
		return -1;
	srandom((unsigned)time(NULL));
	for (size_t i = 0; i < N_INPUTS; i++)
		keys[i] = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	host_write_plain_service(HOST_SERVICE, "");
	host_start(HOST_SERVICE, "acme", "192.0.2.7");
	return 0;
}

/* ---- The questions ---- */

static void
test_check_of_a_token(void **state)
{
	(void)state;
	make_malformed();
	expect_alike("parse, first or last character of the check", measure_parse, rounds(1000000),
		     0);
}

static void
test_position_in_parse(void **state)
{
	(void)state;
	make_first_and_last();
	expect_alike("parse, first or last character of the secret", measure_parse, rounds(500000),
		     0);
}

static void
test_position_in_verify(void **state)
{
	(void)state;
	make_first_and_last();
	expect_alike("verify, first or last character of the secret", measure_verify, rounds(60000), 0);
}

static void
test_position_in_login(void **state)
{
	(void)state;
	make_first_and_last();
	expect_alike("login, first or last character of the secret", measure_login, rounds(60000), 0);
}

static void
test_unknown_in_verify(void **state)
{
	(void)state;
	make_unknown_and_wrong();
	expect_alike("verify, unknown id or wrong secret", measure_verify, rounds(60000), BORNE);
}

static void
test_unknown_in_login(void **state)
{
	(void)state;
	make_unknown_and_wrong();
	expect_alike("login, unknown id or wrong secret", measure_login, rounds(60000), BORNE);
}

/* ---- A leak on purpose ---- */

static volatile int seen;

/* A comparison that ends where the first difference is. */
static double
measure_leak(unsigned kind)
{
	const char *text = take_input(kind), *right = keys[0].text;
	uint64_t from = welch_ticks();

	for (size_t i = SECRET_AT; i < SECRET_AT + LRK_SECRET_LEN; i++) {
		seen++;
		if (text[i] != right[i])
			break;
	}
	return welch_nanoseconds(welch_ticks() - from);
}

static void
test_planted_leak_is_found(void **state)
{
	struct welch_result result;

	(void)state;
	for (size_t i = 0; i < N_INPUTS; i++)
		keys[i] = keys[0];
	make_first_and_last();
	result = welch_compare(measure_leak, 100000);
	print_message("# a comparison that ends early: t %.2f, %.0f and %.0f ns\n", result.t,
		      result.mean[0], result.mean[1]);
	assert_true(result.t >= WELCH_LEAK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, host_tear_down)
		TEST(test_planted_leak_is_found), TEST(test_check_of_a_token),
		TEST(test_position_in_parse),	  TEST(test_position_in_verify),
		TEST(test_position_in_login),	  TEST(test_unknown_in_verify),
		TEST(test_unknown_in_login),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
