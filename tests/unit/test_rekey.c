/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing the master key. Interruptions are real: a child process kills itself at
 * the step, so that nothing is tidied up behind it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/masterfile.h"
#include "liblrkey/record.h"
#include "liblrkey/rekey.h"
#include "liblrkey/snapshot.h"

#include "trial.h"

enum {
	KEYS = 12,
	REVOKED = 3,	 /* which of them is a tombstone */
	DEACTIVATED = 5,
	LIMITED = 7,
};

/* Where a rekey is broken off. */
enum stage {
	STAGE_BEGUN,	 /* the lock is held */
	STAGE_FIRST,	 /* master.key holds both keys, the new file its first entry */
	STAGE_HALF,	 /* and half of them */
	STAGE_SEALED,	 /* and all */
	STAGE_PREPARED,	 /* and its header, synced */
	STAGE_COMMITTED, /* it is the key file */
	STAGE_FINISHED,	 /* master.key holds the new key alone */
	STAGE_COUNT
};

static const char *
key_id(unsigned i)
{
	static char ids[8][LRK_ID_LEN + 1];
	static unsigned next;
	char *id = ids[next++ % COUNT_OF(ids)];

	snprintf(id, sizeof(ids[0]), "rekey%07u", i);
	return id;
}

static char
key_secret(unsigned i)
{
	return (char)('a' + i % 26);
}

static void
fill_store(struct trial *trial)
{
	struct lrk_change *change = NULL;
	bool done = false;

	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	for (unsigned i = 0; i < KEYS; i++) {
		struct lrk_entry entry = trial_entry(key_id(i), key_secret(i));

		if (i == REVOKED) {
			entry.revoked = TRIAL_NOW;
			entry.reason = LRK_REASON_OBSOLETE;
			strcpy(entry.revoked_by, "tester");
		}
		if (i == DEACTIVATED)
			entry.deactivated = TRIAL_NOW;
		if (i == LIMITED)
			entry.max_uses = 5;
		assert_ok(lrk_change_assign_slot(change, &entry, &trial->why));
		assert_ok(lrk_change_put(change, &entry, &trial->why));
	}
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	lrk_change_end(change);
}

static int
set_up(void **state)
{
	if (trial_setup_store(state) != 0)
		return -1;
	fill_store(*state);
	return 0;
}

