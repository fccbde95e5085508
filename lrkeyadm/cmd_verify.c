/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm verify: would this key be let in? */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include <lrkey/verify.h>
#include <lrkey/wipe.h>

#include "ask.h"
#include "escape.h"
#include "json.h"
#include "reading.h"
#include "values.h"

/* More than any key; what is longer is none. */
#define INPUT_MAX 256

enum { ORG, SCOPE, FROM };

static const struct option_row options[] = {
	[ORG] = { "org", "ORG", "the organization that the key must belong to" },
	[SCOPE] = { "scope", "NAME", "the scope that it must hold" },
	[FROM] = { "from", "ADDR", "the address that it is used from" },
};

static enum status
parse(const struct request *request)
{
	const char *org = request->value[ORG], *scope = request->value[SCOPE];
	const char *from = request->value[FROM];
	enum status status = STATUS_OK;

	if (org != NULL)
		status = value_org("--org", org);
	if (status == STATUS_OK && scope != NULL)
		status = value_scope("--scope", scope);
	if (status == STATUS_OK && from != NULL)
		status = value_address("--from", from);
	return status;
}

/* Reads all there is, but keeps no more than fits; one newline at the end does not count. */
static enum status
read_input(char input[static INPUT_MAX], size_t *ret_length)
{
	size_t length = 0;
	char rest[256];
	ssize_t n;

	if (isatty(STDIN_FILENO) == 1)
		return ask_hidden("API key: ", input, INPUT_MAX, ret_length);
	do {
		size_t room = INPUT_MAX - length;

		n = room > 0 ? read(STDIN_FILENO, input + length, room) :
			       read(STDIN_FILENO, rest, sizeof(rest));
		if (n < 0 && errno != EINTR)
			return fail_errno(STATUS_IO, "standard input", errno);
		if (n > 0 && room > 0)
			length += (size_t)n;
	} while (n != 0);
	lrk_wipe_array(rest);
	if (length > 0 && input[length - 1] == '\n')
		length--;
	if (length > 0 && input[length - 1] == '\r')
		length--;
	*ret_length = length;
	return STATUS_OK;
}

/* The answer, in words of the core or for input that is no key. */
struct result {
	bool valid;
	const char *id;	    /* NULL: not even that is known */
	const struct lrk_entry *entry; /* NULL: nothing is proven */
	enum lrk_state state;
	char reason[160];
};

static enum status
print_json(const struct result *result)
{
	const struct lrk_entry *entry = result->entry;
	char expires[LRK_TIME_TEXT] = "";
	const char *end = NULL;

	if (entry != NULL && entry->expires != LRK_NEVER) {
		lrk_time_format(entry->expires, expires);
		end = expires;
	}
	return json_print(json_pack("{s:b, s:s?, s:s?, s:s?, s:s?, s:s?}", "valid", result->valid, "id",
				    result->id, "org", entry != NULL ? entry->org : NULL, "state",
				    entry != NULL ? lrk_state_name(result->state) : NULL, "reason",
				    result->valid ? NULL : result->reason, "expires", end));
}

static enum status
print_result(const struct request *request, const struct result *result)
{
	enum status status = result->valid ? STATUS_OK : STATUS_NO;

	if (request->json) {
		enum status printed = print_json(result);

		return printed != STATUS_OK ? printed : status;
	}
	if (result->valid) {
		printf("valid: key %s org %s state %s\n", result->id, result->entry->org,
		       lrk_state_name(result->state));
	} else {
		fputs("refused: ", stdout);
		escape_print(stdout, result->reason);
		putchar('\n');
	}
	return status;
}

static enum status
ask_store(const struct request *request, const struct lrk_credential *credential)
{
	struct lrk_question question = {
		.root = request->root,
		.store = request->store,
		.credential = credential,
		.org = request->value[ORG],
		.scope = request->value[SCOPE],
		.from = request->value[FROM],
		.use = LRK_USE_CHECK,
	};
	struct result result = { .id = credential->id };
	struct lrk_why why = { "" };
	struct lrk_answer answer;
	enum status status;
	enum lrk_err err;

	status = reading_now(&question.now);
	if (status != STATUS_OK)
		return status;
	err = lrk_verify(&question, &answer, &why);
	if (err != LRK_OK)
		return reading_fail(request, false, err, &why);
	result.valid = answer.verdict == LRK_VERDICT_VALID;
	result.state = answer.state;
	if (lrk_verdict_is_proven(answer.verdict))
		result.entry = &answer.entry;
	lrk_refusal_text(&question, &answer, result.reason, sizeof(result.reason));
	return print_result(request, &result);
}

static enum status
run(const struct request *request)
{
	static const struct result malformed = { .valid = false, .reason = "malformed" };
	struct lrk_credential credential;
	char input[INPUT_MAX];
	enum status status;
	enum lrk_err err;
	size_t length = 0;

	status = parse(request);
	if (status != STATUS_OK)
		return status;
	status = read_input(input, &length);
	if (status == STATUS_OK) {
		err = lrk_apikey_parse(input, length, &credential);
		if (err == LRK_OK)
			status = ask_store(request, &credential);
		else if (err == LRK_ERR_SYNTAX)
			status = print_result(request, &malformed);
		else
			status = fail_core(err, "key", NULL);
	}
	lrk_wipe_object(&credential);
	lrk_wipe_array(input);
	return status;
}

const struct command cmd_verify = {
	.name = "verify",
	.args = "",
	.summary = "Reads a key on standard input and says whether it would be let in",
	OPTIONS(options),
	.run = run,
};
