/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes that are killed while they use a key with a limit: it is never granted more often than
 * it may be, what was granted is on record, and nobody is kept out by the dead.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "aside.h"
#include "check.h"
#include "crowd.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"

/* ---- At each step -------------------------------------------------------------- */

static void
die(void)
{
	raise(SIGKILL);
}

struct death {
	const char *name;
	size_t where; /* in struct disk: the function that is called there */
	unsigned spent;
};

static int
die_there(const void *data)
{
	const struct death *death = data;
	pam_handle_t *pamh = crowd_open_handle();
	void (*function)(void) = die;

	memcpy((char *)&disk + death->where, &function, sizeof(function));
	return pamh != NULL ? crowd_attempt(pamh) : 1;
}

/* A use is spent or it is not, and its slot is free for the next. */
static void
test_killed_at_each_step(void **state)
{
	static const struct death deaths[] = {
		{ "before it is written", offsetof(struct disk, before_write), 0 },
		{ "after it is written", offsetof(struct disk, after_write), 1 },
		{ "after it is on disk", offsetof(struct disk, after_sync), 1 },
	};
	int status;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(deaths); i++) {
		pid_t pid;

		check_row = deaths[i].name;
		crowd_make_key(3);
		crowd_watch();
		pid = aside_start(die_there, &deaths[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		/* It had said yes to nobody. */
		assert_int_equal(crowd->accepted, 0);
		assert_int_equal(crowd_usage().uses, deaths[i].spent);
		for (unsigned use = deaths[i].spent; use < 3; use++)
			assert_code(host_try("acme", crowd_key.text, NULL), PAM_SUCCESS);
		assert_code(host_try("acme", crowd_key.text, NULL), PAM_MAXTRIES);
		assert_int_equal(crowd_usage().uses, 3);
		assert_int_equal(disk.naps, 0);
	}
}

/* ---- At random ------------------------------------------------------------------ */

#define ATTEMPTS 1000
#define LIMIT 100
#define WORKERS 8
#define KILLS 300
#define DONE 0x80 /* in what a worker says: it will say no more */

struct worker {
	const int *permits, *say; /* pipes */
	unsigned char number;
};

/* For each attempt it takes a permit, so that nobody gets far ahead of the killer, and says so. */
static int
work(const void *data)
{
	const struct worker *worker = data;
	unsigned char last = worker->number | DONE, permit;
	pam_handle_t *pamh = crowd_open_handle();

	/* They end when the test does. */
	close(worker->permits[1]);
	close(worker->say[0]);
	if (pamh == NULL) {
		crowd->no_handle++;
		return 1;
	}
	while (crowd->begun++ < ATTEMPTS) {
		hooks_forget();
		if (read(worker->permits[0], &permit, 1) != 1 ||
		    write(worker->say[1], &worker->number, 1) != 1)
			return 1;
		if (crowd_attempt(pamh) == PAM_SUCCESS &&
		    hooks_count(LOG_INFO, "accepted: key ") != 1)
			crowd->unsaid++;
	}
	return write(worker->say[1], &last, 1) == 1 ? 0 : 1;
}

/* Lets a moment of an attempt pass, none or most of it, without sleeping. */
static void
dawdle(unsigned random)
{
	for (unsigned i = random % 64; i > 0; i--)
		sched_yield();
}

struct crew {
	struct worker workers[WORKERS];
	pid_t pids[WORKERS]; /* 0: it has ended by itself */
	unsigned kills;
	unsigned working;
	int permits[2], say[2];
};

static void
give_permit(const struct crew *crew)
{
	assert_int_equal(write(crew->permits[1], "", 1), 1);
}

static void
hire(struct crew *crew, unsigned char number)
{
	crew->workers[number] = (struct worker){ crew->permits, crew->say, number };
	crew->pids[number] = aside_start(work, &crew->workers[number]);
	/* In the place of one that a killed worker may have taken. */
	give_permit(crew);
}

static void
see_off(struct crew *crew, unsigned char number)
{
	int status = 0;

	if (crew->pids[number] == 0)
		return;
	assert_int_equal(waitpid(crew->pids[number], &status, 0), crew->pids[number]);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		crew->kills++;
		hire(crew, number);
		return;
	}
	assert_int_equal(status, 0);
	crew->pids[number] = 0;
	crew->working--;
}

/*
 * A success of somebody who is killed counts, too: it is said through the log, which here ends in
 * memory that outlives him, before pam_authenticate returns it.
 */
static void
test_killed_at_random(void **state)
{
	unsigned seed = (unsigned)time(NULL), countdown = 3, returned, accepted;
	struct crew crew = { .working = WORKERS };
	unsigned char said;

	(void)state;
	print_message("# seed %u\n", seed);
	crowd_make_key(LIMIT);
	crowd_watch();
	assert_int_equal(pipe2(crew.permits, O_CLOEXEC), 0);
	assert_int_equal(pipe2(crew.say, O_CLOEXEC), 0);
	for (unsigned char i = 0; i < WORKERS; i++)
		hire(&crew, i);
	while (crew.working > 0) {
		assert_int_equal(read(crew.say[0], &said, 1), 1);
		if ((said & DONE) != 0) {
			see_off(&crew, said ^ DONE);
			continue;
		}
		if (crew.kills < KILLS && crew.pids[said] != 0 && --countdown == 0) {
			dawdle((unsigned)rand_r(&seed));
			kill(crew.pids[said], SIGKILL);
			see_off(&crew, said);
			countdown = 1 + (unsigned)rand_r(&seed) % 4;
		}
		give_permit(&crew);
	}
	for (int i = 0; i < 2; i++) {
		close(crew.permits[i]);
		close(crew.say[i]);
	}
	returned = crowd->codes[PAM_SUCCESS];
	accepted = crowd->accepted;
	print_message("# %u killed; %u successes said, %u returned, %u refused, %u in vain\n",
		      crew.kills, accepted, returned, crowd->codes[PAM_MAXTRIES],
		      crowd->codes[PAM_AUTHINFO_UNAVAIL]);
	assert_int_equal(crowd->no_handle, 0);
	assert_true(crew.kills >= KILLS / 2);
	assert_int_equal(crowd->unsaid, 0);
	assert_int_equal(crowd->not_on_record, 0);
	/* Never more than it may be; what was granted is there, and nothing that was not tried. */
	assert_true(returned <= accepted && accepted <= LIMIT);
	assert_int_equal(crowd_usage().uses, LIMIT);
	assert_true(accepted + crew.kills >= LIMIT);
	assert_true(returned + crowd->codes[PAM_MAXTRIES] + crowd->codes[PAM_AUTHINFO_UNAVAIL] +
			    crew.kills >=
		    ATTEMPTS);
	assert_code(host_try("acme", crowd_key.text, NULL), PAM_MAXTRIES);
	assert_int_equal(crowd->accepted, accepted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, crowd_set_up, crowd_tear_down)
		TEST(test_killed_at_each_step),
		TEST(test_killed_at_random),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
