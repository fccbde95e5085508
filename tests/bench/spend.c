/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command costs:
 *
 *	spend PART NAME ROUND COMMAND [ARGUMENT...]
 *
 * runs it with its standard output and standard error thrown away, and prints, with tabulators,
 * "PART NAME ROUND NANOSECONDS", the same for PART-cpu with the time it used itself, and for
 * PART-memory its peak in bytes. The exit status is 1 when the command's is not 0; behind a "?" it
 * may be 1, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t
nanoseconds(struct timeval tv)
{
	return tv.tv_sec * INT64_C(1000000000) + tv.tv_usec * 1000;
}

static void
become(char **command)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDOUT_FILENO);
	if (getenv("SPEND_LOUD") == NULL)
		dup2(null, STDERR_FILENO);
	execvp(command[0], command);
	_exit(127);
}

int
main(int argc, char **argv)
{
	struct rusage use;
	int64_t start, took;
	int status;
	pid_t pid;

	if (argc < 5)
		return 64;
	start = now();
	pid = fork();
	if (pid == 0)
		become(argv + 4 + (strcmp(argv[4], "?") == 0));
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		return 1;
	took = now() - start;
	if (status != 0 &&
	    (strcmp(argv[4], "?") != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 1)) {
		fprintf(stderr, "spend: %s: status %d\n", argv[2], status);
		return 1;
	}
	printf("%s\t%s\t%s\t%lld\n", argv[1], argv[2], argv[3], (long long)took);
	printf("%s-cpu\t%s\t%s\t%lld\n", argv[1], argv[2], argv[3],
	       (long long)(nanoseconds(use.ru_utime) + nanoseconds(use.ru_stime)));
	printf("%s-memory\t%s\t%s\t%lld\n", argv[1], argv[2], argv[3], use.ru_maxrss * 1024LL);
	return 0;
}
