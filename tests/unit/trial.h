/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Throw-away roots and stores for tests that need files, and what tests do
 * with them again and again. Whatever goes wrong here fails the test.
 */
#ifndef TESTS_UNIT_TRIAL_H
#define TESTS_UNIT_TRIAL_H

#include <sys/stat.h>

#include "liblrkey/change.h"
#include "liblrkey/create.h"

#include "unit.h"

#define STORE "system"
#define ETC_DIR LRK_ETC "/" STORE
#define GATE_DIR LRK_VAR "/" STORE
#define KEYS_DIR GATE_DIR "/" LRK_KEYS_DIR
#define MASTER_FILE ETC_DIR "/" LRK_MASTER_FILE
#define KEY_FILE KEYS_DIR "/" LRK_KEY_FILE
#define KEY_FILE_NEW KEYS_DIR "/" LRK_KEY_FILE_NEW
#define LOCK_FILE GATE_DIR "/" LRK_LOCK_FILE
#define USAGE_FILE GATE_DIR "/" LRK_USAGE_FILE
#define AUDIT_FILE GATE_DIR "/" LRK_AUDIT_FILE

/* Whose child a check without privileges runs in. */
#define TRIAL_NOBODY 65534

#define TRIAL_NOW INT64_C(1795168800) /* 2026-11-20T10:00:00Z */

struct trial {
	char root[128];
	struct lrk_owners owners; /* the caller, his group */
	unsigned descriptors;	  /* that were open before */
	struct lrk_why why;	  /* for whoever wants one */
};

/*
 * Fixtures: an empty root, and a root with the store "system". The teardown removes
 * it, and fails the test when descriptors were left open.
 */
int trial_setup_root(void **state);
int trial_setup_store(void **state);
int trial_teardown(void **state);

#define root_test(test) cmocka_unit_test_setup_teardown(test, trial_setup_root, trial_teardown)
#define store_test(test) cmocka_unit_test_setup_teardown(test, trial_setup_store, trial_teardown)

/* The path of a file under the root, or of "."; good until eight more were asked for. */
const char *trial_path(const struct trial *trial, const char *relative);

unsigned trial_open_descriptors(void);

void trial_mkdir(const struct trial *trial, const char *relative, mode_t mode);
void trial_write(const struct trial *trial, const char *relative, const void *bytes, size_t size);
/* The whole file; the caller frees it. */
uint8_t *trial_read(const struct trial *trial, const char *relative, size_t *ret_size);
off_t trial_size(const struct trial *trial, const char *relative);
mode_t trial_mode(const struct trial *trial, const char *relative);
void trial_chmod(const struct trial *trial, const char *relative, mode_t mode);
bool trial_exists(const struct trial *trial, const char *relative);

/* A secret of one character, 32 times, and what a parser makes of a key with it. */
struct lrk_credential trial_credential(const char *id, char secret);

/* An active entry of organization "acme" with scope "*", for that credential. */
struct lrk_entry trial_entry(const char *id, char secret);

/* Puts entries into a store, in one change. */
void trial_put(const struct trial *trial, const char *store, const struct lrk_entry *entries,
	       size_t n);

/* Puts bytes under a name into a key file as it stands, past everything that guards it. */
void trial_put_raw(const struct trial *trial, const char *store, const char *name,
		   const uint8_t *record, size_t length);
/* And takes them out; 0 when there is no such record. */
size_t trial_get_raw(const struct trial *trial, const char *store, const char *name,
		     uint8_t *record, size_t size);

struct lrk_keyring trial_ring(const struct trial *trial, const char *store);

/* Runs a check in a child process that is neither root nor in its groups. */
typedef enum lrk_err (*trial_check_fn)(const struct trial *trial, struct lrk_why *why);
enum lrk_err trial_unprivileged(const struct trial *trial, trial_check_fn check,
				struct lrk_why *ret_why);

/* The text of a failure says this; the test fails with the whole text otherwise. */
void assert_says(const struct lrk_why *why, const char *part);

#endif
