/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a check found. Findings are kept until all is checked: whoever reads them
 * slowly must not keep the store's lock.
 */
#ifndef LRKEYADM_FINDINGS_H
#define LRKEYADM_FINDINGS_H

#include <stdint.h>

#include "command.h"

enum severity {
	SEVERITY_WARNING, /* it should be mended */
	SEVERITY_ERROR,	  /* somebody is refused, or could get what is not his */
};

struct finding {
	enum severity severity;
	char *what;
	char *why;
};

struct findings {
	struct finding *list;
	size_t n;
	size_t room;
	uint64_t n_more; /* too many to be kept */
	enum status status; /* of an allocation that failed */
};

/* Notes a finding. why says what is wrong, and behind a semicolon what mends it. */
void findings_add(struct findings *findings, enum severity severity, const char *what,
		  const char *why, ...) __attribute__((format(printf, 4, 5)));

/* Prints them: a line each, or {"findings":[...]}. */
enum status findings_print(const struct request *request, const struct findings *findings);

void findings_free(struct findings *findings);

#endif
