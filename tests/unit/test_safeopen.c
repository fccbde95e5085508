/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "liblrkey/safeopen.h"

#include "trial.h"

static const struct lrk_file_rule reading = { O_RDONLY, 1, 100 };
static const struct lrk_file_rule writing = { O_RDWR, 0, 100 };

/* ---- Files ---------------------------------------------------------------- */

static struct lrk_dir
open_root(const struct trial *trial)
{
	struct lrk_dir dir;
	struct lrk_why why;

	assert_ok(lrk_root_open(trial->root, &dir, &why));
	return dir;
}

static void
expect_open(struct trial *trial, const char *name, const struct lrk_file_rule *rule)
{
	struct lrk_dir dir = open_root(trial);
	struct stat st, expected;
	bool defect = false;
	int fd = -1;

	assert_ok(lrk_file_open(&dir, name, rule, NULL, &fd, &st, &trial->why));
	assert_int_equal(stat(trial_path(trial, name), &expected), 0);
	assert_true(st.st_ino == expected.st_ino && st.st_dev == expected.st_dev);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, rule->flags & O_ACCMODE);
	close(fd);
	assert_ok(lrk_file_open(&dir, name, rule, &defect, &fd, NULL, &trial->why));
	assert_false(defect);
	close(fd);
	lrk_dir_close(&dir);
}

/* Refused with a reason, also for one who would pass over a defect; nothing is handed out. */
static void
expect_refused(struct trial *trial, const char *name, const struct lrk_file_rule *rule,
	       enum lrk_err expected, const char *reason)
{
	struct lrk_dir dir = open_root(trial);
	struct stat st, untouched;
	bool defect = false;
	int fd = -77;

	memset(&untouched, 0x5a, sizeof(untouched));
	st = untouched;
	for (int i = 0; i < 2; i++) {
		memset(&trial->why, 0, sizeof(trial->why));
		assert_err(lrk_file_open(&dir, name, rule, i == 0 ? NULL : &defect, &fd, &st,
					 &trial->why),
			   expected);
		assert_says(&trial->why, trial_path(trial, name));
		assert_says(&trial->why, reason);
		assert_int_equal(fd, -77);
		assert_memory_equal(&st, &untouched, sizeof(st));
		assert_false(defect);
	}
	assert_err(lrk_file_open(&dir, name, rule, NULL, &fd, NULL, NULL), expected);
	lrk_dir_close(&dir);
}

static void
test_good_files(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0644, 0660, 0664, 0755 };
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		trial_chmod(trial, "file", modes[i]);
		expect_open(trial, "file", &reading);
		expect_open(trial, "file", &writing);
	}
}

static void
test_missing(void **state)
{
	expect_refused(*state, "file", &reading, LRK_ERR_NOT_FOUND, "does not exist");
	expect_refused(*state, "file", &writing, LRK_ERR_NOT_FOUND, "does not exist");
}

static void
test_symlinks(void **state)
{
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	trial_mkdir(trial, "dir", 0755);
	assert_int_equal(symlink("file", trial_path(trial, "to-file")), 0);
	assert_int_equal(symlink("dir", trial_path(trial, "to-dir")), 0);
	assert_int_equal(symlink("nowhere", trial_path(trial, "dangling")), 0);
	assert_int_equal(symlink("loop", trial_path(trial, "loop")), 0);
	expect_refused(trial, "to-file", &reading, LRK_ERR_UNSAFE, "symbolic link");
	expect_refused(trial, "to-file", &writing, LRK_ERR_UNSAFE, "symbolic link");
	expect_refused(trial, "to-dir", &reading, LRK_ERR_UNSAFE, "symbolic link");
	expect_refused(trial, "dangling", &reading, LRK_ERR_UNSAFE, "symbolic link");
	expect_refused(trial, "loop", &reading, LRK_ERR_UNSAFE, "symbolic link");
	assert_false(trial_exists(trial, "nowhere"));
}

/* With nobody at the other end; an open that waited would end this program by its alarm. */
static void
test_fifo(void **state)
{
	struct trial *trial = *state;

	assert_int_equal(mkfifo(trial_path(trial, "fifo"), 0600), 0);
	alarm(20);
	expect_refused(trial, "fifo", &reading, LRK_ERR_UNSAFE, "not a regular file");
	expect_refused(trial, "fifo", &writing, LRK_ERR_UNSAFE, "not a regular file");
	alarm(0);
}

