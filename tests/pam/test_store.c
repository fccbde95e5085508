/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store that cannot be used: PAM_AUTHINFO_UNAVAIL in both phases, for known and
 * unknown keys alike, and exactly one line, an alarm, that says which file and why.
 */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

/* Well formed, and of no store. */
#define UNKNOWN_KEY "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc"

/* ---- Ways to spoil a file ---- */

static void
do_remove(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static void
do_empty(const char *path)
{
	assert_int_equal(truncate(path, 0), 0);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
do_truncate(const char *path)
{
	assert_int_equal(truncate(path, size_of(path) / 2), 0);
}

static void
do_cut_one(const char *path)
{
	assert_int_equal(truncate(path, size_of(path) - 1), 0);
}

static void
do_append_one(const char *path)
{
	assert_int_equal(truncate(path, size_of(path) + 1), 0);
}

static void
write_at(const char *path, off_t offset, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, offset), length);
	close(fd);
}

static void
do_overwrite(const char *path)
{
	off_t size = size_of(path);

	for (off_t at = 0; at + 16 <= size; at += 16)
		write_at(path, at, "no key file here", 16);
}

/* All but the engine's own header. */
static void
do_overwrite_behind(const char *path)
{
	off_t size = size_of(path);

	for (off_t at = 48; at + 8 <= size; at += 8)
		write_at(path, at, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void
do_make_large(const char *path)
{
	assert_int_equal(truncate(path, ((off_t)1 << 30) + 1), 0);
}

static void
do_make_fifo(const char *path)
{
	do_remove(path);
	assert_int_equal(mkfifo(path, 0644), 0);
}

static void
do_make_directory(const char *path)
{
	do_remove(path);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void
do_make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	do_remove(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static const char *
beside(const char *path)
{
	static char name[512];

	snprintf(name, sizeof(name), "%s.other", path);
	return name;
}

static void
do_make_symlink(const char *path)
{
	assert_int_equal(rename(path, beside(path)), 0);
	assert_int_equal(symlink(beside(path), path), 0);
}

static void
do_link(const char *path)
{
	assert_int_equal(link(path, beside(path)), 0);
}

static void
do_open_to_all(const char *path)
{
	assert_int_equal(chmod(path, 0646), 0);
}

/* A process that looked before sees what only root can do when the root directory changes. */
static void
have_it_look_again(void)
{
	struct stat st;

	assert_int_equal(stat(host.root, &st), 0);
	assert_int_equal(chmod(host.root, st.st_mode & 07777), 0);
}

/* ---- One spoilt store a row ---- */

/* Makes a store of this name with a key, and a service for it; keeps the service plain. */
static struct stock_key
make_store(const char *name)
{
	char options[64];

	stock_make_store(host.root, name);
	snprintf(options, sizeof(options), "store=%s", name);
	host_write_plain_service(HOST_SERVICE, options);
	return stock_make_key(host.root, name, NULL);
}

static void
expect_alarm(const char *token, const char *store, const char *text)
{
	char prefix[128];

	hooks_forget();
	have_it_look_again();
	check_row = text;
	assert_code(host_try("acme", token, NULL), PAM_AUTHINFO_UNAVAIL);
	snprintf(prefix, sizeof(prefix), "pam_lrkey(scim:auth): store %s unavailable: ", store);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_ALERT, prefix), 1);
	assert_int_equal(hooks_count(LOG_ALERT, text), 1);
	assert_int_equal(hooks_lines[0].facility, LOG_AUTHPRIV);
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(host.n_prompts, 1);
	assert_int_equal(host.n_texts, 0);
}

static void
expect_unavailable(const struct stock_key *key, const char *store, const char *text)
{
	expect_alarm(key->text, store, text);
	expect_alarm(UNKNOWN_KEY, store, text);
	/* What is no key does not get as far. */
	hooks_forget();
	assert_code(host_try("acme", "a password", NULL), PAM_AUTH_ERR);
	assert_int_equal(hooks_n_lines, 0);
}

static void
spoil(const char *format, const char *file,
      void (*const *damages)(const char *path), size_t n)
{
	static unsigned serial;

	for (size_t i = 0; i < n; i++) {
		char store[16], path[256];
		struct stock_key key;

		snprintf(store, sizeof(store), "s%u", serial++);
		key = make_store(store);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		snprintf(path, sizeof(path), "%s/%s/%s/%s", host.root, format, store, file);
		damages[i](path);
		expect_unavailable(&key, store, file);
	}
}

static void
test_key_file(void **state)
{
	static void (*const damages[])(const char *path) = {
		do_remove,    do_empty,		 do_truncate,	  do_cut_one,	   do_append_one,
		do_overwrite, do_overwrite_behind, do_make_large, do_make_fifo, do_make_directory,
		do_make_socket, do_make_symlink, do_link,	  do_open_to_all,
	};

	(void)state;
	spoil(LRK_VAR, LRK_KEYS_DIR "/" LRK_KEY_FILE, damages, COUNT_OF(damages));
}

static void
test_master_file(void **state)
{
	static void (*const damages[])(const char *path) = {
		do_remove,	do_empty,	   do_truncate,	   do_append_one, do_overwrite,
		do_make_large,	do_make_fifo,	   do_make_directory, do_make_socket,
		do_make_symlink, do_link,	   do_open_to_all,
	};

	(void)state;
	spoil(LRK_ETC, LRK_MASTER_FILE, damages, COUNT_OF(damages));
}

static void
test_directories(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		bool fine;
	} rows[] = {
		{ "", 0777, false },		{ "", 0775, false },
		{ "", 01777, true },		{ "", 0755, true },
		{ "etc", 0757, false },		{ "etc/lrkey", 0757, false },
		{ "etc/lrkey", 01777, false },	{ "etc/lrkey/system", 0752, false },
		{ "etc/lrkey/system", 0770, false }, { "var", 0757, false },
		{ "var/lib", 0757, false },	{ "var/lib/lrkey", 0757, false },
		{ "var/lib/lrkey/system", 0757, false }, { "var/lib/lrkey/system", 0770, false },
		{ "var/lib/lrkey/system/keys", 02777, false },
		{ "var/lib/lrkey/system/keys", 01777, false },
		{ "var/lib/lrkey/system/keys", 02755, true },
	};
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stat st;

		assert_int_equal(stat(host_path(rows[i].path), &st), 0);
		assert_int_equal(chmod(host_path(rows[i].path), rows[i].mode), 0);
		if (rows[i].fine)
			assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
		else
			expect_unavailable(&key, LRK_STORE_DEFAULT, rows[i].path);
		assert_int_equal(chmod(host_path(rows[i].path), st.st_mode & 07777), 0);
	}
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
}

