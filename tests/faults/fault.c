/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"

struct fault_log *fault_log;
long fault_time;
unsigned long fault_seed;

static struct fault_plan plan;
static bool armed;

bool
fault_how_from_name(const char *name, enum fault_how *ret)
{
	static const char *const names[] = { [FAULT_ONCE] = "once",
					     [FAULT_ONWARDS] = "onwards",
					     [FAULT_SHORT] = "short",
					     [FAULT_SIGNAL] = "signal" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum fault_how)i;
			return true;
		}
	return false;
}

void
fault_set_up(void)
{
	void *frame[1];

	/* Its first call loads a library. */
	(void)backtrace(frame, 1);
	fault_log = mmap(NULL, sizeof(*fault_log), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fault_log == MAP_FAILED)
		abort();
}

void
fault_arm(const struct fault_plan *what)
{
	memset(fault_log, 0, sizeof(*fault_log));
	fault_log->fd = -1;
	fault_live_forget();
	plan = *what;
	armed = true;
}

void
fault_disarm(void)
{
	armed = false;
}

void
fault_resume(void)
{
	armed = true;
}

bool
fault_is_armed(void)
{
	return armed;
}

void *
fault_behind(const char *name)
{
	bool was = armed;
	void *symbol;

	/* What the linker allocates is nobody's fault. */
	armed = false;
	symbol = dlsym(RTLD_NEXT, name);
	armed = was;
	if (symbol == NULL)
		abort();
	return symbol;
}

static void
keep_word(char word[static FAULT_WORD], const char *text)
{
	size_t length = strnlen(text, FAULT_WORD - 1);

	memcpy(word, text, length);
	word[length] = '\0';
}

/* The rules are those of the class; target may be NULL. */
static bool
strikes(enum fault_class class, const char *call, const char *target)
{
	if (!armed || (plan.classes & (unsigned)class) == 0)
		return false;
	fault_log->calls++;
	if (plan.index == 0 || fault_log->calls < plan.index ||
	    (fault_log->calls > plan.index && plan.how != FAULT_ONWARDS))
		return false;
	if (fault_log->struck++ == 0) {
		keep_word(fault_log->call, call);
		keep_word(fault_log->target, target != NULL ? target : "");
	}
	return true;
}

bool
fault_strikes(enum fault_class class, const char *call, const char *target)
{
	/* These modes are for calls on files. */
	if (plan.how == FAULT_SHORT || plan.how == FAULT_SIGNAL)
		return false;
	return strikes(class, call, target);
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The last part of what a descriptor stands for. */
static void
name_fd(int fd, char name[static FAULT_WORD])
{
	char link[32], path[512];
	long n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlink, link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (fd <= STDERR_FILENO)
		keep_word(name, fd == 0 ? "stdin" : fd == 1 ? "stdout" : "stderr");
	else
		keep_word(name, last_part(path));
}

static bool
fails_with(int error)
{
	errno = plan.error != 0 ? plan.error : error;
	return true;
}

bool
fault_strikes_fd(const char *call, int fd, int error)
{
	char name[FAULT_WORD];
	bool first;

	if (!fault_strikes(FAULT_FILES, call, NULL))
		return false;
	first = fault_log->struck == 1;
	if (first) {
		name_fd(fd, name);
		keep_word(fault_log->target, name);
		fault_log->fd = fd;
	}
	return fails_with(error);
}

bool
fault_strikes_path(const char *call, const char *path, int error)
{
	return fault_strikes(FAULT_FILES, call, last_part(path)) && fails_with(error);
}

long
fault_cut(const char *call, int fd, size_t size, int error)
{
	if (plan.how != FAULT_SHORT && plan.how != FAULT_SIGNAL)
		return fault_strikes_fd(call, fd, error) ? -1 : (long)size;
	if (!strikes(FAULT_FILES, call, NULL))
		return (long)size;
	name_fd(fd, fault_log->target);
	fault_log->fd = fd;
	if (plan.how == FAULT_SHORT)
		return (long)((size + 1) / 2);
	errno = EINTR;
	return -1;
}