static enum lrk_verdict
ask(struct trial *trial, const char *id, char secret)
{
	const struct lrk_credential credential = trial_credential(id, secret);
	const struct lrk_question question = {
		.root = trial->root,
		.store = STORE,
		.credential = &credential,
		.now = TRIAL_NOW,
		.use = LRK_USE_CHECK,
	};
	struct lrk_answer answer = { .verdict = LRK_VERDICT_COUNT };

	if (lrk_verify(&question, &answer, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return answer.verdict;
}

/* Whoever asks gets the answer that he got before. */
static void
expect_answers(struct trial *trial)
{
	for (unsigned i = 0; i < KEYS; i++) {
		enum lrk_verdict expected = LRK_VERDICT_VALID;

		if (i == REVOKED)
			expected = LRK_VERDICT_REVOKED;
		if (i == DEACTIVATED)
			expected = LRK_VERDICT_DEACTIVATED;
		assert_int_equal(ask(trial, key_id(i), key_secret(i)), expected);
		assert_int_equal(ask(trial, key_id(i), '!'), LRK_VERDICT_WRONG_SECRET);
	}
	assert_int_equal(ask(trial, "unknown00000", 'a'), LRK_VERDICT_UNKNOWN_KEY);
}

static struct lrk_header
current_header(struct trial *trial)
{
	struct lrk_header header;
	struct lrk_store store;

	if (lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	lrk_store_close(&store);
	return header;
}

/* The id of the master key that a record is sealed under, from its clear bytes. */
static uint32_t
sealed_under(struct trial *trial, const char *name)
{
	uint8_t record[LRK_RECORD_MAX];
	size_t length = trial_get_raw(trial, STORE, name, record, sizeof(record));

	assert_true(length > LRK_RECORD_CLEAR);
	return (uint32_t)record[2] << 24 | (uint32_t)record[3] << 16 | (uint32_t)record[4] << 8 |
	       record[5];
}

/* A store whose every record is sealed under the one key of its ring. */
static void
expect_rekeyed(struct trial *trial, const struct lrk_keyring *old, uint64_t seals)
{
	const struct lrk_keyring ring = trial_ring(trial, STORE);
	const struct lrk_header header = current_header(trial);

	assert_int_equal(ring.n_keys, 1);
	assert_memory_equal(ring.uuid, old->uuid, sizeof(ring.uuid));
	assert_null(lrk_keyring_find(&ring, old->keys[0].id));
	assert_memory_not_equal(ring.keys[0].key, old->keys[0].key, LRK_AES_KEY_LEN);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(sealed_under(trial, key_id(i)), ring.keys[0].id);
	assert_int_equal(sealed_under(trial, LRK_HEADER_NAME), ring.keys[0].id);
	assert_int_equal(header.n_seals, 1);
	assert_int_equal(header.seals[0].master_id, ring.keys[0].id);
	assert_int_equal(header.seals[0].count, seals);
	assert_int_equal(header.slots, KEYS);
	assert_int_equal(trial_mode(trial, MASTER_FILE), 0640);
	assert_int_equal(trial_mode(trial, KEY_FILE), 0644);
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_false(trial_exists(trial, MASTER_FILE ".new"));
	expect_answers(trial);
}

/* All of it; whether it completed another one. */
static bool
rekey(struct trial *trial)
{
	struct lrk_change *change = NULL;
	bool resumed = false, done = false;

	if (lrk_change_begin(trial->root, STORE, &change, &trial->why) != LRK_OK ||
	    lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why) != LRK_OK ||
	    lrk_change_prepare(change, &trial->why) != LRK_OK ||
	    lrk_change_commit(change, &done, &trial->why) != LRK_OK ||
	    lrk_rekey_finish(change, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	lrk_change_end(change);
	return resumed;
}

/* How many rekeys happen between a look at master.key and what comes next. */
static struct between {
	struct trial *trial;
	unsigned rekeys;
} between;

/* On its way to the kernel: whose descriptor is looked at has been opened. */
int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
	struct stat named, opened;

	if (syscall(SYS_statx, fd, path, flags, mask, st) != 0)
		return -1;
	if (between.rekeys > 0 && stat(trial_path(between.trial, MASTER_FILE), &named) == 0 &&
	    fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
	    named.st_dev == opened.st_dev) {
		unsigned more = between.rekeys - 1;

		between.rekeys = 0;
		assert_false(rekey(between.trial));
		between.rekeys = more;
	}
	return 0;
}

/* ---- As it should be -------------------------------------------------------------- */

struct watch {
	struct trial *trial;
	uint64_t calls;
};

static void
look_on(void *context, uint64_t done)
{
	struct watch *watch = context;

	assert_int_equal(done, ++watch->calls);
	expect_answers(watch->trial);
}

/* Step by step, with a reader at each. */
static void
test_steps(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct watch watch = { .trial = trial };
	struct lrk_change *change = NULL;
	struct lrk_keyring both, after;
	bool resumed = true, done = false;

	expect_answers(trial);
	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_ok(lrk_rekey_seal(change, look_on, &watch, &resumed, &trial->why));
	assert_false(resumed);
	assert_int_equal(watch.calls, KEYS);
	/* both keys are there, the new one seals, and the key file is still the old one */
	both = trial_ring(trial, STORE);
	assert_int_equal(both.n_keys, 2);
	assert_non_null(lrk_keyring_find(&both, old.keys[0].id));
	assert_int_not_equal(both.keys[both.active].id, old.keys[0].id);
	assert_int_equal(sealed_under(trial, LRK_HEADER_NAME), old.keys[0].id);
	expect_answers(trial);
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_int_equal(sealed_under(trial, key_id(0)), old.keys[0].id);
	expect_answers(trial);
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	assert_true(done);
	assert_int_equal(sealed_under(trial, key_id(0)), both.keys[both.active].id);
	expect_answers(trial);
	assert_int_equal(trial_ring(trial, STORE).n_keys, 2);
	assert_ok(lrk_rekey_finish(change, &trial->why));
	expect_answers(trial);
	lrk_change_end(change);
	after = trial_ring(trial, STORE);
	assert_int_equal(after.keys[0].id, both.keys[both.active].id);
	assert_memory_equal(after.keys[0].key, both.keys[both.active].key, LRK_AES_KEY_LEN);
	assert_int_equal(current_header(trial).generation, 2);
	expect_rekeyed(trial, &old, KEYS + 1);
}

static void
test_again_and_again(void **state)
{
	struct trial *trial = *state;

	for (unsigned i = 0; i < 5; i++) {
		const struct lrk_keyring old = trial_ring(trial, STORE);

		assert_false(rekey(trial));
		expect_rekeyed(trial, &old, KEYS + 1);
		assert_int_equal(current_header(trial).generation, 2 + i);
	}
}

/* Nothing but the seals changes. */
static void
test_entries_stay(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry before[KEYS];
	uint8_t plain[2][LRK_PLAIN_MAX];
	struct lrk_store store;
	struct lrk_header header;
	size_t usage_size, after_size;
	uint8_t *usage = trial_read(trial, USAGE_FILE, &usage_size), *after;

	for (int round = 0; round < 2; round++) {
		assert_ok(lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, NULL));
		for (unsigned i = 0; i < KEYS; i++) {
			struct lrk_entry entry;
			size_t length[2];

			assert_ok(lrk_store_get(&store, key_id(i), &entry, &trial->why));
			if (round == 0) {
				before[i] = entry;
				continue;
			}
			assert_ok(lrk_entry_encode(&entry, plain[0], &length[0]));
			assert_ok(lrk_entry_encode(&before[i], plain[1], &length[1]));
			assert_int_equal(length[0], length[1]);
			assert_memory_equal(plain[0], plain[1], length[0]);
		}
		lrk_store_close(&store);
		if (round == 0)
			assert_false(rekey(trial));
	}
	after = trial_read(trial, USAGE_FILE, &after_size);
	assert_int_equal(after_size, usage_size);
	assert_memory_equal(after, usage, usage_size);
	free(after);
	free(usage);
}

/* Who has the old master key, and the new key file, has nothing. */
static void
test_old_key_is_worthless(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyring old = trial_ring(trial, STORE);
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	char text[LRK_KEYRING_TEXT_MAX];
	struct lrk_store store;
	struct lrk_header header;
	size_t length, plain_length;

	assert_false(rekey(trial));
	length = trial_get_raw(trial, STORE, key_id(0), record, sizeof(record));
	/* also when it gives its key the new id */
	old.keys[0].id = sealed_under(trial, key_id(0));
	assert_err(lrk_record_open(&old, NULL, LRK_RECORD_ENTRY, key_id(0), record, length, plain,
				   &plain_length),
		   LRK_ERR_DAMAGED);
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&old, text));
	assert_err(lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why),
		   LRK_ERR_MASTER_KEY);
	lrk_store_close(&store);
}

