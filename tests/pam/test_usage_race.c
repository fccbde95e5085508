/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One key with a limit, used by 50 processes and 50 threads at once: it is never granted more often
 * than it may be.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "crowd.h"
#include "hooks.h"
#include "host.h"

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
	pam_handle_t *pamh = crowd_open_handle();

	wait_for_start(start);
	if (pamh == NULL) {
		crowd->no_handle++;
		return 1;
	}
	crowd_attempt(pamh);
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
	const struct lrk_usage usage = crowd_usage();

	assert_int_equal(crowd->no_handle, 0);
	assert_int_equal(crowd->codes[PAM_SUCCESS], successes);
	assert_int_equal(crowd->codes[PAM_SUCCESS] + crowd->codes[PAM_MAXTRIES] +
				 crowd->codes[PAM_AUTHINFO_UNAVAIL],
			 all);
	assert_int_equal(usage.uses, successes);
	assert_int_equal(usage.denied, crowd->codes[PAM_MAXTRIES]);
}

static void
test_faillock_1016_oath_one_use_for_a_crowd(void **state)
{
	static const struct {
		unsigned processes, threads;
		unsigned limit;
	} rows[] = {
		{ CROWD, 0, 1 }, { 0, CROWD, 1 }, { CROWD, CROWD, 1 }, { CROWD, CROWD, 10 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		crowd_make_key(rows[i].limit);
		visit_at_once(rows[i].processes, rows[i].threads);
		expect_shares(rows[i].limit, rows[i].processes + rows[i].threads);
		assert_code(host_try("acme", crowd_key.text, NULL), PAM_MAXTRIES);
	}
}

/* Nobody is refused or goes uncounted where there is enough for all. */
static void
test_pam_tally2_71_enough_for_a_crowd(void **state)
{
	(void)state;
	crowd_make_key(1000);
	visit_at_once(CROWD / 2, CROWD / 2);
	assert_int_equal(crowd->no_handle, 0);
	assert_int_equal(crowd->codes[PAM_SUCCESS] + crowd->codes[PAM_AUTHINFO_UNAVAIL], CROWD);
	assert_int_equal(crowd_usage().uses, crowd->codes[PAM_SUCCESS]);
	assert_int_equal(crowd_usage().denied, 0);
}

/* One warning of a process, however many of its threads would say it. */
static void
test_one_warning(void **state)
{
	(void)state;
	crowd_make_key(0);
	assert_int_equal(unlink(host_path(LRK_VAR "/system/" LRK_USAGE_FILE)), 0);
	hooks_forget();
	visit_at_once(0, CROWD / 2);
	assert_int_equal(crowd->codes[PAM_SUCCESS], CROWD / 2);
	assert_int_equal(hooks_count(LOG_WARNING, "uses are not recorded: "), 1);
	assert_int_equal(hooks_n_lines, CROWD / 2 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, crowd_set_up, crowd_tear_down)
		TEST(test_faillock_1016_oath_one_use_for_a_crowd),
		TEST(test_pam_tally2_71_enough_for_a_crowd),
		TEST(test_one_warning),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
