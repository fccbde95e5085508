/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed backups. A passphrase takes a third of a second to become a key, so one reader
 * serves most tests: the file is changed behind it, and it begins again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lrkey/when.h>

#include "liblrkey/backup.h"
#include "liblrkey/codec.h"
#include "liblrkey/crypto.h"

#include "unit.h"

#define NOW INT64_C(1795168800)
#define LINE "lrkey-backup 1\n"
#define LINE_LEN (sizeof(LINE) - 1)
#define HEAD_LEN (LINE_LEN + LRK_SALT_LEN)
#define FILE_MAX 65536

enum { ENTRIES = 5, FRAMES = ENTRIES + 1 };

/* A passphrase is bytes, and a NUL is one of them. */
static const char passphrase[] = "correct\0horse";
#define PASSPHRASE passphrase, sizeof(passphrase) - 1

struct bytes {
	uint8_t at[FILE_MAX];
	size_t size;
};

/* A backup as it was written, what went into it, and a reader of reader_fd. */
static struct {
	struct lrk_entry entries[ENTRIES];
	struct lrk_usage usages[ENTRIES];
	struct bytes file;
	size_t frames[FRAMES + 1]; /* where each begins, and the last ends */
	uint8_t key[LRK_AES_KEY_LEN];
	int reader_fd;
	struct lrk_backup *reader;
} made;

static struct lrk_why why;

static int
memory_file(void)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void
write_file(int fd, const struct bytes *file)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, file->at, file->size, 0), file->size);
}

static void
read_file(int fd, struct bytes *file)
{
	ssize_t n = pread(fd, file->at, sizeof(file->at), 0);

	assert_in_range(n, 1, sizeof(file->at) - 1);
	file->size = (size_t)n;
}

static struct lrk_entry
new_entry(unsigned i)
{
	struct lrk_entry entry = {
		.org = "acme",
		.created_by = "tester",
		.n_scopes = 1,
		.scopes = { LRK_SCOPE_ANY },
		.created = NOW - 1000,
		.expires = LRK_NEVER,
		.term = LRK_NEVER,
		.slot = i,
		.slot_generation = 7,
	};

	snprintf(entry.id, sizeof(entry.id), "backup%06u", i);
	assert_ok(lrk_sha256(entry.id, LRK_ID_LEN, entry.digest));
	return entry;
}

/* The longest entry that there is. */
static struct lrk_entry
longest_entry(unsigned i)
{
	struct lrk_entry entry = new_entry(i);

	memset(entry.org, 'O', LRK_ORG_MAX);
	memset(entry.owner, 'o', LRK_USER_MAX);
	memset(entry.created_by, 'c', LRK_USER_MAX);
	for (unsigned j = 0; j < LRK_LABEL_MAX; j += 4)
		memcpy(entry.label + j, "\360\237\224\221", 4);
	entry.n_scopes = LRK_SCOPES_MAX;
	for (unsigned j = 0; j < LRK_SCOPES_MAX; j++) {
		memset(entry.scopes[j], 's', LRK_SCOPE_MAX);
		entry.scopes[j][0] = (char)('a' + j);
	}
	entry.n_nets = LRK_NETS_MAX;
	for (unsigned j = 0; j < LRK_NETS_MAX; j++) {
		char text[LRK_NET_TEXT];

		snprintf(text, sizeof(text), "2001:db8::%x", j + 1);
		assert_ok(lrk_net_parse(text, &entry.nets[j]));
	}
	entry.expires = entry.not_before = entry.deactivated = entry.revoked = LRK_TIME_MAX;
	entry.term = 90 * 86400;
	entry.max_uses = UINT64_MAX;
	strcpy(entry.predecessor, "before000000");
	strcpy(entry.successor, "behind000000");
	memset(entry.revoked_by, 'r', LRK_USER_MAX);
	entry.reason = LRK_REASON_COMPROMISED;
	return entry;
}