static void
test_empty_store(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct lrk_keyring ring;

	assert_false(rekey(trial));
	ring = trial_ring(trial, STORE);
	assert_int_equal(ring.n_keys, 1);
	assert_int_not_equal(ring.keys[0].id, old.keys[0].id);
	assert_int_equal(current_header(trial).seals[0].count, 1);
	assert_int_equal(current_header(trial).generation, 1);
}

/* ---- Broken off --------------------------------------------------------------------- */

static void
die_at(enum stage stage, enum stage here)
{
	if (stage == here)
		kill(getpid(), SIGKILL);
}

static void
die_while_sealing(void *context, uint64_t done)
{
	enum stage stage = *(const enum stage *)context;

	if (done == 1)
		die_at(stage, STAGE_FIRST);
	if (done == KEYS / 2)
		die_at(stage, STAGE_HALF);
}

/* In the child, which no assertion may leave. */
static void __attribute__((noreturn))
rekey_and_die(const struct trial *trial, enum stage stage)
{
	struct lrk_change *change = NULL;
	bool resumed, done;

	if (lrk_change_begin(trial->root, STORE, &change, NULL) == LRK_OK) {
		die_at(stage, STAGE_BEGUN);
		if (lrk_rekey_seal(change, die_while_sealing, &stage, &resumed, NULL) == LRK_OK) {
			die_at(stage, STAGE_SEALED);
			if (lrk_change_prepare(change, NULL) == LRK_OK) {
				die_at(stage, STAGE_PREPARED);
				if (lrk_change_commit(change, &done, NULL) == LRK_OK) {
					die_at(stage, STAGE_COMMITTED);
					if (lrk_rekey_finish(change, NULL) == LRK_OK)
						die_at(stage, STAGE_FINISHED);
				}
			}
		}
	}
	_exit(1);
}

static void
break_off(struct trial *trial, enum stage stage)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		rekey_and_die(trial, stage);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* The state in which a stage leaves the two files. */
static void
expect_stage(struct trial *trial, const struct lrk_keyring *old, uint64_t generation,
	     enum stage stage)
{
	const struct lrk_keyring ring = trial_ring(trial, STORE);
	bool committed = stage >= STAGE_COMMITTED;