static void
test_directory(void **state)
{
	struct trial *trial = *state;

	trial_mkdir(trial, "dir", 0755);
	expect_refused(trial, "dir", &reading, LRK_ERR_UNSAFE, "not a regular file");
	expect_refused(trial, "dir", &writing, LRK_ERR_UNSAFE, "not a regular file");
}

static void
test_socket(void **state)
{
	struct trial *trial = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(strlen(trial_path(trial, "socket")) < sizeof(address.sun_path));
	strcpy(address.sun_path, trial_path(trial, "socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refused(trial, "socket", &reading, LRK_ERR_UNSAFE, "not a regular file");
	expect_refused(trial, "socket", &writing, LRK_ERR_UNSAFE, "not a regular file");
	close(fd);
}

static void
test_device(void **state)
{
	struct trial *trial = *state;
	struct lrk_dir dev = LRK_DIR_NONE;
	int fd = -77;

	dev.fd = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(dev.fd >= 0);
	strcpy(dev.path, "/dev");
	assert_err(lrk_file_open(&dev, "null", &reading, NULL, &fd, NULL, &trial->why),
		   LRK_ERR_UNSAFE);
	assert_string_equal(trial->why.text, "/dev/null: is not a regular file");
	assert_int_equal(fd, -77);
	lrk_dir_close(&dev);
}

/* What a writer that replaces the file passes over: it opens, and he is told. */
static void
expect_defect(struct trial *trial, const char *name, const char *reason)
{
	struct lrk_dir dir = open_root(trial);
	bool defect = false;
	int fd = -77;

	assert_err(lrk_file_open(&dir, name, &reading, NULL, &fd, NULL, &trial->why),
		   LRK_ERR_UNSAFE);
	assert_says(&trial->why, trial_path(trial, name));
	assert_says(&trial->why, reason);
	assert_int_equal(fd, -77);
	memset(&trial->why, 0, sizeof(trial->why));
	assert_ok(lrk_file_open(&dir, name, &reading, &defect, &fd, NULL, &trial->why));
	assert_true(defect);
	assert_says(&trial->why, trial_path(trial, name));
	assert_says(&trial->why, reason);
	close(fd);
	lrk_dir_close(&dir);
}

static void
test_hard_link(void **state)
{
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	assert_int_equal(link(trial_path(trial, "file"), trial_path(trial, "other")), 0);
	expect_defect(trial, "file", "more than one hard link");
	expect_defect(trial, "file", "2 links");
	expect_defect(trial, "other", "more than one hard link");
	assert_int_equal(unlink(trial_path(trial, "other")), 0);
	expect_open(trial, "file", &reading);
}

static void
test_world_writable(void **state)
{
	static const mode_t modes[] = { 0646, 0666, 0602, 0777, 01666 };
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		char mode[8];

		snprintf(mode, sizeof(mode), "%04o", (unsigned)modes[i]);
		trial_chmod(trial, "file", modes[i]);
		expect_defect(trial, "file", "writable by everybody");
		expect_defect(trial, "file", mode);
	}
}

static void
test_sizes(void **state)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 4, 6 };
	struct trial *trial = *state;

	for (size_t size = 0; size < 10; size++) {
		trial_write(trial, "file", "0123456789", size);
		if (size >= 4 && size <= 6)
			expect_open(trial, "file", &rule);
		else
			expect_refused(trial, "file", &rule, LRK_ERR_UNSAFE,
				       size == 0 ? "is empty" :
				       size < 4	 ? "too short" :
						   "too large");
	}
	trial_write(trial, "file", "", 0);
	expect_open(trial, "file", &writing);
	assert_int_equal(truncate(trial_path(trial, "file"), (off_t)4 << 40), 0);
	expect_refused(trial, "file", &reading, LRK_ERR_UNSAFE, "too large (4398046511104 bytes)");
}

static enum lrk_err
open_file_here(const struct trial *trial, struct lrk_why *why)
{
	struct lrk_dir dir = LRK_DIR_NONE;
	enum lrk_err err = lrk_root_open(trial->root, &dir, why);
	int fd;

	if (err != LRK_OK)
		return err;
	return lrk_file_open(&dir, "file", &reading, NULL, &fd, NULL, why);
}

