/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of a policy, and the only door to libeconf.
 *
 * - Whatever is no setting MUST be refused: a limit that is passed over is none. libeconf takes
 *   groups, empty names, lines without "=", and the first of two settings, without a word.
 * - Files MUST be opened as all files of a store are, and be read from that descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libeconf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liblrkey/lock.h"
#include "liblrkey/store.h"
#include "policyfile.h"
#include "reading.h"

#define FILE_NAME "policy.conf"
#define DROP_INS FILE_NAME ".d"
#define SUFFIX ".conf"
#define SIZE_MAX_OF_FILE (1 << 20)

/* A stream of its own on the file that is read, at its beginning. */
static FILE *
open_lines(const struct policy_file *policy)
{
	int fd = fcntl(policy->fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (file == NULL && fd >= 0)
		close(fd);
	if (file != NULL)
		rewind(file);
	return file;
}

static enum status
fail_line(const struct policy_file *policy, unsigned number, const char *key, const char *why)
{
	char what[POLICY_PATH_MAX + 128], line[32] = "";

	if (number != 0)
		snprintf(line, sizeof(line), " line %u", number);
	snprintf(what, sizeof(what), "%s%s%s%.80s", policy->path, line, key[0] != '\0' ? ": " : "",
		 key);
	return fail(STATUS_POLICY, what, "%s", why);
}

/* Whether a line has one, besides tabulators and its end, of one character or two. */
static bool
has_control(const char *line, size_t length)
{
	if (length > 0 && line[length - 1] == '\n')
		length--;
	if (length > 0 && line[length - 1] == '\r')
		length--;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return true;
	return false;
}

/* What is wrong with a line, or NULL. */
static const char *
judge_line(const char *line, size_t length)
{
	if (strlen(line) != length)
		return "has a NUL character";
	/* Some are blanks to libeconf, which then meets a setting where none was seen. */
	if (has_control(line, length))
		return "has a control character";
	line += strspn(line, " \t\r\n");
	if (line[0] == '\0' || line[0] == '#')
		return NULL;
	if (line[0] == '[')
		return "begins a group; settings stand in none";
	if (line[0] == '=' || strchr(line, '=') == NULL)
		return "is no setting; each is a line of its own: NAME=VALUE";
	return NULL;
}

/* libeconf takes what is no setting for part of the value above it, or passes over it. */
static enum status
check_lines(const struct policy_file *policy)
{
	FILE *file = open_lines(policy);
	enum status status = STATUS_OK;
	unsigned number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (file == NULL)
		return fail_memory();
	while (status == STATUS_OK && (length = getline(&line, &size, file)) > 0) {
		const char *wrong = judge_line(line, (size_t)length);

		number++;
		if (wrong != NULL)
			status = fail_line(policy, number, "", wrong);
	}
	if (status == STATUS_OK && ferror(file) != 0)
		status = fail_errno(STATUS_POLICY, policy->path, errno);
	free(line);
	fclose(file);
	return status;
}

/* Whether a line sets this: its key, blanks, "=". */
static bool
line_sets(const char *line, const char *key)
{
	size_t length = strlen(key);

	line += strspn(line, " \t");
	if (strncmp(line, key, length) != 0)
		return false;
	line += length;
	return line[strspn(line, " \t")] == '=';
}

/* The last line that sets this, or 0, and how many do. libeconf tells neither. */
static unsigned
find_line(const struct policy_file *policy, const char *key, unsigned *ret_count)
{
	FILE *file = open_lines(policy);
	unsigned number = 0, found = 0;
	char *line = NULL;
	size_t size = 0;

	*ret_count = 0;
	if (file == NULL)
		return 0;
	while (getline(&line, &size, file) > 0) {
		number++;
		if (line_sets(line, key)) {
			found = number;
			++*ret_count;
		}
	}
	free(line);
	fclose(file);
	return found;
}

enum status
policy_file_fail(const struct policy_file *policy, const char *name, const char *why)
{
	unsigned count;

	return fail_line(policy, find_line(policy, name, &count), name, why);
}

static enum status
take_setting(const struct policy_file *policy, econf_file *parsed, const char *name,
	     policy_take_fn take, void *context)
{
	enum status status;
	char *value = NULL;
	unsigned count;

	find_line(policy, name, &count);
	if (count > 1)
		return policy_file_fail(policy, name, "given twice; it takes one value");
	if (econf_getStringValue(parsed, NULL, name, &value) != ECONF_SUCCESS)
		value = NULL;
	status = take(context, policy, name, value != NULL ? value : "");
	free(value);
	return status;
}

static enum status
take_settings(const struct policy_file *policy, econf_file *parsed, policy_take_fn take,
	      void *context)
{
	enum status status = STATUS_OK;
	char **names = NULL;
	size_t n = 0;
	econf_err err;

	err = econf_getKeys(parsed, NULL, &n, &names);
	if (err == ECONF_NOKEY)
		return STATUS_OK;
	if (err != ECONF_SUCCESS)
		return fail(STATUS_POLICY, policy->path, "%s", econf_errString(err));
	for (size_t i = 0; i < n && status == STATUS_OK; i++)
		status = take_setting(policy, parsed, names[i], take, context);
	econf_freeArray(names);
	return status;
}

static enum status
read_settings(const struct policy_file *policy, policy_take_fn take, void *context)
{
	econf_file *parsed = NULL;
	char by_descriptor[32];
	enum status status;
	econf_err err;

	status = check_lines(policy);
	if (status != STATUS_OK)
		return status;
	snprintf(by_descriptor, sizeof(by_descriptor), "/proc/self/fd/%d", policy->fd);
	err = econf_readFile(&parsed, by_descriptor, "=", "#");
	if (err != ECONF_SUCCESS)
		status = fail(STATUS_POLICY, policy->path, "%s", econf_errString(err));
	else
		status = take_settings(policy, parsed, take, context);
	econf_freeFile(parsed);
	return status;
}

/* Reads one file of a directory; it may be missing when it need not be. */
static enum status
read_file(const struct lrk_dir *dir, const char *name, bool must_be, policy_take_fn take,
	  void *context)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 0, SIZE_MAX_OF_FILE };
	struct policy_file policy;
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;

	snprintf(policy.path, sizeof(policy.path), "%s/%s", dir->path, name);
	err = lrk_file_open(dir, name, &rule, NULL, &policy.fd, NULL, &why);
	if (err == LRK_ERR_NOT_FOUND && !must_be)
		return STATUS_OK;
	if (err != LRK_OK)
		return fail(STATUS_POLICY, "policy", "%s", why.text);
	status = read_settings(&policy, take, context);
	close(policy.fd);
	return status;
}