static void
make_content(void)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		made.entries[i] = new_entry(i);
	made.usages[0] = (struct lrk_usage){ 42, 7, NOW, "sshd", "192.0.2.7" };
	made.entries[1] = longest_entry(1);
	made.usages[1] = (struct lrk_usage){ UINT64_MAX, UINT64_MAX, LRK_TIME_MAX, "", "" };
	memset(made.usages[1].service, '~', LRK_SERVICE_MAX);
	memset(made.usages[1].rhost, ' ', LRK_RHOST_MAX);
	/* a tombstone, whose refusals are kept */
	made.entries[2].revoked = NOW;
	made.entries[2].reason = LRK_REASON_MISUSED;
	strcpy(made.entries[2].revoked_by, "tester");
	made.usages[2].denied = 1000;
	made.entries[4].max_uses = 10;
	made.usages[4].uses = 10;
}

static int
set_up_group(void **state)
{
	struct lrk_backup *backup = NULL;
	int fd = memory_file();

	(void)state;
	make_content();
	assert_ok(lrk_backup_create(fd, PASSPHRASE, &backup, &why));
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_ok(lrk_backup_put(backup, &made.entries[i], &made.usages[i], &why));
	assert_ok(lrk_backup_finish(backup, &why));
	lrk_backup_free(backup);
	read_file(fd, &made.file);
	made.frames[0] = HEAD_LEN;
	for (unsigned i = 0; i < FRAMES; i++) {
		const uint8_t *frame = made.file.at + made.frames[i];

		made.frames[i + 1] = made.frames[i] + 2 + (size_t)(frame[0] << 8 | frame[1]) + 16;
		assert_true(made.frames[i + 1] <= made.file.size);
	}
	assert_ok(lrk_scrypt(PASSPHRASE, made.file.at + LINE_LEN, made.key));
	made.reader_fd = fd;
	assert_ok(lrk_backup_open(fd, PASSPHRASE, &made.reader, &why));
	return 0;
}

static int
tear_down_group(void **state)
{
	(void)state;
	lrk_backup_free(made.reader);
	lrk_backup_free(NULL);
	return close(made.reader_fd);
}

static void
assert_same(const struct lrk_entry *entry, const struct lrk_usage *usage, unsigned i)
{
	const struct lrk_usage *expected = &made.usages[i];
	uint8_t plain[2][LRK_PLAIN_MAX];
	size_t length[2];

	assert_true(i < ENTRIES);
	assert_string_equal(entry->id, made.entries[i].id);
	assert_ok(lrk_entry_encode(entry, plain[0], &length[0]));
	assert_ok(lrk_entry_encode(&made.entries[i], plain[1], &length[1]));
	assert_int_equal(length[0], length[1]);
	assert_memory_equal(plain[0], plain[1], length[0]);
	assert_true(usage->uses == expected->uses && usage->denied == expected->denied &&
		    usage->last_used == expected->last_used);
	assert_string_equal(usage->service, expected->service);
	assert_string_equal(usage->rhost, expected->rhost);
}

/* Reads on, to the end or a failure. What comes before that is what was put there, in its order. */
static enum lrk_err
read_on(struct lrk_backup *backup, unsigned *ret_n)
{
	struct lrk_entry entry, untouched;
	struct lrk_usage usage;
	enum lrk_err err = LRK_OK;

	memset(&untouched, 0x5a, sizeof(untouched));
	for (*ret_n = 0;; (*ret_n)++) {
		bool end = true;

		entry = untouched;
		memset(&usage, 0x5a, sizeof(usage));
		memset(&why, 0, sizeof(why));
		err = lrk_backup_next(backup, &entry, &usage, &end, &why);
		if (err != LRK_OK || end) {
			/* neither an end nor a failure is an entry */
			assert_memory_equal(&entry, &untouched, sizeof(entry));
			return err;
		}
		assert_same(&entry, &usage, *ret_n);
	}
}

/* What the reader says of such a file. */
static enum lrk_err
judge(const struct bytes *file, unsigned *ret_n)
{
	enum lrk_err err;

	write_file(made.reader_fd, file);
	memset(&why, 0, sizeof(why));
	err = lrk_backup_rewind(made.reader, &why);
	*ret_n = 0;
	return err == LRK_OK ? read_on(made.reader, ret_n) : err;
}

