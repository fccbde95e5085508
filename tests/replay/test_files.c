/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults in how files were opened, locked and believed.
 */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "replay.h"

/* Ends a test that waits for ever; it is no measure of time. */
#define PATIENCE 60

/* ---- What stands in the place of a file ---- */

/* pam_namespace: an open of a FIFO waited for its other end, and the login with it. */
static void
test_cve_2024_22365_fifo_at_every_path(void **state)
{
	static const char *const paths[] = {
		"etc", "etc/lrkey", "etc/lrkey/system", MASTER_FILE,
		"var", "var/lib", "var/lib/lrkey", "var/lib/lrkey/system",
		"var/lib/lrkey/system/keys", KEY_FILE, USAGE_FILE,
		"var/lib/lrkey/system/lock", "var/lib/lrkey/system/audit.log",
	};
	struct stock_key limited, key = replay_key(NULL);

	(void)state;
	limited = replay_key(stock_limit_uses);
	host_write_plain_service(HOST_SERVICE, "");
	alarm(PATIENCE);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		/* Two that an authentication has no business with. */
		bool unused = i >= COUNT_OF(paths) - 2;
		bool usage = strcmp(paths[i], USAGE_FILE) == 0;

		check_row = paths[i];
		host_move(paths[i], "aside");
		assert_int_equal(mkfifo(host_path(paths[i]), 0660), 0);
		assert_code(host_try("acme", key.text, NULL),
			    unused || usage ? PAM_SUCCESS : PAM_AUTHINFO_UNAVAIL);
		if (!unused)
			assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(unlink(host_path(paths[i])), 0);
		host_move("aside", paths[i]);
	}
	alarm(0);
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
}

/* The same with a device that would answer: only root can make one. */
static void
test_cve_2024_22365_device_at_every_file(void **state)
{
	static const char *const paths[] = { MASTER_FILE, KEY_FILE, USAGE_FILE };
	struct stock_key key = replay_key(stock_limit_uses);

	(void)state;
	if (geteuid() != 0)
		print_message("# *** LEFT OUT, because it needs root: devices in the place of files\n");
	host_write_plain_service(HOST_SERVICE, "");
	alarm(PATIENCE);
	for (size_t i = 0; i < COUNT_OF(paths) && geteuid() == 0; i++) {
		check_row = paths[i];
		host_move(paths[i], "aside");
		assert_int_equal(mknod(host_path(paths[i]), S_IFCHR | 0640, makedev(1, 5)), 0);
		assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(unlink(host_path(paths[i])), 0);
		host_move("aside", paths[i]);
	}
	alarm(0);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
}

/* ---- Paths that change meanwhile ---- */

/* What the second process puts in the place of the key file, and back, as often as it can. */
struct swap {
	char path[256], aside[256];
};

static int
swap_until_killed(const void *data)
{
	const struct swap *swap = data;

	while (renameat2(AT_FDCWD, swap->path, AT_FDCWD, swap->aside, RENAME_EXCHANGE) == 0)
		;
	return 1;
}