static int
is_drop_in(const struct dirent *found)
{
	size_t length = strlen(found->d_name), suffix = sizeof(SUFFIX) - 1;

	return found->d_name[0] != '.' && length > suffix &&
	       strcmp(found->d_name + length - suffix, SUFFIX) == 0;
}

/* In the order of their names, whatever the locale. */
static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status
read_drop_ins(const struct lrk_dir *etc, policy_take_fn take, void *context)
{
	struct lrk_dir dir = LRK_DIR_NONE;
	struct dirent **names = NULL;
	struct lrk_why why = { "" };
	enum status status = STATUS_OK;
	enum lrk_err err;
	int n;

	err = lrk_dir_open(etc, DROP_INS, false, &dir, &why);
	if (err == LRK_ERR_NO_STORE)
		return STATUS_OK;
	if (err != LRK_OK)
		return fail(STATUS_POLICY, "policy", "%s", why.text);
	n = scandirat(dir.fd, ".", &names, is_drop_in, compare_names);
	if (n < 0)
		status = fail_errno(STATUS_POLICY, dir.path, errno);
	for (int i = 0; i < n; i++) {
		if (status == STATUS_OK)
			status = read_file(&dir, names[i]->d_name, true, take, context);
		free(names[i]);
	}
	free(names);
	lrk_dir_close(&dir);
	return status;
}

enum status
policy_files_read(const struct request *request, policy_take_fn take, void *context)
{
	struct lrk_dir etc = LRK_DIR_NONE;
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;

	/* All who are bound by a policy are managers; others are to hear that they are none. */
	err = lrk_lock_check(request->root, request->store, &why);
	if (err == LRK_OK)
		err = reading_dir(request, LRK_ETC, &etc, &why);
	if (err != LRK_OK)
		return reading_fail(request, true, err, &why);
	/* It would have the library join what is given twice. */
	unsetenv("ECONF_JOIN_SAME_ENTRIES");
	status = read_file(&etc, FILE_NAME, false, take, context);
	if (status == STATUS_OK)
		status = read_drop_ins(&etc, take, context);
	lrk_dir_close(&etc);
	return status;
}
