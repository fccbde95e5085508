/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core leaves on the stack. Each operation runs in a thread whose stack is this
 * program's own memory. It is searched when the operation has returned and the thread has not: for
 * the secret of a key, its digest, and the bytes and digits of the master key. The
 * caller's own copies lie elsewhere.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <lrkey/verify.h>
#include <lrkey/wipe.h>

#include "liblrkey/apikey.h"
#include "liblrkey/masterfile.h"
#include "liblrkey/record.h"
#include "liblrkey/rekey.h"
#include "liblrkey/snapshot.h"

#include "trial.h"

#define ID "7Hq2ZtXw9LmB"
#define SECRET "4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo"
#define API_KEY "lrk_" ID "_" SECRET "1CMQoc"
#define STACK_SIZE ((size_t)1 << 20)
/* So many bytes in a row are no coincidence. */
#define WINDOW 8

static struct {
	struct trial *trial;
	struct lrk_entry entry;
	struct lrk_keyring ring;
	char ring_text[LRK_KEYRING_TEXT_MAX];
	size_t ring_text_length;
	struct lrk_credential credential;
	char api_key[LRK_APIKEY_LEN + 1];
	struct lrk_answer answer;
	struct lrk_store store;
	struct lrk_change *change;
	struct lrk_why why;
	uint8_t plain[LRK_PLAIN_MAX];
	uint8_t record[LRK_RECORD_MAX];
	size_t length;
	enum lrk_err err;
	void (*operation)(void);
} shared;

static uint8_t *stack, *snapshot;
static sem_t returned, searched;

/* Read past the sanitizer, to which the frames of functions that returned are out of bounds. */
static __attribute__((no_sanitize("address"))) void
copy_stack(void)
{
	const volatile uint64_t *from = (const volatile uint64_t *)(const void *)stack;
	uint64_t *to = (uint64_t *)(void *)snapshot;

	for (size_t i = 0; i < STACK_SIZE / sizeof(*to); i++)
		to[i] = from[i];
}

/* To the compiler, somebody may look at these bytes: they are there, in a row. */
static inline void
keep(void *bytes)
{
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

/* Keeps the operation's frames below those of whoever waits after it. */
static __attribute__((noinline)) void
run_deeper(void)
{
	uint8_t gap[16384];

	keep(gap);
	shared.operation();
	keep(gap);
}

static void *
run_operation(void *unused)
{
	(void)unused;
	run_deeper();
	sem_post(&returned);
	while (sem_wait(&searched) != 0)
		continue;
	return NULL;
}

/* The stack as the operation leaves it: at its end the thread would give it back to the kernel. */
static void
run(void (*operation)(void))
{
	pthread_attr_t attributes;
	pthread_t thread;

	memset(stack, 0, STACK_SIZE);
	shared.operation = operation;
	assert_int_equal(sem_init(&returned, 0, 0), 0);
	assert_int_equal(sem_init(&searched, 0, 0), 0);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attributes, run_operation, NULL), 0);
	while (sem_wait(&returned) != 0)
		continue;
	copy_stack();
	assert_int_equal(sem_post(&searched), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static bool
is_left(const void *needle, size_t length)
{
	for (size_t i = 0; i + WINDOW <= length; i++)
		if (memmem(snapshot, STACK_SIZE, (const char *)needle + i, WINDOW) != NULL)
			return true;
	return false;
}

static void
hex_of(const uint8_t *bytes, size_t length, char *text)
{
	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void
expect_nothing_left(const char *what)
{
	const uint8_t *master = shared.ring.keys[0].key;
	char digits[2 * LRK_AES_KEY_LEN + 1];

	hex_of(master, LRK_AES_KEY_LEN, digits);
	if (is_left(SECRET, LRK_SECRET_LEN))
		fail_msg("%s leaves the secret", what);
	if (is_left(shared.entry.digest, LRK_DIGEST_LEN))
		fail_msg("%s leaves the digest", what);
	if (is_left(master, LRK_AES_KEY_LEN))
		fail_msg("%s leaves the master key", what);
	if (is_left(digits, sizeof(digits) - 1))
		fail_msg("%s leaves the digits of the master key", what);
}

static int
setup(void **state)
{
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	snapshot = malloc(STACK_SIZE);
	if (stack == MAP_FAILED || snapshot == NULL || trial_setup_store(state) != 0)
		return -1;
	memset(&shared, 0, sizeof(shared));
	shared.trial = *state;
	shared.entry = trial_entry(ID, 'x');
	assert_ok(lrk_sha256(SECRET, LRK_SECRET_LEN, shared.entry.digest));
	trial_put(shared.trial, STORE, &shared.entry, 1);
	shared.ring = trial_ring(shared.trial, STORE);
	shared.ring_text_length = lrk_keyring_format(&shared.ring, shared.ring_text);
	return 0;
}

static int
teardown(void **state)
{
	free(snapshot);
	return munmap(stack, STACK_SIZE) == 0 ? trial_teardown(state) : -1;
}

/* ---- The search itself finds what is there -------------------------------------- */

static void
leave_a_secret(void)
{
	char copy[LRK_SECRET_LEN];

	memcpy(copy, SECRET, sizeof(copy));
	keep(copy);
}

static void
leave_a_digest(void)
{
	uint8_t copy[LRK_DIGEST_LEN];

	memcpy(copy, shared.entry.digest, sizeof(copy));
	keep(copy);
}

static void
test_search(void **state)
{
	(void)state;
	run(leave_a_secret);
	assert_true(is_left(SECRET, LRK_SECRET_LEN));
	assert_false(is_left(shared.entry.digest, LRK_DIGEST_LEN));
	run(leave_a_digest);
	assert_false(is_left(SECRET, LRK_SECRET_LEN));
	assert_true(is_left(shared.entry.digest, LRK_DIGEST_LEN));
}

/* ---- API keys --------------------------------------------------------------------- */

static void
parse(void)
{
	shared.err = lrk_apikey_parse(API_KEY, LRK_APIKEY_LEN, &shared.credential);
}

static void
test_parse(void **state)
{
	(void)state;
	run(parse);
	assert_ok(shared.err);
	assert_memory_equal(shared.credential.digest, shared.entry.digest, LRK_DIGEST_LEN);
	expect_nothing_left("parsing");
}

/* The bytes from which the key above is made: each character's own number. */
static enum lrk_err
known_random(void *bytes, size_t length)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static unsigned calls;
	const char *text = calls++ % 2 == 0 ? ID : SECRET;
	size_t text_length = strlen(text);
	uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)(strchr(alphabet, text[i % text_length]) - alphabet);
	return LRK_OK;
}

