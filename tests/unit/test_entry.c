/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <string.h>

#include <lrkey/entry.h>

#include "unit.h"

#define NOW INT64_C(1795168800)

static void
expect_state(const struct lrk_entry *entry, int64_t now, uint64_t uses, enum lrk_state expected)
{
	enum lrk_state state = lrk_entry_state(entry, now, uses);

	if (state != expected)
		fail_msg("%s instead of %s", lrk_state_name(state), lrk_state_name(expected));
}

static struct lrk_entry
active_entry(void)
{
	return (struct lrk_entry){ .created = NOW - 1000, .expires = LRK_NEVER, .n_scopes = 1,
				   .scopes = { "scim" } };
}

/* The conditions in the order of the contract, pending by either of its causes. */
enum condition {
	REVOKED = 1 << 0,
	DEACTIVATED = 1 << 1,
	NOT_YET = 1 << 2,
	CLOCK_BEHIND = 1 << 3,
	EXPIRED = 1 << 4,
	EXHAUSTED = 1 << 5,
	DEPRECATED = 1 << 6,
	ALL = 1 << 7,
};

static const struct {
	unsigned conditions;
	enum lrk_state state;
} precedence[] = {
	{ REVOKED, LRK_STATE_REVOKED },
	{ DEACTIVATED, LRK_STATE_DEACTIVATED },
	{ NOT_YET | CLOCK_BEHIND, LRK_STATE_PENDING },
	{ EXPIRED, LRK_STATE_EXPIRED },
	{ EXHAUSTED, LRK_STATE_EXHAUSTED },
	{ DEPRECATED, LRK_STATE_DEPRECATED },
	{ ~0u, LRK_STATE_ACTIVE },
};

static struct lrk_entry
entry_with(unsigned conditions)
{
	struct lrk_entry entry = active_entry();

	entry.max_uses = 10;
	if (conditions & REVOKED)
		entry.revoked = NOW - 1;
	if (conditions & DEACTIVATED)
		entry.deactivated = NOW - 1;
	if (conditions & NOT_YET)
		entry.not_before = NOW + 1;
	if (conditions & CLOCK_BEHIND)
		entry.created = NOW + LRK_CLOCK_TOLERANCE + 1;
	if (conditions & EXPIRED)
		entry.expires = NOW;
	if (conditions & DEPRECATED)
		strcpy(entry.successor, "7Hq2ZtXw9LmB");
	return entry;
}

static void
test_precedence(void **state)
{
	(void)state;
	for (unsigned conditions = 0; conditions < ALL; conditions++) {
		struct lrk_entry entry = entry_with(conditions);
		size_t row = 0;

		while ((precedence[row].conditions & (conditions | ALL)) == 0)
			row++;
		expect_state(&entry, NOW, conditions & EXHAUSTED ? 10 : 9, precedence[row].state);
	}
}

static void
test_boundary_seconds(void **state)
{
	struct lrk_entry entry = active_entry();

	(void)state;
	entry.not_before = NOW;
	expect_state(&entry, NOW - 1, 0, LRK_STATE_PENDING);
	expect_state(&entry, NOW, 0, LRK_STATE_ACTIVE);
	entry.expires = NOW + 10;
	expect_state(&entry, NOW + 9, 0, LRK_STATE_ACTIVE);
	expect_state(&entry, NOW + 10, 0, LRK_STATE_EXPIRED);
	expect_state(&entry, LRK_TIME_MAX, 0, LRK_STATE_EXPIRED);
	entry.expires = LRK_NEVER;
	expect_state(&entry, LRK_TIME_MAX, 0, LRK_STATE_ACTIVE);
	/* An empty life works at no time. */
	entry.expires = NOW;
	expect_state(&entry, NOW - 1, 0, LRK_STATE_PENDING);
	expect_state(&entry, NOW, 0, LRK_STATE_EXPIRED);
}

static void
test_clock_tolerance(void **state)
{
	struct lrk_entry entry = active_entry();

	(void)state;
	assert_int_equal(LRK_CLOCK_TOLERANCE, 5 * 60);
	entry.created = NOW;
	expect_state(&entry, NOW - 300, 0, LRK_STATE_ACTIVE);
	expect_state(&entry, NOW - 301, 0, LRK_STATE_PENDING);
	expect_state(&entry, 0, 0, LRK_STATE_PENDING);
	expect_state(&entry, -1, 0, LRK_STATE_PENDING);
	expect_state(&entry, INT64_MIN, 0, LRK_STATE_PENDING);
	entry.created = 0;
	expect_state(&entry, 0, 0, LRK_STATE_ACTIVE);
	expect_state(&entry, -301, 0, LRK_STATE_PENDING);
}

