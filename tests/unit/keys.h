/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A key file under a throw-away root, for tests of the file alone. Whatever goes wrong here fails
 * the test.
 */
#ifndef TESTS_UNIT_KEYS_H
#define TESTS_UNIT_KEYS_H

#include "liblrkey/keyfile.h"
#include "liblrkey/record.h"

#include "trial.h"

#define KEYS_FILE "keys"

int keys_descriptor(const struct trial *trial, int flags);

struct lrk_keyfile keys_to_change(struct trial *trial);
struct lrk_keyfile keys_to_read(struct trial *trial);
/* The same, where it may fail. */
enum lrk_err keys_try_to_read(struct trial *trial, struct lrk_keyfile *file);

void expect_record(const struct lrk_keyfile *file, const char *name, const void *record,
		   size_t length);
void expect_no_record(const struct lrk_keyfile *file, const char *name);

/* A key file with a few records; each is its name, over and over. */
enum { KEYS_FEW = 20 };

void keys_name(unsigned number, char name[static LRK_ID_LEN + 1]);
size_t keys_record(unsigned number, uint8_t record[static LRK_RECORD_MAX]);
void keys_make_few(struct trial *trial);
void expect_keys_few(const struct lrk_keyfile *file);

#endif
