/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/record.h"
#include "liblrkey/usage.h"

#include "trial.h"

#define ID "7Hq2ZtXw9LmB"
#define SECRET 's'
#define NOBODY_HERE "no-such-user-of-tests"

/* Asked about the key above, with nothing demanded. */
struct asked {
	struct lrk_credential credential;
	struct lrk_question question;
	struct lrk_answer answer;
};

static void
prepare(const struct trial *trial, struct asked *asked)
{
	asked->credential = trial_credential(ID, SECRET);
	asked->question = (struct lrk_question){ .root = trial->root,
						 .store = STORE,
						 .credential = &asked->credential,
						 .now = TRIAL_NOW };
	memset(&asked->answer, 0x5a, sizeof(asked->answer));
}

static void
ask(struct trial *trial, struct asked *asked, enum lrk_verdict expected)
{
	enum lrk_err err = lrk_verify(&asked->question, &asked->answer, &trial->why);

	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), trial->why.text);
	assert_int_equal(asked->answer.verdict, expected);
}

static void
expect_text(const struct asked *asked, const char *expected)
{
	char text[128];

	lrk_refusal_text(&asked->question, &asked->answer, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* An unproven answer tells nothing of any key. */
static void
expect_nothing_told(const struct lrk_answer *answer)
{
	static const struct lrk_entry nothing;

	assert_memory_equal(&answer->entry, &nothing, sizeof(nothing));
	assert_int_equal(answer->state, LRK_STATE_COUNT);
	assert_false(answer->unrecorded);
	assert_false(lrk_verdict_is_proven(answer->verdict));
}

static void
expect_no_digest(const struct lrk_answer *answer)
{
	static const uint8_t zeros[LRK_DIGEST_LEN];

	assert_memory_equal(answer->entry.digest, zeros, sizeof(zeros));
}

static void
test_valid(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	ask(trial, &asked, LRK_VERDICT_VALID);
	assert_int_equal(asked.answer.state, LRK_STATE_ACTIVE);
	assert_string_equal(asked.answer.entry.id, ID);
	assert_string_equal(asked.answer.entry.org, "acme");
	assert_false(asked.answer.unrecorded);
	expect_no_digest(&asked.answer);
}

static void
test_unproven(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	prepare(trial, &asked);
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY); /* in an empty store */
	expect_nothing_told(&asked.answer);
	trial_put(trial, STORE, &entry, 1);

	asked.credential = trial_credential("000000000000", SECRET);
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY);
	expect_nothing_told(&asked.answer);
	expect_text(&asked, "unknown key");

	asked.credential = trial_credential(ID, 'x');
	ask(trial, &asked, LRK_VERDICT_WRONG_SECRET);
	expect_nothing_told(&asked.answer);
	expect_text(&asked, "wrong secret");

	/* A digest of zeros is no key's, also not that of a key that does not exist. */
	memset(asked.credential.digest, 0, sizeof(asked.credential.digest));
	ask(trial, &asked, LRK_VERDICT_WRONG_SECRET);
	strcpy(asked.credential.id, "000000000000");
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY);
	expect_nothing_told(&asked.answer);
}

