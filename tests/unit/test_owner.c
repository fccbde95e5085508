/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owners, as the user and shadow databases of this program's own: what the machine's
 * say is not a test's to change.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <unistd.h>

#include <lrkey/when.h>

#include "liblrkey/owner.h"

#include "unit.h"

#define USER "jdoe"
#define DAY INT64_C(86400)
#define NOW (20000 * DAY + 3600)

/* What the databases say of USER. */
static struct {
	bool real; /* the machine's own are asked */
	bool in_passwd;
	int passwd_error;
	bool in_shadow;
	int shadow_error;
	int shadow_access; /* with this error number, unless 0, the file cannot be read */
	const char *password;
	long expires; /* in days; -1 is an empty field */
	unsigned passwd_asked, shadow_asked;
} base;

int
getpwnam_r(const char *name, struct passwd *passwd, char *buffer, size_t size,
	   struct passwd **result)
{
	static char text[] = "x";

	if (base.real) {
		__typeof__(getpwnam_r) *hidden;
		void *symbol = dlsym(RTLD_NEXT, "getpwnam_r");

		assert_non_null(symbol);
		memcpy(&hidden, &symbol, sizeof(symbol));
		return hidden(name, passwd, buffer, size, result);
	}
	base.passwd_asked++;
	assert_string_equal(name, USER);
	assert_true(size >= 1024);
	*result = NULL;
	if (base.passwd_error != 0 || !base.in_passwd)
		return base.passwd_error;
	*passwd = (struct passwd){ .pw_name = text, .pw_passwd = text, .pw_gecos = text,
				   .pw_dir = text, .pw_shell = text };
	*result = passwd;
	return 0;
}

int
getspnam_r(const char *name, struct spwd *shadow, char *buffer, size_t size, struct spwd **result)
{
	base.shadow_asked++;
	*result = NULL;
	if (base.real)
		return 0;
	assert_string_equal(name, USER);
	if (base.shadow_error != 0 || !base.in_shadow)
		return base.shadow_error;
	*shadow = (struct spwd){ .sp_expire = base.expires };
	if (base.password != NULL) {
		assert_true(strlen(base.password) < size);
		shadow->sp_pwdp = strcpy(buffer, base.password);
	}
	*result = shadow;
	return 0;
}

int
euidaccess(const char *path, int mode)
{
	assert_string_equal(path, "/etc/shadow");
	assert_int_equal(mode, R_OK);
	errno = base.shadow_access;
	return base.shadow_access != 0 ? -1 : 0;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&base, 0, sizeof(base));
	base.in_passwd = base.in_shadow = true;
	base.password = "$y$j9T$abc$def";
	base.expires = -1;
	return 0;
}

static void
expect_usable(bool expected)
{
	struct lrk_why why;
	bool usable = !expected;

	assert_ok(lrk_owner_is_usable(USER, NOW, &usable, &why));
	assert_int_equal(usable, expected);
}

static void
test_usable(void **state)
{
	(void)state;
	expect_usable(true);
	assert_int_equal(base.passwd_asked, 1);
	assert_int_equal(base.shadow_asked, 1);
}

/* Every error number by which getpwnam_r(3) says that there is no such user. */
static void
test_no_such_user(void **state)
{
	static const int errors[] = { 0, ENOENT, ESRCH, EBADF, EPERM };

	(void)state;
	base.in_passwd = false;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		base.passwd_error = errors[i];
		expect_usable(false);
	}
	/* who does not exist is not looked up any further */
	assert_int_equal(base.shadow_asked, 0);
}

/* Nobody can tell: neither yes nor no. */
static void
test_no_answer(void **state)
{
	static const int errors[] = { EIO, EINTR, EMFILE, ENFILE, ENOMEM, ERANGE, EAGAIN };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct lrk_why why = { "" };
		bool usable = true;

		base.passwd_error = errors[i];
		assert_err(lrk_owner_is_usable(USER, NOW, &usable, &why), LRK_ERR_IO);
		assert_true(usable);
		assert_non_null(strstr(why.text, "user " USER " cannot be looked up: "));
		assert_non_null(strstr(why.text, strerrordesc_np(errors[i])));
		usable = false;
		assert_err(lrk_owner_is_usable(USER, NOW, &usable, NULL), LRK_ERR_IO);
		assert_false(usable);
	}
}

