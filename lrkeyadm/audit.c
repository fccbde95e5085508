/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log.
 *
 * - A line MUST be on the disk before the change it tells of is current.
 * - Lines are only ever added: what proved wrong is taken back by another line.
 * - The log's content MUST be read as a stranger's: any manager can write to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/when.h>

#include "audit.h"
#include "escape.h"
#include "syslog_copy.h"

/* Enough of a line's beginning to read its generation and tell whether it is a void line. */
#define BEGINNING 512

enum status
audit_open(const struct lrk_store *store, struct audit *ret)
{
	static const struct lrk_file_rule rule = { .flags = O_RDWR | O_APPEND,
						   .max_size = INT64_MAX };
	static const struct lrk_file_rule rotated_rule = { .flags = O_RDONLY,
							   .max_size = INT64_MAX };
	struct lrk_why why = { "" };
	enum lrk_err err;

	snprintf(ret->path, sizeof(ret->path), "%s/%s", store->gate.path, LRK_AUDIT_FILE);
	err = lrk_file_open(&store->gate, LRK_AUDIT_FILE, &rule, NULL, &ret->fd, NULL, &why);
	if (err == LRK_ERR_NOT_FOUND)
		err = LRK_ERR_NO_STORE; /* a store without one is not whole */
	if (err != LRK_OK)
		return fail_core(err, "audit log", &why);
	/* Where logrotate puts it; there is none before the first time. */
	if (lrk_file_open(&store->gate, LRK_AUDIT_FILE ".1", &rotated_rule, NULL, &ret->rotated_fd,
			  NULL, &why) != LRK_OK)
		ret->rotated_fd = -1;
	return STATUS_OK;
}

void
audit_close(struct audit *audit)
{
	if (audit->fd >= 0)
		close(audit->fd);
	if (audit->rotated_fd >= 0)
		close(audit->rotated_fd);
	audit->fd = audit->rotated_fd = -1;
}

/* False when memory is short: a line that is not whole must not be written. */
static bool
put_member(FILE *line, const char *name, const char *text)
{
	json_t *string;
	char *dump;
	bool whole;

	errno = 0;
	string = text != NULL && text[0] != '\0' ? json_string(text) : json_null();
	dump = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	/* What is no UTF-8 is no string to jansson; "" tells it from nothing. */
	whole = dump != NULL || (string == NULL && errno != ENOMEM);
	fprintf(line, ",\"%s\":%s", name, dump != NULL ? dump : "\"\"");
	free(dump);
	json_decref(string);
	return whole;
}

/* The line of an event, with its newline; NULL when memory is short. Ids need no escape. */
static char *
format_line(const struct audit_event *event)
{
	char when[LRK_TIME_TEXT];
	char *text = NULL;
	size_t length;
	FILE *line = open_memstream(&text, &length);
	bool whole;

	if (line == NULL)
		return NULL;
	lrk_time_format(event->time, when);
	fprintf(line, "{\"time\":\"%s\",\"gen\":%" PRIu64 ",\"uid\":%u", when, event->generation,
		(unsigned)event->who->uid);
	whole = put_member(line, "user", event->who->user);
	whole = put_member(line, "login", event->who->login) && whole;
	whole = put_member(line, "command", event->command) && whole;
	fputs(",\"ids\":[", line);
	for (size_t i = 0; i < event->n_ids; i++)
		fprintf(line, "%s\"%s\"", i > 0 ? "," : "", event->ids[i]);
	fputs("]", line);
	whole = put_member(line, "org", event->org) && whole;
	whole = put_member(line, "reason", event->reason) && whole;
	whole = put_member(line, "outcome", event->outcome) && whole;
	fputs("}\n", line);
	if (!escape_close(line, &text) || !whole) {
		free(text);
		return NULL;
	}
	return text;
}

static int
write_synced(const struct audit *audit, const char *bytes)
{
	if (lrk_file_write(audit->fd, bytes, strlen(bytes)) != LRK_OK || fsync(audit->fd) != 0)
		return errno;
	return 0;
}

