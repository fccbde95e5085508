/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One key with a limit, used by many at once, some of whom are killed: it is never granted more
 * often than it may be, and what was granted is on record.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define USAGE LRK_VAR "/system/" LRK_USAGE_FILE

/* What all processes of a test write to, and what a killed one has written stays. */
static struct shared {
	atomic_uint codes[32];	 /* what pam_authenticate returned */
	atomic_uint no_handle;	 /* who did not get as far */
	atomic_uint begun;	 /* attempts */
	atomic_uint accepted;	 /* successes, as of the module's line, before it returns */
	atomic_uint unsaid;	 /* successes without that line */
	atomic_uint not_on_record; /* successes that the file does not show when they are said */
} *shared;

static struct stock_key key;
static struct lrk_entry entry;
static int usage_fd = -1;

static uint64_t limit;

static void
set_limit(struct lrk_entry *changed)
{
	changed->max_uses = limit;
}

/* A key that may be used so often, and what is needed to look at its slot at any time. */
static void
make_key(uint64_t max_uses)
{
	limit = max_uses;
	key = stock_make_key(host.root, LRK_STORE_DEFAULT, set_limit);
	entry = stock_read_key(host.root, LRK_STORE_DEFAULT, &key);
	memset(shared, 0, sizeof(*shared));
}

static int
set_up(void **state)
{
	disk_reset();
	if (host_set_up(state) != 0)
		return -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	usage_fd = open(host_path(USAGE), O_RDONLY | O_CLOEXEC);
	host_write_plain_service(HOST_SERVICE, "log=all");
	return shared != MAP_FAILED && usage_fd >= 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	hooks_on_line = NULL;
	disk_reset();
	close(usage_fd);
	munmap(shared, sizeof(*shared));
	return host_tear_down(state);
}

static struct lrk_usage
usage_now(void)
{
	return stock_read_usage(host.root, LRK_STORE_DEFAULT, &key);
}

/* ---- One visitor ----------------------------------------------------------------- */

static int
answer_with_key(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(key.text);
	*ret = responses;
	return PAM_SUCCESS;
}

/* A handle of its own, whose modules are loaded, so that what follows is theirs alone. */
static pam_handle_t *
open_handle(void)
{
	static const struct pam_conv conversation = { answer_with_key, NULL };
	pam_handle_t *pamh = NULL;

	if (pam_start_confdir(HOST_SERVICE, "acme", &conversation, host.confdir, &pamh) !=
	    PAM_SUCCESS)
		return NULL;
	if (pam_setcred(pamh, PAM_ESTABLISH_CRED) == PAM_SUCCESS)
		return pamh;
	pam_end(pamh, PAM_SUCCESS);
	return NULL;
}

static int
attempt(pam_handle_t *pamh)
{
	int code = pam_authenticate(pamh, 0);

	shared->codes[code & 31]++;
	return code;
}

/* ---- All at once ------------------------------------------------------------------- */

/* Where they wait for each other: whoever is there says so, and goes when the other pipe ends. */
struct start {
	int here[2], go[2];
};

static void
wait_for_start(const struct start *start)
{
	char byte = 0;

	if (write(start->here[1], &byte, 1) != 1 || read(start->go[0], &byte, 1) != 0)
		abort();
}

static int
visit(const struct start *start)
{
	pam_handle_t *pamh = open_handle();

	wait_for_start(start);
	if (pamh == NULL) {
		shared->no_handle++;
		return 1;
	}
	attempt(pamh);
	pam_end(pamh, PAM_SUCCESS);
	return 0;
}

static int
visit_as_process(const void *data)
{
	const struct start *start = data;

	close(start->go[1]);
	return visit(start);
}

static void *
visit_as_thread(void *data)
{
	visit(data);
	return NULL;
}

#define CROWD 50

static void
let_all_go(struct start *start, unsigned n)
{
	char byte;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(read(start->here[0], &byte, 1), 1);
	close(start->go[1]);
}

static void
visit_at_once(unsigned n_processes, unsigned n_threads)
{
	pthread_t threads[CROWD];
	pid_t processes[CROWD];
	struct start start;
	int status;

	assert_int_equal(pipe2(start.here, O_CLOEXEC), 0);
	assert_int_equal(pipe2(start.go, O_CLOEXEC), 0);
	for (unsigned i = 0; i < n_processes; i++)
		processes[i] = aside_start(visit_as_process, &start);
	for (unsigned i = 0; i < n_threads; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, visit_as_thread, &start), 0);
	let_all_go(&start, n_processes + n_threads);
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < n_processes; i++) {
		assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
		assert_int_equal(status, 0);
	}
	close(start.here[0]);
	close(start.here[1]);
	close(start.go[0]);
}

/* Whoever waited too long for the slot, on a busy machine, was refused as well. */
static void
expect_shares(unsigned successes, unsigned all)
{
	const struct lrk_usage usage = usage_now();

	assert_int_equal(shared->no_handle, 0);
	assert_int_equal(shared->codes[PAM_SUCCESS], successes);
	assert_int_equal(shared->codes[PAM_SUCCESS] + shared->codes[PAM_MAXTRIES] +
				 shared->codes[PAM_AUTHINFO_UNAVAIL],
			 all);
	assert_int_equal(usage.uses, successes);
	assert_int_equal(usage.denied, shared->codes[PAM_MAXTRIES]);
}

