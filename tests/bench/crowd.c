/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *	crowd NAME ROUND processes|threads N CONFDIR SERVICE USER TOKENS distinct|same
 *
 * N processes or threads make LOGINS logins together, each with a key of its own or all with one.
 * Prints, with tabulators, "parallel NAME ROUND NANOSECONDS": the time on the wall for one of them.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "login.h"

#define LOGINS 6400
#define CROWD_MAX 64

static struct login login;
static struct tokens keys;
static unsigned n;
static bool same;

static void *
work(void *context)
{
	size_t which = (size_t)(uintptr_t)context;

	for (unsigned i = 0; i < LOGINS / n; i++)
		log_in(&login, keys.text[same ? 0 : which % keys.n]);
	return NULL;
}

static void
run_processes(void)
{
	int status;

	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			give_up("fork", strerror(errno));
		if (pid == 0) {
			work((void *)(uintptr_t)i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < n; i++)
		if (wait(&status) < 0 || status != 0)
			give_up("crowd", "one of them failed");
}

static void
run_threads(void)
{
	pthread_t threads[CROWD_MAX];

	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) != 0)
			give_up("crowd", "no thread");
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

int
main(int argc, char **argv)
{
	uint64_t start;

	if (argc != 10 || sscanf(argv[4], "%u", &n) != 1 || n == 0 || n > CROWD_MAX)
		give_up("usage", "see crowd.c");
	login = (struct login){ argv[5], argv[6], argv[7], false };
	keys = read_tokens(argv[8]);
	same = strcmp(argv[9], "same") == 0;
	/* Loaded and looked up before the fork, as in a server that forks its workers. */
	log_in(&login, keys.text[0]);
	start = now_ns();
	if (strcmp(argv[3], "threads") == 0)
		run_threads();
	else
		run_processes();
	printf("parallel\t%s\t%s\t%llu\n", argv[1], argv[2],
	       (unsigned long long)((now_ns() - start) / (LOGINS / n * n)));
	free(keys.text);
	return 0;
}
