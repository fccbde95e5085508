/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an answer does with uses, refusals and owners; the decision itself is
 * test_verify.c's. Owners are looked up in databases of this program's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <shadow.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/usage.h"

#include "trial.h"

#define ID "7Hq2ZtXw9LmB"
#define SECRET 's'
#define FRIEND "friend" /* a usable account */
#define GHOST "ghost"	/* nobody */
#define RIDDLE "riddle" /* nobody can tell */

static unsigned lookups;

int
getpwnam_r(const char *name, struct passwd *passwd, char *buffer, size_t size,
	   struct passwd **result)
{
	(void)buffer;
	(void)size;
	lookups++;
	*result = NULL;
	if (strcmp(name, FRIEND) == 0) {
		memset(passwd, 0, sizeof(*passwd));
		*result = passwd;
	}
	return strcmp(name, RIDDLE) == 0 ? EIO : 0;
}

int
getspnam_r(const char *name, struct spwd *shadow, char *buffer, size_t size, struct spwd **result)
{
	(void)name;
	(void)shadow;
	(void)buffer;
	(void)size;
	*result = NULL;
	return 0;
}

static struct lrk_entry
put(struct trial *trial, struct lrk_entry entry)
{
	struct lrk_change *change;
	bool done;

	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
	assert_ok(lrk_change_put(change, &entry, &trial->why));
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	lrk_change_end(change);
	return entry;
}

static struct lrk_entry
new_entry(uint64_t max_uses, const char *owner)
{
	struct lrk_entry entry = trial_entry(ID, SECRET);

	entry.max_uses = max_uses;
	strcpy(entry.owner, owner);
	return entry;
}

static const struct lrk_credential *
credential(void)
{
	static struct lrk_credential one;

	one = trial_credential(ID, SECRET);
	return &one;
}

static struct lrk_question
about(const struct trial *trial, enum lrk_use_mode use)
{
	return (struct lrk_question){ .root = trial->root,
				      .store = STORE,
				      .credential = credential(),
				      .now = TRIAL_NOW,
				      .use = use,
				      .service = "nginx",
				      .rhost = "192.0.2.1" };
}

static struct lrk_answer
ask(struct trial *trial, const struct lrk_question *question)
{
	static const uint8_t zeros[LRK_DIGEST_LEN];
	struct lrk_answer answer;
	enum lrk_err err;

	memset(&answer, 0x5a, sizeof(answer));
	memset(&trial->why, 0, sizeof(trial->why));
	err = lrk_verify(question, &answer, &trial->why);
	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), trial->why.text);
	assert_memory_equal(answer.entry.digest, zeros, sizeof(zeros));
	return answer;
}

static void
expect_verdict(struct trial *trial, const struct lrk_question *question, enum lrk_verdict expected)
{
	const struct lrk_answer answer = ask(trial, question);

	assert_int_equal(answer.verdict, expected);
	assert_false(answer.unrecorded);
}

/* No answer at all, with a reason; and without one where nobody wants it. */
static void
expect_no_answer(struct trial *trial, const struct lrk_question *question, enum lrk_err expected,
		 const char *reason)
{
	struct lrk_answer answer, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	answer = untouched;
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_verify(question, &answer, &trial->why), expected);
	assert_memory_equal(&answer, &untouched, sizeof(answer));
	assert_says(&trial->why, reason);
	assert_err(lrk_verify(question, &answer, NULL), expected);
}

static void
expect_unrecorded(struct trial *trial, const struct lrk_question *question, const char *reason)
{
	struct lrk_answer answer = ask(trial, question);

	assert_int_equal(answer.verdict, LRK_VERDICT_VALID);
	assert_int_equal(answer.state, LRK_STATE_ACTIVE);
	assert_true(answer.unrecorded);
	assert_says(&trial->why, reason);
	answer.unrecorded = false;
	assert_ok(lrk_verify(question, &answer, NULL));
	assert_true(answer.unrecorded);
}