static void
test_directory_kinds(void **state)
{
	static const char *const paths[] = {
		"etc", "etc/lrkey", "etc/lrkey/system", "var", "var/lib", "var/lib/lrkey",
		"var/lib/lrkey/system", "var/lib/lrkey/system/keys",
	};
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		int fd;

		/* A symbolic link to the right place. */
		host_move(paths[i], "kept");
		assert_int_equal(symlink("kept", host_path(paths[i])), 0);
		expect_unavailable(&key, LRK_STORE_DEFAULT, paths[i]);
		assert_int_equal(unlink(host_path(paths[i])), 0);
		/* Nothing. */
		expect_unavailable(&key, LRK_STORE_DEFAULT, paths[i]);
		/* A file. */
		fd = open(host_path(paths[i]), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		close(fd);
		expect_unavailable(&key, LRK_STORE_DEFAULT, paths[i]);
		assert_int_equal(unlink(host_path(paths[i])), 0);
		host_move("kept", paths[i]);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	}
}

/* ---- Files that are whole, and do not belong together ---- */

static void
write_keyring(const struct lrk_keyring *ring)
{
	const char *path = host_path(LRK_ETC "/system/" LRK_MASTER_FILE);
	char text[LRK_KEYRING_TEXT_MAX];
	size_t length = lrk_keyring_format(ring, text);

	assert_int_equal(truncate(path, 0), 0);
	write_at(path, 0, text, length);
}

