/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking at each record of a key file, also where some cannot be opened. */
#include <string.h>

#include "liblrkey/inspect.h"
#include "liblrkey/masterfile.h"
#include "liblrkey/record.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"
#define ID_B "BBBBBBBBBBBB"
#define SEEN_MAX 8

/* What a walk has met. */
struct meeting {
	unsigned n;
	struct lrk_inspected seen[SEEN_MAX];
	struct lrk_entry entries[SEEN_MAX];
	enum lrk_err answer;
};

static enum lrk_err
meet(void *context, const struct lrk_inspected *record)
{
	struct meeting *meeting = context;

	assert_true(meeting->n < SEEN_MAX);
	meeting->seen[meeting->n] = *record;
	if (record->entry != NULL)
		meeting->entries[meeting->n] = *record->entry;
	meeting->n++;
	return meeting->answer;
}

static void
open_store(struct trial *trial, struct lrk_store *store)
{
	assert_ok(lrk_store_open(trial->root, STORE, store, NULL, &trial->why));
}

static void
walk(struct trial *trial, struct meeting *meeting)
{
	struct lrk_store store = LRK_STORE_CLOSED;

	*meeting = (struct meeting){ .answer = LRK_OK };
	open_store(trial, &store);
	assert_ok(lrk_inspect(&store, meet, meeting, &trial->why));
	lrk_store_close(&store);
}

/* The record with this id, of which there is one; "" is the header. */
static const struct lrk_inspected *
find(const struct meeting *meeting, const char *id)
{
	const struct lrk_inspected *found = NULL;

	for (unsigned i = 0; i < meeting->n; i++) {
		const struct lrk_inspected *seen = &meeting->seen[i];

		if (id[0] == '\0' ? seen->is_header : strcmp(seen->id, id) == 0) {
			assert_null(found);
			found = seen;
		}
	}
	assert_non_null(found);
	return found;
}

static void
put_two(const struct trial *trial)
{
	const struct lrk_entry entries[] = { trial_entry(ID_A, 'a'), trial_entry(ID_B, 'b') };

	trial_put(trial, STORE, entries, COUNT_OF(entries));
}

static void
test_whole(void **state)
{
	struct trial *trial = *state;
	struct lrk_keyring ring = trial_ring(trial, STORE);
	uint8_t record[LRK_RECORD_MAX], zeros[LRK_DIGEST_LEN] = { 0 };
	struct meeting meeting;
	const char *const ids[] = { "", ID_A, ID_B };

	put_two(trial);
	walk(trial, &meeting);
	assert_int_equal(meeting.n, 3);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		const struct lrk_inspected *seen = find(&meeting, ids[i]);
		size_t length = trial_get_raw(trial, STORE,
					      seen->is_header ? LRK_HEADER_NAME : ids[i], record,
					      sizeof(record));

		assert_ok(seen->err);
		assert_true(seen->is_sealed);
		assert_int_equal(seen->master_id, ring.keys[ring.active].id);
		/* Version, type, master key id, then the IV. */
		assert_true(length > 6 + LRK_IV_LEN);
		assert_memory_equal(seen->iv, record + 6, LRK_IV_LEN);
		assert_true((seen->entry == NULL) == seen->is_header);
	}
	for (unsigned i = 0; i < meeting.n; i++)
		if (!meeting.seen[i].is_header) {
			assert_string_equal(meeting.entries[i].id, meeting.seen[i].id);
			assert_string_equal(meeting.entries[i].org, "acme");
			assert_memory_equal(meeting.entries[i].digest, zeros, sizeof(zeros));
		}
}

