/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that fail. What this program defines in place of functions of the C library, libcrypto,
 * libgdbm and libpam is found before theirs, by the program itself, by the module that it loads,
 * and by those libraries: a count of calls is the same from run to run, and each can be made to
 * fail, once.
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_class {
	FAULT_MEMORY = 1,    /* malloc, calloc, realloc: also those of the libraries */
	FAULT_FILES = 2,     /* open, read, write, sync, rename, lock, stat, close ... */
	FAULT_CLOCK = 4,     /* clock_gettime */
	FAULT_LIBRARIES = 8, /* OpenSSL, GDBM, PAM, the databases of users and groups */
	FAULT_ALL = 15,
};

enum fault_how {
	FAULT_ONCE,    /* the call fails, those behind it do not */
	FAULT_ONWARDS, /* it fails, and all behind it */
	FAULT_SHORT,   /* a read or write takes half of what it is given; no other call fails */
	FAULT_SIGNAL,  /* a read, write or sync is interrupted: EINTR */
};

/* False for what is none. */
bool fault_how_from_name(const char *name, enum fault_how *ret);

struct fault_plan {
	unsigned classes;
	unsigned index; /* the first call is 1; 0 fails none and counts */
	enum fault_how how;
	int error; /* unless 0, the error number of all calls on files */
};

#define FAULT_WORD 64
#define FAULT_LIVE 256

/* What became of a plan; in memory that processes share, so that a child's outlives it. */
struct fault_log {
	unsigned calls;	 /* counted since the plan began */
	unsigned struck; /* made to fail */
	unsigned syncs;	 /* fsync and fdatasync that succeeded */
	char call[FAULT_WORD];	 /* the first that failed: its name */
	char target[FAULT_WORD]; /* the file's name, or the library that wanted memory */
	int fd;			 /* the descriptor, or -1 */
	char lines[4096];	 /* what went to the system log, a line each */
	size_t n_live;		 /* of fault_note_live */
	struct {
		const void *caller;
		unsigned count;
	} live[FAULT_LIVE];
};

extern struct fault_log *fault_log;

/* What CLOCK_REALTIME says, in seconds; 0: the system's own. */
extern long fault_time;
/* Unless 0: RAND_priv_bytes makes the same bytes each time, from this number on. */
extern unsigned long fault_seed;

/* Makes the shared memory; once. */
void fault_set_up(void);
/* Empties the log, forgets what is allocated, and begins. */
void fault_arm(const struct fault_plan *plan);
/* All calls are as they are again; and, behind that, as they were. */
void fault_disarm(void);
void fault_resume(void);

/* Puts into the log what was allocated since fault_arm, and not freed, by who asked for it. */
void fault_note_live(void);
/* Whether a log has something alive that the other has not; who asked for it is left in text. */
bool fault_has_leaked(const struct fault_log *log, const struct fault_log *clean, char *text,
		      size_t size);

/* ---- For those that stand in place of functions ---- */

/* What stands behind this program's own function of that name. */
void *fault_behind(const char *name);

/* Whether this call is the one. */
bool fault_strikes(enum fault_class class, const char *call, const char *target);
/* The same of a call on a descriptor, or a path. */
bool fault_strikes_fd(const char *call, int fd, int error);
bool fault_strikes_path(const char *call, const char *path, int error);
/* How much of a read or write of this size is to be done, or -1 with errno. */
long fault_cut(const char *call, int fd, size_t size, int error);

bool fault_is_armed(void);
void fault_live_add(const void *pointer, const void *caller);
void fault_live_remove(const void *pointer);
void fault_live_forget(void);

#endif
