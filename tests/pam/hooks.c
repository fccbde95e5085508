/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions defined here must not be glibc's inline ones of the same names. */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <gdbm.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_modules.h>

#include "hooks.h"

struct hooks_line hooks_lines[HOOKS_LINES];
size_t hooks_n_lines;
void (*hooks_on_line)(const struct hooks_line *line);

bool hooks_no_clock, hooks_no_environment, hooks_no_data, hooks_no_engine, hooks_no_digest;
_Atomic unsigned hooks_n_digests, hooks_n_engines;

static bool clock_is_set;
static struct timespec clock_time;

/* What glibc's <syslog.h> calls where it checks formats; libpam was built so. */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

/* ---- The system log ---- */

static void __attribute__((format(printf, 2, 0)))
take_line(int priority, const char *format, va_list args)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct hooks_line beyond;
	struct hooks_line *line;

	pthread_mutex_lock(&mutex);
	line = hooks_n_lines < HOOKS_LINES ? &hooks_lines[hooks_n_lines] : &beyond;
	line->level = LOG_PRI(priority);
	line->facility = priority & LOG_FACMASK;
	vsnprintf(line->text, sizeof(line->text), format, args);
	hooks_n_lines++;
	if (hooks_on_line != NULL)
		hooks_on_line(line);
	pthread_mutex_unlock(&mutex);
}

void
vsyslog(int priority, const char *format, va_list args)
{
	take_line(priority, format, args);
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	take_line(priority, format, args);
	va_end(args);
}

void __attribute__((format(printf, 3, 0)))
__vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	(void)flag;
	take_line(priority, format, args);
}

void __attribute__((format(printf, 3, 4)))
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	take_line(priority, format, args);
	va_end(args);
}

void
hooks_forget(void)
{
	hooks_n_lines = 0;
	hooks_n_digests = 0;
	hooks_n_engines = 0;
}

size_t
hooks_count(int level, const char *text)
{
	size_t found = 0;

	for (size_t i = 0; i < hooks_n_lines && i < HOOKS_LINES; i++)
		if (hooks_lines[i].level == level && strstr(hooks_lines[i].text, text) != NULL)
			found++;
	return found;
}

const char *
hooks_level_name(int level)
{
	static const char *const names[] = { "emerg", "alert",	"crit", "err",
					     "warning", "notice", "info", "debug" };

	return level >= 0 && level < 8 ? names[level] : "?";
}

/* ---- The clock ---- */

void
hooks_set_clock(int64_t seconds, long nanoseconds)
{
	clock_is_set = true;
	clock_time = (struct timespec){ .tv_sec = seconds, .tv_nsec = nanoseconds };
}

void
hooks_release_clock(void)
{
	clock_is_set = false;
}

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock == CLOCK_REALTIME && hooks_no_clock) {
		errno = EINVAL;
		return -1;
	}
	if (clock == CLOCK_REALTIME && clock_is_set) {
		*ret = clock_time;
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, ret);
}

/* ---- The audit system ---- */

int audit_open(void);

/*
 * libpam takes this for a kernel without audit. Tests leave no records on the machine, and libaudit
 * would look up remote hosts by name.
 */
int
audit_open(void)
{
	errno = EPROTONOSUPPORT;
	return -1;
}

/* ---- Libraries that fail ---- */

/* The function that this program's own one with the same name hides. */
#define HIDDEN(function, name)                                        \
	__typeof__(function) *hidden;                                 \
	do {                                                          \
		void *symbol = dlsym(RTLD_NEXT, name);                \
		if (symbol == NULL)                                   \
			abort();                                      \
		memcpy(&hidden, &symbol, sizeof(symbol));             \
	} while (0)

int
pam_putenv(pam_handle_t *pamh, const char *name_value)
{
	HIDDEN(pam_putenv, "pam_putenv");
	/* Taking out needs no memory; the third variable finds none. */
	if (hooks_no_environment && strncmp(name_value, "LRKEY_LABEL=", 12) == 0)
		return PAM_BUF_ERR;
	return hidden(pamh, name_value);
}

int
pam_set_data(pam_handle_t *pamh, const char *name, void *data,
	     void (*cleanup)(pam_handle_t *pamh, void *data, int error_status))
{
	HIDDEN(pam_set_data, "pam_set_data");
	if (hooks_no_data)
		return PAM_BUF_ERR;
	return hidden(pamh, name, data, cleanup);
}

GDBM_FILE
gdbm_fd_open(int fd, const char *name, int block_size, int flags,
	     void (*fatal)(const char *text))
{
	HIDDEN(gdbm_fd_open, "gdbm_fd_open");
	hooks_n_engines++;
	if (hooks_no_engine) {
		close(fd);
		gdbm_errno = GDBM_MALLOC_ERROR;
		return NULL;
	}
	return hidden(fd, name, block_size, flags, fatal);
}

int
EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
	   const EVP_MD *type, ENGINE *impl)
{
	HIDDEN(EVP_Digest, "EVP_Digest");
	hooks_n_digests++;
	if (hooks_no_digest)
		return 0;
	return hidden(data, count, md, size, type, impl);
}