static void
expect(const struct bytes *file, enum lrk_err expected, unsigned expected_n)
{
	unsigned n;

	assert_err(judge(file, &n), expected);
	assert_int_equal(n, expected_n);
	if (expected != LRK_OK)
		assert_int_not_equal(strlen(why.text), 0);
}

static void
expect_says(const char *text)
{
	if (strstr(why.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, text);
}

/* ---- As it should be ------------------------------------------------------------- */

static void
test_round_trip(void **state)
{
	unsigned n;

	(void)state;
	for (int i = 0; i < 3; i++)
		expect(&made.file, LRK_OK, ENTRIES);
	/* the end was read: there is nothing more, until it begins again */
	assert_err(read_on(made.reader, &n), LRK_ERR_DAMAGED);
	assert_err(read_on(made.reader, &n), LRK_ERR_DAMAGED);
	assert_ok(lrk_backup_rewind(made.reader, &why));
	assert_ok(read_on(made.reader, &n));
	assert_int_equal(n, ENTRIES);
}

/* In the middle, it begins again as well. */
static void
test_rewind(void **state)
{
	(void)state;
	write_file(made.reader_fd, &made.file);
	for (unsigned stop = 0; stop <= ENTRIES; stop++) {
		struct lrk_entry entry;
		struct lrk_usage usage;
		bool end = false;
		unsigned n;

		assert_ok(lrk_backup_rewind(made.reader, &why));
		for (unsigned i = 0; i < stop; i++) {
			assert_ok(lrk_backup_next(made.reader, &entry, &usage, &end, &why));
			assert_false(end);
			assert_same(&entry, &usage, i);
		}
		assert_ok(lrk_backup_rewind(made.reader, NULL));
		assert_ok(read_on(made.reader, &n));
		assert_int_equal(n, ENTRIES);
	}
}

/* Python: hashlib.scrypt(b'pass\0word', salt=bytes(range(16)), n=2**17, r=8, p=1, dklen=16) */
static void
test_scrypt_vector(void **state)
{
	static const char text[] = "pass\0word";
	uint8_t salt[LRK_SALT_LEN], key[LRK_AES_KEY_LEN], expected[LRK_AES_KEY_LEN];

	(void)state;
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	hex_bytes("86f2613b6ca20c96af1e93127a27ce13", expected, sizeof(expected));
	assert_ok(lrk_scrypt(text, sizeof(text) - 1, salt, key));
	assert_memory_equal(key, expected, sizeof(key));
}

/* Puts a sealed frame at the end of a file, as FORMAT.md says. */
static void
add_frame(struct bytes *file, uint64_t number, const uint8_t *plain, size_t length)
{
	uint8_t iv[LRK_IV_LEN] = { 0 }, *frame = file->at + file->size;

	assert_true(file->size + 2 + length + LRK_TAG_LEN <= sizeof(file->at));
	for (unsigned i = 0; i < 8; i++)
		iv[4 + i] = (uint8_t)(number >> (56 - 8 * i));
	frame[0] = (uint8_t)(length >> 8);
	frame[1] = (uint8_t)length;
	assert_ok(lrk_gcm_seal(made.key, iv, frame, 2, plain, length, frame + 2,
			       frame + 2 + length));
	file->size += 2 + length + LRK_TAG_LEN;
}

static void
add_end(struct bytes *file, uint64_t number, uint64_t entries)
{
	uint8_t plain[9] = { 2 };

	for (unsigned i = 0; i < 8; i++)
		plain[1 + i] = (uint8_t)(entries >> (56 - 8 * i));
	add_frame(file, number, plain, sizeof(plain));
}

static size_t
make_plain(uint8_t *plain, unsigned i)
{
	const struct lrk_usage *usage = &made.usages[i];
	const uint64_t numbers[] = { usage->uses, usage->denied, (uint64_t)usage->last_used };
	uint8_t *at = plain;
	size_t length;

	*at++ = 1;
	memcpy(at, made.entries[i].id, 12);
	at += 12;
	for (unsigned j = 0; j < 24; j++)
		*at++ = (uint8_t)(numbers[j / 8] >> (56 - 8 * (j % 8)));
	*at++ = (uint8_t)strlen(usage->service);
	memcpy(at, usage->service, strlen(usage->service));
	at += strlen(usage->service);
	*at++ = (uint8_t)strlen(usage->rhost);
	memcpy(at, usage->rhost, strlen(usage->rhost));
	at += strlen(usage->rhost);
	assert_ok(lrk_entry_encode(&made.entries[i], at, &length));
	return (size_t)(at - plain) + length;
}

/* The line and the salt, with no frame yet. */
static struct bytes
new_file(void)
{
	struct bytes file = { .size = HEAD_LEN };

	memcpy(file.at, made.file.at, HEAD_LEN);
	return file;
}

/* A file made by hand, as FORMAT.md describes it, is byte for byte the one that was written. */
static void
test_format(void **state)
{
	struct bytes file = new_file();
	uint8_t plain[4096];

	(void)state;
	assert_memory_equal(made.file.at, LINE, LINE_LEN);
	for (unsigned i = 0; i < ENTRIES; i++)
		add_frame(&file, i, plain, make_plain(plain, i));
	add_end(&file, ENTRIES, ENTRIES);
	assert_int_equal(file.size, made.file.size);
	assert_memory_equal(file.at, made.file.at, file.size);
}

static void
test_nothing_shows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		assert_null(memmem(made.file.at, made.file.size, made.entries[i].digest, 8));
		assert_null(memmem(made.file.at, made.file.size, made.entries[i].id, LRK_ID_LEN));
	}
	assert_null(memmem(made.file.at, made.file.size, "acme", 4));
	assert_null(memmem(made.file.at, made.file.size, "correct", 7));
	assert_null(memmem(made.file.at, made.file.size, made.key, 8));
}