static struct lrk_usage
usage_of(const struct trial *trial, const struct lrk_entry *entry)
{
	int fd = open(trial_path(trial, USAGE_FILE), O_RDONLY | O_CLOEXEC);
	struct lrk_usage usage;
	bool valid = false;

	assert_true(fd >= 0);
	assert_ok(lrk_usage_read(fd, entry, &usage, &valid));
	assert_true(valid);
	close(fd);
	return usage;
}

static void
set_uses(const struct trial *trial, const struct lrk_entry *entry, uint64_t uses)
{
	const struct lrk_usage usage = { .uses = uses };
	int fd = open(trial_path(trial, USAGE_FILE), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(lrk_usage_write(fd, entry, &usage));
	close(fd);
}

/* ---- Every refusal, in every mode ---------------------------------------------------- */

struct refusal {
	enum lrk_verdict verdict;
	void (*arrange)(struct lrk_entry *entry, struct lrk_question *question);
};

static void
arrange_revoked(struct lrk_entry *entry, struct lrk_question *question)
{
	(void)question;
	entry->revoked = TRIAL_NOW - 1;
	entry->reason = LRK_REASON_COMPROMISED;
	strcpy(entry->revoked_by, "tester");
}

static void
arrange_deactivated(struct lrk_entry *entry, struct lrk_question *question)
{
	(void)question;
	entry->deactivated = TRIAL_NOW - 1;
}

static void
arrange_pending(struct lrk_entry *entry, struct lrk_question *question)
{
	(void)question;
	entry->not_before = TRIAL_NOW + 1;
}

static void
arrange_expired(struct lrk_entry *entry, struct lrk_question *question)
{
	(void)question;
	entry->expires = TRIAL_NOW;
}

static void
arrange_org(struct lrk_entry *entry, struct lrk_question *question)
{
	(void)entry;
	question->org = "other";
}

static void
arrange_scope(struct lrk_entry *entry, struct lrk_question *question)
{
	strcpy(entry->scopes[0], "scim");
	question->scope = "prometheus";
}

static void
arrange_address(struct lrk_entry *entry, struct lrk_question *question)
{
	assert_ok(lrk_net_parse("192.0.2.0/24", &entry->nets[entry->n_nets++]));
	question->from = "198.51.100.1";
}

static void
arrange_owner(struct lrk_entry *entry, struct lrk_question *question)
{
	strcpy(entry->owner, GHOST);
	question->owner_active = true;
}

static const struct refusal refusals[] = {
	{ LRK_VERDICT_REVOKED, arrange_revoked },
	{ LRK_VERDICT_DEACTIVATED, arrange_deactivated },
	{ LRK_VERDICT_PENDING, arrange_pending },
	{ LRK_VERDICT_EXPIRED, arrange_expired },
	{ LRK_VERDICT_ORG, arrange_org },
	{ LRK_VERDICT_SCOPE, arrange_scope },
	{ LRK_VERDICT_ADDRESS, arrange_address },
	{ LRK_VERDICT_OWNER, arrange_owner },
};

static void
expect_same_usage_file(const struct trial *trial, const uint8_t *before, size_t size)
{
	size_t after_size;
	uint8_t *after = trial_read(trial, USAGE_FILE, &after_size);

	assert_int_equal(after_size, size);
	assert_memory_equal(after, before, size);
	free(after);
}

/* Counted only where counting was asked for, once, and as no use. */
static void
test_refusals_are_counted(void **state)
{
	static const uint64_t limits[] = { 0, 5, 1 }; /* the last one used up */
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		for (size_t j = 0; j < COUNT_OF(limits); j++) {
			struct lrk_entry entry = new_entry(limits[j], "");
			struct lrk_question question = about(trial, LRK_USE_IGNORE);
			struct lrk_usage usage;
			uint8_t *before;
			size_t size;

			refusals[i].arrange(&entry, &question);
			entry = put(trial, entry);
			set_uses(trial, &entry, 1);
			before = trial_read(trial, USAGE_FILE, &size);
			expect_verdict(trial, &question, refusals[i].verdict);
			question.use = LRK_USE_CHECK;
			expect_verdict(trial, &question, refusals[i].verdict);
			expect_same_usage_file(trial, before, size);
			free(before);
			question.use = LRK_USE_COUNT;
			for (unsigned n = 1; n <= 3; n++) {
				expect_verdict(trial, &question, refusals[i].verdict);
				usage = usage_of(trial, &entry);
				assert_int_equal(usage.denied, n);
				assert_int_equal(usage.uses, 1);
				assert_int_equal(usage.last_used, 0);
				assert_string_equal(usage.service, "");
			}
		}
	}
}

