/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What safeopen looks at once in a process: directories above a store that only root can
 * exchange, as long as they lead to the same one.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "liblrkey/safeopen.h"

#include "trial.h"

#define MNT_ID_UNIQUE 0x4000u /* STATX_MNT_ID_UNIQUE, of newer headers */

static const char *const steps[] = { "a", "a/b", "a/b/c" };

/* What is looked at, a name a line, and what happens on the way there. */
static struct {
	char names[1024];
	const char *at;	     /* the name before which the root is changed, or NULL */
	const char *root;    /* to that directory */
	unsigned mask_out;   /* what a file system does not tell */
	unsigned unasked;    /* what a kernel does not know of */
	unsigned told;	     /* by it, last */
	unsigned made_later; /* by so many nanoseconds than it tells */
} looks;

int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
	size_t used = strlen(looks.names);

	snprintf(looks.names + used, sizeof(looks.names) - used, "%s\n", path);
	if (looks.at != NULL && strcmp(path, looks.at) == 0) {
		looks.at = NULL;
		assert_int_equal(chroot(looks.root), 0);
	}
	if (syscall(SYS_statx, fd, path, flags, mask & ~looks.unasked, st) != 0)
		return -1;
	looks.told = st->stx_mask &= ~looks.mask_out;
	st->stx_btime.tv_nsec += looks.made_later;
	return 0;
}

static void
make_steps(const struct trial *trial)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		trial_mkdir(trial, steps[i], 0755);
}

/* A store's directory below a root, or below / for NULL. */
static enum lrk_err
reach(const char *root, struct lrk_why *why)
{
	struct lrk_dir top, dir;
	enum lrk_err err;

	looks.names[0] = '\0';
	err = lrk_root_name(root, &top, why);
	if (err != LRK_OK)
		return err;
	err = lrk_dir_name(&top, "a/b/c", false, &dir, why);
	lrk_dir_close(&top);
	return err;
}

/* In a child that is not root: what is the caller's own. */
static enum lrk_err
reach_own(const struct trial *trial, struct lrk_why *why)
{
	struct trial inner = *trial;
	enum lrk_err err;

	snprintf(inner.root, sizeof(inner.root), "%.100s/inner/own", trial->root);
	if (mkdir(inner.root, 0755) != 0)
		return LRK_ERR_IO;
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		if (mkdir(trial_path(&inner, steps[i]), 0755) != 0)
			return LRK_ERR_IO;
	err = reach(inner.root, why);
	if (err != LRK_OK)
		return err;
	if (chmod(trial_path(&inner, "a/b"), 0777) != 0)
		return LRK_ERR_IO;
	return reach(inner.root, why);
}

