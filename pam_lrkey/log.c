/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to the system log.
 *
 * - A token, a secret, a digest MUST NOT come here in any form, at any level.
 * - Every line MUST pass escape() as a whole, and whatever a client can choose
 *   (user, remote host, service) MUST pass it as a word before: it can then neither begin a
 *   new line nor look like another field of this one.
 * - openlog(3), closelog(3) and setlogmask(3) MUST NOT be called: they are the
 *   host's.
 * - The flag unrecorded_was_said MUST stay the only variable of the module that outlives a call,
 *   and the log's alone: nothing that is decided may hang on it.
 *
 * pam_syslog(3) is not used: it writes the name of the service as it came.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "log.h"

#define WORD_MAX 160
#define LINE_MAX_LEN 1024

enum escape_as {
	AS_TEXT, /* printable ASCII stays */
	AS_WORD, /* of that, the space and the backslash do not */
};

static bool
stays(unsigned char c, enum escape_as as)
{
	if (as == AS_WORD && (c == ' ' || c == '\\'))
		return false;
	return c >= 0x20 && c <= 0x7e;
}

/* Copies text, with \xNN for what must not stay; where it has to be cut it ends in "...". */
static void
escape(const char *text, enum escape_as as, char *to, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		size_t width = stays(c, as) ? 1 : 4;

		if (used + width + sizeof("...") > size) {
			memcpy(to + used, "...", 3);
			used += 3;
			break;
		}
		if (width == 1) {
			to[used] = (char)c;
		} else {
			to[used] = '\\';
			to[used + 1] = 'x';
			to[used + 2] = digits[c >> 4];
			to[used + 3] = digits[c & 15];
		}
		used += width;
	}
	to[used] = '\0';
}

struct word {
	char text[WORD_MAX];
};

/* A field as it is written: never empty, never with a space in it. */
static struct word
as_word(const char *text)
{
	struct word word = { "" };

	escape(text[0] != '\0' ? text : "-", AS_WORD, word.text, sizeof(word.text));
	return word;
}

static void __attribute__((format(printf, 3, 0)))
write_line(const struct call *call, int level, const char *format, va_list args)
{
	struct word service = as_word(call_item(call, PAM_SERVICE));
	char line[LINE_MAX_LEN], escaped[LINE_MAX_LEN];

	vsnprintf(line, sizeof(line), format, args);
	escape(line, AS_TEXT, escaped, sizeof(escaped));
	syslog(LOG_AUTHPRIV | level, "pam_lrkey(%s:%s): %s", service.text, call->phase, escaped);
}

static void __attribute__((format(printf, 3, 4)))
log_line(const struct call *call, int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(call, level, format, args);
	va_end(args);
}

void
log_debug(const struct call *call, const char *format, ...)
{
	va_list args;

	if (!call->options.debug)
		return;
	va_start(args, format);
	write_line(call, LOG_DEBUG, format, args);
	va_end(args);
}

void
log_bad_option(const struct call *call, const char *error)
{
	log_line(call, LOG_ERR, "option %s", error);
}

static bool
logs_all(const struct call *call)
{
	return strcmp(call->options.log, OPTIONS_LOG_ALL) == 0;
}

/* " rhost 192.0.2.7", or nothing where none is known. */
static struct word
rhost_field(const struct call *call)
{
	const char *rhost = call_item(call, PAM_RHOST);
	struct word field = { "" };

	if (rhost[0] != '\0') {
		memcpy(field.text, " rhost ", sizeof(" rhost "));
		escape(rhost, AS_WORD, field.text + sizeof(" rhost ") - 1,
		       sizeof(field.text) - (sizeof(" rhost ") - 1));
	}
	return field;
}

void
log_no_key(const struct call *call, bool starts_like_one, const char *reason)
{
	struct word user, rhost;

	/* Where people log in too, every password would be a denial. */
	if (!starts_like_one && !logs_all(call))
		return;
	user = as_word(call_item(call, PAM_USER));
	rhost = rhost_field(call);
	log_line(call, LOG_NOTICE, "denied: user %s: %s%s", user.text, reason, rhost.text);
}

void
log_refused(const struct call *call, const struct lrk_question *question,
	    const struct lrk_answer *answer)
{
	struct word scope = as_word(question->scope != NULL ? question->scope : "");
	struct word from = as_word(question->from != NULL ? question->from : "");
	struct word user = as_word(call_item(call, PAM_USER));
	struct word rhost = rhost_field(call);
	struct lrk_question quoted = *question;
	char reason[2 * WORD_MAX];
	bool proven = lrk_verdict_is_proven(answer->verdict);

	quoted.scope = scope.text;
	quoted.from = question->from != NULL && question->from[0] != '\0' ? from.text : NULL;
	lrk_refusal_text(&quoted, answer, reason, sizeof(reason));
	log_line(call, answer->verdict == LRK_VERDICT_REVOKED ? LOG_ALERT : LOG_NOTICE,
		 "denied: key %s %s %s: %s%s", question->credential->id, proven ? "org" : "user",
		 proven ? answer->entry.org : user.text, reason, rhost.text);
}

void
log_accepted(const struct call *call, const struct lrk_answer *answer)
{
	struct word rhost;

	if (!logs_all(call))
		return;
	rhost = rhost_field(call);
	log_line(call, LOG_INFO, "accepted: key %s org %s: %s%s", answer->entry.id,
		 answer->entry.org, lrk_state_name(answer->state), rhost.text);
}

/* As the option names it, until the user has completed that. */
static const char *
store_name(const struct call *call)
{
	return call->store[0] != '\0' ? call->store : call->options.store;
}

void
log_store_alarm(const struct call *call, const struct lrk_why *why)
{
	log_line(call, LOG_ALERT, "store %s unavailable: %s", store_name(call), why->text);
}

/* A broken usage file must not flood the log: a key without a limit is let in all the same. */
static atomic_flag unrecorded_was_said = ATOMIC_FLAG_INIT;

void
log_unrecorded(const struct call *call, const struct lrk_why *why)
{
	if (!atomic_flag_test_and_set(&unrecorded_was_said))
		log_line(call, LOG_WARNING, "store %s: uses are not recorded: %s",
			 store_name(call), why->text);
}

void
log_no_memory(const struct call *call)
{
	log_line(call, LOG_CRIT, "not enough memory");
}