static void
test_empty(void **state)
{
	struct bytes file = new_file();

	(void)state;
	add_end(&file, 0, 0);
	expect(&file, LRK_OK, 0);
}

/* More than a buffer, under another salt; and written behind its reader's back. */
static void
test_large(void **state)
{
	enum { MANY = 400 };
	struct lrk_backup *backup = NULL;
	int fd = memory_file();
	uint8_t salt[LRK_SALT_LEN];
	struct stat st;

	(void)state;
	assert_ok(lrk_backup_create(fd, PASSPHRASE, &backup, &why));
	for (unsigned i = 0; i < MANY; i++) {
		const struct lrk_entry entry = i % 3 == 0 ? longest_entry(i) : new_entry(i);
		const struct lrk_usage usage = { .uses = i };

		assert_ok(lrk_backup_put(backup, &entry, &usage, &why));
	}
	assert_ok(lrk_backup_finish(backup, &why));
	lrk_backup_free(backup);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > 2 * 65536);
	assert_int_equal(pread(fd, salt, sizeof(salt), LINE_LEN), sizeof(salt));
	assert_memory_not_equal(salt, made.file.at + LINE_LEN, sizeof(salt));

	assert_ok(lrk_backup_open(fd, PASSPHRASE, &backup, &why));
	for (int round = 0; round < 2; round++) {
		bool end = false;

		for (unsigned i = 0; i <= MANY; i++) {
			struct lrk_entry entry;
			struct lrk_usage usage;

			assert_ok(lrk_backup_next(backup, &entry, &usage, &end, &why));
			assert_int_equal(end, i == MANY);
			if (end)
				break;
			assert_int_equal(usage.uses, i);
			assert_int_equal(strtoul(entry.id + 6, NULL, 10), i);
			assert_int_equal(entry.n_nets, i % 3 == 0 ? LRK_NETS_MAX : 0);
		}
		assert_ok(lrk_backup_rewind(backup, &why));
	}
	lrk_backup_free(backup);
	close(fd);
}

/* ---- Another passphrase, another salt ---------------------------------------------- */

