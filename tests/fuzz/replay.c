/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives a fuzz target without libFuzzer: over its corpus, or over the files and folders that are
 * named, and over variants of each that are the same in each run. Prints TAP, a test a file.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define FILES_MAX 4096
#define SIZE_MAX_OF_FILE 65536
#define VARIANTS 12

static char *files[FILES_MAX];
static unsigned n_files;

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(1);
}

/* Marsaglia's xorshift64. */
static unsigned
random_below(uint64_t *state, size_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)((*state >> 16) % limit);
}

static int
is_seed(const struct dirent *found)
{
	return found->d_name[0] != '.';
}

/* A file, or those in a folder. */
static void
add(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) != 0)
		die(path, "not there");
	if (!S_ISDIR(st.st_mode)) {
		if (n_files == FILES_MAX || (files[n_files] = strdup(path)) == NULL)
			die(path, "too many files");
		n_files++;
		return;
	}
	n = scandir(path, &names, is_seed, alphasort);
	if (n < 0)
		die(path, "cannot be read");
	for (int i = 0; i < n; i++) {
		char name[1024];

		snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
		add(name);
		free(names[i]);
	}
	free(names);
}

/* One to four changes: a byte, a bit, a part taken out or written twice. Never longer than size. */
static size_t
vary(uint64_t *state, uint8_t *data, size_t length)
{
	for (unsigned n = 1 + random_below(state, 4); n > 0 && length > 0; n--) {
		size_t at = random_below(state, length), rest = length - at;
		size_t part = 1 + random_below(state, rest < 16 ? rest : 16);

		switch (random_below(state, 5)) {
		case 0:
			data[at] = (uint8_t)random_below(state, 256);
			break;
		case 1:
			data[at] ^= (uint8_t)(1 << random_below(state, 8));
			break;
		case 2:
			memmove(data + at, data + at + part, rest - part);
			length -= part;
			break;
		case 3:
			memmove(data + random_below(state, length - part + 1), data + at, part);
			break;
		default:
			length = at;
			break;
		}
	}
	return length;
}

static void
run(const uint8_t *data, size_t length)
{
	uint8_t *copy = fuzz_bytes(data, length);

	LLVMFuzzerTestOneInput(copy, length);
	free(copy);
}

static void
run_file(unsigned number, const char *path)
{
	static uint8_t data[SIZE_MAX_OF_FILE], variant[SIZE_MAX_OF_FILE];
	const char *name = strrchr(path, '/');
	uint64_t state = 0x9e3779b97f4a7c15;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, data, sizeof(data)) : -1;

	if (n < 0)
		die(path, "cannot be read");
	close(fd);
	run(data, (size_t)n);
	for (int i = 0; i < VARIANTS; i++) {
		memcpy(variant, data, (size_t)n);
		run(variant, vary(&state, variant, (size_t)n));
	}
	printf("ok %u - %s\n", number, name != NULL ? name + 1 : path);
	fflush(stdout);
}

/* build/gcc/tests/fuzz/fuzz_net replays tests/fuzz/corpus/net. */
static void
add_corpus(const char *program)
{
	const char *source = getenv("LRKEY_SOURCE"), *name = strstr(program, "fuzz_");
	char path[1024];

	if (source == NULL || name == NULL)
		die("LRKEY_SOURCE", "not set: run it with make check, or name files");
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", source, name + strlen("fuzz_"));
	add(path);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		add(argv[i]);
	if (argc < 2)
		add_corpus(argv[0]);
	if (n_files == 0)
		die(argv[0], "a corpus without a seed shows nothing");
	printf("1..%u\n", n_files);
	fflush(stdout);
	for (unsigned i = 0; i < n_files; i++) {
		run_file(i + 1, files[i]);
		free(files[i]);
	}
	return 0;
}
