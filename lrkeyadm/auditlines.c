/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/names.h>
#include <lrkey/when.h>

#include "audit.h"
#include "auditlines.h"

/* The file, and the line that was read last. */
struct lines {
	FILE *file;
	off_t left; /* bytes that count; -1: all there are */
	char *text;
	size_t length;
	size_t size;
	bool cut;   /* it was too long */
	bool ended; /* it had a newline */
};

static int
next_byte(struct lines *lines)
{
	if (lines->left == 0)
		return EOF;
	if (lines->left > 0)
		lines->left--;
	return getc_unlocked(lines->file);
}

static bool
keep_byte(struct lines *lines, int byte)
{
	if (lines->length == AUDIT_LINE_MAX) {
		lines->cut = true;
		return true;
	}
	if (lines->length == lines->size) {
		size_t size = lines->size == 0 ? 4096 : 2 * lines->size;
		char *text = realloc(lines->text, size);

		if (text == NULL)
			return false;
		lines->text = text;
		lines->size = size;
	}
	lines->text[lines->length++] = (char)byte;
	return true;
}

/* Reads the next line, without its newline. STATUS_NO when there is none. */
static enum status
next_line(struct lines *lines)
{
	int byte;

	lines->length = 0;
	lines->cut = lines->ended = false;
	while ((byte = next_byte(lines)) != EOF) {
		if (byte == '\n') {
			lines->ended = true;
			return STATUS_OK;
		}
		if (!keep_byte(lines, byte))
			return fail_memory();
	}
	if (ferror(lines->file) != 0)
		return fail_errno(STATUS_IO, "audit log", errno);
	return lines->length > 0 ? STATUS_OK : STATUS_NO;
}

/* jansson goes on where memory is short, with what it has of a text; so it is noted here. */
static bool starved;

static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory == NULL)
		starved = true;
	return memory;
}

static bool
is_text(const json_t *value, bool or_null)
{
	return json_is_string(value) || (or_null && json_is_null(value));
}

static bool
are_ids(const json_t *list)
{
	if (!json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = json_string_value(json_array_get(list, i));

		if (id == NULL || !lrk_is_id(id))
			return false;
	}
	return true;
}

/* A time as it is printed, and no other: durations are times as well where users give them. */
static bool
parse_time(const json_t *value, int64_t *ret)
{
	const char *text = json_string_value(value);
	char again[LRK_TIME_TEXT];

	if (text == NULL || lrk_when_parse(text, 0, ret) != LRK_OK)
		return false;
	lrk_time_format(*ret, again);
	return strcmp(text, again) == 0;
}

/* What an event's members must be. */
static bool
parse_event(const json_t *object, struct audit_line *line)
{
	static const struct {
		const char *name;
		bool or_null;
	} texts[] = { { "user", false }, { "login", true },   { "command", false },
		      { "org", true },	 { "reason", true }, { "outcome", false } };
	const json_t *generation = json_object_get(object, "gen");

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!is_text(json_object_get(object, texts[i].name), texts[i].or_null))
			return false;
	if (!json_is_integer(generation) || json_integer_value(generation) < 0 ||
	    !json_is_integer(json_object_get(object, "uid")) ||
	    !are_ids(json_object_get(object, "ids")) ||
	    !parse_time(json_object_get(object, "time"), &line->time))
		return false;
	line->generation = (uint64_t)json_integer_value(generation);
	line->is_void = strcmp(json_string_value(json_object_get(object, "command")),
			       AUDIT_VOID) == 0;
	return true;
}

static enum status
visit_line(const struct lines *lines, uint64_t number, audit_visit_fn visit, void *context)
{
	struct audit_line line = { .number = number, .torn = !lines->ended };
	enum status status;

	if (lines->cut) {
		line.wrong = "is too long";
	} else {
		starved = false;
		line.object = json_loadb(lines->text, lines->length, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(line.object))
			line.wrong = line.torn ? "is cut off" : "is no JSON object";
		else if (!parse_event(line.object, &line))
			line.wrong = "is no event: a member is missing or not as it must be";
		/* A line that was not read whole is not a line that is wrong. */
		if (starved) {
			json_decref(line.object);
			return fail_memory();
		}
	}
	status = visit(context, &line);
	json_decref(line.object);
	return status;
}

static enum status
open_lines(const struct lrk_dir *gate, struct lines *lines)
{
	static const struct lrk_file_rule rule = { .flags = O_RDONLY, .max_size = INT64_MAX };
	struct lrk_why why = { "" };
	enum lrk_err err;
	int fd;

	err = lrk_file_open(gate, LRK_AUDIT_FILE, &rule, NULL, &fd, NULL, &why);
	if (err == LRK_ERR_NOT_FOUND)
		err = LRK_ERR_NO_STORE; /* a store without one is not whole */
	if (err != LRK_OK)
		return fail_core(err, "audit log", &why);
	lines->file = fdopen(fd, "r");
	if (lines->file != NULL)
		return STATUS_OK;
	close(fd);
	return fail_memory();
}

enum status
audit_lines_walk(const struct lrk_dir *gate, off_t size, audit_visit_fn visit, void *context)
{
	struct lines lines = { .left = size };
	enum status status;

	json_set_alloc_funcs(allocate, free);
	status = open_lines(gate, &lines);
	for (uint64_t number = 1; status == STATUS_OK; number++) {
		status = next_line(&lines);
		if (status == STATUS_OK)
			status = visit_line(&lines, number, visit, context);
		else if (status == STATUS_NO) {
			status = STATUS_OK;
			break;
		}
	}
	if (lines.file != NULL)
		fclose(lines.file);
	free(lines.text);
	return status;
}

const char *
audit_line_text(const struct audit_line *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line->object, name));

	return text != NULL ? text : "";
}