static void
copy_key_file(const char *to)
{
	static char bytes[1 << 18];
	int from = open(host_path(KEY_FILE), O_RDONLY | O_CLOEXEC);
	int copy = open(host_path(to), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ssize_t n = read(from, bytes, sizeof(bytes));

	assert_true(n > 0 && n < (ssize_t)sizeof(bytes));
	assert_int_equal(write(copy, bytes, (size_t)n), n);
	close(from);
	close(copy);
}

/*
 * pam_namespace: what a user could write to was judged by its name, and then used by that name. All
 * that others than root can exchange here is in keys/: a second process replaces the key file by a
 * link to an old one, in which a revoked key still works, and back.
 */
static void
test_cve_2025_6020_path_swapped_meanwhile(void **state)
{
	struct stock_key good = replay_key(NULL), revoked = replay_key(NULL);
	unsigned let_in = 0, unavailable = 0;
	struct swap swap;
	char old[256];
	int status;
	pid_t pid;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	copy_key_file("old.gdbm");
	stock_change_key(host.root, LRK_STORE_DEFAULT, &revoked, stock_revoke);
	/* The old file is as good as any where it stands in its place. */
	host_move(KEY_FILE, "new.gdbm");
	host_move("old.gdbm", KEY_FILE);
	assert_code(host_try("acme", revoked.text, NULL), PAM_SUCCESS);
	host_move(KEY_FILE, "old.gdbm");
	host_move("new.gdbm", KEY_FILE);
	snprintf(old, sizeof(old), "%s", host_path("old.gdbm"));
	snprintf(swap.path, sizeof(swap.path), "%s", host_path(KEY_FILE));
	snprintf(swap.aside, sizeof(swap.aside), "%s", host_path("link"));
	assert_int_equal(symlink(old, swap.aside), 0);
	alarm(PATIENCE);
	pid = aside_start(swap_until_killed, &swap);
	/* Until both have been met with, and often enough. */
	for (unsigned i = 0; i < 2000 || let_in == 0 || unavailable == 0; i++) {
		int code = host_try("acme", revoked.text, NULL);

		if (code != PAM_AUTHINFO_UNAVAIL)
			assert_code(code, PAM_AUTH_ERR);
		code = host_try("acme", good.text, NULL);
		if (code == PAM_SUCCESS)
			let_in++;
		else
			unavailable++;
		if (code != PAM_SUCCESS)
			assert_code(code, PAM_AUTHINFO_UNAVAIL);
	}
	alarm(0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* ---- What a user is called ---- */

static char tree[65536];

static int
note_name(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	size_t used = strlen(tree);

	(void)kind;
	(void)ftw;
	assert_true(used + strlen(path) + 64 < sizeof(tree));
	snprintf(tree + used, sizeof(tree) - used, "%s %o %lld\n", path, (unsigned)st->st_mode,
		 (long long)st->st_mtim.tv_nsec);
	return 0;
}

static void
list_tree(void)
{
	tree[0] = '\0';
	assert_int_equal(nftw(host.root, note_name, 16, FTW_PHYS), 0);
}

/* pam_timestamp: user and terminal became parts of a path. */
static void
test_cve_2014_2583_names_are_no_paths(void **state)
{
	static const char *const names[] = {
		"../../x", "../system", "system", "/", ".", "..", "/etc/passwd", "a/b", "%u", "%n%s",
	};
	static const char *const options[] = { "", "store=%u", "store=agents-%u", "org=any" };
	struct stock_key key = replay_key(NULL);
	static char before[sizeof(tree)];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		bool any = strcmp(options[i], "org=any") == 0;

		host_write_plain_service(HOST_SERVICE, options[i]);
		list_tree();
		memcpy(before, tree, sizeof(before));
		for (size_t j = 0; j < COUNT_OF(names); j++) {
			check_row = names[j];
			hooks_forget();
			host_start(HOST_SERVICE, names[j], NULL);
			pam_set_item(host.pamh, PAM_RUSER, names[j]);
			pam_set_item(host.pamh, PAM_TTY, names[j]);
			pam_set_item(host.pamh, PAM_RHOST, names[j]);
			host_answer(HOST_TEXT, any ? UNKNOWN_KEY : key.text, 0);
			assert_code(host_authenticate(0),
				    options[i][0] == '\0' ? PAM_PERM_DENIED : PAM_AUTH_ERR);
			assert_int_equal(hooks_count(LOG_ALERT, ""), 0);
		}
		if (options[i][0] != '\0') {
			list_tree();
			assert_string_equal(tree, before);
		}
	}
}

/* ---- What a store is believed to say ---- */

static void
write_garbage(void)
{
	int fd = open(host_path(KEY_FILE), O_WRONLY | O_CLOEXEC);

	for (off_t at = 0; at < 65536; at += 8)
		assert_int_equal(pwrite(fd, "garbage!", 8, at), 8);
	close(fd);
}

static void
cut_to_nothing(void)
{
	assert_int_equal(truncate(host_path(KEY_FILE), 0), 0);
}

static void
take_away(void)
{
	assert_int_equal(unlink(host_path(KEY_FILE)), 0);
}

static void
take_master_away(void)
{
	assert_int_equal(unlink(host_path(MASTER_FILE)), 0);
}

static void
leave_alone(void)
{
}

/* pam_unix: who did not exist was compared with a blank, and was let in. */
static void
test_cve_2020_27780_unknown_in_every_state_of_the_store(void **state)
{
	static void (*const states[])(void) = {
		leave_alone, write_garbage, cut_to_nothing, take_away, take_master_away,
	};
	static const char *const tokens[] = { UNKNOWN_KEY, "", "a password" };
	static const char *const users[] = { "acme", "no-such-user", "root" };

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n");
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		states[i]();
		for (size_t j = 0; j < COUNT_OF(tokens) * COUNT_OF(users); j++) {
			const char *token = tokens[j % COUNT_OF(tokens)];
			int code = host_try(users[j / COUNT_OF(tokens)], token, NULL);

			if (code != PAM_AUTHINFO_UNAVAIL)
				assert_code(code, PAM_AUTH_ERR);
			/* A store that cannot answer is no "unknown". */
			if (token[0] == 'l' && i > 0)
				assert_code(code, PAM_AUTHINFO_UNAVAIL);
		}
	}
}

/* pam_userdb: a failed look-up was a user who does not exist, "probably we should check". */
static void
test_pam_userdb_287_damage_is_not_unknown(void **state)
{
	static const char *const tokens[] = { "the key", UNKNOWN_KEY };
	struct stock_key key = replay_key(NULL);
	struct stat st;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_int_equal(stat(host_path(KEY_FILE), &st), 0);
	/* One byte more: the engine then finds nothing in it. */
	assert_int_equal(truncate(host_path(KEY_FILE), st.st_size + 1), 0);
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		hooks_forget();
		assert_code(host_try("acme", i == 0 ? key.text : tokens[i], NULL),
			    PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_ALERT, LRK_KEY_FILE), 1);
	}
}

