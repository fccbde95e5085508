/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.conf: whatever is accepted was understood. Each line that is no comment names a setting,
 * none twice, and what a plain line says is what counts. libeconf, which takes much without a word,
 * stands in between.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/when.h>

#include "fuzz.h"
#include "liblrkey/create.h"
#include "liblrkey/store.h"
#include "lrkeyadm/policy.h"

#define POLICY_FILE LRK_ETC "/" LRK_STORE_DEFAULT "/policy.conf"

static const char *const names[] = {
	"default-expiry", "max-expiry",	   "allow-never",     "require-label",	"default-overlap",
	"tombstone-age",  "review-unused", "review-refusals", "review-renewal",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static int64_t
value_of(const struct policy *policy, size_t name)
{
	const int64_t values[N_NAMES] = {
		policy->default_expiry, policy->max_expiry,	 policy->allow_never,
		policy->require_label,	policy->default_overlap, policy->tombstone_age,
		policy->review_unused,	policy->review_refusals, policy->review_renewal,
	};

	return values[name];
}

/* What a plain value means; a wrong one is -1. */
static int64_t
meaning(const char *value)
{
	int64_t number;
	char *end;

	if (strcmp(value, "never") == 0)
		return LRK_NEVER;
	if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
		return value[0] == 'y';
	if (lrk_duration_parse(value, &number) == LRK_OK)
		return number;
	number = strtoll(value, &end, 10);
	return *end == '\0' && end != value ? number : -1;
}

/* A line of an accepted file; count says how often each setting was met. */
static void
judge_line(char *line, const struct policy *policy, unsigned count[static N_NAMES])
{
	char *equals = strchr(line, '='), *value;
	size_t length, name;

	line += strspn(line, " \t\r");
	if (line[0] == '\0' || line[0] == '#')
		return;
	fuzz_require(equals != NULL && equals > line);
	value = equals + 1;
	length = (size_t)(equals - line);
	while (length > 0 && strchr(" \t", line[length - 1]) != NULL)
		length--;
	for (name = 0; name < N_NAMES; name++)
		if (strlen(names[name]) == length && memcmp(line, names[name], length) == 0)
			break;
	fuzz_require(name < N_NAMES);
	fuzz_require(++count[name] == 1);
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0')
		fuzz_require(value_of(policy, name) == meaning(value));
}

static void
judge(char *text, const struct policy *policy)
{
	unsigned count[N_NAMES] = { 0 };
	char *next;

	for (; text != NULL; text = next) {
		next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		judge_line(text, policy, count);
	}
	fuzz_require(policy->default_expiry > 0 && policy->max_expiry > 0);
	fuzz_require(policy->default_overlap >= 0 && policy->default_overlap <= LRK_TIME_MAX);
	fuzz_require(policy->tombstone_age >= 0 && policy->review_unused >= 0);
	fuzz_require(policy->review_refusals >= 0 && policy->review_renewal >= 0);
}

static void
make_store(void)
{
	const struct lrk_owners owners = { geteuid(), getegid(), getegid(), getegid() };
	struct lrk_why why;

	fuzz_require(lrk_store_create(fuzz_root(), LRK_STORE_DEFAULT, &owners, &why) == LRK_OK);
	messages_silence(true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	struct request request = { .store = LRK_STORE_DEFAULT };
	char *text = fuzz_text(data, size);
	struct policy policy, again;
	enum status status;
	int fd;

	if (!made)
		make_store();
	made = true;
	request.root = fuzz_root();
	fuzz_write(POLICY_FILE, data, size);
	fd = fuzz_free_descriptor();
	status = policy_read(&request, &policy);
	fuzz_require(fuzz_free_descriptor() == fd);
	fuzz_require(status == STATUS_OK || status == STATUS_POLICY);
	if (status == STATUS_OK) {
		fuzz_require(strlen(text) == size);
		judge(text, &policy);
		fuzz_require(policy_read(&request, &again) == STATUS_OK);
		for (size_t i = 0; i < N_NAMES; i++)
			fuzz_require(value_of(&policy, i) == value_of(&again, i));
	} else {
		fuzz_require(last_failure()[0] != '\0');
	}
	free(text);
	return 0;
}
