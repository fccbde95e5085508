/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log, which any manager can write to: each line is visited once, in order, and what is
 * called an event has all that an event must have.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/names.h>
#include <lrkey/when.h>

#include "fuzz.h"
#include "liblrkey/store.h"
#include "lrkeyadm/auditlines.h"

struct visited {
	uint64_t lines;
	uint64_t events;
	bool torn;
	uint64_t stop; /* at this line; 0: never */
};

static void
judge_event(const struct audit_line *line)
{
	static const char *const texts[] = { "user", "command", "outcome" };
	char time[LRK_TIME_TEXT];
	json_t *ids = json_object_get(line->object, "ids");

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fuzz_require(json_is_string(json_object_get(line->object, texts[i])));
	fuzz_require(json_is_array(ids));
	for (size_t i = 0; i < json_array_size(ids); i++)
		fuzz_require(lrk_is_id(json_string_value(json_array_get(ids, i))));
	lrk_time_format(line->time, time);
	fuzz_require(strcmp(audit_line_text(line, "time"), time) == 0);
	fuzz_require(strcmp(audit_line_text(line, "reason"), "") == 0 ||
		     json_is_string(json_object_get(line->object, "reason")));
	fuzz_require(line->generation <= INT64_MAX);
	fuzz_require(line->is_void == (strcmp(audit_line_text(line, "command"), "void") == 0));
}

static enum status
visit(void *context, const struct audit_line *line)
{
	struct visited *visited = context;

	fuzz_require(line->number == ++visited->lines);
	fuzz_require(!visited->torn); /* only the last one is */
	visited->torn = line->torn;
	if (line->wrong == NULL) {
		visited->events++;
		judge_event(line);
	}
	return line->number == visited->stop ? STATUS_NO : STATUS_OK;
}

static uint64_t
lines_of(const uint8_t *data, size_t size)
{
	uint64_t lines = size > 0 && data[size - 1] != '\n';

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

static struct visited
walk(const struct lrk_dir *gate, off_t size, uint64_t stop)
{
	struct visited visited = { .stop = stop };

	fuzz_require(audit_lines_walk(gate, size, visit, &visited) ==
		     (stop != 0 ? STATUS_NO : STATUS_OK));
	return visited;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lrk_dir gate = LRK_DIR_NONE;
	size_t half = size / 2;
	struct visited all;
	struct lrk_why why;

	fuzz_write(LRK_AUDIT_FILE, data, size);
	fuzz_require(lrk_root_open(fuzz_root(), &gate, &why) == LRK_OK);
	all = walk(&gate, -1, 0);
	fuzz_require(all.lines == lines_of(data, size));
	fuzz_require(all.torn == (size > 0 && data[size - 1] != '\n'));
	fuzz_require(walk(&gate, (off_t)size, 0).events == all.events);
	fuzz_require(walk(&gate, (off_t)half, 0).lines == lines_of(data, half));
	if (all.lines > 0)
		fuzz_require(walk(&gate, -1, all.lines).lines == all.lines);
	lrk_dir_close(&gate);
	return 0;
}