/* One byte of the digest is enough. */
static void
test_any_byte_of_the_digest(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	for (size_t bit = 0; bit < 8 * LRK_DIGEST_LEN; bit++) {
		asked.credential.digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ask(trial, &asked, LRK_VERDICT_WRONG_SECRET);
		asked.credential.digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ask(trial, &asked, LRK_VERDICT_VALID);
}

/* ---- The order of decision ----------------------------------------------------- */

/* An entry, and a question, in which everything that can be wrong is wrong. */
static struct lrk_entry
entry_all_wrong(void)
{
	struct lrk_entry entry = trial_entry(ID, SECRET);

	entry.revoked = TRIAL_NOW - 10;
	entry.reason = LRK_REASON_COMPROMISED;
	strcpy(entry.revoked_by, "tester");
	entry.deactivated = TRIAL_NOW - 20;
	entry.not_before = TRIAL_NOW + 30;
	entry.expires = TRIAL_NOW - 40;
	strcpy(entry.scopes[0], "prometheus");
	assert_ok(lrk_net_parse("192.0.2.0/24", &entry.nets[0]));
	entry.n_nets = 1;
	strcpy(entry.owner, NOBODY_HERE);
	entry.max_uses = 3;
	entry.slot_generation = 1;
	strcpy(entry.successor, "000000000000");
	return entry;
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

static void
test_order(void **state)
{
	static const struct {
		enum lrk_verdict verdict;
		enum lrk_state state;
		const char *text;
	} rows[] = {
		{ LRK_VERDICT_REVOKED, LRK_STATE_REVOKED,
		  "revoked 2026-11-20T09:59:50Z compromised" },
		{ LRK_VERDICT_DEACTIVATED, LRK_STATE_DEACTIVATED, "deactivated" },
		{ LRK_VERDICT_PENDING, LRK_STATE_PENDING, "pending until 2026-11-20T10:00:30Z" },
		{ LRK_VERDICT_EXPIRED, LRK_STATE_EXPIRED, "expired 2026-11-20T09:59:20Z" },
		{ LRK_VERDICT_ORG, LRK_STATE_DEPRECATED, "organization" },
		{ LRK_VERDICT_SCOPE, LRK_STATE_DEPRECATED, "scope scim" },
		{ LRK_VERDICT_ADDRESS, LRK_STATE_DEPRECATED, "address 198.51.100.7" },
		{ LRK_VERDICT_OWNER, LRK_STATE_DEPRECATED, "owner " NOBODY_HERE },
		{ LRK_VERDICT_USE_LIMIT, LRK_STATE_EXHAUSTED, "use limit" },
		{ LRK_VERDICT_VALID, LRK_STATE_DEPRECATED, "none" },
	};
	struct trial *trial = *state;
	struct lrk_entry entry = entry_all_wrong();
	struct asked asked;

	prepare(trial, &asked);
	asked.question.org = "other";
	asked.question.scope = "scim";
	asked.question.from = "198.51.100.7";
	asked.question.owner_active = true;
	asked.question.use = LRK_USE_CHECK;
	set_uses(trial, &entry, 3);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		trial_put(trial, STORE, &entry, 1);
		ask(trial, &asked, rows[i].verdict);
		assert_int_equal(asked.answer.state, rows[i].state);
		assert_true(lrk_verdict_is_proven(asked.answer.verdict));
		assert_string_equal(asked.answer.entry.id, ID);
		expect_no_digest(&asked.answer);
		expect_text(&asked, rows[i].text);
		/* what just decided is put right, and the next decides */
		switch (rows[i].verdict) {
		case LRK_VERDICT_REVOKED:
			entry.revoked = 0;
			entry.reason = LRK_REASON_NONE;
			entry.revoked_by[0] = '\0';
			break;
		case LRK_VERDICT_DEACTIVATED:
			entry.deactivated = 0;
			break;
		case LRK_VERDICT_PENDING:
			entry.not_before = 0;
			break;
		case LRK_VERDICT_EXPIRED:
			entry.expires = TRIAL_NOW + 1;
			break;
		case LRK_VERDICT_ORG:
			asked.question.org = "acme";
			break;
		case LRK_VERDICT_SCOPE:
			asked.question.scope = "prometheus";
			break;
		case LRK_VERDICT_ADDRESS:
			asked.question.from = "192.0.2.99";
			break;
		case LRK_VERDICT_OWNER:
			asked.question.owner_active = false;
			break;
		case LRK_VERDICT_USE_LIMIT:
			set_uses(trial, &entry, 2);
			break;
		default:
			break;
		}
	}
}

/* A wrong secret is told nothing of all that. */
static void
test_order_starts_with_the_secret(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = entry_all_wrong();
	struct asked asked;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	asked.credential = trial_credential(ID, 'x');
	asked.question.org = "other";
	ask(trial, &asked, LRK_VERDICT_WRONG_SECRET);
	expect_nothing_told(&asked.answer);
}

static void
test_what_is_not_asked(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = entry_all_wrong();
	struct asked asked;

	entry.revoked = entry.deactivated = entry.not_before = 0;
	entry.reason = LRK_REASON_NONE;
	entry.revoked_by[0] = '\0';
	entry.expires = LRK_NEVER;
	set_uses(trial, &entry, 3);
	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	/* no organization, scope, owner or limit; but allowed addresses are always asked */
	ask(trial, &asked, LRK_VERDICT_ADDRESS);
	expect_text(&asked, "address unknown");
	asked.question.from = "";
	ask(trial, &asked, LRK_VERDICT_ADDRESS);
	expect_text(&asked, "address unknown");
	asked.question.from = "host.example.org";
	ask(trial, &asked, LRK_VERDICT_ADDRESS);
	expect_text(&asked, "address host.example.org");
	asked.question.from = "::ffff:192.0.2.99";
	ask(trial, &asked, LRK_VERDICT_VALID);
	assert_int_equal(asked.answer.state, LRK_STATE_DEPRECATED);
}

static void
test_scopes_and_orgs(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	entry.n_scopes = 2;
	strcpy(entry.scopes[0], "scim");
	strcpy(entry.scopes[1], "prometheus");
	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	asked.question.scope = "scim";
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.scope = "prometheus";
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.scope = "sshd";
	ask(trial, &asked, LRK_VERDICT_SCOPE);
	asked.question.scope = ""; /* a service whose name is no scope */
	ask(trial, &asked, LRK_VERDICT_SCOPE);
	strcpy(entry.scopes[1], "*");
	trial_put(trial, STORE, &entry, 1);
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.org = "acme";
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.org = "Acme";
	ask(trial, &asked, LRK_VERDICT_ORG);
	asked.question.org = "acm";
	ask(trial, &asked, LRK_VERDICT_ORG);
	asked.question.org = "";
	ask(trial, &asked, LRK_VERDICT_ORG);
}

static void
test_times(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	entry.created = TRIAL_NOW;
	entry.not_before = TRIAL_NOW + 10;
	entry.expires = TRIAL_NOW + 20;
	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	for (int64_t after = 8; after < 22; after++) {
		asked.question.now = TRIAL_NOW + after;
		ask(trial, &asked,
		    after < 10 ? LRK_VERDICT_PENDING :
		    after < 20 ? LRK_VERDICT_VALID :
				 LRK_VERDICT_EXPIRED);
	}
	/* a clock that stands before the key's creation */
	entry.not_before = 0;
	trial_put(trial, STORE, &entry, 1);
	asked.question.now = TRIAL_NOW - 300;
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.now = TRIAL_NOW - 301;
	ask(trial, &asked, LRK_VERDICT_PENDING);
	expect_text(&asked, "pending until 2026-11-20T10:00:00Z");
}

/* Each change takes effect at the next question. */
static void
test_next_question(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = trial_entry(ID, SECRET);
	struct lrk_change *change;
	struct asked asked;
	bool done;

	prepare(trial, &asked);
	for (int i = 0; i < 3; i++) {
		entry.deactivated = 0;
		trial_put(trial, STORE, &entry, 1);
		ask(trial, &asked, LRK_VERDICT_VALID);
		entry.deactivated = TRIAL_NOW;
		trial_put(trial, STORE, &entry, 1);
		ask(trial, &asked, LRK_VERDICT_DEACTIVATED);
	}
	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_ok(lrk_change_delete(change, &entry, &trial->why));
	ask(trial, &asked, LRK_VERDICT_DEACTIVATED); /* not yet */
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY); /* and the lock is in nobody's way */
	lrk_change_end(change);
}

