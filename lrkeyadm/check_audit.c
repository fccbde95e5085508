/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "auditlines.h"
#include "check.h"

/* The generations of the last lines that were not taken back. */
struct trail {
	struct check *check;
	char path[300];
	bool has_last;
	bool has_before;
	uint64_t last;
	uint64_t before;
	bool torn;
	/* A line ahead of the key file, whose taking back must be the next one. */
	struct audit_line ahead;
	bool has_ahead;
};

static void
find_line(struct trail *trail, const struct audit_line *line, const char *why)
{
	char what[340];

	snprintf(what, sizeof(what), "%s line %" PRIu64, trail->path, line->number);
	findings_add(&trail->check->findings, SEVERITY_WARNING, what, "%s", why);
}

static void
find_wrong(struct trail *trail, const struct audit_line *line)
{
	char why[128];

	snprintf(why, sizeof(why), "%s; compare it with the system's log", line->wrong);
	find_line(trail, line, why);
}

static void
tell_ahead(struct trail *trail)
{
	if (trail->has_ahead)
		find_line(trail, &trail->ahead,
			  "tells of a change that never became current; the next change takes it back");
	trail->has_ahead = false;
}

static void
look_at_void(struct trail *trail, const struct audit_line *line)
{
	if (trail->has_ahead && trail->ahead.generation == line->generation) {
		trail->has_ahead = false;
		return;
	}
	if (!trail->has_last || trail->last != line->generation)
		return;
	trail->last = trail->before;
	trail->has_last = trail->has_before;
	trail->has_before = false;
}

/* Each change has one line, and its generation is one more than that of the change before. */
static void
look_at_change(struct trail *trail, const struct audit_line *line)
{
	uint64_t generation = line->generation;

	if (trail->check->locked && trail->check->has_header &&
	    generation > trail->check->header.generation) {
		trail->ahead = (struct audit_line){ .number = line->number,
						   .generation = generation };
		trail->has_ahead = true;
		return;
	}
	if (trail->has_last && generation <= trail->last) {
		find_line(trail, line,
			  "tells of a generation that the log has had already; compare it with the "
			  "system's log");
		return;
	}
	if (trail->has_last && generation != trail->last + 1)
		find_line(trail, line,
			  "does not follow the line before: lines are missing; compare it with the "
			  "system's log");
	trail->before = trail->last;
	trail->has_before = trail->has_last;
	trail->last = generation;
	trail->has_last = true;
}

static enum status
look_at_line(void *context, const struct audit_line *line)
{
	struct trail *trail = context;

	if (!line->is_void)
		tell_ahead(trail);
	if (line->torn) {
		trail->torn = true;
		find_line(trail, line, "is torn; the next change ends it");
	}
	if (line->wrong != NULL) {
		if (!line->torn)
			find_wrong(trail, line);
		/* What a line that cannot be read told is not known. */
		trail->has_last = trail->has_before = false;
	} else if (line->is_void) {
		look_at_void(trail, line);
	} else {
		look_at_change(trail, line);
	}
	return STATUS_OK;
}

void
check_audit(struct check *check)
{
	struct trail trail = { .check = check };
	enum status status;

	if (check->store.gate.fd < 0 || check->told[FILE_AUDIT])
		return;
	snprintf(trail.path, sizeof(trail.path), "%s/%s", check->store.gate.path, LRK_AUDIT_FILE);
	messages_silence(true);
	status = audit_lines_walk(&check->store.gate, -1, look_at_line, &trail);
	messages_silence(false);
	tell_ahead(&trail);
	if (status != STATUS_OK) {
		findings_add(&check->findings, SEVERITY_ERROR, trail.path,
			     "%s; until this is mended, nothing can be changed", last_failure());
		return;
	}
	if (check->locked && check->has_header && trail.has_last && !trail.torn &&
	    trail.last < check->header.generation)
		findings_add(&check->findings, SEVERITY_WARNING, trail.path,
			     "ends with generation %" PRIu64 ", but %" PRIu64 " is current: lines are "
			     "missing; compare it with the system's log", trail.last,
			     check->header.generation);
}
