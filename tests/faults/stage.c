/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liblrkey/snapshot.h"
#include "liblrkey/usage.h"
#include "tests/pam/check.h"

#include "stage.h"

#define KEYS LRK_VAR "/system/" LRK_KEYS_DIR
#define ENTRIES 64

char stage_root[64], stage_template[64];

static void
make_folder(char path[static 64], const char *name)
{
	const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(path, 64, "%s/lrkey-faults-%s.XXXXXX", top, name);
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
}

void
stage_set_up(void)
{
	make_folder(stage_root, "root");
	make_folder(stage_template, "template");
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	return ftw->level == 0 ? 0 : remove(path);
}

static void
empty(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void
stage_tear_down(void)
{
	empty(stage_root);
	empty(stage_template);
	rmdir(stage_root);
	rmdir(stage_template);
}

/* ---- Copies ---- */

static const char *copy_from, *copy_to;

static int
copy_bytes(const char *from, const char *to, const struct stat *st)
{
	char bytes[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = -1;

	if (in >= 0 && out >= 0)
		while ((n = read(in, bytes, sizeof(bytes))) > 0)
			if (write(out, bytes, (size_t)n) != n)
				break;
	if (n == 0 && (fchown(out, st->st_uid, st->st_gid) != 0 ||
		       fchmod(out, st->st_mode & 07777) != 0))
		n = -1;
	close(in);
	close(out);
	return n == 0 ? 0 : -1;
}

static int
copy_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	char to[512];

	if (ftw->level == 0)
		return 0;
	snprintf(to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
	if (kind == FTW_D)
		return mkdir(to, 0700) == 0 && chown(to, st->st_uid, st->st_gid) == 0 &&
				       chmod(to, st->st_mode & 07777) == 0 ?
			       0 :
			       -1;
	return copy_bytes(path, to, st);
}

static void
copy(const char *from, const char *to)
{
	empty(to);
	copy_from = from;
	copy_to = to;
	assert_int_equal(nftw(from, copy_one, 16, FTW_PHYS), 0);
}

void
stage_keep(void)
{
	copy(stage_root, stage_template);
}

void
stage_clear(void)
{
	empty(stage_root);
}

void
stage_renew(void)
{
	copy(stage_template, stage_root);
}

/* ---- The sum ---- */

static uint64_t sum;

static uint64_t
add_bytes(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Each file on its own, for the order of a walk is anybody's. */
static int
add_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	uint64_t hash = add_bytes(UINT64_C(0xcbf29ce484222325), path, strlen(path));
	uint32_t numbers[3] = { st->st_mode, st->st_uid, st->st_gid };
	char bytes[65536];
	ssize_t n;
	int fd;

	(void)ftw;
	hash = add_bytes(hash, numbers, sizeof(numbers));
	if (kind == FTW_F) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			hash = add_bytes(hash, bytes, (size_t)n);
		close(fd);
	}
	sum += hash;
	return 0;
}

uint64_t
stage_sum(void)
{
	sum = 0;
	assert_int_equal(nftw(stage_root, add_one, 16, FTW_PHYS), 0);
	return sum;
}

/* ---- The store, decoded ---- */

struct reading {
	struct stage_dump *dump;
	int usage_fd;
	char lines[ENTRIES][512];
	unsigned n;
};

static void
put_hex(char *text, size_t size, const uint8_t *bytes, size_t length)
{
	size_t used = strlen(text);

	for (size_t i = 0; i < length && used + 3 < size; i++, used += 2)
		snprintf(text + used, size - used, "%02x", bytes[i]);
}

static enum lrk_err
read_entry(void *context, const struct lrk_entry *entry)
{
	struct reading *reading = context;
	char *line = reading->lines[reading->n];
	size_t used = strlen(reading->dump->uses), length = 0;
	struct lrk_usage usage = { .uses = 0 };
	uint8_t plain[LRK_PLAIN_MAX];
	bool valid = false;

	assert_true(++reading->n < ENTRIES);
	assert_int_equal(lrk_entry_encode(entry, plain, &length), LRK_OK);
	snprintf(line, sizeof(reading->lines[0]), "%s ", entry->id);
	put_hex(line, sizeof(reading->lines[0]), plain, length);
	if (reading->usage_fd >= 0 &&
	    lrk_usage_read(reading->usage_fd, entry, &usage, &valid) == LRK_OK)
		snprintf(reading->dump->uses + used, sizeof(reading->dump->uses) - used,
			 "%s %d %" PRIu64 " %" PRIu64 " %" PRId64 "\n", entry->id, valid, usage.uses,
			 usage.denied, usage.last_used);
	return LRK_OK;
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

void
stage_read(struct stage_dump *ret)
{
	static struct reading reading;
	struct lrk_why why = { "" };
	struct lrk_header header;
	struct lrk_store store;
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length = 0, used;

	memset(ret, 0, sizeof(*ret));
	memset(&reading, 0, sizeof(reading));
	reading.dump = ret;
	if (lrk_snapshot_open(stage_root, "system", &store, &header, NULL, &why) != LRK_OK) {
		snprintf(ret->keys, sizeof(ret->keys), "cannot be read: %s", why.text);
		return;
	}
	if (lrk_usage_open(&store.gate, false, &reading.usage_fd, &why) != LRK_OK)
		reading.usage_fd = -1;
	if (lrk_snapshot_walk_whole(&store, read_entry, &reading, &why) != LRK_OK) {
		snprintf(ret->keys, sizeof(ret->keys), "cannot be read: %s", why.text);
	} else {
		ret->n_masters = store.ring.n_keys;
		assert_int_equal(lrk_header_encode(&header, plain, &length), LRK_OK);
		put_hex(ret->keys, sizeof(ret->keys), plain, length);
		qsort(reading.lines, reading.n, sizeof(reading.lines[0]), compare_lines);
		for (unsigned i = 0; i < reading.n; i++) {
			used = strlen(ret->keys);
			snprintf(ret->keys + used, sizeof(ret->keys) - used, "\n%s",
				 reading.lines[i]);
		}
	}
	if (reading.usage_fd >= 0)
		close(reading.usage_fd);
	lrk_store_close(&store);
}

void
stage_read_file(const char *path, char *text, size_t size)
{
	char whole[256];
	ssize_t n = -1;
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", stage_root, path);
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

unsigned
stage_count_keys_files(void)
{
	char path[256];
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" KEYS, stage_root);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			n++;
	closedir(dir);
	return n;
}
