/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A key file that somebody cuts, overwrites and mends in place while it is read, which lrkeyadm
 * never does: the host lives, and nobody is let in by it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "hooks.h"
#include "host.h"
#include "rounds.h"
#include "stock.h"

#define KEY_FILE LRK_VAR "/system/" LRK_KEYS_DIR "/" LRK_KEY_FILE

static uint8_t original[1 << 16];
static size_t size;

/* Damages the file and mends it, over and over, each time in another way. */
static int
damage_until_killed(const void *data)
{
	int fd = open(host_path(KEY_FILE), O_RDWR | O_CLOEXEC);
	unsigned seed = 1;

	(void)data;
	if (fd < 0)
		return 1;
	for (;;) {
		uint8_t noise[64];
		off_t at = (off_t)((unsigned)rand_r(&seed) % size);

		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)rand_r(&seed);
		if (rand_r(&seed) % 2 == 0) {
			if (ftruncate(fd, at) != 0)
				return 1;
		} else if (pwrite(fd, noise, sizeof(noise), at) < 0) {
			return 1;
		}
		if (pwrite(fd, original, size, 0) != (ssize_t)size ||
		    ftruncate(fd, (off_t)size) != 0)
			return 1;
	}
}

static void
read_original(void)
{
	int fd = open(host_path(KEY_FILE), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, original, sizeof(original));

	assert_true(n > 0 && n < (ssize_t)sizeof(original));
	size = (size_t)n;
	close(fd);
}

static void
test_overwritten_in_place(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL), gone;
	unsigned long counts[3] = { 0 }, n = rounds(2000);
	int status;
	pid_t pid;

	(void)state;
	/* One that was there once, and whose bytes may come by. */
	gone = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	stock_change_key(host.root, LRK_STORE_DEFAULT, &gone, stock_revoke);
	host_write_plain_service(HOST_SERVICE, "");
	read_original();
	pid = aside_start(damage_until_killed, NULL);
	/* Each kind of answer must have been met with. */
	for (unsigned long i = 0; i < n || counts[0] == 0 || counts[1] == 0; i++) {
		const struct stock_key *asked = i % 2 == 0 ? &key : &gone;
		int code = host_try("acme", asked->text, NULL);

		switch (code) {
		case PAM_SUCCESS:
			counts[0]++;
			assert_true(asked == &key);
			assert_string_equal(host_env("LRKEY_ID"), key.id);
			break;
		case PAM_AUTHINFO_UNAVAIL:
			counts[1]++;
			break;
		default:
			counts[2]++;
			assert_code(code, PAM_AUTH_ERR);
			break;
		}
	}
	print_message("# %lu logins: %lu let in, %lu unavailable, %lu refused\n", n, counts[0],
		      counts[1], counts[2]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_overwritten_in_place, host_set_up,
						host_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