static void
test_kernel_refuses_file(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_write(trial, "file", "text", 4);
	trial_chmod(trial, "file", root ? 0600 : 0000);
	assert_err(trial_unprivileged(trial, open_file_here, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, trial_path(trial, "file"));
	assert_says(&trial->why, root ? ": permission denied: uid 65534 is not in group root" :
					": permission denied");
}

static enum lrk_err
open_dir_below(const struct trial *trial, struct lrk_why *why)
{
	struct lrk_dir top = LRK_DIR_NONE, dir = LRK_DIR_NONE;
	enum lrk_err err = lrk_root_open(trial->root, &top, why);

	return err != LRK_OK ? err : lrk_dir_open(&top, "a/b/c", false, &dir, why);
}

/* A directory between may not be searched: it is the one that is named. */
static void
test_kernel_refuses_search(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_mkdir(trial, "a", 0755);
	trial_mkdir(trial, "a/b", 0755);
	trial_mkdir(trial, "a/b/c", 0755);
	trial_chmod(trial, "a/b", root ? 0750 : 0000);
	assert_err(trial_unprivileged(trial, open_dir_below, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, root ? "/a/b/c: permission denied: uid 65534 is not in group root" :
					": permission denied");
	trial_chmod(trial, "a/b", 0755);
}

static void
test_kernel_refuses_directory(void **state)
{
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	trial_chmod(trial, ".", geteuid() == 0 ? 0750 : 0600);
	assert_err(trial_unprivileged(trial, open_file_here, &trial->why), LRK_ERR_ACCESS);
	assert_says(&trial->why, ": permission denied");
	trial_chmod(trial, ".", 0700);
}

/* ---- Directories ----------------------------------------------------------- */

/* A file that is in the directory is opened by the name that it has below another. */
static void
expect_named_dir(struct trial *trial, const struct lrk_dir *top, const char *path,
		 bool group_writable)
{
	static const struct lrk_file_rule any = { O_RDONLY, 0, 16 };
	char name[128];
	struct lrk_dir dir;
	struct stat st, expected;
	int fd;

	snprintf(name, sizeof(name), "%s/in it", path);
	trial_write(trial, name, "text", 4);
	if (lrk_dir_name(top, path, group_writable, &dir, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_string_equal(dir.path, trial_path(trial, path));
	if (lrk_file_open(&dir, "in it", &any, NULL, &fd, &st, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_int_equal(stat(trial_path(trial, name), &expected), 0);
	assert_true(st.st_ino == expected.st_ino);
	close(fd);
	lrk_dir_close(&dir);
	assert_true(fcntl(top->fd, F_GETFD) >= 0); /* it was borrowed */
	assert_int_equal(unlink(trial_path(trial, name)), 0);
}

static void
expect_dir(struct trial *trial, const char *path, bool group_writable)
{
	struct lrk_dir top = open_root(trial), dir;
	struct stat st, expected;

	expect_named_dir(trial, &top, path, group_writable);
	if (lrk_dir_open(&top, path, group_writable, &dir, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
	assert_int_equal(fstat(dir.fd, &st), 0);
	assert_int_equal(stat(trial_path(trial, path), &expected), 0);
	assert_true(st.st_ino == expected.st_ino);
	assert_string_equal(dir.path, trial_path(trial, path));
	assert_int_equal(fcntl(dir.fd, F_GETFD), FD_CLOEXEC);
	assert_true(top.fd >= 0); /* it stays the caller's */
	lrk_dir_close(&dir);
	assert_int_equal(dir.fd, -1);
	lrk_dir_close(&top);
}

static void
expect_no_dir(struct trial *trial, const char *path, bool group_writable, enum lrk_err expected,
	      const char *culprit, const char *reason)
{
	struct lrk_dir top = open_root(trial), dir = { .fd = -77 };

	lrk_forget_known();
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_dir_open(&top, path, group_writable, &dir, &trial->why), expected);
	assert_int_equal(dir.fd, -77);
	assert_says(&trial->why, trial_path(trial, culprit));
	assert_says(&trial->why, reason);
	assert_err(lrk_dir_open(&top, path, group_writable, &dir, NULL), expected);
	memset(&trial->why, 0, sizeof(trial->why));
	assert_err(lrk_dir_name(&top, path, group_writable, &dir, &trial->why), expected);
	assert_int_equal(dir.fd, -77);
	assert_says(&trial->why, trial_path(trial, culprit));
	assert_says(&trial->why, reason);
	lrk_dir_close(&top);
}

static const char *const steps[] = { "a", "a/b", "a/b/c" };

static void
make_steps(const struct trial *trial)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		trial_mkdir(trial, steps[i], 0755);
}

static void
test_good_dirs(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		expect_dir(trial, steps[i], false);
		expect_dir(trial, steps[i], true);
	}
	trial_chmod(trial, "a/b/c", 0750);
	expect_dir(trial, "a/b/c", false);
	trial_chmod(trial, "a/b/c", 02775);
	expect_dir(trial, "a/b/c", true);
}

static void
test_writable_steps(void **state)
{
	static const mode_t world[] = { 0777, 0757, 0702, 01777, 03777 };
	struct trial *trial = *state;

	make_steps(trial);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		bool last = i + 1 == COUNT_OF(steps);

		for (size_t m = 0; m < COUNT_OF(world); m++) {
			trial_chmod(trial, steps[i], world[m]);
			expect_no_dir(trial, "a/b/c", false, LRK_ERR_UNSAFE, steps[i],
				      "writable by everybody");
			expect_no_dir(trial, "a/b/c", true, LRK_ERR_UNSAFE, steps[i],
				      "writable by everybody");
		}
		trial_chmod(trial, steps[i], 02775);
		expect_no_dir(trial, "a/b/c", false, LRK_ERR_UNSAFE, steps[i],
			      "writable by its group (mode 2775)");
		if (last)
			expect_dir(trial, "a/b/c", true);
		else
			expect_no_dir(trial, "a/b/c", true, LRK_ERR_UNSAFE, steps[i],
				      "writable by its group (mode 2775)");
		/* sticky does not make up for it below the root */
		trial_chmod(trial, steps[i], 01775);
		expect_no_dir(trial, "a/b/c", false, LRK_ERR_UNSAFE, steps[i],
			      "writable by its group");
		trial_chmod(trial, steps[i], 0755);
	}
}

static void
test_symlinked_steps(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	assert_int_equal(symlink("a", trial_path(trial, "link")), 0);
	assert_int_equal(symlink("b", trial_path(trial, "a/link")), 0);
	assert_int_equal(symlink("c", trial_path(trial, "a/b/link")), 0);
	assert_int_equal(symlink("nowhere", trial_path(trial, "dangling")), 0);
	expect_no_dir(trial, "link/b/c", false, LRK_ERR_UNSAFE, "link", "symbolic link");
	expect_no_dir(trial, "a/link/c", false, LRK_ERR_UNSAFE, "a/link", "symbolic link");
	expect_no_dir(trial, "a/b/link", true, LRK_ERR_UNSAFE, "a/b/link", "symbolic link");
	expect_no_dir(trial, "dangling", false, LRK_ERR_UNSAFE, "dangling", "symbolic link");
}

static void
test_no_directory(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	trial_write(trial, "a/file", "text", 4);
	expect_no_dir(trial, "a/file", false, LRK_ERR_UNSAFE, "a/file", "no directory");
	expect_no_dir(trial, "a/file/c", false, LRK_ERR_UNSAFE, "a/file", "no directory");
	expect_no_dir(trial, "none", false, LRK_ERR_NO_STORE, "none", "does not exist");
	expect_no_dir(trial, "a/none/c", false, LRK_ERR_NO_STORE, "a/none", "does not exist");
	expect_no_dir(trial, "a/b/none", true, LRK_ERR_NO_STORE, "a/b/none", "does not exist");
}

static void
test_strange_paths(void **state)
{
	static const char *const paths[] = {
		"", "/a", "a//b", "a/", "/",
		"a/0123456789012345678901234567890123456789012345678901234567890123456789/b",
	};
	struct trial *trial = *state;
	struct lrk_dir top = open_root(trial), dir = LRK_DIR_NONE;

	make_steps(trial);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_err(lrk_dir_open(&top, paths[i], false, &dir, &trial->why),
			   LRK_ERR_INTERNAL);
	lrk_dir_close(&top);
	lrk_dir_close(&top);
}

/* A name below a name below an open directory. */
static void
test_names_below_names(void **state)
{
	static const struct lrk_file_rule any = { O_RDONLY, 0, 16 };
	struct trial *trial = *state;
	struct lrk_dir top = open_root(trial), a, c;
	int fd;

	make_steps(trial);
	trial_write(trial, "a/b/c/file", "text", 4);
	assert_ok(lrk_dir_name(&top, "a", false, &a, &trial->why));
	assert_ok(lrk_dir_name(&a, "b/c", false, &c, &trial->why));
	assert_string_equal(c.path, trial_path(trial, "a/b/c"));
	assert_ok(lrk_file_open(&c, "file", &any, NULL, &fd, NULL, &trial->why));
	close(fd);
	assert_err(lrk_file_open(&c, "none", &any, NULL, &fd, NULL, &trial->why),
		   LRK_ERR_NOT_FOUND);
	assert_says(&trial->why, trial_path(trial, "a/b/c/none"));
	trial_chmod(trial, "a/b", 0777);
	assert_err(lrk_dir_name(&a, "b/c", false, &c, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, trial_path(trial, "a/b"));
	lrk_dir_close(&c);
	lrk_dir_close(&a);
	lrk_dir_close(&top);
}

/* ---- Where a store lies ---------------------------------------------------- */

static void
test_root_modes(void **state)
{
	static const struct {
		mode_t mode;
		const char *reason; /* NULL: good */
	} rows[] = {
		{ 0700, NULL },	 { 0755, NULL },
		{ 01777, NULL }, { 01775, NULL },
		{ 01773, NULL }, { 0777, "writable by everybody (mode 0777)" },
		{ 0757, "writable by everybody" }, { 0775, "writable by its group (mode 0775)" },
		{ 02775, "writable by its group" },
	};
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_dir dir = LRK_DIR_NONE;

		trial_chmod(trial, ".", rows[i].mode);
		if (rows[i].reason == NULL) {
			assert_ok(lrk_root_open(trial->root, &dir, &trial->why));
			assert_string_equal(dir.path, trial->root);
			lrk_dir_close(&dir);
			continue;
		}
		assert_err(lrk_root_open(trial->root, &dir, &trial->why), LRK_ERR_UNSAFE);
		assert_int_equal(dir.fd, -1);
		assert_says(&trial->why, trial->root);
		assert_says(&trial->why, rows[i].reason);
	}
}

static void
test_root_kinds(void **state)
{
	static const struct {
		const char *name;
		enum lrk_err expected;
	} rows[] = {
		{ "none", LRK_ERR_NO_STORE }, { "file", LRK_ERR_UNSAFE },
		{ "link", LRK_ERR_UNSAFE },   { "link/", LRK_ERR_UNSAFE },
		{ "link//", LRK_ERR_UNSAFE }, { "link/.", LRK_OK }, /* the link is above DIR then */
		{ "dir", LRK_OK },	      { "dir/", LRK_OK },
		{ "dir///", LRK_OK },
	};
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	trial_mkdir(trial, "dir", 0755);
	assert_int_equal(symlink("dir", trial_path(trial, "link")), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_dir dir = LRK_DIR_NONE;
		enum lrk_err err = lrk_root_open(trial_path(trial, rows[i].name), &dir,
						 &trial->why);

		if (err != rows[i].expected)
			fail_msg("%s: %s", rows[i].name, lrk_err_name(err));
		if (err != LRK_OK)
			assert_says(&trial->why, trial->root);
		lrk_dir_close(&dir);
	}
}

/* Nothing above the root is judged; it may lie where everybody may write. */
static void
test_above_root(void **state)
{
	struct trial *trial = *state;
	struct lrk_dir dir;

	trial_chmod(trial, ".", 0777);
	trial_mkdir(trial, "inner", 0755);
	assert_ok(lrk_root_open(trial_path(trial, "inner"), &dir, &trial->why));
	lrk_dir_close(&dir);
}

static void
test_long_root(void **state)
{
	struct trial *trial = *state;
	char name[101], path[512];
	struct lrk_dir top, dir;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(path, sizeof(path), "%s/%s", trial->root, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s/%s", trial->root, name, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s/%s/%s", trial->root, name, name, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_ok(lrk_root_open(path, &top, &trial->why));
	assert_int_equal(mkdirat(top.fd, "a", 0755), 0);
	assert_ok(lrk_dir_open(&top, "a", false, &dir, &trial->why));
	lrk_dir_close(&dir);
	assert_err(lrk_dir_open(&top, "b", false, &dir, &trial->why), LRK_ERR_NO_STORE);
	lrk_dir_close(&top);
}

static void
test_no_root_is_slash(void **state)
{
	struct trial *trial = *state;
	struct lrk_dir top, dir;
	struct stat st, slash;

	assert_ok(lrk_root_open(NULL, &top, &trial->why));
	assert_int_equal(fstat(top.fd, &st), 0);
	assert_int_equal(stat("/", &slash), 0);
	assert_true(st.st_ino == slash.st_ino && st.st_dev == slash.st_dev);
	assert_ok(lrk_dir_open(&top, "etc", false, &dir, &trial->why));
	assert_string_equal(dir.path, "/etc");
	lrk_dir_close(&dir);
	lrk_dir_close(&top);
	/* And by its name alone, from wherever the caller is. */
	assert_int_equal(chdir(trial->root), 0);
	assert_ok(lrk_root_name(NULL, &top, &trial->why));
	assert_int_equal(stat("/etc", &slash), 0);
	assert_ok(lrk_dir_open(&top, "etc", false, &dir, &trial->why));
	assert_string_equal(dir.path, "/etc");
	assert_int_equal(fstat(dir.fd, &st), 0);
	assert_true(st.st_ino == slash.st_ino && st.st_dev == slash.st_dev);
	lrk_dir_close(&dir);
	assert_err(lrk_dir_name(&top, "etc/no such store", false, &dir, &trial->why),
		   LRK_ERR_NO_STORE);
	assert_says(&trial->why, "/etc/no such store: does not exist");
	lrk_dir_close(&top);
	assert_int_equal(chdir("/"), 0);
}

/* ---- Whose a directory is -------------------------------------------------- */

/* Under another root the caller takes root's place; under / nobody does. */
static enum lrk_err
open_own_dir(const struct trial *trial, struct lrk_why *why)
{
	struct lrk_dir from = { .fd = -1 }, dir;
	enum lrk_err err;

	from.fd = open(trial_path(trial, "inner"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (from.fd < 0 || mkdirat(from.fd, "own", 0755) != 0)
		return LRK_ERR_IO;
	from.rooted = true;
	err = lrk_dir_open(&from, "own", false, &dir, why);
	if (err != LRK_OK)
		return err;
	from.rooted = false;
	return lrk_dir_open(&from, "own", false, &dir, why);
}

static void
test_caller_in_roots_place(void **state)
{
	struct trial *trial = *state;
	bool root = geteuid() == 0;

	trial_chmod(trial, ".", 0755);
	trial_mkdir(trial, "inner", root ? 0777 : 0755);
	assert_err(trial_unprivileged(trial, open_own_dir, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/own: belongs to uid ");
	assert_says(&trial->why, ", not to root");
	assert_null(strstr(trial->why.text, "caller"));
}

/* Root only: the directories and the root of somebody else. */
static void
test_foreign_owner(void **state)
{
	struct trial *trial = *state;
	struct lrk_dir dir = LRK_DIR_NONE;

	make_steps(trial);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		assert_int_equal(chown(trial_path(trial, steps[i]), 65534, (gid_t)-1), 0);
		expect_no_dir(trial, "a/b/c", true, LRK_ERR_UNSAFE, steps[i],
			      "belongs to uid 65534, not to root");
		assert_int_equal(chown(trial_path(trial, steps[i]), 0, (gid_t)-1), 0);
	}
	expect_dir(trial, "a/b/c", true);
	assert_int_equal(chown(trial_path(trial, "a"), 65534, (gid_t)-1), 0);
	trial_chmod(trial, "a", 01777);
	assert_err(lrk_root_open(trial_path(trial, "a"), &dir, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "belongs to uid 65534, not to root or to the caller");
}

/* The owner of a file is not judged: managers make the key file. Root only. */
static void
test_foreign_file(void **state)
{
	struct trial *trial = *state;

	trial_write(trial, "file", "text", 4);
	assert_int_equal(chown(trial_path(trial, "file"), 65534, 65534), 0);
	expect_open(trial, "file", &reading);
}

/* ---- Reading, writing, texts ------------------------------------------------ */

static void
test_read(void **state)
{
	struct trial *trial = *state;
	char text[16];
	int fd;

	trial_write(trial, "file", "0123456789", 10);
	fd = open(trial_path(trial, "file"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 7, SEEK_SET), 7); /* it reads from the beginning all the same */
	for (size_t size = 0; size <= 10; size++) {
		memset(text, 'x', sizeof(text));
		assert_ok(lrk_file_read(fd, text, size));
		assert_memory_equal(text, "0123456789", size);
		assert_int_equal(text[size], 'x');
	}
	errno = 0;
	assert_err(lrk_file_read(fd, text, 11), LRK_ERR_IO);
	assert_int_equal(errno, EIO);
	close(fd);
	assert_err(lrk_file_read(fd, text, 1), LRK_ERR_IO);
	assert_int_equal(errno, EBADF);
}

static void
test_write(void **state)
{
	struct trial *trial = *state;
	int fd = open(trial_path(trial, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[8];

	assert_true(fd >= 0);
	assert_ok(lrk_file_write(fd, "one", 3));
	assert_ok(lrk_file_write(fd, "", 0));
	assert_ok(lrk_file_write(fd, " two", 4));
	assert_ok(lrk_file_read(fd, text, 7));
	assert_memory_equal(text, "one two", 7);
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	errno = 0;
	assert_err(lrk_file_write(fd, "x", 1), LRK_ERR_IO);
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* In a child: the effective group, groups it is in, and groups it is not in. */
static enum lrk_err
compare_access_texts(const struct trial *trial, struct lrk_why *why)
{
	struct stat st = { .st_gid = getegid() };
	char text[160], expected[160];

	(void)trial;
	lrk_access_text(&st, text, sizeof(text));
	if (strcmp(text, "permission denied") != 0)
		return lrk_fail(why, LRK_ERR_INTERNAL, "own group: %s", text);
	st.st_gid = 4242424;
	snprintf(expected, sizeof(expected), "permission denied: uid %u is not in group 4242424",
		 (unsigned)geteuid());
	lrk_access_text(&st, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		return lrk_fail(why, LRK_ERR_INTERNAL, "no group: %s", text);
	st.st_gid = 0;
	snprintf(expected, sizeof(expected), "permission denied: uid %u is not in group root",
		 (unsigned)geteuid());
	lrk_access_text(&st, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		return lrk_fail(why, LRK_ERR_INTERNAL, "root's group: %s", text);
	lrk_access_text(&st, text, 12);
	if (strcmp(text, "permission ") != 0)
		return lrk_fail(why, LRK_ERR_INTERNAL, "cut: %s", text);
	return LRK_OK;
}

static void
test_access_text(void **state)
{
	struct trial *trial = *state;

	if (trial_unprivileged(trial, compare_access_texts, &trial->why) != LRK_OK)
		fail_msg("%s", trial->why.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		root_test(test_good_files),
		root_test(test_missing),
		root_test(test_symlinks),
		root_test(test_fifo),
		root_test(test_directory),
		root_test(test_socket),
		root_test(test_device),
		root_test(test_hard_link),
		root_test(test_world_writable),
		root_test(test_sizes),
		root_test(test_kernel_refuses_file),
		root_test(test_kernel_refuses_search),
		root_test(test_kernel_refuses_directory),
		root_test(test_good_dirs),
		root_test(test_writable_steps),
		root_test(test_symlinked_steps),
		root_test(test_no_directory),
		root_test(test_strange_paths),
		root_test(test_names_below_names),
		root_test(test_root_modes),
		root_test(test_root_kinds),
		root_test(test_above_root),
		root_test(test_long_root),
		root_test(test_no_root_is_slash),
		root_test(test_caller_in_roots_place),
		root_test(test_read),
		root_test(test_write),
		root_test(test_access_text),
		/* from here on: what only root can set up */
		root_test(test_foreign_owner),
		root_test(test_foreign_file),
	};
	size_t n = COUNT_OF(tests);

	if (geteuid() != 0) {
		n -= 2;
		for (size_t i = n; i < COUNT_OF(tests); i++)
			print_message("# left out, because it needs root: %s\n", tests[i].name);
	}
	return _cmocka_run_group_tests("safeopen", tests, n, NULL, NULL);
}