static void
expect_wrong_passphrase(const struct bytes *file, const char *text, size_t length)
{
	struct lrk_backup *backup = NULL;
	int fd = memory_file();
	unsigned n;

	write_file(fd, file);
	assert_ok(lrk_backup_open(fd, text, length, &backup, &why));
	assert_err(read_on(backup, &n), LRK_ERR_DAMAGED);
	assert_int_equal(n, 0);
	expect_says("the passphrase is wrong, or the backup is damaged");
	lrk_backup_free(backup);
	close(fd);
}

static void
test_wrong_passphrase(void **state)
{
	struct bytes file = made.file;

	(void)state;
	/* up to its NUL, and empty */
	expect_wrong_passphrase(&file, passphrase, strlen(passphrase));
	expect_wrong_passphrase(&file, "", 0);
	file.at[LINE_LEN + 15] ^= 1;
	expect_wrong_passphrase(&file, PASSPHRASE);
}

/* ---- Cut off, changed, moved ---------------------------------------------------------- */

static void
test_every_truncation(void **state)
{
	struct bytes file = made.file;

	(void)state;
	for (file.size = 0; file.size < made.file.size; file.size++) {
		unsigned whole = 0;

		while (made.frames[whole + 1] <= file.size)
			whole++;
		if (file.size < LINE_LEN) {
			expect(&file, LRK_ERR_SYNTAX, 0);
			expect_says("is no backup made by lrkeyadm export");
		} else {
			expect(&file, LRK_ERR_DAMAGED, whole);
		}
		if (file.size >= HEAD_LEN && whole > 0) {
			char text[64];

			snprintf(text, sizeof(text), "cut off behind %u entries", whole);
			expect_says(text);
		}
	}
	expect(&file, LRK_OK, ENTRIES);
}

/* Each bit behind the salt; the reader has made its key of that already. */
static void
test_every_bit_flipped(void **state)
{
	struct bytes file = made.file;

	(void)state;
	for (size_t at = HEAD_LEN; at < file.size; at++) {
		unsigned frame = 0;

		while (made.frames[frame + 1] <= at)
			frame++;
		for (unsigned bit = 0; bit < 8; bit++) {
			file.at[at] ^= (uint8_t)(1u << bit);
			expect(&file, LRK_ERR_DAMAGED, frame);
			file.at[at] ^= (uint8_t)(1u << bit);
		}
	}
	expect(&file, LRK_OK, ENTRIES);
}

/* Without a key to be made: the line is judged first. */
static void
test_first_line(void **state)
{
	static const char *const newer[] = { "lrkey-backup 2\n", "lrkey-backup 9\n",
					     "lrkey-backup 10" };
	struct bytes file = made.file;
	struct lrk_backup *backup = NULL;

	(void)state;
	for (size_t at = 0; at < LINE_LEN; at++) {
		enum lrk_err expected = at < LINE_LEN - 2 ? LRK_ERR_SYNTAX : LRK_ERR_VERSION;

		for (unsigned bit = 0; bit < 8; bit++) {
			file.at[at] ^= (uint8_t)(1u << bit);
			expect(&file, expected, 0);
			assert_err(lrk_backup_open(made.reader_fd, PASSPHRASE, &backup, &why),
				   expected);
			assert_null(backup);
			file.at[at] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t i = 0; i < COUNT_OF(newer); i++) {
		memcpy(file.at, newer[i], LINE_LEN);
		expect(&file, LRK_ERR_VERSION, 0);
		expect_says("newer version");
	}
}

static void
append_frame(struct bytes *file, unsigned frame)
{
	size_t length = made.frames[frame + 1] - made.frames[frame];

	memcpy(file->at + file->size, made.file.at + made.frames[frame], length);
	file->size += length;
}

/* Every two frames exchanged; every frame once more, anywhere; every frame left out. */
static void
test_moved(void **state)
{
	(void)state;
	for (unsigned a = 0; a < FRAMES; a++) {
		struct bytes without = new_file();

		for (unsigned b = 0; b < FRAMES; b++) {
			struct bytes swapped = new_file(), twice = new_file();

			for (unsigned i = 0; i < FRAMES; i++) {
				append_frame(&swapped, i == a ? b : i == b ? a : i);
				if (i == b)
					append_frame(&twice, a);
				append_frame(&twice, i);
			}
			if (a < b)
				expect(&swapped, LRK_ERR_DAMAGED, a);
			/* before itself it is in its place, and then comes once more */
			expect(&twice, LRK_ERR_DAMAGED, a == b && a < ENTRIES ? b + 1 : b);
			if (b != a)
				append_frame(&without, b);
		}
		expect(&without, LRK_ERR_DAMAGED, a);
	}
}

static void
test_trailing(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		struct bytes file = made.file;

		file.at[file.size++] = (uint8_t)byte;
		expect(&file, LRK_ERR_DAMAGED, ENTRIES);
	}
	{
		struct bytes file = made.file;

		memcpy(file.at + file.size, made.file.at, made.file.size);
		file.size *= 2;
		expect(&file, LRK_ERR_DAMAGED, ENTRIES);
	}
}

