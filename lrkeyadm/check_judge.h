/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file or directory of a store must be like, and a finding where it is not. */
#ifndef LRKEYADM_CHECK_JUDGE_H
#define LRKEYADM_CHECK_JUDGE_H

#include <sys/stat.h>

#include "check.h"

#define CHECK_NAME 64
void check_user_text(uid_t uid, char text[static CHECK_NAME]);
void check_group_text(gid_t gid, char text[static CHECK_NAME]);

/* Whether it belongs to whom the store's files belong to. */
void judge_owner(struct check *check, const char *path, const struct stat *st);
void judge_group(struct check *check, const char *path, const struct stat *st, gid_t gid);
void judge_mode(struct check *check, const char *path, const struct stat *st, mode_t mode);
void judge_links(struct check *check, const char *path, const struct stat *st);

/* What the core says of a file, without the path that it begins with. */
const char *check_reason(const char *path, const struct lrk_why *why);

/* Calls look for each name in a directory, if it is open. */
typedef void (*check_look_fn)(struct check *check, const struct lrk_dir *dir, const char *name);
void check_list_dir(struct check *check, const struct lrk_dir *dir, check_look_fn look);

#endif
