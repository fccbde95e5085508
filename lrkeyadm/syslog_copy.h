/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy of the audit trail in the system log, facility authpriv: the record
 * that a manager cannot change.
 */
#ifndef LRKEYADM_SYSLOG_COPY_H
#define LRKEYADM_SYSLOG_COPY_H

#include <stdbool.h>

#include "audit.h"
#include "command.h"

/*
 * A change that is about to be made, or taken back. Many ids make several lines. False when memory
 * is short: then a line is missing, and the change MUST NOT be made.
 */
bool syslog_change(const struct audit_event *event);

/* A request that was refused, and why. */
void syslog_refusal(const struct request *request, const char *why);

#endif
