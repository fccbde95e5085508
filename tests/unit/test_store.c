/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a store, one entry or all of it: store.c and snapshot.c. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liblrkey/record.h"
#include "liblrkey/snapshot.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"
#define ID_B "BBBBBBBBBBBB"
#define ID_C "CCCCCCCCCCCC"

static struct lrk_store
open_store(struct trial *trial)
{
	struct lrk_store store;

	if (lrk_store_open(trial->root, STORE, &store, NULL, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return store;
}

/* A store that does not open says so; nothing stays open (the teardown counts). */
static void
expect_unusable(struct trial *trial, enum lrk_err expected, const char *culprit, const char *reason)
{
	struct lrk_store store;

	lrk_forget_known();
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_store_open_to_ask(trial->root, STORE, &store, &trial->why), expected);
	assert_says(&trial->why, trial_path(trial, culprit));
	assert_says(&trial->why, reason);
	lrk_store_close(&store);
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_store_open(trial->root, STORE, &store, NULL, &trial->why), expected);
	assert_says(&trial->why, trial_path(trial, culprit));
	assert_says(&trial->why, reason);
	/* It may be closed whatever came of it, and holds no keys. */
	lrk_store_close(&store);
	assert_int_equal(store.ring.n_keys, 0);
	for (unsigned i = 0; i < LRK_AES_KEY_LEN; i++)
		assert_int_equal(store.ring.keys[0].key[i], 0);
}

static void
test_new_store(void **state)
{
	struct trial *trial = *state;
	struct lrk_store store = open_store(trial);
	const struct lrk_keyring ring = trial_ring(trial, STORE);
	struct lrk_header header;
	struct lrk_entry entry;

	assert_memory_equal(store.ring.uuid, ring.uuid, sizeof(ring.uuid));
	assert_ok(lrk_store_header(&store, &header, &trial->why));
	assert_memory_equal(header.uuid, ring.uuid, sizeof(ring.uuid));
	assert_int_equal(header.generation, 0);
	assert_int_equal(header.slots, 0);
	assert_int_equal(header.n_free, 0);
	assert_int_equal(header.n_seals, 1);
	assert_int_equal(header.seals[0].master_id, ring.keys[0].id);
	assert_int_equal(header.seals[0].count, 1);
	assert_err(lrk_store_get(&store, ID_A, &entry, &trial->why), LRK_ERR_NOT_FOUND);
	lrk_store_close(&store);
	lrk_store_close(&store);
}

static void
test_get(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entries[] = { trial_entry(ID_A, 'a'), trial_entry(ID_B, 'b') }, got;
	struct lrk_store store;

	strcpy(entries[1].org, "other");
	entries[1].revoked = TRIAL_NOW;
	entries[1].reason = LRK_REASON_OTHER;
	strcpy(entries[1].revoked_by, "tester");
	trial_put(trial, STORE, entries, COUNT_OF(entries));
	store = open_store(trial);
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		assert_ok(lrk_store_get(&store, entries[i].id, &got, &trial->why));
		assert_string_equal(got.id, entries[i].id);
		assert_string_equal(got.org, entries[i].org);
		assert_memory_equal(got.digest, entries[i].digest, sizeof(got.digest));
		assert_true(got.revoked == entries[i].revoked);
	}
	assert_err(lrk_store_get(&store, ID_C, &got, &trial->why), LRK_ERR_NOT_FOUND);
	lrk_store_close(&store);
}

/* The reader that is open keeps what it opened; the next one sees the change. */
static void
test_snapshot_stays(void **state)
{
	struct trial *trial = *state;
	struct lrk_entry entry = trial_entry(ID_A, 'a'), got;
	struct lrk_store before, after;

	trial_put(trial, STORE, &entry, 1);
	before = open_store(trial);
	entry.deactivated = TRIAL_NOW;
	trial_put(trial, STORE, &entry, 1);
	after = open_store(trial);
	assert_ok(lrk_store_get(&before, ID_A, &got, &trial->why));
	assert_int_equal(got.deactivated, 0);
	assert_ok(lrk_store_get(&after, ID_A, &got, &trial->why));
	assert_true(got.deactivated == TRIAL_NOW);
	lrk_store_close(&before);
	lrk_store_close(&after);
}

/* ---- What is not there, or not safe ---------------------------------------- */