static void
test_own_again(void **state)
{
	struct trial *trial = *state;

	trial_chmod(trial, ".", 0755);
	trial_mkdir(trial, "inner", geteuid() == 0 ? 0777 : 0755);
	assert_err(trial_unprivileged(trial, reach_own, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/own/a/b: is writable by everybody");
}

/* ---- What only root can set up ---- */

static void
rename_in(const struct trial *trial, const char *from, const char *to)
{
	assert_int_equal(rename(trial_path(trial, from), trial_path(trial, to)), 0);
}

/* What root alone can exchange is seen once, until the top changes; the store's own each time. */
static void
test_second_look(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	assert_ok(reach(trial->root, &trial->why));
	trial_chmod(trial, "a/b/c", 0777);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	trial_chmod(trial, "a/b/c", 0755);
	trial_chmod(trial, "a/b", 0777);
	assert_ok(reach(trial->root, &trial->why));
	rename_in(trial, "a", "z");
	assert_err(reach(trial->root, &trial->why), LRK_ERR_NO_STORE);
	rename_in(trial, "z", "a");
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	trial_chmod(trial, "a/b", 0755);
	assert_ok(reach(trial->root, &trial->why));
}

/* From the top down, whatever lies below; afterwards what can have changed. */
static void
test_what_is_looked_at(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	assert_ok(reach(trial->root, &trial->why));
	assert_string_equal(looks.names, "\na\na/b\na/b/c\n");
	assert_ok(reach(trial->root, &trial->why));
	assert_string_equal(looks.names, "\na/b/c\n");
	lrk_forget_known();
	trial_chmod(trial, "a", 0777);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	assert_string_equal(looks.names, "\na\n");
}

/* A file system that does not tell when a directory was made, or a kernel that knows no mount. */
static void
test_cannot_be_told(void **state)
{
	static const unsigned masks[] = { STATX_BTIME, STATX_MNT_ID | MNT_ID_UNIQUE };
	struct trial *trial = *state;

	make_steps(trial);
	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		looks.mask_out = masks[i];
		assert_ok(reach(trial->root, &trial->why));
		assert_ok(reach(trial->root, &trial->why));
		assert_string_equal(looks.names, "\na\na/b\na/b/c\n");
		trial_chmod(trial, "a/b", 0777);
		assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
		trial_chmod(trial, "a/b", 0755);
	}
}

/* Linux before 6.8. */
static void
test_mounts_without_unique_numbers(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	looks.unasked = MNT_ID_UNIQUE;
	assert_ok(reach(trial->root, &trial->why));
	assert_ok(reach(trial->root, &trial->why));
	assert_string_equal(looks.names, "\na/b/c\n");
}

/* Made anew, it is another directory, though the file system gives it the same numbers. */
static void
test_made_anew(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	assert_ok(reach(trial->root, &trial->why));
	trial_chmod(trial, "a/b", 0777);
	assert_ok(reach(trial->root, &trial->why));
	looks.made_later = 1;
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	trial_chmod(trial, "a/b", 0755);
	assert_ok(reach(trial->root, &trial->why));
}

/* The same way to another directory: all of it is judged again. */
static void
test_exchanged(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	assert_ok(reach(trial->root, &trial->why));
	trial_chmod(trial, "a/b", 0777);
	rename_in(trial, "a/b/c", "a/b/old");
	trial_mkdir(trial, "a/b/c", 0755);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/a/b: is writable by everybody");
	assert_int_equal(rmdir(trial_path(trial, "a/b/c")), 0);
	trial_write(trial, "a/b/c", "text", 4);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	assert_int_equal(unlink(trial_path(trial, "a/b/c")), 0);
	assert_int_equal(symlink("old", trial_path(trial, "a/b/c")), 0);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	assert_int_equal(unlink(trial_path(trial, "a/b/c")), 0);
	rename_in(trial, "a/b/old", "a/b/c");
	assert_ok(reach(trial->root, &trial->why));
}

/* In a child that is not root: one step of root's way is the caller's own. */
static enum lrk_err
reach_through_own(const struct trial *trial, struct lrk_why *why)
{
	enum lrk_err err = reach(trial->root, why);

	if (err == LRK_OK && chmod(trial_path(trial, "a/b"), 0777) != 0)
		err = LRK_ERR_IO;
	return err == LRK_OK ? reach(trial->root, why) : err;
}

static void
test_own_step(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	trial_chmod(trial, ".", 0755);
	assert_int_equal(chown(trial_path(trial, "a/b"), TRIAL_NOBODY, 0), 0);
	assert_err(trial_unprivileged(trial, reach_through_own, &trial->why), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/a/b: is writable by everybody");
}

/* Others may make things in a sticky directory: what is below is looked at each time. */
static void
test_sticky_top(void **state)
{
	struct trial *trial = *state;

	make_steps(trial);
	trial_chmod(trial, ".", 01777);
	assert_ok(reach(trial->root, &trial->why));
	trial_chmod(trial, "a/b", 0777);
	assert_err(reach(trial->root, &trial->why), LRK_ERR_UNSAFE);
	trial_chmod(trial, ".", 0700);
}

/* Asks below / while that is another directory. */
static enum lrk_err
reach_in(struct trial *trial, const char *root)
{
	int slash = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum lrk_err err;

	assert_true(slash >= 0);
	assert_int_equal(chroot(trial_path(trial, root)), 0);
	err = reach(NULL, &trial->why);
	assert_int_equal(fchdir(slash), 0);
	assert_int_equal(chroot("."), 0);
	close(slash);
	return err;
}

/* Two roots, and a step of the second which all can write. */
static void
make_roots(const struct trial *trial)
{
	static const char *const tree[] = { "one", "one/a", "one/a/b", "one/a/b/c",
					    "two", "two/a", "two/a/b", "two/a/b/c" };

	for (size_t i = 0; i < COUNT_OF(tree); i++)
		trial_mkdir(trial, tree[i], 0755);
	trial_chmod(trial, "two/a/b", 0777);
}

/* A host that changes its root: what was seen below the old one says nothing of the new one. */
static void
test_another_slash(void **state)
{
	struct trial *trial = *state;

	make_roots(trial);
	assert_ok(reach_in(trial, "one"));
	assert_string_equal(looks.names, "/\n/a\n/a/b\n/a/b/c\n/\n");
	assert_ok(reach_in(trial, "one"));
	assert_string_equal(looks.names, "/a/b/c\n");
	assert_err(reach_in(trial, "two"), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/a/b: is writable by everybody");
	trial_chmod(trial, "two/a/b", 0755);
	trial_chmod(trial, "two", 0775);
	assert_err(reach_in(trial, "two"), LRK_ERR_UNSAFE);
	assert_says(&trial->why, "/: is writable by its group (mode 0775)");
	trial_chmod(trial, "two", 0755);
	assert_ok(reach_in(trial, "two"));
	assert_ok(reach_in(trial, "one"));
	/* And / itself is one of those that are seen once. */
	trial_chmod(trial, "one", 0775);
	assert_ok(reach_in(trial, "one"));
	lrk_forget_known();
	assert_err(reach_in(trial, "one"), LRK_ERR_UNSAFE);
}

static bool
bind(const struct trial *trial, const char *from, const char *to)
{
	return mount(trial_path(trial, from), trial_path(trial, to), NULL, MS_BIND, NULL) == 0;
}

/* In a process whose mounts are its own; 2 where nothing can be mounted, 1 where it is not seen. */
static int
look_through_mounts(struct trial *trial)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    !bind(trial, "one/a/b/c", "two/a/b/c"))
		return 2;
	if (reach_in(trial, "one") != LRK_OK || reach_in(trial, "two") != LRK_ERR_UNSAFE)
		return 1;
	if ((looks.told & MNT_ID_UNIQUE) == 0) {
		print_message("# left out: Linux before 6.8 gives numbers of mounts anew\n");
		return 0;
	}
	/* With a number of its own, although the last one is gone. */
	if (umount(trial_path(trial, "two/a/b/c")) != 0 || !bind(trial, "other", "one/a/b/c"))
		return 2;
	if (reach_in(trial, "one") != LRK_OK)
		return 1;
	if (umount(trial_path(trial, "one/a/b/c")) != 0 || !bind(trial, "other", "two/a/b/c"))
		return 2;
	return reach_in(trial, "two") == LRK_ERR_UNSAFE ? 0 : 1;
}

/* Not even when mounts make the same directory appear in both. */
static void
test_mounted_below_another_slash(void **state)
{
	struct trial *trial = *state;
	int status;
	pid_t child;

	make_roots(trial);
	trial_mkdir(trial, "other", 0755);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(look_through_mounts(trial));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Another thread changes the root while the way is judged: what is then seen is not noted. */
static void
test_root_changes_meanwhile(void **state)
{
	struct trial *trial = *state;

	make_roots(trial);
	/* As "one" sees it. */
	rename_in(trial, "two", "one/two");
	looks.at = "/a/b/c";
	looks.root = "/two";
	assert_ok(reach_in(trial, "one"));
	assert_null(looks.at);
	assert_err(reach_in(trial, "one/two"), LRK_ERR_UNSAFE);
	assert_ok(reach_in(trial, "one"));
}

static int
setup(void **state)
{
	lrk_forget_known();
	memset(&looks, 0, sizeof(looks));
	return trial_setup_root(state);
}

#define look_test(test) cmocka_unit_test_setup_teardown(test, setup, trial_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		look_test(test_own_again),
		/* from here on: what only root can set up */
		look_test(test_second_look),
		look_test(test_what_is_looked_at),
		look_test(test_cannot_be_told),
		look_test(test_mounts_without_unique_numbers),
		look_test(test_made_anew),
		look_test(test_exchanged),
		look_test(test_own_step),
		look_test(test_sticky_top),
		look_test(test_another_slash),
		look_test(test_mounted_below_another_slash),
		look_test(test_root_changes_meanwhile),
	};
	size_t n = COUNT_OF(tests);

	if (geteuid() != 0) {
		n -= 11;
		for (size_t i = n; i < COUNT_OF(tests); i++)
			print_message("# left out, because it needs root: %s\n", tests[i].name);
	}
	return _cmocka_run_group_tests("second look", tests, n, NULL, NULL);
}