	assert_int_equal(ring.n_keys, stage == STAGE_BEGUN || stage == STAGE_FINISHED ? 1 : 2);
	assert_int_equal(trial_exists(trial, KEY_FILE_NEW),
			 stage >= STAGE_FIRST && stage <= STAGE_PREPARED);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(sealed_under(trial, key_id(i)) != old->keys[0].id, committed);
	assert_int_equal(current_header(trial).generation, generation + committed);
	expect_answers(trial);
}

static bool
is_resumable(enum stage stage)
{
	return stage >= STAGE_FIRST && stage <= STAGE_COMMITTED;
}

static void
test_broken_off(void **state)
{
	struct trial *trial = *state;

	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		const struct lrk_keyring old = trial_ring(trial, STORE);
		uint64_t generation = current_header(trial).generation;
		struct lrk_keyring left;

		break_off(trial, stage);
		expect_stage(trial, &old, generation, stage);
		left = trial_ring(trial, STORE);
		assert_int_equal(rekey(trial), is_resumable(stage));
		/* the key that was begun with is the one that it ends with */
		assert_int_equal(trial_ring(trial, STORE).keys[0].id == left.keys[left.active].id,
				 is_resumable(stage));
		/* what it has sealed before it was broken off is not forgotten */
		expect_rekeyed(trial, &old, stage == STAGE_COMMITTED ? 2 * (KEYS + 1) : KEYS + 1);
	}
}

/* Broken off, again and again, at the same place and at others. */
static void
test_broken_off_often(void **state)
{
	static const enum stage stages[] = { STAGE_FIRST, STAGE_FIRST, STAGE_PREPARED, STAGE_HALF,
					     STAGE_SEALED, STAGE_COMMITTED, STAGE_COMMITTED };
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	uint32_t new_id = 0;

	for (size_t i = 0; i < COUNT_OF(stages); i++) {
		struct lrk_keyring ring;

		break_off(trial, stages[i]);
		ring = trial_ring(trial, STORE);
		assert_int_equal(ring.n_keys, 2);
		if (i == 0)
			new_id = ring.keys[ring.active].id;
		assert_int_equal(ring.keys[ring.active].id, new_id);
		expect_answers(trial);
	}
	assert_true(rekey(trial));
	expect_rekeyed(trial, &old, 3 * (KEYS + 1));
}

/* A second key in master.key, and nothing else yet. */
static void
test_second_key_only(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct lrk_keyring both = old;
	char text[LRK_KEYRING_TEXT_MAX];

	assert_ok(lrk_keyring_add(&both, lrk_random));
	trial_write(trial, MASTER_FILE ".new", text, 10);
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&both, text));
	expect_answers(trial);
	assert_true(rekey(trial));
	assert_int_equal(trial_ring(trial, STORE).keys[0].id, both.keys[1].id);
	expect_rekeyed(trial, &old, KEYS + 1);
}

/* As many as a ring can hold end as one. */
static void
test_full_ring(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct lrk_keyring full = old;
	char text[LRK_KEYRING_TEXT_MAX];

	while (full.n_keys < LRK_MASTER_KEYS_MAX)
		assert_ok(lrk_keyring_add(&full, lrk_random));
	full.active = 2;
	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(&full, text));
	expect_answers(trial);
	assert_true(rekey(trial));
	assert_int_equal(trial_ring(trial, STORE).keys[0].id, full.keys[2].id);
	expect_rekeyed(trial, &old, KEYS + 1);
}

