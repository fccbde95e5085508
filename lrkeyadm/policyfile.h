/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a policy: their lines, and which of them count. Knows no setting. */
#ifndef LRKEYADM_POLICYFILE_H
#define LRKEYADM_POLICYFILE_H

#include "command.h"

#define POLICY_PATH_MAX 512

/* The file that is read. */
struct policy_file {
	int fd;
	char path[POLICY_PATH_MAX];
};

/*
 * Reads policy.conf, then policy.conf.d/NAME.conf in the order of their names, and calls take
 * for each setting, until it returns something else than STATUS_OK. Whatever is no setting, a
 * setting that is given twice in a file, and a file that is not safe to read is STATUS_POLICY.
 */
typedef enum status (*policy_take_fn)(void *context, const struct policy_file *file,
				      const char *name, const char *value);
enum status policy_files_read(const struct request *request, policy_take_fn take, void *context);

/* STATUS_POLICY for a setting: "FILE line N: NAME: why". */
enum status policy_file_fail(const struct policy_file *file, const char *name, const char *why);

#endif
