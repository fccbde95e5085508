/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the module says to the system log (authpriv), and how it words it.
 */
#ifndef PAM_LRKEY_LOG_H
#define PAM_LRKEY_LOG_H

#include <lrkey/verify.h>

#include "call.h"

/* An option that is none: LOG_ERR. */
void log_bad_option(const struct call *call, const char *error);

/* A token that is no API key, and why; LOG_NOTICE. Only with log=all, unless it starts like one. */
void log_no_key(const struct call *call, bool starts_like_one, const char *reason);

/* A refusal by the store: LOG_NOTICE; of a revoked key: LOG_ALERT. */
void log_refused(const struct call *call, const struct lrk_question *question,
		 const struct lrk_answer *answer);

/* A success: LOG_INFO, only with log=all. */
void log_accepted(const struct call *call, const struct lrk_answer *answer);

/* The store cannot answer: LOG_ALERT, always. */
void log_store_alarm(const struct call *call, const struct lrk_why *why);

/* A use that was not recorded, and need not be: LOG_WARNING, once a process. */
void log_unrecorded(const struct call *call, const struct lrk_why *why);

/* No memory: LOG_CRIT, always. */
void log_no_memory(const struct call *call);

/* More, with the option debug: LOG_DEBUG. What it prints must be no secret. */
void log_debug(const struct call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
