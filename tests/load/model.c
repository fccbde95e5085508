/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>

#include "tests/pam/hooks.h"

#include "model.h"

struct model *model;

/* Pages that nobody writes to cost nothing. */
bool
model_make(void)
{
	void *memory = mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	model = memory;
	return true;
}

uint64_t
model_time(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		abort();
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

unsigned
model_add(const char *text, unsigned manager, unsigned limit)
{
	unsigned number = model->n_keys++;
	struct key *key = &model->keys[number];

	if (number >= KEYS_MAX) {
		fputs("load: more keys than there is place for\n", stderr);
		exit(2);
	}
	memcpy(key->text, text, LRK_APIKEY_LEN);
	key->manager = manager;
	key->limit = limit;
	key->n_turns = 1;
	key->ready = true;
	return number;
}

unsigned
model_flags(unsigned key)
{
	return model->keys[key].turns[model->keys[key].n_turns - 1].flags;
}

bool
model_has_room(unsigned key)
{
	return model->keys[key].n_turns < TURNS_MAX - 2;
}

void
model_turn(unsigned number, uint64_t begin, uint64_t end, unsigned flags)
{
	struct key *key = &model->keys[number];

	if (key->n_turns == TURNS_MAX)
		abort();
	key->turns[key->n_turns++] = (struct turn){ begin, end, flags };
}

void
model_alarm(const struct hooks_line *line)
{
	unsigned number;

	if (line->level > LOG_WARNING || (number = model->n_alarms++) >= ALARMS_MAX)
		return;
	model->alarms[number].time = model_time();
	snprintf(model->alarms[number].text, sizeof(model->alarms[number].text), "%.255s",
		 line->text);
}

void
model_wrong(const char *format, ...)
{
	va_list args;

	if (model->n_wrong++ >= 20)
		return;
	va_start(args, format);
	printf("wrong: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}
