/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults that other modules of PAM had, replayed: each test is named after the fault that it would
 * have caught. What these tests share.
 */
#ifndef TESTS_REPLAY_REPLAY_H
#define TESTS_REPLAY_REPLAY_H

#include <string.h>

#include <lrkey/apikey.h>

#include "liblrkey/store.h"

#include "tests/pam/aside.h"
#include "tests/pam/check.h"
#include "tests/pam/disk.h"
#include "tests/pam/hooks.h"
#include "tests/pam/host.h"
#include "tests/pam/stock.h"

/* Well formed, and of no store. */
#define UNKNOWN_KEY "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc"

#define SECRET_AT (LRK_APIKEY_LEN - LRK_SECRET_LEN - 6)

#define KEY_FILE LRK_VAR "/system/" LRK_KEYS_DIR "/" LRK_KEY_FILE
#define MASTER_FILE LRK_ETC "/system/" LRK_MASTER_FILE
#define USAGE_FILE LRK_VAR "/system/" LRK_USAGE_FILE

/* What host_write_plain_service makes of PAM_IGNORE. */
#define IGNORED PAM_CRED_EXPIRED

static inline struct stock_key
replay_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

#define REPLAY(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)

#endif
