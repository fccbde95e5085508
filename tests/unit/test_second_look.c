/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What safeopen looks at once in a process: directories above a store that only root can
 * exchange, as long as they lead to the same one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liblrkey/safeopen.h"

#include "trial.h"

static const char *const steps[] = { "a", "a/b", "a/b/c" };

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

/* What root alone can exchange is seen once; the store's own directory each time. */
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

/* A host that changes its root: what was seen below the old one says nothing of the new one. */
static void
test_another_slash(void **state)
{
	static const char *const tree[] = { "one", "one/a", "one/a/b", "one/a/b/c",
					    "two", "two/a", "two/a/b", "two/a/b/c" };
	struct trial *trial = *state;

	for (size_t i = 0; i < COUNT_OF(tree); i++)
		trial_mkdir(trial, tree[i], 0755);
	trial_chmod(trial, "two/a/b", 0777);
	assert_ok(reach_in(trial, "one"));
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

static int
setup(void **state)
{
	lrk_forget_known();
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
		look_test(test_exchanged),
		look_test(test_own_step),
		look_test(test_sticky_top),
		look_test(test_another_slash),
	};
	size_t n = COUNT_OF(tests);

	if (geteuid() != 0) {
		n -= 5;
		for (size_t i = n; i < COUNT_OF(tests); i++)
			print_message("# left out, because it needs root: %s\n", tests[i].name);
	}
	return _cmocka_run_group_tests("second look", tests, n, NULL, NULL);
}
