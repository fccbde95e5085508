/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The usage file and the bytes of its slots; what is counted in them is test_usage_count.c's. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "liblrkey/usage.h"

#include "trial.h"

#define ID_A "AAAAAAAAAAAA"

static struct lrk_dir
open_gate(struct trial *trial)
{
	struct lrk_dir top, gate;

	assert_ok(lrk_root_open(trial->root, &top, &trial->why));
	if (lrk_dir_open(&top, GATE_DIR, false, &gate, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	lrk_dir_close(&top);
	return gate;
}

static enum lrk_err
open_usage(struct trial *trial, bool write, int *ret_fd)
{
	struct lrk_dir gate = open_gate(trial);
	enum lrk_err err;

	memset(&trial->why, 0, sizeof(trial->why));
	err = lrk_usage_open(&gate, write, ret_fd, &trial->why);
	lrk_dir_close(&gate);
	return err;
}

static enum lrk_err
create_usage(struct trial *trial)
{
	struct lrk_dir gate = open_gate(trial);
	enum lrk_err err;

	memset(&trial->why, 0, sizeof(trial->why));
	err = lrk_usage_create(&gate, &trial->why);
	lrk_dir_close(&gate);
	return err;
}

static int
usage_fd(struct trial *trial)
{
	int fd = -1;

	if (open_usage(trial, true, &fd) != LRK_OK)
		fail_msg("%s", trial->why.text);
	return fd;
}

static struct lrk_entry
in_slot(uint32_t slot, uint64_t generation)
{
	struct lrk_entry entry = trial_entry(ID_A, 'a');

	entry.slot = slot;
	entry.slot_generation = generation;
	return entry;
}

/* The check of a slot, made as FORMAT.md says and not as the core does. */
static void
put_check(uint8_t slot[static LRK_SLOT_SIZE])
{
	uint64_t check = UINT64_C(14695981039346656037);

	for (unsigned i = 0; i < 15; i++) {
		uint64_t word = 0;

		for (unsigned j = 0; j < 8; j++)
			word = word * 256 + slot[8 * i + j];
		check = (check ^ word) * UINT64_C(1099511628211);
	}
	for (unsigned i = 0; i < 8; i++)
		slot[120 + i] = (uint8_t)(check >> (56 - 8 * i));
}

static void
make_slot(uint8_t slot[static LRK_SLOT_SIZE], uint64_t generation, const struct lrk_usage *usage)
{
	const uint64_t numbers[] = { generation, usage->uses, usage->denied,
				     (uint64_t)usage->last_used };

	memset(slot, 0, LRK_SLOT_SIZE);
	for (unsigned i = 0; i < 32; i++)
		slot[i] = (uint8_t)(numbers[i / 8] >> (56 - 8 * (i % 8)));
	memcpy(slot + 32, usage->service, strlen(usage->service));
	memcpy(slot + 64, usage->rhost, strlen(usage->rhost));
	put_check(slot);
}

static void
put_at(int fd, const uint8_t *bytes, size_t size, uint32_t slot)
{
	assert_int_equal(pwrite(fd, bytes, size, 128 * ((off_t)slot + 1)), size);
}

static void
assert_usage(const struct lrk_usage *usage, const struct lrk_usage *expected)
{
	assert_true(usage->uses == expected->uses);
	assert_true(usage->denied == expected->denied);
	assert_true(usage->last_used == expected->last_used);
	assert_string_equal(usage->service, expected->service);
	assert_string_equal(usage->rhost, expected->rhost);
}

static void
expect_valid(int fd, const struct lrk_entry *entry, const struct lrk_usage *expected)
{
	struct lrk_usage usage;
	bool valid = false;

	memset(&usage, 0x5a, sizeof(usage));
	assert_ok(lrk_usage_read(fd, entry, &usage, &valid));
	assert_true(valid);
	assert_usage(&usage, expected);
}

/* A slot that is not valid says nothing at all. */
static void
expect_invalid(int fd, const struct lrk_entry *entry)
{
	static const struct lrk_usage nothing;
	struct lrk_usage usage;
	bool valid = true;

	memset(&usage, 0x5a, sizeof(usage));
	assert_ok(lrk_usage_read(fd, entry, &usage, &valid));
	assert_false(valid);
	assert_memory_equal(&usage, &nothing, sizeof(usage));
}

static const struct lrk_usage sample = {
	.uses = 42, .denied = 7, .last_used = TRIAL_NOW, .service = "sshd", .rhost = "192.0.2.7",
};

/* ---- The file ---------------------------------------------------------------- */

static void
expect_new_file(struct trial *trial)
{
	static const char head[] = "lrkusage\0\0\0\0\0\0\0\1";
	uint8_t expected[LRK_SLOT_SIZE] = { 0 }, *bytes;
	struct stat st, gate;
	size_t size;

	memcpy(expected, head, sizeof(head) - 1);
	bytes = trial_read(trial, USAGE_FILE, &size);
	assert_int_equal(size, sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	free(bytes);
	assert_int_equal(stat(trial_path(trial, USAGE_FILE), &st), 0);
	assert_int_equal(stat(trial_path(trial, GATE_DIR), &gate), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, gate.st_uid);
	assert_int_equal(st.st_gid, gate.st_gid);
}

static void
test_create(void **state)
{
	static const mode_t masks[] = { 0, 077, 0777 };
	struct trial *trial = *state;
	int fd = -77;

	expect_new_file(trial);
	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		enum lrk_err err;
		mode_t mask;

		assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
		assert_err(open_usage(trial, i % 2 == 0, &fd), LRK_ERR_NOT_FOUND);
		assert_says(&trial->why, trial_path(trial, USAGE_FILE));
		assert_int_equal(fd, -77);
		/* the gate's group, whatever the caller's is */
		if (geteuid() == 0)
			assert_int_equal(chown(trial_path(trial, GATE_DIR), 0, 54321), 0);
		mask = umask(masks[i]);
		err = create_usage(trial);
		umask(mask);
		assert_ok(err);
		expect_new_file(trial);
	}
}

/* What is there stays, whatever it is. */
static void
test_create_over(void **state)
{
	struct trial *trial = *state;
	uint8_t *bytes;
	size_t size;

	trial_write(trial, USAGE_FILE, "keep", 4);
	assert_err(create_usage(trial), LRK_ERR_IO);
	assert_says(&trial->why, trial_path(trial, USAGE_FILE));
	assert_says(&trial->why, "File exists");
	bytes = trial_read(trial, USAGE_FILE, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(bytes, "keep", 4);
	free(bytes);

	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	assert_int_equal(symlink(trial_path(trial, "target"), trial_path(trial, USAGE_FILE)), 0);
	assert_err(create_usage(trial), LRK_ERR_IO);
	assert_false(trial_exists(trial, "target"));
}

static void
test_create_without_room(void **state)
{
	struct trial *trial = *state;
	struct rlimit limit, none;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	for (rlim_t room = 0; room < LRK_SLOT_SIZE; room += 64) {
		none.rlim_cur = room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		assert_err(create_usage(trial), LRK_ERR_IO);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_says(&trial->why, room == 0 ? "File too large" : "No space left");
		assert_false(trial_exists(trial, USAGE_FILE));
	}
	signal(SIGXFSZ, handler);
	assert_ok(create_usage(trial));
	expect_new_file(trial);
}

static enum lrk_err
create_as_somebody(const struct trial *trial, struct lrk_why *why)
{
	struct trial copy = *trial;
	enum lrk_err err = create_usage(&copy);

	*why = copy.why;
	return err;
}

static enum lrk_err
open_as_somebody(const struct trial *trial, struct lrk_why *why)
{
	struct trial copy = *trial;
	int fd = -1;
	enum lrk_err err = open_usage(&copy, true, &fd);

	if (err == LRK_OK)
		close(fd);
	*why = copy.why;
	return err;
}

static void
test_kernel_refuses(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_chmod(trial, GATE_DIR, 0555);
	trial_chmod(trial, USAGE_FILE, root ? 0660 : 0440);
	assert_err(trial_unprivileged(trial, open_as_somebody, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, USAGE_FILE));
	assert_says(&trial->why, root ? "uid 65534 is not in group root" : "permission denied");
	trial_chmod(trial, GATE_DIR, 0755);
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	trial_chmod(trial, GATE_DIR, 0555);
	assert_err(trial_unprivileged(trial, create_as_somebody, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, USAGE_FILE));
	assert_false(trial_exists(trial, USAGE_FILE));
}

static void
expect_unsafe(struct trial *trial, const char *reason)
{
	alarm(20);
	for (int write = 0; write < 2; write++) {
		int fd = -77;

		assert_err(open_usage(trial, write == 1, &fd), LRK_ERR_UNSAFE);
		assert_says(&trial->why, trial_path(trial, USAGE_FILE));
		assert_says(&trial->why, reason);
		assert_int_equal(fd, -77);
	}
	alarm(0);
}

static void
test_open(void **state)
{
	struct trial *trial = *state;
	int fd = -1;

	for (int write = 0; write < 2; write++) {
		assert_ok(open_usage(trial, write == 1, &fd));
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, write == 1 ? O_RDWR : O_RDONLY);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	trial_chmod(trial, USAGE_FILE, 0662);
	expect_unsafe(trial, "writable by everybody");
	trial_chmod(trial, USAGE_FILE, 0660);
	/* any size is one that it may have been cut to; but not larger than any key file needs */
	assert_int_equal(truncate(trial_path(trial, USAGE_FILE), 0), 0);
	assert_ok(open_usage(trial, true, &fd));
	close(fd);
	assert_int_equal(truncate(trial_path(trial, USAGE_FILE), (off_t)1 << 30), 0);
	assert_ok(open_usage(trial, true, &fd));
	close(fd);
	assert_int_equal(truncate(trial_path(trial, USAGE_FILE), ((off_t)1 << 30) + 1), 0);
	expect_unsafe(trial, "too large");

	assert_int_equal(link(trial_path(trial, USAGE_FILE), trial_path(trial, "link")), 0);
	assert_int_equal(truncate(trial_path(trial, "link"), 128), 0);
	expect_unsafe(trial, "more than one hard link");
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	assert_int_equal(symlink(trial_path(trial, "link"), trial_path(trial, USAGE_FILE)), 0);
	expect_unsafe(trial, "symbolic link");
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	assert_int_equal(mkfifo(trial_path(trial, USAGE_FILE), 0660), 0);
	expect_unsafe(trial, "not a regular file");
	assert_int_equal(unlink(trial_path(trial, USAGE_FILE)), 0);
	trial_mkdir(trial, USAGE_FILE, 0755);
	expect_unsafe(trial, "not a regular file");
}

/* ---- A slot ------------------------------------------------------------------ */

/* Fixed bytes, so that the format cannot change unnoticed. */
static void
test_golden_slot(void **state)
{
	static const char hex[] =
		"1122334455667788"
		"000000000000002a"
		"0000000000000007"
		"000000006b001a20"
		"7373686400000000000000000000000000000000000000000000000000000000"
		"3139322e302e322e370000000000000000000000000000000000000000000000"
		"000000000000000000000000000000000000000000000000"
		"6d9a65e852a05e3a";
	const struct lrk_entry entry = in_slot(2, 0x1122334455667788);
	struct trial *trial = *state;
	uint8_t golden[LRK_SLOT_SIZE], made[LRK_SLOT_SIZE], *bytes;
	int fd = usage_fd(trial);
	size_t size;

	assert_int_equal(hex_bytes(hex, golden, sizeof(golden)), LRK_SLOT_SIZE);
	make_slot(made, entry.slot_generation, &sample);
	assert_memory_equal(made, golden, sizeof(golden));
	assert_ok(lrk_usage_write(fd, &entry, &sample));
	bytes = trial_read(trial, USAGE_FILE, &size);
	assert_int_equal(size, 4 * LRK_SLOT_SIZE);
	assert_memory_equal(bytes + 3 * LRK_SLOT_SIZE, golden, sizeof(golden));
	free(bytes);
	expect_valid(fd, &entry, &sample);
	close(fd);
}

static void
random_text(uint64_t *random, char *text, unsigned max)
{
	unsigned length = random_below(random, max + 1);

	for (unsigned i = 0; i < length; i++)
		text[i] = (char)(0x20 + random_below(random, 0x7f - 0x20));
	text[length] = '\0';
}

static struct lrk_usage
random_usage(uint64_t *random)
{
	struct lrk_usage usage = {
		.uses = next_random(random),
		.denied = next_random(random),
		.last_used = (int64_t)(next_random(random) % (LRK_TIME_MAX + 1)),
	};

	random_text(random, usage.service, LRK_SERVICE_MAX);
	random_text(random, usage.rhost, LRK_RHOST_MAX);
	return usage;
}

/* Many slots, written in no order, and none of them in another's place. */
static void
test_round_trip(void **state)
{
	enum { SLOTS = 300 };
	static struct lrk_usage usages[SLOTS];
	struct trial *trial = *state;
	uint64_t random = 0x05a6e;
	int fd = usage_fd(trial);

	for (uint32_t i = 0; i < SLOTS; i++) {
		uint32_t slot = i * 7 % SLOTS;
		const struct lrk_entry entry = in_slot(slot, slot + 1000);

		usages[slot] = random_usage(&random);
		assert_ok(lrk_usage_write(fd, &entry, &usages[slot]));
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct lrk_entry entry = in_slot(i, i + 1000);
		uint8_t made[LRK_SLOT_SIZE], found[LRK_SLOT_SIZE];

		expect_valid(fd, &entry, &usages[i]);
		make_slot(made, i + 1000, &usages[i]);
		assert_int_equal(pread(fd, found, sizeof(found), 128 * (i + 1)), LRK_SLOT_SIZE);
		assert_memory_equal(found, made, sizeof(made));
	}
	close(fd);
}

static void
test_extremes(void **state)
{
	const struct lrk_entry entry = in_slot(0, UINT64_MAX);
	struct lrk_usage usage = { UINT64_MAX, UINT64_MAX, LRK_TIME_MAX, "", "" };
	int fd = usage_fd(*state);

	memset(usage.service, '~', LRK_SERVICE_MAX);
	memset(usage.rhost, ' ', LRK_RHOST_MAX);
	assert_ok(lrk_usage_write(fd, &entry, &usage));
	expect_valid(fd, &entry, &usage);
	close(fd);
}

/* ---- What is not valid --------------------------------------------------------- */

static void
test_every_byte_damaged(void **state)
{
	const struct lrk_entry entry = in_slot(1, 12);
	int fd = usage_fd(*state);
	uint8_t slot[LRK_SLOT_SIZE];

	make_slot(slot, 12, &sample);
	for (unsigned i = 0; i < LRK_SLOT_SIZE; i++) {
		for (unsigned change = 1; change < 256; change++) {
			slot[i] ^= (uint8_t)change;
			put_at(fd, slot, sizeof(slot), 1);
			expect_invalid(fd, &entry);
			slot[i] ^= (uint8_t)change;
		}
	}
	put_at(fd, slot, sizeof(slot), 1);
	expect_valid(fd, &entry, &sample);
	close(fd);
}

/* A write that stopped after any byte leaves neither the old slot nor the new one. */
static void
test_torn(void **state)
{
	const struct lrk_entry entry = in_slot(1, 12);
	struct lrk_usage later = sample;
	uint8_t old[LRK_SLOT_SIZE], new[LRK_SLOT_SIZE];
	int fd = usage_fd(*state);

	later.uses++;
	later.last_used += 3600;
	strcpy(later.rhost, "2001:db8::7");
	make_slot(old, 12, &sample);
	make_slot(new, 12, &later);
	for (size_t n = 0; n <= LRK_SLOT_SIZE; n++) {
		put_at(fd, old, sizeof(old), 1);
		put_at(fd, new, n, 1);
		if (n == LRK_SLOT_SIZE || memcmp(old + n, new + n, LRK_SLOT_SIZE - n) == 0)
			expect_valid(fd, &entry, &later);
		else if (memcmp(old, new, n) == 0)
			expect_valid(fd, &entry, &sample);
		else
			expect_invalid(fd, &entry);
	}
	close(fd);
}

static void
test_other_generation(void **state)
{
	static const uint64_t others[] = { 0, 1, 11, 13, 12 + (UINT64_C(1) << 32), UINT64_MAX };
	int fd = usage_fd(*state);
	struct lrk_entry entry = in_slot(1, 12);

	assert_ok(lrk_usage_write(fd, &entry, &sample));
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		entry.slot_generation = others[i];
		expect_invalid(fd, &entry);
	}
	entry.slot_generation = 12;
	expect_valid(fd, &entry, &sample);
	close(fd);
}

/* A slot that was copied to another place is valid there only by its generation. */
static void
test_neighbours(void **state)
{
	struct lrk_entry entry = in_slot(5, 12);
	int fd = usage_fd(*state);

	assert_ok(lrk_usage_write(fd, &entry, &sample));
	for (entry.slot = 0; entry.slot < 12; entry.slot++)
		if (entry.slot != 5)
			expect_invalid(fd, &entry);
	close(fd);
}

/* A hole reads as zeros, and zeros are no slot, not even of generation 0. */
static void
test_hole(void **state)
{
	static const uint64_t generations[] = { 0, 1, 12 };
	int fd = usage_fd(*state);

	assert_int_equal(ftruncate(fd, 100 * LRK_SLOT_SIZE), 0);
	for (size_t i = 0; i < COUNT_OF(generations); i++) {
		const struct lrk_entry entry = in_slot(50, generations[i]);

		expect_invalid(fd, &entry);
	}
	close(fd);
}

static void
test_short_file(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry first = in_slot(0, 12), second = in_slot(1, 12),
			       last = in_slot(UINT32_MAX, 12);
	int fd = usage_fd(trial);

	assert_ok(lrk_usage_write(fd, &first, &sample));
	assert_ok(lrk_usage_write(fd, &second, &sample));
	expect_invalid(fd, &last);
	for (off_t size = 3 * LRK_SLOT_SIZE - 1; size >= 0; size--) {
		assert_int_equal(ftruncate(fd, size), 0);
		expect_invalid(fd, &second);
		if (size < 2 * LRK_SLOT_SIZE)
			expect_invalid(fd, &first);
		else
			expect_valid(fd, &first, &sample);
	}
	/* and is as long again as what is written to it */
	assert_ok(lrk_usage_write(fd, &second, &sample));
	expect_valid(fd, &second, &sample);
	expect_invalid(fd, &first);
	close(fd);
}

static void
test_garbage(void **state)
{
	int fd = usage_fd(*state);
	uint64_t random = 0x9a4ba9e;

	for (uint32_t i = 0; i < 10000; i++) {
		uint8_t slot[LRK_SLOT_SIZE];
		struct lrk_entry entry = in_slot(3, 0);

		for (unsigned j = 0; j < sizeof(slot); j++)
			slot[j] = (uint8_t)(next_random(&random) >> 24);
		/* even when it says the generation that is asked for */
		for (unsigned j = 0; j < 8; j++)
			entry.slot_generation = entry.slot_generation << 8 | slot[j];
		put_at(fd, slot, sizeof(slot), 3);
		expect_invalid(fd, &entry);
	}
	close(fd);
}

/* ---- Foreign text --------------------------------------------------------------- */

/* A slot that somebody wrote, check and all: what cannot be printed is not handed out. */
static void
test_foreign_text(void **state)
{
	const struct lrk_entry entry = in_slot(0, 12);
	int fd = usage_fd(*state);

	for (unsigned byte = 1; byte < 256; byte++) {
		struct lrk_usage written = sample, expected = sample;
		bool printable = byte >= 0x20 && byte < 0x7f;
		uint8_t slot[LRK_SLOT_SIZE];

		snprintf(written.service, sizeof(written.service), "a%cb", (char)byte);
		snprintf(expected.service, sizeof(expected.service), "a%cb",
			 printable ? (char)byte : '?');
		memset(written.rhost, (int)byte, LRK_RHOST_MAX);
		memset(expected.rhost, printable ? (int)byte : '?', LRK_RHOST_MAX);
		make_slot(slot, 12, &written);
		put_at(fd, slot, sizeof(slot), 0);
		expect_valid(fd, &entry, &expected);
		/* nor written */
		assert_ok(lrk_usage_write(fd, &entry, &written));
		make_slot(slot, 12, &expected);
		{
			uint8_t found[LRK_SLOT_SIZE];

			assert_int_equal(pread(fd, found, sizeof(found), LRK_SLOT_SIZE),
					 LRK_SLOT_SIZE);
			assert_memory_equal(found, slot, sizeof(slot));
		}
	}
	close(fd);
}

/* What stands behind the end of a text is not read. */
static void
test_text_after_its_end(void **state)
{
	const struct lrk_entry entry = in_slot(0, 12);
	struct lrk_usage usage;
	uint8_t slot[LRK_SLOT_SIZE];
	int fd = usage_fd(*state);
	bool valid = false;

	make_slot(slot, 12, &sample);
	slot[32 + 10] = 'x';
	slot[64 + 55] = 'x';
	put_check(slot);
	put_at(fd, slot, sizeof(slot), 0);
	assert_ok(lrk_usage_read(fd, &entry, &usage, &valid));
	assert_true(valid);
	assert_usage(&usage, &sample);
	close(fd);
}

static void
test_impossible_times(void **state)
{
	static const int64_t times[] = { -1, INT64_MIN, LRK_TIME_MAX + 1, LRK_NEVER };
	const struct lrk_entry entry = in_slot(0, 12);
	int fd = usage_fd(*state);

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct lrk_usage written = sample, expected = sample;
		uint8_t slot[LRK_SLOT_SIZE];

		written.last_used = times[i];
		expected.last_used = 0;
		make_slot(slot, 12, &written);
		put_at(fd, slot, sizeof(slot), 0);
		expect_valid(fd, &entry, &expected);
	}
	close(fd);
}

/* ---- Where it cannot be read or written ------------------------------------------- */

static void
test_descriptors(void **state)
{
	struct trial *trial = *state;
	const struct lrk_entry entry = in_slot(0, 12);
	struct lrk_usage usage, untouched;
	int fd = -1, write_only;
	bool valid = true;

	memset(&untouched, 0x5a, sizeof(untouched));
	usage = untouched;
	assert_ok(open_usage(trial, false, &fd));
	errno = 0;
	assert_err(lrk_usage_write(fd, &entry, &sample), LRK_ERR_IO);
	assert_int_equal(errno, EBADF);
	expect_invalid(fd, &entry);
	close(fd);
	write_only = open(trial_path(trial, USAGE_FILE), O_WRONLY | O_CLOEXEC);
	assert_true(write_only >= 0);
	errno = 0;
	assert_err(lrk_usage_read(write_only, &entry, &usage, &valid), LRK_ERR_IO);
	assert_int_equal(errno, EBADF);
	assert_memory_equal(&usage, &untouched, sizeof(usage));
	assert_true(valid);
	close(write_only);
}

static void
test_no_room(void **state)
{
	const struct lrk_entry entry = in_slot(0, 12);
	struct rlimit limit, none;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int fd = usage_fd(*state);

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	for (rlim_t room = 128; room < 256; room += 40) {
		none.rlim_cur = room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		errno = 0;
		assert_err(lrk_usage_write(fd, &entry, &sample), LRK_ERR_IO);
		assert_int_equal(errno, room == 128 ? EFBIG : ENOSPC);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		expect_invalid(fd, &entry);
	}
	signal(SIGXFSZ, handler);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(test_create),
		store_test(test_create_over),
		store_test(test_create_without_room),
		store_test(test_kernel_refuses),
		store_test(test_open),
		store_test(test_golden_slot),
		store_test(test_round_trip),
		store_test(test_extremes),
		store_test(test_every_byte_damaged),
		store_test(test_torn),
		store_test(test_other_generation),
		store_test(test_neighbours),
		store_test(test_hole),
		store_test(test_short_file),
		store_test(test_garbage),
		store_test(test_foreign_text),
		store_test(test_text_after_its_end),
		store_test(test_impossible_times),
		store_test(test_descriptors),
		store_test(test_no_room),
	};

	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
