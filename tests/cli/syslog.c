/* SPDX-License-Identifier: GPL-3.0-or-later */
/* To preload: what is sent to syslog goes to the file LRKEY_TEST_SYSLOG, as "<priority>text". */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

/* What syslog() becomes where the compiler checks buffers. */
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void write_line(int priority, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void
write_line(int priority, const char *format, va_list args)
{
	const char *path = getenv("LRKEY_TEST_SYSLOG");
	FILE *file = path != NULL ? fopen(path, "a") : NULL;

	if (file == NULL)
		return;
	fprintf(file, "<%d>", priority);
	vfprintf(file, format, args);
	fputc('\n', file);
	fclose(file);
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}
