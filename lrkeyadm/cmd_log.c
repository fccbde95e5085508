/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm log: who changed which keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auditlines.h"
#include "escape.h"
#include "json.h"
#include "liblrkey/lock.h"
#include "reading.h"
#include "values.h"

enum { ID, SINCE };

static const struct option_row options[] = {
	[ID] = { "id", "ID", "changes of this key" },
	[SINCE] = { "since", "WHEN", "changes since then; a duration counts back from now" },
};

struct log {
	const char *id; /* NULL: all */
	int64_t since;
	uint64_t last; /* the generation of the last change */
	bool last_wanted;
	bool as_json;
	struct sink sink;
	struct json_list json;
};

/* What lies behind us is meant, so that a duration counts back. */
static enum status
parse_since(const char *text, int64_t *ret)
{
	int64_t now, duration;
	enum status status;

	status = reading_now(&now);
	if (status != STATUS_OK)
		return status;
	if (lrk_duration_parse(text, &duration) == LRK_OK) {
		*ret = duration < now ? now - duration : 0;
		return STATUS_OK;
	}
	if (strcmp(text, "never") != 0 && lrk_when_parse(text, now, ret) == LRK_OK)
		return STATUS_OK;
	return fail_value("--since", text,
			  "not a time: a duration back from now like 7d (s m h d w y), a date like "
			  "2027-01-31, or 2027-01-31T12:00:00Z");
}

static enum status
parse(const struct request *request, struct log *log)
{
	const char *id = request->value[ID], *since = request->value[SINCE];

	*log = (struct log){ .id = id, .as_json = request->json };
	if (id != NULL) {
		enum status status = value_id(request, "--id", id);

		if (status != STATUS_OK)
			return status;
	}
	return since != NULL ? parse_since(since, &log->since) : STATUS_OK;
}

static bool
names_id(const struct audit_line *line, const char *id)
{
	const json_t *ids = json_object_get(line->object, "ids");

	for (size_t i = 0; i < json_array_size(ids); i++)
		if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
			return true;
	return false;
}

static bool
is_wanted(struct log *log, const struct audit_line *line)
{
	bool recent = line->time >= log->since;

	/* What takes a line back belongs to it. */
	if (line->is_void)
		return recent && (log->id == NULL ||
				  (log->last_wanted && line->generation == log->last));
	log->last = line->generation;
	log->last_wanted = recent && (log->id == NULL || names_id(line, log->id));
	return log->last_wanted;
}

static enum status
show_json(struct log *log, const struct audit_line *line)
{
	static const char *const names[] = { "time", "gen", "uid", "user", "login",
					     "command", "ids", "org", "reason", "outcome" };
	json_t *event = json_object();

	/* What else a line may hold is nothing of ours. */
	for (size_t i = 0; event != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *member = json_object_get(line->object, names[i]);

		if (json_object_set(event, names[i], member) != 0) {
			json_decref(event);
			event = NULL;
		}
	}
	return json_list_object(&log->json, event);
}

static void
print_member(const struct audit_line *line, const char *name)
{
	const char *text = audit_line_text(line, name);

	if (text[0] == '\0')
		return;
	printf(" %s ", name);
	escape_print(stdout, text);
}

static enum status
show_text(const struct audit_line *line)
{
	const json_t *ids = json_object_get(line->object, "ids");

	printf("%s gen %" PRIu64, audit_line_text(line, "time"), line->generation);
	print_member(line, "user");
	if (strcmp(audit_line_text(line, "login"), audit_line_text(line, "user")) != 0)
		print_member(line, "login");
	putchar(' ');
	escape_print(stdout, audit_line_text(line, "command"));
	print_member(line, "org");
	print_member(line, "reason");
	if (!line->is_void)
		print_member(line, "outcome");
	for (size_t i = 0; i < json_array_size(ids); i++)
		printf("%s %s", i == 0 ? " ids" : "", json_string_value(json_array_get(ids, i)));
	putchar('\n');
	/* What standard output has to say comes when it is closed. */
	return ferror(stdout) == 0 ? STATUS_OK : STATUS_NO;
}

static enum status
show_line(void *context, const struct audit_line *line)
{
	struct log *log = context;
	enum status status;

	if (line->wrong != NULL) {
		note("warning", "audit log: line %" PRIu64 " %s; passed over", line->number,
		     line->wrong);
		return STATUS_OK;
	}
	if (!is_wanted(log, line))
		return STATUS_OK;
	status = log->as_json ? show_json(log, line) : show_text(line);
	/* A full disk need not be told a million times. */
	return status == STATUS_OK && log->sink.error != 0 ? STATUS_NO : status;
}

static enum status
show_all(const struct lrk_dir *gate, struct log *log)
{
	enum status status, closed;

	sink_open(&log->sink, STDOUT_FILENO, "standard output");
	if (log->as_json)
		json_list_begin(&log->json, &log->sink, "events");
	status = audit_lines_walk(gate, -1, show_line, log);
	if (status == STATUS_NO)
		status = STATUS_OK;
	/* A broken-off list must not look like a whole one. */
	if (log->as_json && status == STATUS_OK)
		json_list_end(&log->json);
	closed = sink_close(&log->sink);
	return status != STATUS_OK ? status : closed;
}

static enum status
run(const struct request *request)
{
	struct lrk_dir gate = LRK_DIR_NONE;
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;
	struct log log;

	status = parse(request, &log);
	if (status != STATUS_OK)
		return status;
	/* The keys are not needed, so that a damaged store still tells who changed it. */
	err = reading_dir(request, LRK_VAR, &gate, &why);
	if (err == LRK_OK)
		err = lrk_lock_check(request->root, request->store, &why);
	status = err == LRK_OK ? show_all(&gate, &log) : reading_fail(request, true, err, &why);
	lrk_dir_close(&gate);
	return status;
}

const struct command cmd_log = {
	.name = "log",
	.args = "",
	.summary = "Shows the audit trail: who changed which keys, and when",
	OPTIONS(options),
	.run = run,
};