/* A refusal is one whether it can be recorded or not. */
static void
test_refusals_without_record(void **state)
{
	struct trial *trial = *state;
	static const uint64_t limits[] = { 0, 5 };

	alarm(20);
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		for (size_t j = 0; j < COUNT_OF(limits); j++) {
			struct lrk_entry entry = new_entry(limits[j], "");
			struct lrk_question question = about(trial, LRK_USE_COUNT);

			refusals[i].arrange(&entry, &question);
			put(trial, entry);
			assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
			expect_verdict(trial, &question, refusals[i].verdict);
			assert_int_equal(mkfifo(trial_path(trial, USAGE_FILE), 0660), 0);
			expect_verdict(trial, &question, refusals[i].verdict);
			assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
		}
	}
	alarm(0);
}

/* Whatever was asked, nothing unproven leaves a trace. */
static void
test_unproven(void **state)
{
	struct trial *trial = *state;
	struct lrk_question question = about(trial, LRK_USE_COUNT);
	struct lrk_credential others[2];
	uint8_t *before;
	size_t size;

	put(trial, new_entry(5, GHOST));
	before = trial_read(trial, USAGE_FILE, &size);
	question.owner_active = true;
	lookups = 0;
	for (unsigned i = 0; i < 100; i++) {
		char id[LRK_ID_LEN + 1];

		others[0] = trial_credential(ID, (char)('A' + i % 26));
		question.credential = &others[0];
		expect_verdict(trial, &question, LRK_VERDICT_WRONG_SECRET);
		snprintf(id, sizeof(id), "none%08u", i);
		others[1] = trial_credential(id, SECRET);
		question.credential = &others[1];
		expect_verdict(trial, &question, LRK_VERDICT_UNKNOWN_KEY);
	}
	assert_int_equal(lookups, 0);
	expect_same_usage_file(trial, before, size);
	free(before);
	/* nor is a usage file missed by them */
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	expect_verdict(trial, &question, LRK_VERDICT_UNKNOWN_KEY);
	assert_false(trial_exists(trial, USAGE_FILE));
}

/* ---- Limits ------------------------------------------------------------------------------ */

static void
test_check(void **state)
{
	static const uint64_t limits[] = { 1, 2, 100, UINT64_MAX };
	struct trial *trial = *state;
	const struct lrk_question question = about(trial, LRK_USE_CHECK);

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		const struct lrk_entry entry = put(trial, new_entry(limits[i], ""));
		struct lrk_answer answer;
		uint8_t *before;
		size_t size;

		set_uses(trial, &entry, limits[i] - 1);
		before = trial_read(trial, USAGE_FILE, &size);
		expect_verdict(trial, &question, LRK_VERDICT_VALID);
		expect_verdict(trial, &question, LRK_VERDICT_VALID);
		expect_same_usage_file(trial, before, size);
		free(before);
		set_uses(trial, &entry, limits[i]);
		before = trial_read(trial, USAGE_FILE, &size);
		answer = ask(trial, &question);
		assert_int_equal(answer.verdict, LRK_VERDICT_USE_LIMIT);
		assert_int_equal(answer.state, LRK_STATE_EXHAUSTED);
		expect_same_usage_file(trial, before, size);
		free(before);
	}
}