static void
test_locked(void **state)
{
	static const struct {
		const char *password;
		bool usable;
	} rows[] = {
		{ "!", false },
		{ "!!", false },
		{ "!*", false },
		{ "!$y$j9T$abc$def", false },
		{ "*", true }, /* a login by key is what such an account may have */
		{ "*!", true },
		{ "", true },
		{ "x!", true },
		{ "$6$abc$def", true },
		{ NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		base.password = rows[i].password;
		expect_usable(rows[i].usable);
	}
}

/* An account ends with the day before its date begins; day 0 is how some switch one off. */
static void
test_expired(void **state)
{
	static const struct {
		long expires;
		bool usable;
	} rows[] = {
		{ -1, true },	  { 0, false },	    { 1, false },	{ 19999, false },
		{ 20000, false }, { 20001, true }, { 99999, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		base.expires = rows[i].expires;
		expect_usable(rows[i].usable);
	}
}

/* To the second. */
static void
test_expires_at_midnight(void **state)
{
	struct lrk_why why;
	bool usable;

	(void)state;
	base.expires = 20000;
	assert_ok(lrk_owner_is_usable(USER, 20000 * DAY - 1, &usable, &why));
	assert_true(usable);
	assert_ok(lrk_owner_is_usable(USER, 20000 * DAY, &usable, &why));
	assert_false(usable);
	assert_ok(lrk_owner_is_usable(USER, LRK_TIME_MAX, &usable, &why));
	assert_false(usable);
}

static void
test_both(void **state)
{
	(void)state;
	base.password = "!";
	base.expires = 1;
	expect_usable(false);
	base.password = "*";
	expect_usable(false);
}

/* Who may not read shadow(5), or finds no line there, goes by passwd alone. */
static void
test_without_shadow(void **state)
{
	static const int errors[] = { ENOENT, 0 };

	(void)state;
	base.in_shadow = false;
	base.password = "!";
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		base.shadow_error = errors[i];
		expect_usable(true);
	}
}

/* Any other failure is no answer, and no "yes". */
static void
test_shadow_fails(void **state)
{
	static const int errors[] = { EIO, ERANGE, EAGAIN, EMFILE, ENOMEM };

	(void)state;
	base.in_shadow = false;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct lrk_why why;
		bool usable = false;

		base.shadow_error = errors[i];
		assert_err(lrk_owner_is_usable(USER, NOW, &usable, &why), LRK_ERR_IO);
		assert_non_null(strstr(why.text, USER));
		assert_false(usable);
	}
}

/* NSS has an answer also for those who may not read the file, and it is made up. */
static void
test_shadow_made_up(void **state)
{
	(void)state;
	base.password = "!*";
	base.shadow_access = EACCES;
	expect_usable(true);
	assert_int_equal(base.shadow_asked, 0);
	/* But where there is no file, another source may have the real one. */
	base.shadow_access = ENOENT;
	expect_usable(false);
	assert_int_equal(base.shadow_asked, 1);
}

/* The machine's own databases: a name that nobody has, and names that nobody can have. */
static void
test_real_databases(void **state)
{
	static const char *const names[] = { "lrkey-nobody-has-this", "", ":", "root:x", "\n" };

	(void)state;
	base.real = true;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct lrk_why why;
		bool usable = true;

		assert_ok(lrk_owner_is_usable(names[i], NOW, &usable, &why));
		assert_false(usable);
	}
	assert_int_equal(base.shadow_asked, 0);
	{
		struct lrk_why why;
		bool usable = false;

		assert_ok(lrk_owner_is_usable("root", NOW, &usable, &why));
		assert_true(usable);
	}
}

#define owner_test(test) cmocka_unit_test_setup(test, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		owner_test(test_usable),
		owner_test(test_no_such_user),
		owner_test(test_no_answer),
		owner_test(test_locked),
		owner_test(test_expired),
		owner_test(test_expires_at_midnight),
		owner_test(test_both),
		owner_test(test_without_shadow),
		owner_test(test_shadow_fails),
		owner_test(test_shadow_made_up),
		owner_test(test_real_databases),
	};

	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
