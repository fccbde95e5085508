/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guesses leave nothing behind: whoever has proven nothing makes no record, no place to count at,
 * and no file grow.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/apikey.h"
#include "liblrkey/store.h"

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "rounds.h"
#include "stock.h"

struct image {
	struct stat st;
	uint8_t bytes[1 << 16];
};

static void
take_image(const char *path, struct image *ret)
{
	int fd = open(host_path(path), O_RDONLY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &ret->st), 0);
	assert_true(ret->st.st_size <= (off_t)sizeof(ret->bytes));
	assert_int_equal(read(fd, ret->bytes, sizeof(ret->bytes)), ret->st.st_size);
	close(fd);
	/* That it was read is no change. */
	memset(&ret->st.st_atim, 0, sizeof(ret->st.st_atim));
}

/* Three of four are unknown, the fourth has the id of a key that there is. */
static void
make_guess(const struct stock_key *key, unsigned long i, char text[static LRK_APIKEY_LEN + 1])
{
	struct lrk_credential credential;

	assert_int_equal(lrk_apikey_generate(lrk_random, text, &credential), LRK_OK);
	if (i % 4 == 0) {
		memcpy(text + 4, key->id, LRK_ID_LEN);
		stock_write_check(text);
	}
}

static void
test_guesses(void **state)
{
	static const char *const paths[] = {
		LRK_VAR "/system/" LRK_KEYS_DIR "/" LRK_KEY_FILE,
		LRK_VAR "/system/" LRK_USAGE_FILE,
		LRK_VAR "/system/audit.log",
		LRK_ETC "/system/" LRK_MASTER_FILE,
	};
	static struct image before[COUNT_OF(paths)], after;
	struct stock_key limited, key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	unsigned long n = rounds(2000);

	(void)state;
	limited = stock_make_key(host.root, LRK_STORE_DEFAULT, stock_limit_uses);
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		take_image(paths[i], &before[i]);
	for (unsigned long i = 0; i < n; i++) {
		char text[LRK_APIKEY_LEN + 1], user[64];

		make_guess(i % 8 == 0 ? &limited : &key, i, text);
		snprintf(user, sizeof(user), "user-%lu", i);
		assert_code(host_try(i % 3 == 0 ? "acme" : user, text, NULL), PAM_AUTH_ERR);
	}
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		check_row = paths[i];
		take_image(paths[i], &after);
		assert_memory_equal(&after, &before[i], sizeof(after));
	}
	print_message("# %lu guesses\n", n);
	/* What is proven does change them: the comparison would see it. */
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	take_image(paths[1], &after);
	assert_memory_not_equal(&after, &before[1], sizeof(after));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_guesses, host_set_up, host_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