static void
test_use_limit(void **state)
{
	struct lrk_entry entry = active_entry();

	(void)state;
	expect_state(&entry, NOW, UINT64_MAX, LRK_STATE_ACTIVE);
	entry.max_uses = 1;
	expect_state(&entry, NOW, 0, LRK_STATE_ACTIVE);
	expect_state(&entry, NOW, 1, LRK_STATE_EXHAUSTED);
	expect_state(&entry, NOW, 2, LRK_STATE_EXHAUSTED);
	entry.max_uses = UINT64_MAX;
	expect_state(&entry, NOW, UINT64_MAX - 1, LRK_STATE_ACTIVE);
	expect_state(&entry, NOW, UINT64_MAX, LRK_STATE_EXHAUSTED);
}

static void
test_which_states_work(void **state)
{
	(void)state;
	for (unsigned s = 0; s < LRK_STATE_COUNT; s++)
		assert_int_equal(lrk_state_works((enum lrk_state)s),
				 s == LRK_STATE_ACTIVE || s == LRK_STATE_DEPRECATED);
	assert_false(lrk_state_works(LRK_STATE_COUNT));
	assert_false(lrk_state_works((enum lrk_state)-1));
}

static void
test_state_names(void **state)
{
	static const char *const names[] = { "revoked",	  "deactivated", "pending", "expired",
					     "exhausted", "deprecated",	 "active" };
	static const char *const none[] = { "", "Active", "ACTIVE", "active ", "activ", "actives",
					    "valid", "*" };

	(void)state;
	assert_int_equal(COUNT_OF(names), LRK_STATE_COUNT);
	for (unsigned s = 0; s < LRK_STATE_COUNT; s++) {
		assert_string_equal(lrk_state_name((enum lrk_state)s), names[s]);
		assert_int_equal(lrk_state_from_name(names[s]), s);
	}
	assert_null(lrk_state_name(LRK_STATE_COUNT));
	assert_null(lrk_state_name((enum lrk_state)-1));
	assert_null(lrk_state_name((enum lrk_state)INT_MIN));
	for (size_t i = 0; i < COUNT_OF(none); i++)
		assert_int_equal(lrk_state_from_name(none[i]), LRK_STATE_COUNT);
}

/* The numbers are those of the format: they stand in files. */
static void
test_reason_names(void **state)
{
	static const char *const names[] = { NULL,	   "compromised",    "misused",
					     "usage-limit", "inactive-owner", "obsolete",
					     "renewal",	   "other" };
	static const char *const none[] = { "", "none", "Other", "other ", "usage_limit", "othe" };

	(void)state;
	assert_int_equal(COUNT_OF(names), LRK_REASON_COUNT);
	assert_null(lrk_reason_name(LRK_REASON_NONE));
	for (unsigned r = 1; r < LRK_REASON_COUNT; r++) {
		assert_string_equal(lrk_reason_name((enum lrk_reason)r), names[r]);
		assert_int_equal(lrk_reason_from_name(names[r]), r);
	}
	assert_null(lrk_reason_name(LRK_REASON_COUNT));
	assert_null(lrk_reason_name((enum lrk_reason)-1));
	for (size_t i = 0; i < COUNT_OF(none); i++)
		assert_int_equal(lrk_reason_from_name(none[i]), LRK_REASON_NONE);
}

static void
test_holds_scope(void **state)
{
	struct lrk_entry entry = active_entry();

	(void)state;
	assert_true(lrk_entry_holds_scope(&entry, "scim"));
	assert_false(lrk_entry_holds_scope(&entry, "sci"));
	assert_false(lrk_entry_holds_scope(&entry, "scim2"));
	assert_false(lrk_entry_holds_scope(&entry, "SCIM"));
	assert_false(lrk_entry_holds_scope(&entry, ""));
	/* Asked for every scope, a key of one scope does not do. */
	assert_false(lrk_entry_holds_scope(&entry, LRK_SCOPE_ANY));
	/* What stands behind the list is not in it. */
	strcpy(entry.scopes[1], "prometheus");
	assert_false(lrk_entry_holds_scope(&entry, "prometheus"));
	entry.n_scopes = 2;
	assert_true(lrk_entry_holds_scope(&entry, "prometheus"));
	assert_true(lrk_entry_holds_scope(&entry, "scim"));
	strcpy(entry.scopes[1], LRK_SCOPE_ANY);
	assert_true(lrk_entry_holds_scope(&entry, "prometheus"));
	assert_true(lrk_entry_holds_scope(&entry, "No Scope Name"));
	assert_true(lrk_entry_holds_scope(&entry, LRK_SCOPE_ANY));
	entry.n_scopes = 0;
	assert_false(lrk_entry_holds_scope(&entry, "scim"));
	entry.n_scopes = LRK_SCOPES_MAX;
	strcpy(entry.scopes[LRK_SCOPES_MAX - 1], "last");
	strcpy(entry.scopes[1], "x");
	assert_true(lrk_entry_holds_scope(&entry, "last"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_boundary_seconds),
		cmocka_unit_test(test_clock_tolerance),
		cmocka_unit_test(test_use_limit),
		cmocka_unit_test(test_which_states_work),
		cmocka_unit_test(test_state_names),
		cmocka_unit_test(test_reason_names),
		cmocka_unit_test(test_holds_scope),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