static void
test_wrong_master_key(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	struct lrk_keyring right, ring;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	stock_read_keyring(host.root, LRK_STORE_DEFAULT, &right);
	/* Other bytes under the same id. */
	ring = right;
	ring.keys[0].key[0] ^= 1;
	write_keyring(&ring);
	expect_unavailable(&key, LRK_STORE_DEFAULT, LRK_MASTER_FILE);
	/* The same bytes under another id. */
	ring = right;
	ring.keys[0].id ^= 1;
	write_keyring(&ring);
	expect_unavailable(&key, LRK_STORE_DEFAULT, LRK_MASTER_FILE);
	/* The right key of another store. */
	ring = right;
	ring.uuid[0] ^= 1;
	write_keyring(&ring);
	expect_unavailable(&key, LRK_STORE_DEFAULT, LRK_KEY_FILE);
	/* The right one again, and a second beside it, as during a rekey. */
	ring = right;
	assert_int_equal(lrk_keyring_add(&ring, lrk_random), LRK_OK);
	write_keyring(&ring);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
}

static void
test_file_of_another_store(void **state)
{
	static const char *const files[] = {
		LRK_VAR "/%s/" LRK_KEYS_DIR "/" LRK_KEY_FILE,
		LRK_ETC "/%s/" LRK_MASTER_FILE,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct stock_key key, other;
		char from[128], to[128], one[8], two[8];

		snprintf(one, sizeof(one), "one%zu", i);
		snprintf(two, sizeof(two), "two%zu", i);
		other = make_store(two);
		key = make_store(one);
		assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(from, sizeof(from), files[i], two);
		snprintf(to, sizeof(to), files[i], one);
#pragma GCC diagnostic pop
		host_move(from, to);
		expect_unavailable(&key, one, LRK_KEY_FILE);
		expect_unavailable(&other, one, LRK_KEY_FILE);
	}
}

/* ---- Files that the kernel does not let us read ---- */

/* A reader that is not root, on a handle that has its module loaded. */
static int
as_nobody(const struct stock_key *key)
{
	if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	hooks_forget();
	host.n_script = host.n_answered = 0;
	host_answer(HOST_TEXT, key->text, 0);
	if (host_authenticate(0) != PAM_AUTHINFO_UNAVAIL ||
	    host_account(0) != PAM_AUTHINFO_UNAVAIL)
		return 3;
	return hooks_n_lines == 1 && hooks_count(LOG_ALERT, "permission denied") == 1 &&
			       hooks_count(LOG_ALERT, "uid 65534 is not in group") == 1 ?
		       0 :
		       4;
}

static void
test_unreadable(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	int status = 0;
	pid_t pid;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	if (geteuid() != 0) {
		assert_int_equal(chmod(host_path(LRK_ETC "/system/" LRK_MASTER_FILE), 0), 0);
		expect_unavailable(&key, LRK_STORE_DEFAULT, LRK_MASTER_FILE ": permission denied");
		assert_int_equal(chmod(host_path(LRK_ETC "/system/" LRK_MASTER_FILE), 0640), 0);
		assert_int_equal(chmod(host_path(LRK_VAR "/system"), 0600), 0);
		expect_unavailable(&key, LRK_STORE_DEFAULT, "permission denied");
		assert_int_equal(chmod(host_path(LRK_VAR "/system"), 0750), 0);
		return;
	}
	assert_int_equal(chmod(host.root, 0755), 0);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(as_nobody(&key));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_key_file),	     TEST(test_master_file),
		TEST(test_directories),	     TEST(test_directory_kinds),
		TEST(test_wrong_master_key), TEST(test_file_of_another_store),
		TEST(test_unreadable),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