static void
test_names(void **state)
{
	static const char *const names[] = { "", ".", "..", "../system", "system/", "/system",
					     "System", "a b", "7", "%u" };
	struct trial *trial = *state;
	struct lrk_store store;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_err(lrk_store_open(trial->root, names[i], &store, NULL, &trial->why),
			   LRK_ERR_SYNTAX);
		lrk_store_close(&store);
	}
	assert_err(lrk_store_open(trial->root, "other", &store, NULL, &trial->why),
		   LRK_ERR_NO_STORE);
	assert_says(&trial->why, "/other: does not exist");
	lrk_store_close(&store);
}

static void
test_missing_parts(void **state)
{
	/* Where master.key is, the store was whole once: what is missing beside it was lost. */
	static const struct {
		const char *path;
		enum lrk_err expected;
	} parts[] = {
		{ MASTER_FILE, LRK_ERR_NO_STORE }, { ETC_DIR, LRK_ERR_NO_STORE },
		{ LRK_ETC, LRK_ERR_NO_STORE },	   { "etc", LRK_ERR_NO_STORE },
		{ ".", LRK_ERR_NO_STORE },	   { KEY_FILE, LRK_ERR_DAMAGED },
		{ KEYS_DIR, LRK_ERR_DAMAGED },	   { GATE_DIR, LRK_ERR_DAMAGED },
		{ LRK_VAR, LRK_ERR_DAMAGED },	   { "var/lib", LRK_ERR_DAMAGED },
	};
	struct trial *trial = *state;
	struct lrk_entry entry = trial_entry(ID_A, 'a');

	trial_put(trial, STORE, &entry, 1);
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		const char *path = parts[i].path;
		char away[256];

		snprintf(away, sizeof(away), "%s.away", trial_path(trial, path));
		assert_int_equal(rename(trial_path(trial, path), away), 0);
		expect_unusable(trial, parts[i].expected, path,
				strcmp(path, ".") == 0 ? "No such file" : "does not exist");
		assert_int_equal(rename(away, trial_path(trial, path)), 0);
	}
	{
		struct lrk_store store = open_store(trial);

		lrk_store_close(&store);
	}
}

static void
test_unsafe_directories(void **state)
{
	static const struct {
		const char *dir;
		mode_t mode;
		const char *reason; /* NULL: good */
	} rows[] = {
		{ "etc", 0775, "writable by its group" },
		{ LRK_ETC, 0777, "writable by everybody" },
		{ ETC_DIR, 0770, "writable by its group" },
		{ "var", 0757, "writable by everybody" },
		{ "var/lib", 0775, "writable by its group" },
		{ LRK_VAR, 01777, "writable by everybody" },
		{ GATE_DIR, 0770, "writable by its group" },
		{ GATE_DIR, 0752, "writable by everybody" },
		{ KEYS_DIR, 02777, "writable by everybody" },
		{ KEYS_DIR, 0755, NULL },
		{ KEYS_DIR, 0775, NULL },
	};
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		mode_t mode = trial_mode(trial, rows[i].dir);

		trial_chmod(trial, rows[i].dir, rows[i].mode);
		if (rows[i].reason != NULL) {
			expect_unusable(trial, LRK_ERR_UNSAFE, rows[i].dir, rows[i].reason);
		} else {
			struct lrk_store store = open_store(trial);

			lrk_store_close(&store);
		}
		trial_chmod(trial, rows[i].dir, mode);
	}
}

/* Each directory of the store, as a symbolic link to where it was moved. */
static void
test_symlinked_directories(void **state)
{
	static const char *const dirs[] = { KEYS_DIR, GATE_DIR, ETC_DIR, LRK_VAR, "var", "etc" };
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		char away[256];

		snprintf(away, sizeof(away), "%s.away", trial_path(trial, dirs[i]));
		assert_int_equal(rename(trial_path(trial, dirs[i]), away), 0);
		assert_int_equal(symlink(away, trial_path(trial, dirs[i])), 0);
		expect_unusable(trial, LRK_ERR_UNSAFE, dirs[i], "symbolic link");
		assert_int_equal(unlink(trial_path(trial, dirs[i])), 0);
		assert_int_equal(rename(away, trial_path(trial, dirs[i])), 0);
	}
}

static void
put_away(struct trial *trial, const char *file)
{
	assert_int_equal(rename(trial_path(trial, file), trial_path(trial, "away")), 0);
}

static void
put_back(struct trial *trial, const char *file)
{
	assert_int_equal(remove(trial_path(trial, file)), 0);
	assert_int_equal(rename(trial_path(trial, "away"), trial_path(trial, file)), 0);
}