/* Ordinary changes go on where a rekey was broken off: entries under two keys, and all open. */
static void
test_mixed(void **state)
{
	static const enum stage stages[] = { STAGE_HALF, STAGE_COMMITTED };
	struct trial *trial = *state;

	for (size_t s = 0; s < COUNT_OF(stages); s++) {
		const struct lrk_keyring old = trial_ring(trial, STORE);
		struct lrk_keyring both;
		struct lrk_header header;
		unsigned under_new = 0;

		break_off(trial, stages[s]);
		both = trial_ring(trial, STORE);
		for (unsigned i = 0; i < 3; i++) {
			const struct lrk_entry entry = trial_entry(key_id(i), key_secret(i));

			trial_put(trial, STORE, &entry, 1);
			expect_answers(trial);
		}
		for (unsigned i = 0; i < KEYS; i++)
			under_new += sealed_under(trial, key_id(i)) == both.keys[both.active].id;
		assert_int_equal(under_new, stages[s] == STAGE_HALF ? 3 : KEYS);
		/* what each of them has sealed is counted */
		header = current_header(trial);
		if (stages[s] == STAGE_HALF) {
			assert_int_equal(header.n_seals, 2);
			assert_int_equal(header.seals[0].master_id, old.keys[0].id);
			assert_int_equal(header.seals[0].count, 1 + KEYS + 1);
			assert_int_equal(header.seals[1].master_id, both.keys[both.active].id);
			assert_int_equal(header.seals[1].count, 3 * 2);
		} else {
			assert_int_equal(header.n_seals, 1);
			assert_int_equal(header.seals[0].count, KEYS + 1 + 3 * 2);
		}
		assert_true(rekey(trial));
		expect_rekeyed(trial, &old, stages[s] == STAGE_HALF ? 3 * 2 + KEYS + 1 :
								       2 * (KEYS + 1) + 3 * 2);
	}
}

/* ---- What cannot be done ----------------------------------------------------------------- */

static void
test_no_room_for_master_key(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct rlimit limit, none;
	struct lrk_change *change = NULL;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	bool resumed = true;
	enum lrk_err err;

	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	err = lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, handler);
	assert_err(err, LRK_ERR_IO);
	assert_says(&trial->why, trial_path(trial, MASTER_FILE));
	assert_true(resumed);
	lrk_change_end(change);
	expect_stage(trial, &old, 1, STAGE_BEGUN);
	assert_false(rekey(trial));
	expect_rekeyed(trial, &old, KEYS + 1);
}

/* master.key was written, and the new key file could not be: it is made, and cannot grow. */
static void
test_no_room_for_key_file(void **state)
{
	enum { MORE = 200 };
	static struct lrk_entry more[MORE];
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	struct rlimit limit, none;
	struct lrk_change *change = NULL;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	bool resumed = true;
	enum lrk_err err;

	for (unsigned i = 0; i < MORE; i++)
		more[i] = trial_entry(key_id(1000 + i), 'm');
	trial_put(trial, STORE, more, MORE);
	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 5 * 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	err = lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why);
	if (err == LRK_OK)
		err = lrk_change_prepare(change, &trial->why);
	lrk_change_end(change);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, handler);
	assert_int_not_equal(err, LRK_OK);
	assert_says(&trial->why, trial_path(trial, KEY_FILE_NEW));
	assert_false(trial_exists(trial, KEY_FILE_NEW));
	assert_int_equal(trial_ring(trial, STORE).n_keys, 2);
	assert_int_equal(sealed_under(trial, key_id(0)), old.keys[0].id);
	expect_answers(trial);
	assert_true(rekey(trial));
	expect_rekeyed(trial, &old, KEYS + MORE + 1);
	assert_int_equal(ask(trial, more[MORE - 1].id, 'm'), LRK_VERDICT_VALID);
}

/* An entry that cannot be read is not lost on the way: nothing is rekeyed. */
static void
test_damaged_entry(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	uint8_t record[LRK_RECORD_MAX];
	size_t length = trial_get_raw(trial, STORE, key_id(4), record, sizeof(record));
	struct lrk_change *change = NULL;
	bool resumed = false;

	record[40] ^= 1;
	trial_put_raw(trial, STORE, key_id(4), record, length);
	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_err(lrk_rekey_seal(change, NULL, NULL, &resumed, &trial->why), LRK_ERR_DAMAGED);
	assert_says(&trial->why, trial_path(trial, KEY_FILE));
	assert_says(&trial->why, key_id(4));
	lrk_change_end(change);
	assert_int_equal(sealed_under(trial, key_id(0)), old.keys[0].id);
	record[40] ^= 1;
	trial_put_raw(trial, STORE, key_id(4), record, length);
	assert_true(rekey(trial));
	expect_rekeyed(trial, &old, KEYS + 1);
}

