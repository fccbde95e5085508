/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A manager: changes his keys, one command after the other, and writes down what is true. */
#ifndef TESTS_LOAD_MANAGER_H
#define TESTS_LOAD_MANAGER_H

/* The commands that change something. */
enum deed {
	DEED_GENERATE,
	DEED_EDIT,
	DEED_ROTATE,
	DEED_DEACTIVATE,
	DEED_ACTIVATE,
	DEED_REVOKE,
	DEED_PRUNE,
	DEED_REKEY,
	DEED_IMPORT,
	DEEDS
};

extern const char *const deed_names[DEEDS];

/* How often each was done, and killed: in memory that is shared, made by managers_prepare. */
struct deed_count {
	_Atomic unsigned done, killed, kept, busy;
};

extern struct deed_count *deed_counts;

/* Before the processes part: reads what can be imported. */
void managers_prepare(void);

/* The work of one manager, until all changes or kills are made. */
void manager_work(unsigned number);

#endif