/* Whose limit is not looked at has none; whose uses are not counted has no record. */
static void
test_ignore(void **state)
{
	struct trial *trial = *state;
	const struct lrk_question question = about(trial, LRK_USE_IGNORE);
	const struct lrk_entry entry = put(trial, new_entry(1, ""));
	struct lrk_answer answer;

	set_uses(trial, &entry, 1);
	answer = ask(trial, &question);
	assert_int_equal(answer.verdict, LRK_VERDICT_VALID);
	assert_int_equal(answer.state, LRK_STATE_ACTIVE);
	assert_int_equal(usage_of(trial, &entry).uses, 1);
	assert_int_equal(usage_of(trial, &entry).denied, 0);
}

/* A deprecated key is used up like any other. */
static void
test_deprecated(void **state)
{
	struct trial *trial = *state;
	const struct lrk_question question = about(trial, LRK_USE_COUNT);
	struct lrk_entry entry = new_entry(2, "");

	strcpy(entry.successor, "successor000");
	entry = put(trial, entry);
	for (int i = 0; i < 2; i++) {
		const struct lrk_answer answer = ask(trial, &question);

		assert_int_equal(answer.verdict, LRK_VERDICT_VALID);
		assert_int_equal(answer.state, LRK_STATE_DEPRECATED);
	}
	expect_verdict(trial, &question, LRK_VERDICT_USE_LIMIT);
	assert_int_equal(ask(trial, &question).state, LRK_STATE_EXHAUSTED);
	assert_int_equal(usage_of(trial, &entry).denied, 2);
}

/* ---- Where a use cannot be recorded ---------------------------------------------------------- */

static void
test_unsafe_usage_file(void **state)
{
	static const char *const reasons[] = { "not a regular file", "symbolic link",
					       "writable by everybody", "more than one hard link",
					       "does not exist" };
	struct trial *trial = *state;

	alarm(20);
	for (size_t kind = 0; kind < COUNT_OF(reasons); kind++) {
		const char *path = trial_path(trial, USAGE_FILE), *away = trial_path(trial, "away");
		struct lrk_question question = about(trial, LRK_USE_COUNT);

		for (uint64_t limit = 0; limit < 2; limit++) {
			put(trial, new_entry(limit, ""));
			assert_int_equal(rename(path, away), 0);
			if (kind == 0)
				assert_int_equal(mkfifo(path, 0660), 0);
			else if (kind == 1)
				assert_int_equal(symlink(away, path), 0);
			else if (kind == 2)
				trial_write(trial, USAGE_FILE, "", 0);
			else if (kind == 3)
				assert_int_equal(link(away, path), 0);
			if (kind == 2)
				trial_chmod(trial, USAGE_FILE, 0666);
			question.use = LRK_USE_COUNT;
			if (limit == 0)
				expect_unrecorded(trial, &question, reasons[kind]);
			else
				expect_no_answer(trial, &question, LRK_ERR_USAGE, reasons[kind]);
			assert_says(&trial->why, USAGE_FILE);
			/* who has no limit does not need it to be checked */
			question.use = LRK_USE_CHECK;
			if (limit == 0)
				expect_verdict(trial, &question, LRK_VERDICT_VALID);
			else
				expect_no_answer(trial, &question, LRK_ERR_USAGE, reasons[kind]);
			question.use = LRK_USE_IGNORE;
			expect_verdict(trial, &question, LRK_VERDICT_VALID);
			if (kind < 4)
				assert_int_equal(unlink(path), 0);
			assert_int_equal(rename(away, path), 0);
		}
	}
	alarm(0);
}

