/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "dice.h"
#include "login.h"
#include "model.h"
#include "worker.h"

#define ALONE (WORKER_PROCESSES - 1)
#define THREADS (WORKERS - ALONE)
#define RECENT 40

/* Half of the time what is being changed, else what is new, or any key there ever was. */
static unsigned
choose_key(struct dice *dice)
{
	unsigned n = model->n_keys;
	unsigned chance = dice_roll(dice, 4);

	if (n > KEYS_MAX)
		n = KEYS_MAX;
	if (chance < 2)
		return model->hot[dice_roll(dice, MANAGERS)][dice_roll(dice, HOT_MAX)];
	if (chance == 2 && n > RECENT)
		return n - 1 - dice_roll(dice, RECENT);
	return dice_roll(dice, n);
}

static void
log_in(struct worker *worker, unsigned number)
{
	struct key *key = &model->keys[number];
	char user[8];
	struct login login = { settings.confdir, "scim", user, key->text };
	struct event event = { .key = number };

	snprintf(user, sizeof(user), "m%u", key->manager);
	event.begin = model_time();
	event.code = (uint8_t)login_once(&login);
	event.end = model_time();
	worker->events[worker->n_events] = event;
	worker->n_events++;
	model->n_logins++;
}

static void *
work(void *context)
{
	unsigned number = *(const unsigned *)context;
	struct worker *worker = &model->workers[number];
	struct dice dice = { settings.seed * 1000 + number };

	while (!model->done && worker->n_events < EVENTS_MAX) {
		unsigned key = model->n_keys > 0 ? choose_key(&dice) : 0;

		if (model->keys[key].ready)
			log_in(worker, key);
		else
			sched_yield();
	}
	return NULL;
}

static void
work_in_threads(void)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = ALONE + i;
		if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

void
workers_start(pid_t pids[static WORKER_PROCESSES])
{
	for (unsigned i = 0; i < WORKER_PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			abort();
		if (pids[i] != 0)
			continue;
		/* There are many of them; the managers' commands are to get on, too. */
		if (nice(5) == -1)
			abort();
		if (i < ALONE)
			work(&i);
		else
			work_in_threads();
		_exit(0);
	}
}
