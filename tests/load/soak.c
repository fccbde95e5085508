/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One process that authenticates very often, and what that costs it in the long run:
 *
 *	soak CONFDIR TRANSACTIONS [leak]
 *
 * Standard input has a login a line: SERVICE USER TOKEN CODE, CODE being what is to come of it,
 * such as PAM_SUCCESS. They are done in turn. After a tenth of all transactions, and at the end,
 * it looks at its heap, its resident memory, its mappings and its descriptors. "leak" makes it
 * lose a little itself, so that a test can see that this is found.
 *
 * Prints what it saw; exit status: 0 when nothing grew and each answer was right, else 1; 2 for a
 * wrong call.
 */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pam/code.h"
#include "tests/pam/hooks.h"

#include "login.h"

#define LOGINS_MAX 32
/*
 * What the heap and the resident memory may differ by without any growth: buffers of stdio, some
 * pages. A leak of a byte a transaction is beyond the first in the short run, too.
 */
#define HEAP_SLACK 4096
#define RESIDENT_SLACK (512L * 1024)

struct line {
	char service[32], user[72], token[128], wanted[32];
};

struct sight {
	long heap, resident, mappings, descriptors;
};

static struct line lines[LOGINS_MAX];
static size_t n_lines;

static bool
read_lines(void)
{
	char text[320], more;

	while (fgets(text, sizeof(text), stdin) != NULL) {
		struct line *line = &lines[n_lines];

		if (n_lines == LOGINS_MAX ||
		    sscanf(text, "%31s %71s %127s %31s %c", line->service, line->user, line->token,
			   line->wanted, &more) != 4)
			return false;
		n_lines++;
	}
	return n_lines > 0;
}

static long
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

static long
count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	long n = 0;
	int c;

	while (file != NULL && (c = fgetc(file)) != EOF)
		n += c == '\n';
	if (file != NULL)
		fclose(file);
	return n;
}

static long
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = -1;

	if (file != NULL && fscanf(file, "%*d %ld", &pages) != 1)
		pages = -1;
	if (file != NULL)
		fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static struct sight
look(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (struct sight){ (long)(heap.uordblks + heap.hblkhd), resident_bytes(),
			       count_mappings(), count_descriptors() };
}

static void
show(const char *when, const struct sight *sight)
{
	printf("%s: heap %ld, resident %ld, mappings %ld, descriptors %ld\n", when, sight->heap,
	       sight->resident, sight->mappings, sight->descriptors);
}

static void
lose_some(unsigned long n)
{
	static void **chain;
	void **link = malloc(24);

	if (link == NULL || (n % 100 == 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0))
		abort();
	*link = chain;
	chain = link;
}

/* Returns the number of wrong answers. */
static unsigned long
log_in(const char *confdir, unsigned long from, unsigned long to, bool leaks)
{
	unsigned long wrong = 0;

	for (unsigned long n = from; n < to; n++) {
		const struct line *line = &lines[n % n_lines];
		struct login login = { confdir, line->service, line->user, line->token };
		int code = login_once(&login);

		hooks_forget();
		if (strcmp(code_name(code), line->wanted) != 0 && wrong++ < 10)
			printf("transaction %lu, line %zu: %s, not %s\n", n, n % n_lines + 1,
			       code_name(code), line->wanted);
		if (leaks)
			lose_some(n);
	}
	return wrong;
}

/* Less is no growth, nor is memory that the heap gave back. */
static bool
grew(const struct sight *before, const struct sight *after)
{
	return after->heap > before->heap + HEAP_SLACK ||
	       after->resident > before->resident + RESIDENT_SLACK ||
	       after->mappings > before->mappings || after->descriptors > before->descriptors;
}

int
main(int argc, char **argv)
{
	struct sight before, after;
	unsigned long total, warm, wrong;
	bool leaks = argc == 4 && strcmp(argv[3], "leak") == 0;

	if ((argc != 3 && !leaks) || (total = strtoul(argv[2], NULL, 10)) < 100 || !read_lines()) {
		fputs("usage: soak CONFDIR TRANSACTIONS [leak] <LOGINS\n", stderr);
		return 2;
	}
	setlinebuf(stdout);
	warm = total / 10;
	wrong = log_in(argv[1], 0, warm, false);
	before = look();
	wrong += log_in(argv[1], warm, total, leaks);
	after = look();
	show("after the first tenth", &before);
	show("at the end", &after);
	printf("%lu transactions, %lu wrong\n", total, wrong);
	return wrong == 0 && !grew(&before, &after) ? EXIT_SUCCESS : EXIT_FAILURE;
}