static void
test_locked_slot(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct trial *trial = *state;
	struct lrk_question question = about(trial, LRK_USE_COUNT);
	struct lrk_entry entry = put(trial, new_entry(0, ""));
	int holder = open(trial_path(trial, USAGE_FILE), O_RDWR | O_CLOEXEC);

	assert_true(holder >= 0);
	assert_int_equal(fcntl(holder, F_OFD_SETLK, &lock), 0);
	expect_unrecorded(trial, &question, "its slot is locked by somebody else");
	question.org = "other";
	expect_verdict(trial, &question, LRK_VERDICT_ORG);
	assert_int_equal(usage_of(trial, &entry).uses, 0);
	assert_int_equal(usage_of(trial, &entry).denied, 0);
	close(holder);
	expect_verdict(trial, &question, LRK_VERDICT_ORG);
	assert_int_equal(usage_of(trial, &entry).denied, 1);
	/* a look at a limit waits for nobody */
	entry = put(trial, new_entry(1, ""));
	holder = open(trial_path(trial, USAGE_FILE), O_RDWR | O_CLOEXEC);
	assert_true(holder >= 0);
	assert_int_equal(fcntl(holder, F_OFD_SETLK, &lock), 0);
	question = about(trial, LRK_USE_CHECK);
	expect_verdict(trial, &question, LRK_VERDICT_VALID);
	close(holder);
}

static enum lrk_err
ask_as_somebody(const struct trial *trial, struct lrk_why *why)
{
	const struct lrk_question question = about(trial, LRK_USE_COUNT);
	struct lrk_answer answer = { .verdict = LRK_VERDICT_COUNT };
	enum lrk_err err = lrk_verify(&question, &answer, why);

	if (err == LRK_OK && (answer.verdict != LRK_VERDICT_VALID || !answer.unrecorded))
		return LRK_ERR_INTERNAL;
	return err;
}

/* Who may read the store, and not write the usage file. */
static void
test_kernel_refuses(void **state)
{
	static const enum lrk_err expected[] = { LRK_OK, LRK_ERR_USAGE };
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_chmod(trial, ETC_DIR, 0755);
	trial_chmod(trial, MASTER_FILE, 0644);
	trial_chmod(trial, GATE_DIR, 0755);
	for (uint64_t limit = 0; limit < 2; limit++) {
		trial_chmod(trial, USAGE_FILE, 0660);
		put(trial, new_entry(limit, ""));
		trial_chmod(trial, USAGE_FILE, root ? 0664 : 0444);
		assert_err(trial_unprivileged(trial, ask_as_somebody, &trial->why),
			   expected[limit]);
		assert_says(&trial->why, USAGE_FILE);
		assert_says(&trial->why, root ? "uid 65534 is not in group root" :
						"permission denied");
	}
}

/* ---- Owners ------------------------------------------------------------------------------ */

static void
test_owners(void **state)
{
	static const struct {
		const char *owner;
		bool active;
		enum lrk_verdict verdict;
		unsigned lookups;
	} rows[] = {
		{ "", false, LRK_VERDICT_VALID, 0 },	{ "", true, LRK_VERDICT_VALID, 0 },
		{ FRIEND, false, LRK_VERDICT_VALID, 0 }, { FRIEND, true, LRK_VERDICT_VALID, 1 },
		{ GHOST, false, LRK_VERDICT_VALID, 0 },	{ GHOST, true, LRK_VERDICT_OWNER, 1 },
		{ RIDDLE, false, LRK_VERDICT_VALID, 0 },
	};
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int use = LRK_USE_IGNORE; use <= LRK_USE_COUNT; use++) {
			struct lrk_question question = about(trial, (enum lrk_use_mode)use);
			struct lrk_answer answer;
			char text[64];

			put(trial, new_entry(5, rows[i].owner));
			question.owner_active = rows[i].active;
			lookups = 0;
			answer = ask(trial, &question);
			assert_int_equal(answer.verdict, rows[i].verdict);
			assert_int_equal(lookups, rows[i].lookups);
			assert_int_equal(answer.state, LRK_STATE_ACTIVE);
			assert_string_equal(answer.entry.owner, rows[i].owner);
			lrk_refusal_text(&question, &answer, text, sizeof(text));
			if (answer.verdict == LRK_VERDICT_OWNER)
				assert_string_equal(text, "owner " GHOST);
		}
	}
}