/* What comes when the end was read comes too late, whoever sealed it. */
static void
test_after_the_end(void **state)
{
	struct bytes file = made.file;
	uint8_t plain[4096];
	unsigned n;

	(void)state;
	expect(&file, LRK_OK, ENTRIES);
	add_frame(&file, FRAMES, plain, make_plain(plain, 0));
	assert_int_equal(pwrite(made.reader_fd, file.at, file.size, 0), file.size);
	assert_err(read_on(made.reader, &n), LRK_ERR_DAMAGED);
	assert_int_equal(n, 0);
	expect(&file, LRK_ERR_DAMAGED, ENTRIES);
}

/* ---- Sealed, and still not what it should be ---------------------------------------------- */

static void
test_wrong_ends(void **state)
{
	static const uint64_t counts[] = { 0, ENTRIES - 1, ENTRIES + 1, UINT64_MAX };
	uint8_t plain[4096] = { 2, 0, 0, 0, 0, 0, 0, 0, ENTRIES };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		struct bytes file = made.file;

		file.size = made.frames[ENTRIES];
		add_end(&file, ENTRIES, counts[i]);
		expect(&file, LRK_ERR_DAMAGED, ENTRIES);
	}
	for (size_t length = 1; length < 12; length++) {
		struct bytes file = made.file;

		file.size = made.frames[ENTRIES];
		add_frame(&file, ENTRIES, plain, length);
		expect(&file, length == 9 ? LRK_OK : LRK_ERR_DAMAGED, ENTRIES);
	}
}

static void
expect_first_frame(const uint8_t *plain, size_t length, enum lrk_err expected)
{
	struct bytes file = new_file();

	add_frame(&file, 0, plain, length);
	add_end(&file, 1, 1);
	expect(&file, expected, expected == LRK_OK ? 1 : 0);
}

static void
test_wrong_types(void **state)
{
	uint8_t plain[4096];
	size_t length = make_plain(plain, 0);

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		plain[0] = (uint8_t)type;
		expect_first_frame(plain, length, type == 1 ? LRK_OK : LRK_ERR_DAMAGED);
	}
	/* and none */
	expect_first_frame(plain, 0, LRK_ERR_DAMAGED);
}

/* Where the parts of the first frame's plain text are. */
enum {
	AT_ID = 1,
	AT_LAST_USED = 1 + 12 + 16,
	AT_SERVICE = 1 + 12 + 24,
	AT_RHOST = AT_SERVICE + 1 + 4,
	AT_ENTRY = AT_RHOST + 1 + 9,
};