static void
test_unsafe_files(void **state)
{
	static const char *const files[] = { KEY_FILE, MASTER_FILE };
	struct trial *trial = *state;

	alarm(20);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *file = files[i];
		mode_t mode = trial_mode(trial, file);

		put_away(trial, file);
		assert_int_equal(symlink(trial_path(trial, "away"), trial_path(trial, file)), 0);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "symbolic link");
		put_back(trial, file);

		put_away(trial, file);
		assert_int_equal(mkfifo(trial_path(trial, file), 0600), 0);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "not a regular file");
		put_back(trial, file);

		put_away(trial, file);
		trial_mkdir(trial, file, 0755);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "not a regular file");
		put_back(trial, file);

		put_away(trial, file);
		trial_write(trial, file, "", 0);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "is empty");
		put_back(trial, file);

		assert_int_equal(link(trial_path(trial, file), trial_path(trial, "link")), 0);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "more than one hard link");
		assert_int_equal(unlink(trial_path(trial, "link")), 0);

		trial_chmod(trial, file, 0646);
		expect_unusable(trial, LRK_ERR_UNSAFE, file, "writable by everybody");
		trial_chmod(trial, file, mode);
	}
	alarm(0);
	{
		struct lrk_store store = open_store(trial);

		lrk_store_close(&store);
	}
}

/* What a change repairs is told to it, and to nobody else forgiven. */
static void
test_defects(void **state)
{
	struct trial *trial = *state;
	struct lrk_header header;
	struct lrk_store store;
	bool defect = false;

	assert_ok(lrk_snapshot_open(trial->root, STORE, &store, &header, &defect, &trial->why));
	assert_false(defect);
	lrk_store_close(&store);
	trial_chmod(trial, KEY_FILE, 0666);
	assert_ok(lrk_snapshot_open(trial->root, STORE, &store, &header, &defect, &trial->why));
	assert_true(defect);
	assert_says(&trial->why, trial_path(trial, KEY_FILE));
	assert_says(&trial->why, "writable by everybody (mode 0666");
	lrk_store_close(&store);
	assert_err(lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why),
		   LRK_ERR_UNSAFE);
	lrk_store_close(&store);
	/* a master.key like that is nobody's to pass over */
	trial_chmod(trial, KEY_FILE, 0644);
	trial_chmod(trial, MASTER_FILE, 0666);
	defect = false;
	assert_err(lrk_snapshot_open(trial->root, STORE, &store, &header, &defect, &trial->why),
		   LRK_ERR_UNSAFE);
	assert_false(defect);
	lrk_store_close(&store);
}

/* ---- What does not fit, or is damaged --------------------------------------- */

static void
test_damaged_key_file(void **state)
{
	struct trial *trial = *state;
	size_t size;
	uint8_t *bytes = trial_read(trial, KEY_FILE, &size);

	bytes[size] = 0;
	trial_write(trial, KEY_FILE, bytes, size + 1);
	expect_unusable(trial, LRK_ERR_DAMAGED, KEY_FILE, "is damaged");
	trial_write(trial, KEY_FILE, bytes, size - 1);
	expect_unusable(trial, LRK_ERR_DAMAGED, KEY_FILE, "is damaged");
	trial_write(trial, KEY_FILE, bytes, 1);
	expect_unusable(trial, LRK_ERR_DAMAGED, KEY_FILE, "is damaged");
	trial_write(trial, KEY_FILE, "no key file at all", 18);
	expect_unusable(trial, LRK_ERR_DAMAGED, KEY_FILE, "is damaged or no key file");
	free(bytes);
}

static void
test_damaged_master_key(void **state)
{
	static const char newer[] = "lrkey-master-keys 2\n";
	struct trial *trial = *state;
	size_t size;
	uint8_t *bytes = trial_read(trial, MASTER_FILE, &size);
	char hex[33];

	snprintf(hex, sizeof(hex), "%.32s", (const char *)bytes + size - 33);
	for (size_t cut = 1; cut < size; cut++) {
		trial_write(trial, MASTER_FILE, bytes, cut);
		expect_unusable(trial, LRK_ERR_DAMAGED, MASTER_FILE, "damaged");
		/* what is said of it says nothing of what it holds */
		for (size_t i = 0; i + 4 <= 32; i++) {
			char piece[5] = "";

			memcpy(piece, hex + i, 4);
			assert_null(strstr(trial->why.text + strlen(trial->root), piece));
		}
	}
	trial_write(trial, MASTER_FILE, newer, sizeof(newer) - 1);
	expect_unusable(trial, LRK_ERR_VERSION, MASTER_FILE, "newer version");
	free(bytes);
}