/* Nobody can tell: no answer, and neither a use nor a refusal. */
static void
test_owner_unknown(void **state)
{
	struct trial *trial = *state;

	for (uint64_t limit = 0; limit < 2; limit++) {
		const struct lrk_entry entry = put(trial, new_entry(limit, RIDDLE));

		for (int use = LRK_USE_IGNORE; use <= LRK_USE_COUNT; use++) {
			struct lrk_question question = about(trial, (enum lrk_use_mode)use);

			question.owner_active = true;
			expect_no_answer(trial, &question, LRK_ERR_IO,
					 "user " RIDDLE " cannot be looked up");
		}
		assert_int_equal(usage_of(trial, &entry).uses, 0);
		assert_int_equal(usage_of(trial, &entry).denied, 0);
	}
}

/* The owner is asked for when all before him has said yes, and the limit when he has. */
static void
test_owner_in_the_order(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry;
	struct lrk_question question;

	for (size_t i = 0; i < COUNT_OF(refusals) - 1; i++) {
		question = about(trial, LRK_USE_COUNT);
		entry = new_entry(0, RIDDLE);
		refusals[i].arrange(&entry, &question);
		question.owner_active = true;
		put(trial, entry);
		lookups = 0;
		expect_verdict(trial, &question, refusals[i].verdict);
		assert_int_equal(lookups, 0);
	}
	question = about(trial, LRK_USE_COUNT);
	question.owner_active = true;
	entry = put(trial, new_entry(1, GHOST));
	set_uses(trial, &entry, 1);
	expect_verdict(trial, &question, LRK_VERDICT_OWNER);
	entry = put(trial, new_entry(1, FRIEND));
	set_uses(trial, &entry, 1);
	expect_verdict(trial, &question, LRK_VERDICT_USE_LIMIT);
	/* and no use is spent on an owner that is none */
	entry = put(trial, new_entry(1, GHOST));
	expect_verdict(trial, &question, LRK_VERDICT_OWNER);
	assert_int_equal(usage_of(trial, &entry).uses, 0);
}

/* ---- All at once ------------------------------------------------------------------------- */

enum { THREADS = 8, LIMIT = 80 };

struct crowd {
	const struct trial *trial;
	atomic_uint valid, used_up, wrong;
};

static void *
ask_until_used_up(void *context)
{
	struct crowd *crowd = context;
	struct lrk_question question = { .root = crowd->trial->root, .store = STORE,
					 .now = TRIAL_NOW, .use = LRK_USE_COUNT };
	struct lrk_credential own = trial_credential(ID, SECRET);

	question.credential = &own;
	for (;;) {
		struct lrk_answer answer;
		enum lrk_err err = lrk_verify(&question, &answer, NULL);

		/* A slot that was not had in time is no answer. */
		if (err == LRK_ERR_USAGE)
			continue;
		if (err == LRK_OK && answer.verdict == LRK_VERDICT_VALID) {
			crowd->valid++;
			continue;
		}
		if (err == LRK_OK && answer.verdict == LRK_VERDICT_USE_LIMIT)
			crowd->used_up++;
		else
			crowd->wrong++;
		return NULL;
	}
}

static void
test_threads(void **state)
{
	struct trial *trial = *state;
	struct crowd crowd = { .trial = trial };
	const struct lrk_entry entry = put(trial, new_entry(LIMIT, ""));
	pthread_t threads[THREADS];

	alarm(120);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_until_used_up, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	alarm(0);
	assert_int_equal(crowd.valid, LIMIT);
	assert_int_equal(crowd.used_up, THREADS);
	assert_int_equal(crowd.wrong, 0);
	assert_int_equal(usage_of(trial, &entry).uses, LIMIT);
	assert_int_equal(usage_of(trial, &entry).denied, THREADS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_refusals_are_counted),
		store_test(test_refusals_without_record),
		store_test(test_unproven),
		store_test(test_check),
		store_test(test_ignore),
		store_test(test_deprecated),
		store_test(test_unsafe_usage_file),
		store_test(test_locked_slot),
		store_test(test_kernel_refuses),
		store_test(test_owners),
		store_test(test_owner_unknown),
		store_test(test_owner_in_the_order),
		store_test(test_threads),
	};

	return cmocka_run_group_tests_name("verify, uses and owners", tests, NULL, NULL);
}