/* pam_userdb: an option that it did not know meant plain text; without a file it asked NULL. */
static void
test_pam_userdb_254_unknown_option_is_refused(void **state)
{
	static const char *const options[] = {
		"crypt=md6", "key_only", "db=/tmp/x", "unknown_ok", "nullok", "store=", "scope=*",
	};
	struct stock_key key = replay_key(NULL);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		char text[256];

		check_row = options[i];
		snprintf(text, sizeof(text), "auth required @ %s\naccount required @ %s\n",
			 options[i], options[i]);
		host_write_service(HOST_SERVICE, text);
		assert_code(host_try("acme", key.text, NULL), PAM_SERVICE_ERR);
		assert_code(host_account(0), PAM_SERVICE_ERR);
	}
	/* Without any, each group has all that it needs. */
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
}

static long
most_memory_kib(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* pam_google_authenticator: a file's size overflowed. A large one is refused before it is read. */
static void
test_google_authenticator_4f7d3b1_size_is_bounded(void **state)
{
	struct stock_key key = replay_key(NULL);
	struct stat st;
	long before;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(stat(host_path(KEY_FILE), &st), 0);
	before = most_memory_kib();
	for (off_t size = (off_t)1 << 30; size <= (off_t)1 << 32; size *= 2) {
		assert_int_equal(truncate(host_path(KEY_FILE), size + 1), 0);
		hooks_forget();
		assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(hooks_n_engines, 0);
		assert_int_equal(hooks_count(LOG_ALERT, "too large"), 1);
	}
	assert_true(most_memory_kib() - before < 5 * 1024);
	/* One of the size that is allowed, but not that its header tells: neither. */
	assert_int_equal(truncate(host_path(KEY_FILE), (off_t)1 << 30), 0);
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_engines, 0);
	assert_true(most_memory_kib() - before < 5 * 1024);
	assert_int_equal(truncate(host_path(KEY_FILE), st.st_size), 0);
}