enum status
audit_append(const struct audit *audit, const struct audit_event *event)
{
	char *line = format_line(event);
	int error;

	if (line == NULL)
		return fail_memory();
	error = write_synced(audit, line);
	free(line);
	return error == 0 ? STATUS_OK : fail_errno(STATUS_IO, audit->path, error);
}

/* Where the last line begins: behind the newline that ends the one before it. */
static bool
find_last_line(const struct audit *audit, off_t size, off_t *ret)
{
	char block[4096];
	off_t end = size - 1; /* the last byte is the line's own newline */

	while (end > 0) {
		off_t begin = end > (off_t)sizeof(block) ? end - (off_t)sizeof(block) : 0;
		ssize_t n = pread(audit->fd, block, (size_t)(end - begin), begin);
		const char *newline;

		if (n != end - begin)
			return false;
		newline = memrchr(block, '\n', (size_t)n);
		if (newline != NULL) {
			*ret = begin + (newline - block) + 1;
			return true;
		}
		end = begin;
	}
	*ret = 0;
	return true;
}

/* The generation of a line and whether it is a void line; false for a line that is not ours. */
static bool
parse_beginning(const char *line, uint64_t *ret_generation, bool *ret_void)
{
	static const char mark[] = ",\"gen\":";
	const char *gen = strstr(line, mark);
	unsigned long long number;
	char *end;

	if (gen == NULL || gen[sizeof(mark) - 1] < '0' || gen[sizeof(mark) - 1] > '9')
		return false;
	errno = 0;
	number = strtoull(gen + sizeof(mark) - 1, &end, 10);
	if (errno != 0 || *end != ',')
		return false;
	*ret_generation = number;
	*ret_void = strstr(line, ",\"command\":\"" AUDIT_VOID "\",") != NULL;
	return true;
}

/* Whether the last line tells of the change that would have come next, had it not failed. */
static bool
last_line_is_open(const struct audit *audit, off_t size, bool torn, uint64_t next)
{
	char line[BEGINNING];
	uint64_t generation;
	bool is_void;
	off_t at;
	ssize_t n;

	/* A torn line has no newline of its own. */
	if (!find_last_line(audit, torn ? size + 1 : size, &at))
		return false;
	n = pread(audit->fd, line, sizeof(line) - 1, at);
	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!parse_beginning(line, &generation, &is_void))
		return torn; /* it can have been nothing but the next change's */
	return generation == next && !is_void;
}

static int
append_void(const struct audit *audit, uint64_t generation, const struct audit_event *what)
{
	struct audit_event event = *what;
	char *line;
	int error;

	event.generation = generation;
	event.command = event.outcome = AUDIT_VOID;
	event.n_ids = 0;
	event.org = NULL;
	line = format_line(&event);
	if (line == NULL)
		return ENOMEM;
	error = write_synced(audit, line);
	free(line);
	/* Without its word, the host's log tells of a change too many, never of one too few. */
	if (error == 0)
		(void)syslog_change(&event);
	return error;
}

static bool
rotated_is_open(const struct audit *audit, uint64_t next)
{
	const struct audit rotated = { .fd = audit->rotated_fd };
	off_t size = rotated.fd >= 0 ? lseek(rotated.fd, 0, SEEK_END) : 0;
	char last_byte;

	if (size <= 0 || pread(rotated.fd, &last_byte, 1, size - 1) != 1)
		return false;
	return last_line_is_open(&rotated, size, last_byte != '\n', next);
}

int
audit_mend(const struct audit *audit, uint64_t current, const struct audit_event *what)
{
	off_t size = lseek(audit->fd, 0, SEEK_END);
	char last_byte;
	bool torn, open;
	int error = 0;

	if (size < 0)
		return errno;
	/* It was rotated since: what the last line of the old file tells of may have failed. */
	if (size == 0)
		return rotated_is_open(audit, current + 1) ?
			       append_void(audit, current + 1, what) :
			       0;
	if (pread(audit->fd, &last_byte, 1, size - 1) != 1)
		return EIO;
	torn = last_byte != '\n';
	open = last_line_is_open(audit, size, torn, current + 1);
	if (torn)
		error = write_synced(audit, "\n");
	if (error == 0 && open)
		error = append_void(audit, current + 1, what);
	return error;
}
