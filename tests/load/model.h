/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is true of the keys of a store that several managers change while many processes
 * authenticate: memory that all of these share.
 *
 * - A key belongs to one manager, and nobody else changes it: its history is a row of turns.
 * - Everything has the time of CLOCK_MONOTONIC, which is one for the machine, in nanoseconds.
 */
#ifndef TESTS_LOAD_MODEL_H
#define TESTS_LOAD_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/apikey.h>

#define MANAGERS 3
#define WORKERS 24
#define KEYS_MAX 16384
#define TURNS_MAX 32
#define EVENTS_MAX (1u << 22) /* of a worker */
#define HOT_MAX 8
#define ALARMS_MAX 65536

/* What a key has gone through. */
enum {
	KEY_EXISTS = 1,
	KEY_ROTATED = 2, /* and works still */
	KEY_ENDED = 4,	 /* rotated, without an overlap */
	KEY_OFF = 8,
	KEY_BARRED = 16, /* allowed from an address that nobody has */
	KEY_DEAD = 32,	 /* revoked, whether or not its tombstone is left */
};

/* A change of the key, which took effect somewhere between begin and end. */
struct turn {
	uint64_t begin, end;
	unsigned flags; /* since then */
};

struct key {
	_Atomic bool ready; /* the text may be read */
	char text[LRK_APIKEY_LEN + 1];
	unsigned manager;
	unsigned limit; /* 0: none */
	unsigned n_turns;
	struct turn turns[TURNS_MAX]; /* the first: it is not there, since ever */
};

struct event {
	uint64_t begin, end;
	uint32_t key;
	uint8_t code;
};

struct worker {
	_Atomic uint32_t n_events;
	struct event events[EVENTS_MAX];
};

/* What the module told the system's log of its store. */
struct alarm {
	uint64_t time;
	char text[256];
};

struct model {
	_Atomic unsigned n_keys;
	struct key keys[KEYS_MAX];
	/* What is being changed: more often asked for than all else. */
	_Atomic unsigned hot[MANAGERS][HOT_MAX];
	_Atomic uint64_t n_logins;
	_Atomic unsigned n_changes;
	_Atomic unsigned n_kills;
	_Atomic unsigned n_wrong;
	_Atomic bool done;
	_Atomic unsigned n_alarms;
	struct alarm alarms[ALARMS_MAX];
	struct worker workers[WORKERS];
};

extern struct model *model;

/* In memory that children share. */
bool model_make(void);

uint64_t model_time(void);

/* A new key; returns its number. Ends the process when there is no place for more. */
unsigned model_add(const char *text, unsigned manager, unsigned limit);

unsigned model_flags(unsigned key);
void model_turn(unsigned key, uint64_t begin, uint64_t end, unsigned flags);
/* Whether the key has place for some more turns. */
bool model_has_room(unsigned key);

/* Writes down what the log is told; for hooks_on_line. */
struct hooks_line;
void model_alarm(const struct hooks_line *line);

/* Says what went wrong; the run fails. */
void model_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