static void
generate(void)
{
	shared.err = lrk_apikey_generate(known_random, shared.api_key, &shared.credential);
}

static void
test_generate(void **state)
{
	uint8_t bytes[LRK_SECRET_LEN];

	(void)state;
	run(generate);
	assert_ok(shared.err);
	assert_string_equal(shared.api_key, API_KEY);
	expect_nothing_left("generating");
	assert_ok(known_random(bytes, 12));
	assert_ok(known_random(bytes, sizeof(bytes)));
	assert_false(is_left(bytes, sizeof(bytes)));
}

/* ---- Master keys ------------------------------------------------------------------- */

/* Makes the master key that is looked for. */
static enum lrk_err
ring_random(void *bytes, size_t length)
{
	memcpy(bytes, shared.ring.keys[0].key, length);
	return LRK_OK;
}

static void
parse_ring(void)
{
	struct lrk_keyring ring;

	shared.err = lrk_keyring_parse(shared.ring_text, shared.ring_text_length, &ring);
	lrk_wipe_object(&ring);
}

static void
add_to_ring(void)
{
	struct lrk_keyring ring = { 0 };

	shared.err = lrk_keyring_add(&ring, ring_random);
	lrk_wipe_object(&ring);
}

static void
format_ring(void)
{
	char text[LRK_KEYRING_TEXT_MAX];

	shared.length = lrk_keyring_format(&shared.ring, text);
	lrk_wipe_array(text);
}

static void
read_master_file(void)
{
	struct lrk_keyring ring = { 0 };

	shared.err = lrk_master_file_read(&shared.store.etc, &ring, &shared.why);
	lrk_wipe_object(&ring);
}

static void
write_master_file(void)
{
	shared.err = lrk_master_file_write(&shared.store.etc, &shared.ring,
					   shared.trial->owners.owner,
					   shared.trial->owners.verifiers, &shared.why);
}

static void
test_master_keys(void **state)
{
	(void)state;
	run(parse_ring);
	assert_ok(shared.err);
	expect_nothing_left("parsing master.key");
	/* found at the end, when all was read */
	shared.ring_text[shared.ring_text_length - 2] = 'X';
	run(parse_ring);
	assert_err(shared.err, LRK_ERR_DAMAGED);
	expect_nothing_left("refusing master.key");
	run(add_to_ring);
	assert_ok(shared.err);
	expect_nothing_left("adding a master key");
	run(format_ring);
	expect_nothing_left("formatting master.key");

	assert_ok(lrk_store_open(shared.trial->root, STORE, &shared.store, NULL, &shared.why));
	run(read_master_file);
	assert_ok(shared.err);
	expect_nothing_left("reading master.key");
	run(write_master_file);
	assert_ok(shared.err);
	expect_nothing_left("writing master.key");
	lrk_store_close(&shared.store);
}

/* ---- Records and stores ------------------------------------------------------------- */

static void
encode(void)
{
	shared.err = lrk_entry_encode(&shared.entry, shared.plain, &shared.length);
}

static void
decode(void)
{
	struct lrk_entry entry;

	shared.err = lrk_entry_decode(ID, shared.plain, shared.length, &entry);
	lrk_wipe_array(entry.digest);
}

static void
seal(void)
{
	shared.err = lrk_record_seal(&shared.ring, LRK_RECORD_ENTRY, ID, shared.plain,
				     shared.length, shared.record, &shared.length);
}

static void
open_record(void)
{
	shared.err = lrk_record_open(&shared.ring, NULL, LRK_RECORD_ENTRY, ID, shared.record,
				     shared.length, shared.plain, &shared.length);
}