static void
test_wrong_entries(void **state)
{
	uint8_t good[4096], plain[4096];
	size_t length = make_plain(good, 0);

	(void)state;
	assert_memory_equal(good + AT_SERVICE, "\4sshd", 5);
	assert_memory_equal(good + AT_RHOST, "\011192.0.2.7", 10);
	assert_int_equal(good[AT_ENTRY], 1);
	expect_first_frame(good, length, LRK_OK);
	/* cut short anywhere, although sealed so */
	for (size_t n = 1; n < length; n++)
		expect_first_frame(good, n, LRK_ERR_DAMAGED);
	memcpy(plain, good, sizeof(plain));
	for (unsigned i = 0; i < LRK_ID_LEN; i++) {
		plain[AT_ID + i] = '-';
		expect_first_frame(plain, length, LRK_ERR_DAMAGED);
		plain[AT_ID + i] = 0;
		expect_first_frame(plain, length, LRK_ERR_DAMAGED);
		plain[AT_ID + i] = good[AT_ID + i];
	}
	plain[AT_LAST_USED] = 0x80;
	expect_first_frame(plain, length, LRK_ERR_DAMAGED);
	plain[AT_LAST_USED] = 0x7f;
	expect_first_frame(plain, length, LRK_ERR_DAMAGED);
	plain[AT_LAST_USED] = 0;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool printable = byte >= 0x20 && byte < 0x7f;

		if (printable)
			continue;
		plain[AT_SERVICE + 2] = (uint8_t)byte;
		expect_first_frame(plain, length, LRK_ERR_DAMAGED);
		plain[AT_SERVICE + 2] = 's';
		plain[AT_RHOST + 9] = (uint8_t)byte;
		expect_first_frame(plain, length, LRK_ERR_DAMAGED);
		plain[AT_RHOST + 9] = '7';
	}
	/* what a newer version wrote is said to be that */
	plain[AT_ENTRY] = 2;
	expect_first_frame(plain, length, LRK_ERR_VERSION);
	plain[AT_ENTRY] = 1;
	plain[AT_ENTRY + 1] = 77;
	expect_first_frame(plain, length, LRK_ERR_VERSION);
	expect_says("newer version");
	plain[AT_ENTRY + 1] = 1;
	expect_first_frame(plain, length, LRK_OK);
}

/* Texts up to their places' lengths, and not a character more. */
static void
test_text_lengths(void **state)
{
	uint8_t good[4096], plain[4096];
	size_t length = make_plain(good, 0), rest = length - AT_ENTRY;

	(void)state;
	for (unsigned service = 0; service < 256; service++) {
		for (unsigned rhost = 0; rhost < 256; rhost += service % 32 == 0 ? 1 : 56) {
			bool fits = service <= LRK_SERVICE_MAX && rhost <= LRK_RHOST_MAX;
			struct bytes file = new_file();
			uint8_t *at = plain + AT_SERVICE;
			struct lrk_entry entry;
			struct lrk_usage usage;
			bool end = true;

			memcpy(plain, good, AT_SERVICE);
			*at++ = (uint8_t)service;
			memset(at, 's', service);
			at += service;
			*at++ = (uint8_t)rhost;
			memset(at, 'r', rhost);
			at += rhost;
			memcpy(at, good + AT_ENTRY, rest);
			at += rest;
			add_frame(&file, 0, plain, (size_t)(at - plain));
			write_file(made.reader_fd, &file);
			assert_ok(lrk_backup_rewind(made.reader, &why));
			assert_err(lrk_backup_next(made.reader, &entry, &usage, &end, &why),
				   fits ? LRK_OK : LRK_ERR_DAMAGED);
			if (fits) {
				assert_false(end);
				assert_int_equal(strlen(usage.service), service);
				assert_int_equal(strlen(usage.rhost), rhost);
			}
		}
	}
}

/* A length is not believed before it is looked at. */
static void
test_wrong_lengths(void **state)
{
	(void)state;
	for (unsigned length = 0; length < 65536; length += length < 3000 ? 1 : 77) {
		struct bytes file = made.file;
		unsigned right = (unsigned)(file.at[HEAD_LEN] << 8 | file.at[HEAD_LEN + 1]);

		file.at[HEAD_LEN] = (uint8_t)(length >> 8);
		file.at[HEAD_LEN + 1] = (uint8_t)length;
		if (length != right)
			expect(&file, LRK_ERR_DAMAGED, 0);
	}
}