static void
expect_header(struct trial *trial, enum lrk_err expected, const char *reason)
{
	struct lrk_store store = open_store(trial);
	struct lrk_header header;

	assert_err(lrk_store_header(&store, &header, &trial->why), expected);
	assert_says(&trial->why, trial_path(trial, KEY_FILE));
	assert_says(&trial->why, reason);
	lrk_store_close(&store);
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_snapshot_open(trial->root, STORE, &store, &header, NULL, &trial->why),
		   expected);
	assert_says(&trial->why, reason);
	lrk_store_close(&store);
}

/* Asked for an entry, the answer is the same, not that the entry is damaged. */
static void
expect_not_of_one_store(struct trial *trial)
{
	struct lrk_store store;
	struct lrk_entry entry;

	expect_header(trial, LRK_ERR_MASTER_KEY, "not of one store");
	assert_says(&trial->why, trial_path(trial, MASTER_FILE));
	store = open_store(trial);
	assert_err(lrk_store_get(&store, ID_A, &entry, &trial->why), LRK_ERR_MASTER_KEY);
	assert_says(&trial->why, "not of one store");
	lrk_store_close(&store);
}

static void
write_ring(struct trial *trial, const struct lrk_keyring *ring)
{
	char text[LRK_KEYRING_TEXT_MAX];

	trial_write(trial, MASTER_FILE, text, lrk_keyring_format(ring, text));
}

static void
test_wrong_master_key(void **state)
{
	struct trial *trial = *state;
	const struct lrk_keyring right = trial_ring(trial, STORE);
	const struct lrk_entry entry = trial_entry(ID_A, 'a');
	struct lrk_keyring wrong = right;

	trial_put(trial, STORE, &entry, 1);
	wrong.keys[0].key[5] ^= 1;
	write_ring(trial, &wrong);
	expect_not_of_one_store(trial);
	wrong = right;
	wrong.keys[0].id ^= 1;
	write_ring(trial, &wrong);
	expect_not_of_one_store(trial);
	wrong = right;
	wrong.uuid[0] ^= 1;
	write_ring(trial, &wrong);
	expect_not_of_one_store(trial);
	/* the right one among others does */
	wrong = right;
	assert_ok(lrk_keyring_add(&wrong, lrk_random));
	write_ring(trial, &wrong);
	{
		struct lrk_store store = open_store(trial);
		struct lrk_entry got;

		assert_ok(lrk_store_get(&store, ID_A, &got, &trial->why));
		lrk_store_close(&store);
	}
}

static void
test_other_stores_files(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID_A, 'a');
	uint8_t *ours, *theirs;
	size_t our_size, their_size;

	trial_put(trial, STORE, &entry, 1);
	assert_ok(lrk_store_create(trial->root, "other", &trial->owners, &trial->why));
	trial_put(trial, "other", &entry, 1);

	ours = trial_read(trial, KEY_FILE, &our_size);
	theirs = trial_read(trial, LRK_VAR "/other/keys/keys.gdbm", &their_size);
	trial_write(trial, KEY_FILE, theirs, their_size);
	expect_not_of_one_store(trial);
	trial_write(trial, KEY_FILE, ours, our_size);
	free(ours);
	free(theirs);

	theirs = trial_read(trial, LRK_ETC "/other/master.key", &their_size);
	trial_write(trial, MASTER_FILE, theirs, their_size);
	expect_not_of_one_store(trial);
	free(theirs);
}

static void
expect_entry(struct trial *trial, const char *id, enum lrk_err expected)
{
	struct lrk_store store = open_store(trial);
	struct lrk_entry entry;

	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_store_get(&store, id, &entry, &trial->why), expected);
	if (expected != LRK_OK) {
		assert_says(&trial->why, trial_path(trial, KEY_FILE));
		assert_says(&trial->why, id);
	}
	lrk_store_close(&store);
}