/* ---- Use limits --------------------------------------------------------------------- */

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

static struct lrk_entry
put_with_slot(struct trial *trial, uint64_t max_uses)
{
	struct lrk_entry entry = trial_entry(ID, SECRET);
	struct lrk_change *change;
	bool done;

	entry.max_uses = max_uses;
	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
	assert_ok(lrk_change_put(change, &entry, &trial->why));
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	lrk_change_end(change);
	return entry;
}

static void
test_count(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = put_with_slot(trial, 3);
	struct lrk_usage usage;
	struct asked asked;

	prepare(trial, &asked);
	asked.question.use = LRK_USE_COUNT;
	asked.question.service = "nginx";
	asked.question.rhost = "192.0.2.1";
	for (uint64_t use = 1; use <= 3; use++) {
		ask(trial, &asked, LRK_VERDICT_VALID);
		usage = usage_of(trial, &entry);
		assert_int_equal(usage.uses, use);
		assert_true(usage.last_used == TRIAL_NOW);
		assert_string_equal(usage.service, "nginx");
		assert_string_equal(usage.rhost, "192.0.2.1");
	}
	ask(trial, &asked, LRK_VERDICT_USE_LIMIT);
	assert_int_equal(asked.answer.state, LRK_STATE_EXHAUSTED);
	usage = usage_of(trial, &entry);
	assert_int_equal(usage.uses, 3);
	assert_int_equal(usage.denied, 1);
	/* asked again without counting, as at the account phase */
	asked.question.use = LRK_USE_IGNORE;
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.use = LRK_USE_CHECK;
	ask(trial, &asked, LRK_VERDICT_USE_LIMIT);
	usage = usage_of(trial, &entry);
	assert_int_equal(usage.uses, 3);
	assert_int_equal(usage.denied, 1);
}