/* A record that cannot be read does not hide the others. */
static void
test_damaged(void **state)
{
	struct trial *trial = *state;
	uint8_t record[LRK_RECORD_MAX];
	struct meeting meeting;
	size_t length;

	put_two(trial);
	length = trial_get_raw(trial, STORE, ID_A, record, sizeof(record));
	record[length - 1] ^= 1;
	trial_put_raw(trial, STORE, ID_A, record, length);
	walk(trial, &meeting);
	assert_int_equal(meeting.n, 3);
	assert_err(find(&meeting, ID_A)->err, LRK_ERR_DAMAGED);
	assert_null(find(&meeting, ID_A)->entry);
	assert_true(find(&meeting, ID_A)->is_sealed);
	assert_ok(find(&meeting, ID_B)->err);
	assert_ok(find(&meeting, "")->err);

	record[length - 1] ^= 1;
	record[0]++;
	trial_put_raw(trial, STORE, ID_A, record, length);
	walk(trial, &meeting);
	assert_err(find(&meeting, ID_A)->err, LRK_ERR_VERSION);

	record[0]--;
	record[2] ^= 1;
	trial_put_raw(trial, STORE, ID_A, record, length);
	walk(trial, &meeting);
	assert_err(find(&meeting, ID_A)->err, LRK_ERR_MASTER_KEY);

	/* A record of another name is another record. */
	length = trial_get_raw(trial, STORE, ID_B, record, sizeof(record));
	trial_put_raw(trial, STORE, ID_A, record, length);
	walk(trial, &meeting);
	assert_err(find(&meeting, ID_A)->err, LRK_ERR_DAMAGED);
	assert_memory_equal(find(&meeting, ID_A)->iv, find(&meeting, ID_B)->iv, LRK_IV_LEN);
}

static void
test_short_and_strange(void **state)
{
	static const uint8_t bytes[LRK_RECORD_CLEAR] = { 1, 2, 3 };
	static const char *const names[] = { "x", "AAAAAAAAAAA", "AAAAAAAAAAAAA", "AAAAAAAAAAA/" };
	struct trial *trial = *state;
	struct meeting meeting;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		trial_put_raw(trial, STORE, names[i], bytes, sizeof(bytes));
	trial_put_raw(trial, STORE, ID_A, bytes, 0);
	trial_put_raw(trial, STORE, ID_B, bytes, sizeof(bytes) - 1);
	walk(trial, &meeting);
	assert_int_equal(meeting.n, COUNT_OF(names) + 3);
	for (unsigned i = 0; i < meeting.n; i++)
		if (!meeting.seen[i].is_header) {
			assert_err(meeting.seen[i].err, LRK_ERR_DAMAGED);
			assert_null(meeting.seen[i].entry);
			assert_true(meeting.seen[i].is_sealed == (meeting.seen[i].id[0] == '\0'));
		}
	assert_ok(find(&meeting, "")->err);
	assert_false(find(&meeting, ID_A)->is_sealed);
	assert_false(find(&meeting, ID_B)->is_sealed);
}

/* Without a master key that fits, all of it is still walked over. */
static void
test_no_master_key(void **state)
{
	struct trial *trial = *state;
	struct lrk_store store = LRK_STORE_CLOSED;
	struct meeting meeting = { .answer = LRK_OK };

	put_two(trial);
	open_store(trial, &store);
	memset(&store.ring, 0, sizeof(store.ring));
	assert_ok(lrk_inspect(&store, meet, &meeting, &trial->why));
	lrk_store_close(&store);
	assert_int_equal(meeting.n, 3);
	for (unsigned i = 0; i < meeting.n; i++)
		assert_err(meeting.seen[i].err, LRK_ERR_MASTER_KEY);
}

static void
test_stops(void **state)
{
	struct trial *trial = *state;
	struct lrk_store store = LRK_STORE_CLOSED;
	struct meeting meeting = { .answer = LRK_ERR_LIMIT };

	put_two(trial);
	open_store(trial, &store);
	trial->why.text[0] = '\0';
	assert_err(lrk_inspect(&store, meet, &meeting, &trial->why), LRK_ERR_LIMIT);
	/* The visitor knows why he stopped. */
	assert_string_equal(trial->why.text, "");
	assert_int_equal(meeting.n, 1);
	lrk_store_close(&store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_whole),
		store_test(test_damaged),
		store_test(test_short_and_strange),
		store_test(test_no_master_key),
		store_test(test_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