/* One entry is damaged, the rest of the store is not. */
static void
test_damaged_entry(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { trial_entry(ID_A, 'a'), trial_entry(ID_B, 'b') };
	uint8_t a[LRK_RECORD_MAX], b[LRK_RECORD_MAX], other[LRK_RECORD_MAX];
	size_t a_length, b_length, other_length;

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	assert_ok(lrk_store_create(trial->root, "other", &trial->owners, &trial->why));
	trial_put(trial, "other", entries, 1);
	a_length = trial_get_raw(trial, STORE, ID_A, a, sizeof(a));
	b_length = trial_get_raw(trial, STORE, ID_B, b, sizeof(b));
	other_length = trial_get_raw(trial, "other", ID_A, other, sizeof(other));

	a[30] ^= 1;
	trial_put_raw(trial, STORE, ID_A, a, a_length);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);
	expect_entry(trial, ID_B, LRK_OK);
	a[30] ^= 1;
	trial_put_raw(trial, STORE, ID_A, a, a_length - 1);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);
	trial_put_raw(trial, STORE, ID_A, a, 1);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);
	/* another key's entry under this name */
	trial_put_raw(trial, STORE, ID_A, b, b_length);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);
	/* another store's entry of this name */
	trial_put_raw(trial, STORE, ID_A, other, other_length);
	expect_entry(trial, ID_A, LRK_ERR_MASTER_KEY);
	/* the header, as an entry */
	other_length = trial_get_raw(trial, STORE, LRK_HEADER_NAME, other, sizeof(other));
	trial_put_raw(trial, STORE, ID_A, other, other_length);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);
	trial_put_raw(trial, STORE, ID_A, a, a_length);
	expect_entry(trial, ID_A, LRK_OK);
}

/* Puts a plain text, sealed as it must be, under a name. */
static void
put_plain(struct trial *trial, enum lrk_record_type type, const char *name, const uint8_t *plain,
	  size_t length)
{
	const struct lrk_keyring ring = trial_ring(trial, STORE);
	uint8_t record[LRK_RECORD_MAX];

	assert_ok(lrk_record_seal(&ring, type, name, plain, length, record, &length));
	trial_put_raw(trial, STORE, name, record, length);
}

/* Vouched for by the master key, and still not what it should be. */
static void
test_sealed_nonsense(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID_A, 'a');
	uint8_t plain[LRK_PLAIN_MAX];
	struct lrk_header header = { 0 };
	size_t length;

	trial_put(trial, STORE, &entry, 1);
	assert_ok(lrk_entry_encode(&entry, plain, &length));
	plain[0] = 2;
	put_plain(trial, LRK_RECORD_ENTRY, ID_A, plain, length);
	expect_entry(trial, ID_A, LRK_ERR_VERSION);
	assert_says(&trial->why, "newer version");
	plain[0] = 1;
	plain[1] = 77;
	put_plain(trial, LRK_RECORD_ENTRY, ID_A, plain, length);
	expect_entry(trial, ID_A, LRK_ERR_VERSION);
	put_plain(trial, LRK_RECORD_ENTRY, ID_A, plain, 0);
	expect_entry(trial, ID_A, LRK_ERR_DAMAGED);

	/* a header of another uuid, sealed for this store */
	assert_ok(lrk_header_encode(&header, plain, &length));
	put_plain(trial, LRK_RECORD_HEADER, LRK_HEADER_NAME, plain, length);
	expect_header(trial, LRK_ERR_DAMAGED, "record header");
	plain[0] = 2;
	put_plain(trial, LRK_RECORD_HEADER, LRK_HEADER_NAME, plain, length);
	expect_header(trial, LRK_ERR_VERSION, "newer version");
}