/* What is refused before the limit is asked spends nothing; unproven, it writes nothing. */
static void
test_refused_is_not_spent(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = put_with_slot(trial, 3);
	struct asked asked;
	size_t size, size_after;
	uint8_t *before, *after;

	prepare(trial, &asked);
	asked.question.use = LRK_USE_COUNT;
	asked.question.org = "other";
	ask(trial, &asked, LRK_VERDICT_ORG);
	assert_int_equal(usage_of(trial, &entry).uses, 0);
	assert_int_equal(usage_of(trial, &entry).denied, 1);

	before = trial_read(trial, USAGE_FILE, &size);
	asked.credential = trial_credential(ID, 'x');
	ask(trial, &asked, LRK_VERDICT_WRONG_SECRET);
	asked.credential = trial_credential("000000000000", 'x');
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY);
	after = trial_read(trial, USAGE_FILE, &size_after);
	assert_int_equal(size_after, size);
	assert_memory_equal(after, before, size);
	free(before);
	free(after);
}

/* A limited key whose use cannot be recorded is no answer; any other is let in, with a remark. */
static void
test_usage_file_is_gone(void **state)
{
	struct trial *trial = *state;
	struct lrk_answer untouched;
	struct asked asked;

	put_with_slot(trial, 3);
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	prepare(trial, &asked);
	untouched = asked.answer;
	for (int use = LRK_USE_CHECK; use <= LRK_USE_COUNT; use++) {
		asked.question.use = (enum lrk_use_mode)use;
		assert_err(lrk_verify(&asked.question, &asked.answer, &trial->why), LRK_ERR_USAGE);
		assert_says(&trial->why, USAGE_FILE);
		assert_memory_equal(&asked.answer, &untouched, sizeof(untouched));
	}
	asked.question.use = LRK_USE_IGNORE;
	ask(trial, &asked, LRK_VERDICT_VALID);
	assert_false(asked.answer.unrecorded);

	put_with_slot(trial, 0);
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	asked.question.use = LRK_USE_CHECK;
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.question.use = LRK_USE_COUNT;
	ask(trial, &asked, LRK_VERDICT_VALID);
	assert_true(asked.answer.unrecorded);
	assert_says(&trial->why, USAGE_FILE);
	assert_false(trial_exists(trial, USAGE_FILE));
}

/* A slot that is another key's, or damaged, is no slot. */
static void
test_invalid_slot(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = put_with_slot(trial, 3);
	struct asked asked;

	prepare(trial, &asked);
	entry.slot_generation--;
	set_uses(trial, &entry, 0);
	for (int use = LRK_USE_CHECK; use <= LRK_USE_COUNT; use++) {
		asked.question.use = (enum lrk_use_mode)use;
		assert_err(lrk_verify(&asked.question, &asked.answer, &trial->why), LRK_ERR_USAGE);
		assert_says(&trial->why, "--max-uses");
	}
	entry.slot_generation++;
	set_uses(trial, &entry, 0);
	ask(trial, &asked, LRK_VERDICT_VALID);
}

/* ---- No answer ----------------------------------------------------------------------- */

static void
expect_no_answer(struct trial *trial, struct asked *asked, enum lrk_err expected,
		 const char *reason)
{
	static const char *const ids[] = { ID, "000000000000" };
	const struct lrk_credential credential = asked->credential;
	struct lrk_answer untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	/* an unknown key must not come off better than a known one */
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		asked->credential = trial_credential(ids[i], SECRET);
		asked->answer = untouched;
		memset(&trial->why, 0, sizeof(trial->why));
		assert_err(lrk_verify(&asked->question, &asked->answer, &trial->why), expected);
		assert_memory_equal(&asked->answer, &untouched, sizeof(untouched));
		assert_says(&trial->why, reason);
		assert_err(lrk_verify(&asked->question, &asked->answer, NULL), expected);
	}
	asked->credential = credential;
}

