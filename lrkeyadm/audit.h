/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log: one JSON object a line, and one line a change, written under
 * the store's lock before the change becomes current.
 */
#ifndef LRKEYADM_AUDIT_H
#define LRKEYADM_AUDIT_H

#include <stdint.h>

#include <lrkey/names.h>

#include "liblrkey/store.h"
#include "message.h"
#include "who.h"

/* What a line says. */
struct audit_event {
	const char *store; /* for the system log; a store's own log need not name it */
	int64_t time;
	uint64_t generation; /* that the change makes */
	const struct who *who;
	const char *command;
	const char (*ids)[LRK_ID_LEN + 1];
	size_t n_ids;
	const char *org;    /* NULL: none, or several */
	const char *reason; /* NULL: none */
	const char *outcome;
};

#define AUDIT_DONE "done"
/* Command and outcome of the line that takes another one back. */
#define AUDIT_VOID "void"

struct audit {
	int fd;
	int rotated_fd; /* the log before it was rotated; -1 for none */
	char path[300]; /* for messages */
};

#define AUDIT_CLOSED { .fd = -1, .rotated_fd = -1 }

/* Opens the store's audit log. Needs the lock, as all that follows. */
enum status audit_open(const struct lrk_store *store, struct audit *ret);

/*
 * Mends what a change that failed has left, where current is the generation that is:
 * ends a torn last line, and takes the last line back when its change never became
 * current. what tells store, time, user and reason. Says nothing: 0, or an error number.
 */
int audit_mend(const struct audit *audit, uint64_t current, const struct audit_event *what);

/* Appends a line and syncs it. */
enum status audit_append(const struct audit *audit, const struct audit_event *event);

void audit_close(struct audit *audit);

#endif
