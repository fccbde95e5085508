/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

static char root[256];

void
fuzz_fail(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

static void *
allocate(size_t size)
{
	void *bytes = malloc(size);

	if (bytes == NULL)
		abort();
	return bytes;
}

uint8_t *
fuzz_bytes(const uint8_t *data, size_t size)
{
	uint8_t *bytes = allocate(size);

	if (size > 0)
		memcpy(bytes, data, size);
	return bytes;
}

char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = allocate(size + 1);

	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

uint64_t
fuzz_number(struct fuzz_input *input, unsigned width)
{
	uint64_t number = 0;

	for (; width > 0; width--) {
		number <<= 8;
		if (input->left == 0)
			continue;
		number |= *input->at++;
		input->left--;
	}
	return number;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
remove_root(void)
{
	if (nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		fprintf(stderr, "%s: not wholly removed\n", root);
}

const char *
fuzz_root(void)
{
	const char *above = getenv("TMPDIR");

	if (root[0] != '\0')
		return root;
	/* Changes are synced, thousands of them: better not to a disk. */
	if (above == NULL)
		above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(root, sizeof(root), "%s/lrkey-fuzz.XXXXXX", above);
	if (mkdtemp(root) == NULL || atexit(remove_root) != 0)
		abort();
	return root;
}

const char *
fuzz_path(const char *relative)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", fuzz_root(), relative);
	return path;
}

void
fuzz_write(const char *relative, const void *bytes, size_t size)
{
	int fd = open(fuzz_path(relative), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	fuzz_require(fd >= 0);
	fuzz_require(write(fd, bytes, size) == (ssize_t)size);
	fuzz_require(close(fd) == 0);
}

int
fuzz_free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	fuzz_require(fd >= 0);
	close(fd);
	return fd;
}

int64_t
fuzz_cpu_ms(void)
{
	struct timespec time;

	fuzz_require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