static void
test_no_store(void **state)
{
	static const struct {
		const char *path;
		enum lrk_err expected;
	} files[] = { { MASTER_FILE, LRK_ERR_NO_STORE }, { KEY_FILE, LRK_ERR_DAMAGED } };
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	asked.question.store = "other";
	expect_no_answer(trial, &asked, LRK_ERR_NO_STORE, "/other: does not exist");
	asked.question.store = "Not a name";
	expect_no_answer(trial, &asked, LRK_ERR_SYNTAX, "not a store name");
	asked.question.store = STORE;
	asked.question.root = trial_path(trial, "none");
	expect_no_answer(trial, &asked, LRK_ERR_NO_STORE, "/none");
	asked.question.root = trial->root;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *path = files[i].path;

		assert_int_equal(rename(trial_path(trial, path), trial_path(trial, "away")), 0);
		expect_no_answer(trial, &asked, files[i].expected, path);
		assert_int_equal(rename(trial_path(trial, "away"), trial_path(trial, path)), 0);
	}
	ask(trial, &asked, LRK_VERDICT_VALID);
}

static void
test_unsafe_store(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct asked asked;
	size_t size;
	uint8_t *bytes;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	trial_chmod(trial, KEY_FILE, 0666); /* what a change passes over, nobody else does */
	expect_no_answer(trial, &asked, LRK_ERR_UNSAFE, "writable by everybody");
	trial_chmod(trial, KEY_FILE, 0644);
	trial_chmod(trial, KEYS_DIR, 02777);
	expect_no_answer(trial, &asked, LRK_ERR_UNSAFE, "writable by everybody");
	trial_chmod(trial, KEYS_DIR, 02775);
	bytes = trial_read(trial, KEY_FILE, &size);
	bytes[size] = 0;
	trial_write(trial, KEY_FILE, bytes, size + 1);
	expect_no_answer(trial, &asked, LRK_ERR_DAMAGED, "is damaged");
	trial_write(trial, KEY_FILE, bytes, size / 2);
	expect_no_answer(trial, &asked, LRK_ERR_DAMAGED, "is damaged");
	trial_write(trial, KEY_FILE, "", 0);
	expect_no_answer(trial, &asked, LRK_ERR_UNSAFE, "is empty");
	trial_write(trial, KEY_FILE, bytes, size);
	free(bytes);
	ask(trial, &asked, LRK_VERDICT_VALID);
}

static void
test_wrong_master_key(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID, SECRET);
	struct lrk_keyring ring = trial_ring(trial, STORE);
	char text[LRK_KEYRING_TEXT_MAX];
	struct asked asked;
	uint8_t *theirs;
	size_t size;

	trial_put(trial, STORE, &entry, 1);
	prepare(trial, &asked);
	ring.keys[0].key[0] ^= 1;
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&ring, text));
	expect_no_answer(trial, &asked, LRK_ERR_MASTER_KEY, "not of one store");
	ring.keys[0].key[0] ^= 1;
	ring.keys[0].id ^= 1;
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&ring, text));
	expect_no_answer(trial, &asked, LRK_ERR_MASTER_KEY, "not of one store");
	ring.keys[0].id ^= 1;
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&ring, text));
	ask(trial, &asked, LRK_VERDICT_VALID);

	/* another store's key file, which even holds the key */
	assert_ok(lrk_store_create(trial->root, "other", &trial->owners, &trial->why));
	trial_put(trial, "other", &entry, 1);
	theirs = trial_read(trial, LRK_VAR "/other/keys/keys.gdbm", &size);
	trial_write(trial, KEY_FILE, theirs, size);
	free(theirs);
	expect_no_answer(trial, &asked, LRK_ERR_MASTER_KEY, "not of one store");
}