/* A master key that has sealed all that it may is what a rekey is for. */
static void
test_at_the_limit(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring old = trial_ring(trial, STORE);
	const struct lrk_entry entry = trial_entry(key_id(0), key_secret(0));
	struct lrk_change *change = NULL;
	bool done = false;

	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	lrk_change_header(change)->seals[0].count = (UINT64_C(1) << 32) - 1;
	assert_ok(lrk_change_prepare(change, &trial->why));
	assert_ok(lrk_change_commit(change, &done, &trial->why));
	lrk_change_end(change);
	assert_int_equal(current_header(trial).seals[0].count, UINT64_C(1) << 32);

	assert_ok(lrk_change_begin(trial->root, STORE, &change, &trial->why));
	assert_ok(lrk_change_put(change, &entry, &trial->why));
	assert_err(lrk_change_prepare(change, &trial->why), LRK_ERR_LIMIT);
	assert_says(&trial->why, "rekey");
	lrk_change_end(change);
	assert_false(rekey(trial));
	expect_rekeyed(trial, &old, KEYS + 1);
	trial_put(trial, STORE, &entry, 1);
}

/* ---- Readers meanwhile -------------------------------------------------------------------- */

/*
 * The worst moment: a reader has opened master.key, and before he opens the key file it is that of
 * the next master key. So often he tries, and no more.
 */
static void
test_between_the_files(void **state)
{
	const struct lrk_credential known = trial_credential(key_id(0), key_secret(0)),
				    unknown = trial_credential("unknown00000", 'a');
	struct trial *trial = *state;

	for (unsigned rekeys = 0; rekeys < 5; rekeys++) {
		for (int i = 0; i < 2; i++) {
			const struct lrk_question question = {
				.root = trial->root,
				.store = STORE,
				.credential = i == 0 ? &known : &unknown,
				.now = TRIAL_NOW,
			};
			struct lrk_answer answer = { .verdict = LRK_VERDICT_COUNT };
			struct lrk_header header;
			struct lrk_store store;

			between = (struct between){ trial, rekeys };
			assert_err(lrk_verify(&question, &answer, &trial->why),
				   rekeys < 3 ? LRK_OK : LRK_ERR_MASTER_KEY);
			if (rekeys < 3)
				assert_int_equal(answer.verdict, i == 0 ? LRK_VERDICT_VALID :
									  LRK_VERDICT_UNKNOWN_KEY);
			between = (struct between){ trial, rekeys };
			assert_err(lrk_snapshot_open(trial->root, STORE, &store, &header, NULL,
						     &trial->why),
				   rekeys < 3 ? LRK_OK : LRK_ERR_MASTER_KEY);
			lrk_store_close(&store);
			between.rekeys = 0;
			expect_answers(trial);
		}
	}
}

/* One process rekeys without a pause, this one asks without a pause. */
static void
test_readers(void **state)
{
	enum { ROUNDS = 15 };
	struct trial *trial = *state;
	int status = -1;
	unsigned asked = 0;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			struct lrk_change *change = NULL;
			bool resumed, done;

			if (lrk_change_begin(trial->root, STORE, &change, NULL) != LRK_OK ||
			    lrk_rekey_seal(change, NULL, NULL, &resumed, NULL) != LRK_OK ||
			    lrk_change_prepare(change, NULL) != LRK_OK ||
			    lrk_change_commit(change, &done, NULL) != LRK_OK ||
			    lrk_rekey_finish(change, NULL) != LRK_OK)
				_exit(1);
			lrk_change_end(change);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		assert_int_equal(ask(trial, key_id(asked % 3), key_secret(asked % 3)),
				 LRK_VERDICT_VALID);
		assert_int_equal(ask(trial, "unknown00000", 'a'), LRK_VERDICT_UNKNOWN_KEY);
		asked++;
	}
	assert_int_equal(status, 0);
	assert_true(asked > 0);
	assert_int_equal(current_header(trial).generation, 1 + ROUNDS);
	expect_answers(trial);
}

#define rekey_test(test) cmocka_unit_test_setup_teardown(test, set_up, trial_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		rekey_test(test_steps),
		rekey_test(test_again_and_again),
		rekey_test(test_entries_stay),
		rekey_test(test_old_key_is_worthless),
		store_test(test_empty_store),
		rekey_test(test_broken_off),
		rekey_test(test_broken_off_often),
		rekey_test(test_second_key_only),
		rekey_test(test_full_ring),
		rekey_test(test_mixed),
		rekey_test(test_no_room_for_master_key),
		rekey_test(test_no_room_for_key_file),
		rekey_test(test_damaged_entry),
		rekey_test(test_at_the_limit),
		rekey_test(test_between_the_files),
		rekey_test(test_readers),
	};

	return cmocka_run_group_tests_name("rekey", tests, NULL, NULL);
}