/* ---- Locks ---- */

struct holder {
	int ready[2];
};

/* Takes every lock that there is, on every file of the store. */
static int
hold_locks(const void *data)
{
	static const char *const files[] = {
		KEY_FILE, MASTER_FILE, USAGE_FILE, "var/lib/lrkey/system/lock",
		"var/lib/lrkey/system/audit.log",
	};
	const struct holder *holder = data;

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		int fd = open(host_path(files[i]), O_RDWR | O_CLOEXEC);

		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
		    fcntl(fd, F_OFD_SETLK, &whole) != 0)
			return 1;
	}
	if (write(holder->ready[1], "r", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/* libpam-pwdfile: slept 75 seconds for a lock, in the host, while anybody could hold it. */
static void
test_pwdfile_74_locks_of_others_are_not_waited_for(void **state)
{
	struct stock_key key = replay_key(NULL), limited = replay_key(stock_limit_uses);
	struct holder holder;
	int status;
	pid_t pid;
	char byte;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_int_equal(pipe2(holder.ready, O_CLOEXEC), 0);
	alarm(PATIENCE);
	pid = aside_start(hold_locks, &holder);
	assert_int_equal(read(holder.ready[0], &byte, 1), 1);
	disk_reset();
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(disk.naps, 0);
	/* A use that has to be counted waits, as long as is allowed, and is refused then. */
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_in_range(disk.naps, 1, 1000);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	alarm(0);
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	close(holder.ready[0]);
	close(holder.ready[1]);
}

/* ---- Counters ---- */

static void
limit_to_two(struct lrk_entry *entry)
{
	entry->max_uses = 2;
}

/* oath-toolkit: what was counted was another record than what was verified. */
static void
test_cve_2013_7322_the_verified_key_is_counted(void **state)
{
	struct stock_key decoys[3], key;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	decoys[0] = replay_key(limit_to_two);
	key = replay_key(limit_to_two);
	decoys[1] = replay_key(stock_revoke);
	decoys[2] = replay_key(limit_to_two);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &key).uses, 1);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", key.text, NULL), PAM_MAXTRIES);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &key).uses, 2);
	for (size_t i = 0; i < COUNT_OF(decoys); i++) {
		struct lrk_usage usage =
			stock_read_usage(host.root, LRK_STORE_DEFAULT, &decoys[i]);

		assert_int_equal(usage.uses, 0);
		assert_int_equal(usage.denied, 0);
	}
}

/* pam_faillock: who owned the record of his failures reset it. A verifier can, and wins nothing. */
static void
test_faillock_299_emptied_record_refuses(void **state)
{
	struct stock_key key = replay_key(NULL), limited = replay_key(limit_to_two);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", limited.text, NULL), PAM_SUCCESS);
	assert_int_equal(truncate(host_path(USAGE_FILE), 0), 0);
	hooks_forget();
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_count(LOG_ALERT, LRK_USAGE_FILE), 1);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_try("acme", limited.text, NULL), PAM_AUTHINFO_UNAVAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY(test_cve_2024_22365_fifo_at_every_path),
		REPLAY(test_cve_2024_22365_device_at_every_file),
		REPLAY(test_cve_2025_6020_path_swapped_meanwhile),
		REPLAY(test_cve_2014_2583_names_are_no_paths),
		REPLAY(test_cve_2020_27780_unknown_in_every_state_of_the_store),
		REPLAY(test_pam_userdb_287_damage_is_not_unknown),
		REPLAY(test_pam_userdb_254_unknown_option_is_refused),
		REPLAY(test_google_authenticator_4f7d3b1_size_is_bounded),
		REPLAY(test_pwdfile_74_locks_of_others_are_not_waited_for),
		REPLAY(test_cve_2013_7322_the_verified_key_is_counted),
		REPLAY(test_faillock_299_emptied_record_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
