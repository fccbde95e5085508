/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lrkeyadm: makes, lists and revokes API keys.
 *
 * - The environment MUST NOT choose what OpenSSL loads into this process.
 * - A core dump MUST NOT hold a key.
 * - Files that are opened MUST NOT land on the standard descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "options.h"
#include "syslog_copy.h"

static void
harden(void)
{
	static const struct rlimit none = { 0, 0 };

	unsetenv("OPENSSL_CONF");
	unsetenv("OPENSSL_MODULES");
	unsetenv("OPENSSL_ENGINES");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* A closed descriptor is taken by one that fails: nothing was there to read or to write to. */
static bool
occupy_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

/* A full disk shows when the last bytes are written. */
static enum status
close_output(void)
{
	errno = 0;
	if (ferror(stdout) != 0 || fflush(stdout) != 0)
		return fail_errno(STATUS_IO, "standard output", errno != 0 ? errno : EIO);
	if (close(STDOUT_FILENO) != 0 && errno != EBADF)
		return fail_errno(STATUS_IO, "standard output", errno);
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	if (request->help) {
		help_print(request->command);
		return STATUS_OK;
	}
	if (request->version) {
		puts("lrkeyadm " LRKEY_VERSION);
		return STATUS_OK;
	}
	return request->command != NULL ? request->command->run(request) : summary_run(request);
}

/* A refusal is worth a line in the system log; a slip of the keyboard and a "no" are not. */
static void
log_refusal(const struct request *request, enum status status)
{
	bool changes = request->command != NULL && request->command->changes;

	if (status == STATUS_PERMISSION ||
	    (changes && status != STATUS_OK && status != STATUS_NO && status != STATUS_USAGE))
		syslog_refusal(request, last_failure());
}

int
main(int argc, char **argv)
{
	struct request request;
	enum status status, output;

	harden();
	if (!occupy_standard_descriptors())
		return STATUS_IO;
	/* For the width of characters only; numbers and times look alike everywhere. */
	setlocale(LC_CTYPE, "");
	status = request_parse(argc, argv, &request);
	if (status == STATUS_OK) {
		status = run(&request);
		log_refusal(&request, status);
	}
	request_free(&request);
	output = close_output();
	/* A no that could not be printed is an error. */
	return (int)(status == STATUS_OK || (status == STATUS_NO && output != STATUS_OK) ? output :
										      status);
}
