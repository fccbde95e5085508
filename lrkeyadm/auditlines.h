/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the audit log, a line at a time. Any manager can write to it: what a
 * line says may be anything, and is escaped before it is displayed.
 */
#ifndef LRKEYADM_AUDITLINES_H
#define LRKEYADM_AUDITLINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "liblrkey/safeopen.h"
#include "message.h"

/* A line longer than any change makes one is passed over. */
#define AUDIT_LINE_MAX ((size_t)128 << 20)

struct audit_line {
	uint64_t number;   /* the first is 1 */
	const char *wrong; /* why it is no event; NULL: it is one, and what follows is its */
	bool torn;	   /* it is the last, and has no newline */
	bool is_void;
	int64_t time;
	uint64_t generation;
	json_t *object; /* members, types and ids are as they must be */
};

/*
 * Calls visit for each line of the store's audit log within its first size bytes (-1: all), until
 * it returns something else than STATUS_OK. gate is the directory it stands in.
 */
typedef enum status (*audit_visit_fn)(void *context, const struct audit_line *line);
enum status audit_lines_walk(const struct lrk_dir *gate, off_t size, audit_visit_fn visit,
			     void *context);

/* A text of an event; "" where it is null. */
const char *audit_line_text(const struct audit_line *line, const char *name);

#endif
