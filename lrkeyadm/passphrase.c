/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * - A passphrase MUST NOT be an argument or come from the environment: others see those.
 * - No stdio: its buffers would keep it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "ask.h"
#include "passphrase.h"

#define OPTION "--passphrase-fd"

/* The number, or -1 for what is none. */
static int
parse_descriptor(const char *text)
{
	if (text[0] == '\0' || strlen(text) > 6 || text[strspn(text, "0123456789")] != '\0')
		return -1;
	return atoi(text);
}

enum status
passphrase_check(const char *command, const char *fd)
{
	int number, flags;

	if (fd == NULL)
		return ask_possible() ? STATUS_OK :
					fail(STATUS_USAGE, command,
					     "needs " OPTION " N where there is no terminal to ask at");
	number = parse_descriptor(fd);
	if (number < 0)
		return fail_value(OPTION, fd, "not the number of a descriptor, like 3");
	flags = fcntl(number, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
		return fail_value(OPTION, fd, "not open for reading; in a shell: " OPTION " 3 3<FILE");
	return STATUS_OK;
}

/* A character at a time, so that nothing behind the line is taken. */
static enum status
read_descriptor(const char *fd, struct passphrase *ret)
{
	int number = parse_descriptor(fd);
	char c;

	ret->length = 0;
	for (;;) {
		ssize_t n = read(number, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(STATUS_IO, "passphrase", errno);
		if (n == 0 || c == '\n' || ret->length > PASSPHRASE_MAX)
			break;
		ret->text[ret->length++] = c;
	}
	lrk_wipe_object(&c);
	return STATUS_OK;
}

static enum status
check_length(const struct passphrase *passphrase)
{
	if (passphrase->length == 0)
		return fail(STATUS_USAGE, "passphrase", "empty");
	if (passphrase->length > PASSPHRASE_MAX)
		return fail(STATUS_USAGE, "passphrase", "longer than %d bytes", PASSPHRASE_MAX);
	return STATUS_OK;
}

static enum status
ask_again(const struct passphrase *first)
{
	struct passphrase second = { .length = 0 };
	enum status status;

	status = ask_hidden("The same again: ", second.text, sizeof(second.text), &second.length);
	if (status == STATUS_OK && (second.length != first->length ||
				    memcmp(second.text, first->text, first->length) != 0))
		status = fail(STATUS_USAGE, "passphrase", "the two are not the same");
	lrk_wipe_object(&second);
	return status;
}

enum status
passphrase_read(const char *fd, bool twice, struct passphrase *ret)
{
	enum status status;

	ret->length = 0;
	if (fd != NULL)
		status = read_descriptor(fd, ret);
	else
		status = ask_hidden("Passphrase of the backup: ", ret->text, sizeof(ret->text),
				    &ret->length);
	if (status == STATUS_OK)
		status = check_length(ret);
	if (status == STATUS_OK && fd == NULL && twice)
		status = ask_again(ret);
	return status;
}
