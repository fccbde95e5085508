/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * - Text from outside MUST pass escape_print: a line of the log must not be forged.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "escape.h"
#include "syslog_copy.h"

/* Log daemons cut lines; RFC 3164 lets them do so behind 1024 bytes. */
#define IDS_IN_LINE 48

static void
send_line(int priority, const char *line)
{
	openlog("lrkeyadm", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_AUTHPRIV | priority, "%s", line);
	closelog();
}

static void
put(FILE *line, const char *name, const char *text)
{
	fprintf(line, " %s ", name);
	escape_print(line, text != NULL && text[0] != '\0' ? text : "-");
}

static bool
send_ids(const struct audit_event *event, size_t from, size_t to)
{
	char *text = NULL;
	size_t length;
	FILE *line = open_memstream(&text, &length);
	bool whole;

	if (line == NULL)
		return false;
	fprintf(line, "%s:", event->command);
	put(line, "store", event->store);
	fprintf(line, " gen %" PRIu64 " uid %u", event->generation, (unsigned)event->who->uid);
	put(line, "user", event->who->user);
	put(line, "login", event->who->login);
	put(line, "org", event->org);
	put(line, "reason", event->reason);
	put(line, "outcome", event->outcome);
	if (from < to)
		fputs(" ids", line);
	for (size_t i = from; i < to; i++)
		fprintf(line, " %s", event->ids[i]);
	whole = escape_close(line, &text);
	if (whole)
		send_line(LOG_NOTICE, text);
	free(text);
	return whole;
}

bool
syslog_change(const struct audit_event *event)
{
	size_t from = 0;
	bool sent;

	do {
		size_t to = event->n_ids - from > IDS_IN_LINE ? from + IDS_IN_LINE : event->n_ids;

		sent = send_ids(event, from, to);
		from = to;
	} while (sent && from < event->n_ids);
	return sent;
}

void
syslog_refusal(const struct request *request, const char *why)
{
	char *text = NULL;
	size_t length;
	FILE *line = open_memstream(&text, &length);
	struct who who;

	if (line == NULL)
		return;
	who_am_i(&who);
	fputs("refused:", line);
	put(line, "command", request->command != NULL ? request->command->name : NULL);
	put(line, "store", request->store);
	fprintf(line, " uid %u", (unsigned)who.uid);
	put(line, "user", who.user);
	put(line, "login", who.login);
	put(line, "why", why);
	if (escape_close(line, &text))
		send_line(LOG_WARNING, text);
	free(text);
}
