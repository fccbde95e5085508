/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The allocator, and what it has given out. Sanitizers have one of their own behind it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *pointer);

void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
void __interceptor_free(void *pointer) __attribute__((weak));

/* ---- What is alive ---- */

#define PLACES 65536u

static struct {
	const void *pointer;
	const void *caller;
} live[PLACES];

static size_t
place_of(const void *pointer)
{
	return (size_t)(((uintptr_t)pointer >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48);
}

void
fault_live_forget(void)
{
	memset(live, 0, sizeof(live));
}

void
fault_live_add(const void *pointer, const void *caller)
{
	size_t at = place_of(pointer);

	for (size_t i = 0; i < PLACES; i++, at = (at + 1) % PLACES) {
		if (live[at].caller != NULL && live[at].pointer != NULL)
			continue;
		live[at].pointer = pointer;
		live[at].caller = caller;
		return;
	}
	abort();
}

/* A place that was taken once keeps its caller, so that what lies behind it is found. */
void
fault_live_remove(const void *pointer)
{
	size_t at = place_of(pointer);

	for (size_t i = 0; i < PLACES && live[at].caller != NULL; i++, at = (at + 1) % PLACES)
		if (live[at].pointer == pointer) {
			live[at].pointer = NULL;
			return;
		}
}

static void
note_one(const void *caller)
{
	size_t i = 0;

	while (i < fault_log->n_live && fault_log->live[i].caller != caller)
		i++;
	if (i == FAULT_LIVE)
		abort();
	if (i == fault_log->n_live)
		fault_log->n_live++;
	fault_log->live[i].caller = caller;
	fault_log->live[i].count++;
}

void
fault_note_live(void)
{
	fault_log->n_live = 0;
	memset(fault_log->live, 0, sizeof(fault_log->live));
	for (size_t i = 0; i < PLACES; i++)
		if (live[i].pointer != NULL)
			note_one(live[i].caller);
}

static void
name_caller(const void *caller, char *text, size_t size)
{
	Dl_info info;

	if (dladdr(caller, &info) != 0 && info.dli_fname != NULL)
		snprintf(text, size, "%s+0x%lx (%s)", info.dli_fname,
			 (unsigned long)((const char *)caller - (const char *)info.dli_fbase),
			 info.dli_sname != NULL ? info.dli_sname : "?");
	else
		snprintf(text, size, "%p", caller);
}

bool
fault_has_leaked(const struct fault_log *log, const struct fault_log *clean, char *text,
		 size_t size)
{
	for (size_t i = 0; i < log->n_live; i++) {
		unsigned allowed = 0;

		for (size_t j = 0; j < clean->n_live; j++)
			if (clean->live[j].caller == log->live[i].caller)
				allowed = clean->live[j].count;
		if (log->live[i].count > allowed) {
			name_caller(log->live[i].caller, text, size);
			return true;
		}
	}
	return false;
}

/* ---- The allocator ---- */

/* Names in the log who wanted memory: the library which called the C library, if that did. */
static void
note_library(void)
{
	void *frames[32];
	int n = backtrace(frames, 32);
	const char *name = "";
	bool behind = false;
	Dl_info info;

	for (int i = 0; i < n; i++) {
		const char *slash;

		if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL)
			continue;
		slash = strrchr(info.dli_fname, '/');
		name = slash != NULL ? slash + 1 : info.dli_fname;
		/* Before it are the frames of this file. */
		if (behind && strncmp(name, "libc.so", 7) != 0)
			break;
		if (info.dli_sname != NULL && strstr(info.dli_sname, "alloc") != NULL)
			behind = true;
	}
	snprintf(fault_log->target, sizeof(fault_log->target), "%s", name);
}

static bool
strikes(const char *call)
{
	if (!fault_is_armed() || !fault_strikes(FAULT_MEMORY, call, NULL))
		return false;
	if (fault_log->struck == 1) {
		fault_disarm();
		note_library();
		fault_resume();
	}
	errno = ENOMEM;
	return true;
}

static void *
keep(void *pointer, const void *caller)
{
	if (pointer != NULL && fault_is_armed())
		fault_live_add(pointer, caller);
	return pointer;
}

void *
malloc(size_t size)
{
	const void *caller = __builtin_return_address(0);

	if (strikes("malloc"))
		return NULL;
	return keep(__interceptor_malloc != NULL ? __interceptor_malloc(size) :
						   __libc_malloc(size), caller);
}

void *
calloc(size_t n, size_t size)
{
	const void *caller = __builtin_return_address(0);

	if (strikes("calloc"))
		return NULL;
	return keep(__interceptor_calloc != NULL ? __interceptor_calloc(n, size) :
						   __libc_calloc(n, size), caller);
}

void *
realloc(void *old, size_t size)
{
	const void *caller = __builtin_return_address(0);
	void *pointer;

	if (size != 0 && strikes("realloc"))
		return NULL;
	if (old != NULL)
		fault_live_remove(old);
	pointer = __interceptor_realloc != NULL ? __interceptor_realloc(old, size) :
						  __libc_realloc(old, size);
	return keep(pointer, caller);
}

void
free(void *pointer)
{
	if (pointer != NULL)
		fault_live_remove(pointer);
	if (__interceptor_free != NULL)
		__interceptor_free(pointer);
	else
		__libc_free(pointer);
}