static void
test_damaged_header(void **state)
{
	struct trial *trial = *state;
	uint8_t record[LRK_RECORD_MAX];
	size_t length = trial_get_raw(trial, STORE, LRK_HEADER_NAME, record, sizeof(record));
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	int fd;

	record[40] ^= 1;
	trial_put_raw(trial, STORE, LRK_HEADER_NAME, record, length);
	expect_header(trial, LRK_ERR_MASTER_KEY, "or its header is damaged");
	record[0] = 2;
	trial_put_raw(trial, STORE, LRK_HEADER_NAME, record, length);
	expect_header(trial, LRK_ERR_VERSION, "newer version");

	fd = open(trial_path(trial, KEY_FILE), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(lrk_keyfile_open_copy(fd, KEY_FILE, &file, &trial->why));
	assert_ok(lrk_keyfile_delete(&file, LRK_HEADER_NAME));
	assert_ok(lrk_keyfile_close(&file));
	expect_header(trial, LRK_ERR_DAMAGED, "record header");
}

/* ---- All of it -------------------------------------------------------------- */

struct seen {
	unsigned visits;
	unsigned a, b, c;
	bool digests;
	unsigned stop_at;
};

static enum lrk_err
note(void *context, const struct lrk_entry *entry)
{
	static const uint8_t zeros[LRK_DIGEST_LEN];
	struct seen *seen = context;

	seen->a += strcmp(entry->id, ID_A) == 0;
	seen->b += strcmp(entry->id, ID_B) == 0;
	seen->c += strcmp(entry->id, ID_C) == 0;
	assert_string_equal(entry->org, "acme");
	assert_int_equal(memcmp(entry->digest, zeros, sizeof(zeros)) != 0, seen->digests);
	return ++seen->visits == seen->stop_at ? LRK_ERR_LIMIT : LRK_OK;
}

static void
test_walk(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entries[] = { trial_entry(ID_A, 'a'), trial_entry(ID_B, 'b'),
					     trial_entry(ID_C, 'c') };
	struct seen seen = { 0 };
	struct lrk_store store = open_store(trial);

	assert_ok(lrk_snapshot_walk(&store, note, &seen, &trial->why));
	assert_int_equal(seen.visits, 0);
	lrk_store_close(&store);

	trial_put(trial, STORE, entries, COUNT_OF(entries));
	store = open_store(trial);
	assert_ok(lrk_snapshot_walk(&store, note, &seen, &trial->why));
	assert_true(seen.visits == 3 && seen.a == 1 && seen.b == 1 && seen.c == 1);
	seen = (struct seen){ .digests = true };
	assert_ok(lrk_snapshot_walk_whole(&store, note, &seen, &trial->why));
	assert_true(seen.visits == 3 && seen.a == 1 && seen.b == 1 && seen.c == 1);
	for (unsigned stop_at = 1; stop_at <= 3; stop_at++) {
		seen = (struct seen){ .stop_at = stop_at };
		assert_err(lrk_snapshot_walk(&store, note, &seen, &trial->why), LRK_ERR_LIMIT);
		assert_int_equal(seen.visits, stop_at);
	}
	lrk_store_close(&store);
}

static void
expect_walk(struct trial *trial, enum lrk_err expected, const char *reason)
{
	struct lrk_store store = open_store(trial);
	struct seen seen = { 0 };

	assert_err(lrk_snapshot_walk(&store, note, &seen, &trial->why), expected);
	assert_says(&trial->why, trial_path(trial, KEY_FILE));
	assert_says(&trial->why, reason);
	lrk_store_close(&store);
}

static void
test_walk_damaged(void **state)
{
	static const char *const names[] = { "short", "a-strange-one", "header2", "-abcdefghijk" };
	struct trial *trial = *state;
	const struct lrk_entry entry = trial_entry(ID_A, 'a');
	uint8_t record[LRK_RECORD_MAX];
	size_t length;

	trial_put(trial, STORE, &entry, 1);
	length = trial_get_raw(trial, STORE, ID_A, record, sizeof(record));
	trial_put_raw(trial, STORE, ID_B, record, length);
	expect_walk(trial, LRK_ERR_DAMAGED, "record " ID_B);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct lrk_keyfile file = LRK_KEYFILE_NONE;
		int fd = open(trial_path(trial, KEY_FILE), O_RDWR | O_CLOEXEC);

		/* nothing but the header, and the strange one */
		assert_true(fd >= 0);
		assert_ok(lrk_keyfile_open_copy(fd, KEY_FILE, &file, &trial->why));
		if (i == 0) {
			assert_ok(lrk_keyfile_delete(&file, ID_A));
			assert_ok(lrk_keyfile_delete(&file, ID_B));
		} else {
			assert_ok(lrk_keyfile_delete(&file, names[i - 1]));
		}
		assert_ok(lrk_keyfile_put(&file, names[i], record, length));
		assert_ok(lrk_keyfile_close(&file));
		expect_walk(trial, LRK_ERR_DAMAGED, "strange name");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_new_store),
		store_test(test_get),
		store_test(test_snapshot_stays),
		store_test(test_names),
		store_test(test_missing_parts),
		store_test(test_unsafe_directories),
		store_test(test_symlinked_directories),
		store_test(test_unsafe_files),
		store_test(test_defects),
		store_test(test_damaged_key_file),
		store_test(test_damaged_master_key),
		store_test(test_wrong_master_key),
		store_test(test_other_stores_files),
		store_test(test_damaged_entry),
		store_test(test_sealed_nonsense),
		store_test(test_damaged_header),
		store_test(test_walk),
		store_test(test_walk_damaged),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