static void
test_records(void **state)
{
	(void)state;
	run(encode);
	assert_ok(shared.err);
	expect_nothing_left("encoding");
	run(decode);
	assert_ok(shared.err);
	expect_nothing_left("decoding");
	run(seal);
	assert_ok(shared.err);
	expect_nothing_left("sealing");
	run(open_record);
	assert_ok(shared.err);
	expect_nothing_left("opening");
	shared.record[shared.length] ^= 1;
	run(open_record);
	expect_nothing_left("refusing to open");
}

static void
open_store(void)
{
	struct lrk_entry entry = { .digest = { 0 } };

	shared.err = lrk_store_open(shared.trial->root, STORE, &shared.store, NULL, &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_store_get(&shared.store, ID, &entry, &shared.why);
	lrk_wipe_array(entry.digest);
	lrk_store_close(&shared.store);
}

static enum lrk_err
look_at_nothing(void *context, const struct lrk_entry *entry)
{
	(void)context;
	(void)entry;
	return LRK_OK;
}

static void
walk_store(void)
{
	struct lrk_header header;

	shared.err = lrk_snapshot_open(shared.trial->root, STORE, &shared.store, &header, NULL,
				       &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_snapshot_walk(&shared.store, look_at_nothing, NULL, &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_snapshot_walk_whole(&shared.store, look_at_nothing, NULL,
						     &shared.why);
	lrk_store_close(&shared.store);
}

static void
test_stores(void **state)
{
	(void)state;
	run(open_store);
	assert_ok(shared.err);
	expect_nothing_left("reading an entry");
	run(walk_store);
	assert_ok(shared.err);
	expect_nothing_left("walking a store");
}

static void
verify(void)
{
	const struct lrk_question question = { .root = shared.trial->root,
					       .store = STORE,
					       .credential = &shared.credential,
					       .now = TRIAL_NOW };

	shared.err = lrk_verify(&question, &shared.answer, &shared.why);
}

static void
test_verify(void **state)
{
	static const enum lrk_verdict verdicts[] = { LRK_VERDICT_VALID, LRK_VERDICT_WRONG_SECRET,
						     LRK_VERDICT_UNKNOWN_KEY };

	(void)state;
	assert_ok(lrk_apikey_parse(API_KEY, LRK_APIKEY_LEN, &shared.credential));
	for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
		if (verdicts[i] == LRK_VERDICT_WRONG_SECRET)
			shared.credential.digest[0] ^= 1;
		if (verdicts[i] == LRK_VERDICT_UNKNOWN_KEY)
			shared.credential.id[0] = 'x';
		run(verify);
		assert_ok(shared.err);
		assert_int_equal(shared.answer.verdict, verdicts[i]);
		expect_nothing_left("verifying");
	}
}

static void
change_store(void)
{
	struct lrk_change *change = NULL;
	bool done = false;

	shared.err = lrk_change_begin(shared.trial->root, STORE, &change, &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_change_put(change, &shared.entry, &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_change_prepare(change, &shared.why);
	if (shared.err == LRK_OK)
		shared.err = lrk_change_commit(change, &done, &shared.why);
	lrk_change_end(change);
}

static void
test_change(void **state)
{
	(void)state;
	run(change_store);
	assert_ok(shared.err);
	expect_nothing_left("a change");
}

/* One step at a time: a later one would cover what an earlier one left. */
static void
begin_change(void)
{
	shared.err = lrk_change_begin(shared.trial->root, STORE, &shared.change, &shared.why);
}

static void
rekey_seal(void)
{
	bool resumed;

	shared.err = lrk_rekey_seal(shared.change, NULL, NULL, &resumed, &shared.why);
}

static void
prepare_change(void)
{
	shared.err = lrk_change_prepare(shared.change, &shared.why);
}

static void
commit_change(void)
{
	bool done = false;

	shared.err = lrk_change_commit(shared.change, &done, &shared.why);
}

static void
rekey_finish(void)
{
	shared.err = lrk_rekey_finish(shared.change, &shared.why);
}

static void
end_change(void)
{
	lrk_change_end(shared.change);
}

static void
test_rekey(void **state)
{
	static void (*const steps[])(void) = { begin_change,  rekey_seal,   prepare_change,
					       commit_change, rekey_finish, end_change };
	const struct lrk_keyring before = shared.ring;
	struct lrk_keyring after = before;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		run(steps[i]);
		assert_ok(shared.err);
		if (steps[i] == rekey_seal) {
			after = trial_ring(shared.trial, STORE);
			assert_int_equal(after.n_keys, 2);
			after.keys[0] = after.keys[after.active];
		}
		shared.ring = before;
		expect_nothing_left("a rekey");
		shared.ring = after;
		expect_nothing_left("a rekey, of the new master key,");
	}
}

int
main(void)
{
#define wipe_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		wipe_test(test_search), wipe_test(test_parse),	wipe_test(test_generate),
		wipe_test(test_master_keys), wipe_test(test_records), wipe_test(test_stores),
		wipe_test(test_verify), wipe_test(test_change), wipe_test(test_rekey),
	};

	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
