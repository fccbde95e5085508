/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "findings.h"
#include "json.h"

/* A file that is damaged all over need not fill the memory. */
#define FINDINGS_MAX 100000

static const char *const names[] = {
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static bool
make_room(struct findings *findings)
{
	size_t room = findings->room == 0 ? 16 : 2 * findings->room;
	struct finding *list;

	if (findings->n < findings->room)
		return true;
	list = reallocarray(findings->list, room, sizeof(*list));
	if (list == NULL)
		return false;
	findings->list = list;
	findings->room = room;
	return true;
}

void
findings_add(struct findings *findings, enum severity severity, const char *what, const char *why,
	     ...)
{
	struct finding finding = { .severity = severity };
	va_list args;

	if (findings->n == FINDINGS_MAX) {
		findings->n_more++;
		return;
	}
	va_start(args, why);
	if (vasprintf(&finding.why, why, args) < 0)
		finding.why = NULL;
	va_end(args);
	finding.what = strdup(what);
	if (finding.what == NULL || finding.why == NULL || !make_room(findings)) {
		free(finding.what);
		free(finding.why);
		if (findings->status == STATUS_OK)
			findings->status = fail_memory();
		return;
	}
	findings->list[findings->n++] = finding;
}

static enum status
print_json(const struct findings *findings)
{
	enum status status = STATUS_OK, closed;
	struct json_list list;
	struct sink sink;

	sink_open(&sink, STDOUT_FILENO, "standard output");
	json_list_begin(&list, &sink, "findings");
	for (size_t i = 0; i < findings->n && status == STATUS_OK; i++) {
		const struct finding *finding = &findings->list[i];

		status = json_list_object(&list, json_pack("{s:s, s:o, s:o}", "severity",
							   names[finding->severity], "what",
							   json_text(finding->what), "why",
							   json_text(finding->why)));
	}
	json_list_end(&list);
	closed = sink_close(&sink);
	return status != STATUS_OK ? status : closed;
}

enum status
findings_print(const struct request *request, const struct findings *findings)
{
	enum status status = STATUS_OK;

	if (request->json)
		status = print_json(findings);
	for (size_t i = 0; i < findings->n && !request->json; i++) {
		printf("%s: ", names[findings->list[i].severity]);
		escape_print(stdout, findings->list[i].what);
		fputs(": ", stdout);
		escape_print(stdout, findings->list[i].why);
		putchar('\n');
	}
	if (findings->n_more > 0)
		note("check", "%" PRIu64 " more findings are not shown", findings->n_more);
	return status;
}

void
findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->list[i].what);
		free(findings->list[i].why);
	}
	free(findings->list);
	findings->list = NULL;
}