/* ---- What cannot be read or written ------------------------------------------------------ */

static void
test_not_read(void **state)
{
	struct lrk_backup *backup = NULL;
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ends[2];

	(void)state;
	assert_true(directory >= 0);
	assert_err(lrk_backup_open(directory, PASSPHRASE, &backup, &why), LRK_ERR_IO);
	expect_says("the backup: Is a directory");
	close(directory);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_err(lrk_backup_open(ends[0], PASSPHRASE, &backup, &why), LRK_ERR_IO);
	expect_says("the backup: Illegal seek");
	close(ends[0]);
	close(ends[1]);
	assert_err(lrk_backup_open(-1, PASSPHRASE, &backup, &why), LRK_ERR_IO);
	expect_says("the backup: Bad file descriptor");
	assert_err(lrk_backup_open(-1, PASSPHRASE, &backup, NULL), LRK_ERR_IO);
	assert_null(backup);
}

/* An entry that cannot be written does not disturb those that can. */
static void
test_invalid_entry(void **state)
{
	struct lrk_backup *backup = NULL;
	struct lrk_entry bad = new_entry(0);
	int fd = memory_file();
	unsigned n;

	(void)state;
	bad.org[0] = '-';
	assert_ok(lrk_backup_create(fd, PASSPHRASE, &backup, &why));
	for (unsigned i = 0; i < ENTRIES; i++) {
		assert_err(lrk_backup_put(backup, &bad, &made.usages[0], &why), LRK_ERR_INTERNAL);
		assert_ok(lrk_backup_put(backup, &made.entries[i], &made.usages[i], &why));
	}
	assert_ok(lrk_backup_finish(backup, &why));
	lrk_backup_free(backup);
	assert_ok(lrk_backup_open(fd, PASSPHRASE, &backup, &why));
	assert_ok(read_on(backup, &n));
	assert_int_equal(n, ENTRIES);
	lrk_backup_free(backup);
	close(fd);
}

/* A record that is damaged is the last, although an end that fits stands behind it. */
static void
test_after_a_failure(void **state)
{
	struct bytes file = new_file();
	uint8_t plain[4096];
	unsigned n;

	(void)state;
	add_frame(&file, 0, plain, make_plain(plain, 0));
	add_end(&file, 1, 99);
	add_end(&file, 2, 1);
	expect(&file, LRK_ERR_DAMAGED, 1);
	assert_err(read_on(made.reader, &n), LRK_ERR_DAMAGED);
	assert_int_equal(n, 0);
	assert_ok(lrk_backup_rewind(made.reader, &why));
	assert_err(read_on(made.reader, &n), LRK_ERR_DAMAGED);
	assert_int_equal(n, 1);
}

/* A disk that is full shows when a buffer is written, at the latest at the end. */
static void
test_not_written(void **state)
{
	const struct lrk_entry entry = longest_entry(1);
	struct lrk_backup *backup = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	enum lrk_err err = LRK_OK;
	unsigned n = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_ok(lrk_backup_create(fd, PASSPHRASE, &backup, &why));
	for (; n < 100 && err == LRK_OK; n++)
		err = lrk_backup_put(backup, &entry, &made.usages[1], &why);
	assert_err(err, LRK_ERR_IO);
	expect_says("the backup: No space left on device");
	assert_true(n > 10);
	memset(&why, 0, sizeof(why));
	assert_err(lrk_backup_finish(backup, &why), LRK_ERR_IO);
	expect_says("the backup: No space left on device");
	lrk_backup_free(backup);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_scrypt_vector),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_nothing_shows),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_bit_flipped),
		cmocka_unit_test(test_first_line),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_after_the_end),
		cmocka_unit_test(test_wrong_ends),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_wrong_entries),
		cmocka_unit_test(test_text_lengths),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_not_read),
		cmocka_unit_test(test_after_a_failure),
		cmocka_unit_test(test_invalid_entry),
		cmocka_unit_test(test_not_written),
	};

	return cmocka_run_group_tests_name("backup", tests, set_up_group, tear_down_group);
}