/* A damaged entry is no refusal of its key, and in no other key's way. */
static void
test_damaged_entry(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { trial_entry(ID, SECRET),
					     trial_entry("000000000001", SECRET) };
	uint8_t record[LRK_RECORD_MAX];
	struct asked asked;
	size_t length;

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	length = trial_get_raw(trial, STORE, ID, record, sizeof(record));
	record[length - 1] ^= 1;
	trial_put_raw(trial, STORE, ID, record, length);
	prepare(trial, &asked);
	assert_err(lrk_verify(&asked.question, &asked.answer, &trial->why), LRK_ERR_DAMAGED);
	assert_says(&trial->why, "record " ID);
	asked.credential = trial_credential("000000000001", SECRET);
	ask(trial, &asked, LRK_VERDICT_VALID);
	asked.credential = trial_credential("000000000002", SECRET);
	ask(trial, &asked, LRK_VERDICT_UNKNOWN_KEY);
	/* another key's entry in its place lets nobody in, whatever secret he has */
	length = trial_get_raw(trial, STORE, "000000000001", record, sizeof(record));
	trial_put_raw(trial, STORE, ID, record, length);
	asked.credential = trial_credential(ID, SECRET);
	assert_err(lrk_verify(&asked.question, &asked.answer, &trial->why), LRK_ERR_DAMAGED);
}

/* Whatever bytes stand in the file: never a valid answer to a wrong secret, never another key. */
static void
test_random_damage(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { trial_entry(ID, SECRET),
					     trial_entry("000000000001", 'o') };
	uint64_t seed = 0x766572696679;
	uint8_t *bytes, *damaged;
	size_t size;

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	bytes = trial_read(trial, KEY_FILE, &size);
	damaged = malloc(size);
	assert_non_null(damaged);
	alarm(120);
	for (int i = 0; i < 3000; i++) {
		struct asked asked;

		memcpy(damaged, bytes, size);
		for (unsigned n = random_below(&seed, 10); n-- > 0;)
			damaged[random_below(&seed, (unsigned)size)] =
				(uint8_t)(next_random(&seed) >> 20);
		trial_write(trial, KEY_FILE, damaged, size);
		prepare(trial, &asked);
		asked.credential = trial_credential(ID, i % 2 == 0 ? SECRET : 'o');
		if (lrk_verify(&asked.question, &asked.answer, &trial->why) != LRK_OK)
			continue;
		assert_true(i % 2 == 0 || asked.answer.verdict < LRK_VERDICT_REVOKED);
		if (asked.answer.verdict == LRK_VERDICT_VALID)
			assert_string_equal(asked.answer.entry.id, ID);
	}
	alarm(0);
	free(damaged);
	free(bytes);
}

/* ---- Texts --------------------------------------------------------------------------- */

static void
test_which_are_proven(void **state)
{
	(void)state;
	for (int verdict = -1; verdict <= LRK_VERDICT_COUNT + 1; verdict++)
		assert_int_equal(lrk_verdict_is_proven((enum lrk_verdict)verdict),
				 verdict >= LRK_VERDICT_REVOKED && verdict <= LRK_VERDICT_VALID);
}

static void
test_text_is_cut(void **state)
{
	const struct lrk_question question = { .scope = "a-scope" };
	const struct lrk_answer answer = { .verdict = LRK_VERDICT_SCOPE };
	char text[32];

	(void)state;
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		lrk_refusal_text(&question, &answer, text, size);
		assert_int_equal(strncmp(text, "scope a-scope", size - 1), 0);
		assert_int_equal(strlen(text), size - 1 < 13 ? size - 1 : 13);
		assert_int_equal(text[size], 'x');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_valid),
		store_test(test_unproven),
		store_test(test_any_byte_of_the_digest),
		store_test(test_order),
		store_test(test_order_starts_with_the_secret),
		store_test(test_what_is_not_asked),
		store_test(test_scopes_and_orgs),
		store_test(test_times),
		store_test(test_next_question),
		store_test(test_count),
		store_test(test_refused_is_not_spent),
		store_test(test_usage_file_is_gone),
		store_test(test_invalid_slot),
		store_test(test_no_store),
		store_test(test_unsafe_store),
		store_test(test_wrong_master_key),
		store_test(test_damaged_entry),
		store_test(test_random_damage),
		cmocka_unit_test(test_which_are_proven),
		cmocka_unit_test(test_text_is_cut),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