static void
test_crowds(void **state)
{
	static const struct {
		unsigned processes, threads;
		unsigned limit;
	} rows[] = {
		{ CROWD, 0, 1 }, { 0, CROWD, 1 }, { CROWD, CROWD, 1 }, { CROWD, CROWD, 10 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		make_key(rows[i].limit);
		visit_at_once(rows[i].processes, rows[i].threads);
		expect_shares(rows[i].limit, rows[i].processes + rows[i].threads);
		assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
	}
}

/* Nobody is refused or goes uncounted where there is enough for all. */
static void
test_crowd_with_enough(void **state)
{
	(void)state;
	make_key(1000);
	visit_at_once(CROWD / 2, CROWD / 2);
	assert_int_equal(shared->no_handle, 0);
	assert_int_equal(shared->codes[PAM_SUCCESS] + shared->codes[PAM_AUTHINFO_UNAVAIL], CROWD);
	assert_int_equal(usage_now().uses, shared->codes[PAM_SUCCESS]);
	assert_int_equal(usage_now().denied, 0);
}

/* One warning of a process, however many of its threads would say it. */
static void
test_one_warning(void **state)
{
	(void)state;
	make_key(0);
	assert_int_equal(unlink(host_path(USAGE)), 0);
	hooks_forget();
	visit_at_once(0, CROWD / 2);
	assert_int_equal(shared->codes[PAM_SUCCESS], CROWD / 2);
	assert_int_equal(hooks_count(LOG_WARNING, "uses are not recorded: "), 1);
	assert_int_equal(hooks_n_lines, CROWD / 2 + 1);
}

/* ---- Killed -------------------------------------------------------------------- */

static void
die(void)
{
	raise(SIGKILL);
}

static void
note_line(const struct hooks_line *line)
{
	struct lrk_usage usage;
	bool valid = false;
	unsigned accepted;

	if (strstr(line->text, "accepted: key ") == NULL)
		return;
	accepted = ++shared->accepted;
	/* Somebody else may be in the middle of writing. */
	for (int i = 0; i < 1000 && !valid; i++)
		if (lrk_usage_read(usage_fd, &entry, &usage, &valid) != LRK_OK)
			break;
	if (!valid || usage.uses < accepted)
		shared->not_on_record++;
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
	pam_handle_t *pamh = open_handle();
	void (*function)(void) = die;

	memcpy((char *)&disk + death->where, &function, sizeof(function));
	return pamh != NULL ? attempt(pamh) : 1;
}

/* At each step of recording a use: it is spent or it is not, and nobody is kept out by the dead. */
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
		make_key(3);
		hooks_on_line = note_line;
		pid = aside_start(die_there, &deaths[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		/* It had said yes to nobody. */
		assert_int_equal(shared->accepted, 0);
		assert_int_equal(usage_now().uses, deaths[i].spent);
		for (unsigned use = deaths[i].spent; use < 3; use++)
			assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
		assert_int_equal(usage_now().uses, 3);
		assert_int_equal(disk.naps, 0);
	}
}

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
	pam_handle_t *pamh = open_handle();

	/* They end when the test does. */
	close(worker->permits[1]);
	close(worker->say[0]);
	if (pamh == NULL) {
		shared->no_handle++;
		return 1;
	}
	while (shared->begun++ < ATTEMPTS) {
		hooks_forget();
		if (read(worker->permits[0], &permit, 1) != 1 ||
		    write(worker->say[1], &worker->number, 1) != 1)
			return 1;
		if (attempt(pamh) == PAM_SUCCESS && hooks_count(LOG_INFO, "accepted: key ") != 1)
			shared->unsaid++;
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
	make_key(LIMIT);
	hooks_on_line = note_line;
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
	returned = shared->codes[PAM_SUCCESS];
	accepted = shared->accepted;
	print_message("# %u killed; %u successes said, %u returned, %u refused, %u in vain\n",
		      crew.kills, accepted, returned, shared->codes[PAM_MAXTRIES],
		      shared->codes[PAM_AUTHINFO_UNAVAIL]);
	assert_int_equal(shared->no_handle, 0);
	assert_true(crew.kills >= KILLS / 2);
	assert_int_equal(shared->unsaid, 0);
	assert_int_equal(shared->not_on_record, 0);
	/* Never more than it may be; and all that was granted, and no more than was tried, is there. */
	assert_true(returned <= accepted && accepted <= LIMIT);
	assert_int_equal(usage_now().uses, LIMIT);
	assert_true(accepted + crew.kills >= LIMIT);
	assert_true(returned + shared->codes[PAM_MAXTRIES] + shared->codes[PAM_AUTHINFO_UNAVAIL] +
			    crew.kills >=
		    ATTEMPTS);
	assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
	assert_int_equal(shared->accepted, accepted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_crowds),	TEST(test_crowd_with_enough),
		TEST(test_one_warning), TEST(test_killed_at_each_step),
		TEST(test_killed_at_random),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
