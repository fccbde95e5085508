/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner=active: keys whose owner is no usable account of the host. One user is this program's
 * own, so that his account can be anything; all others are the machine's.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "aside.h"
#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

#define OURS "jdoe-of-this-test"
#define NOBODYS "no-user-of-this-test"

#define DAY INT64_C(86400)

/* What the databases say of OURS. */
static struct {
	bool exists;
	int error; /* instead */
	bool shadow;
	const char *password;
	long expires; /* in days; -1 is never */
	unsigned asked;
	bool ours; /* OURS was asked for last */
} account;

/* The function that this program's own one with the same name hides. */
#define HIDDEN(function, name)                            \
	__typeof__(function) *hidden;                     \
	do {                                              \
		void *symbol = dlsym(RTLD_NEXT, name);    \
		if (symbol == NULL)                       \
			abort();                          \
		memcpy(&hidden, &symbol, sizeof(symbol)); \
	} while (0)

int
getpwnam_r(const char *name, struct passwd *passwd, char *buffer, size_t size,
	   struct passwd **result)
{
	static char text[] = "x";
	HIDDEN(getpwnam_r, "getpwnam_r");

	account.asked++;
	account.ours = strcmp(name, OURS) == 0;
	if (!account.ours)
		return hidden(name, passwd, buffer, size, result);
	*result = NULL;
	if (account.error != 0 || !account.exists)
		return account.error;
	*passwd = (struct passwd){ .pw_name = text, .pw_passwd = text, .pw_gecos = text,
				   .pw_dir = text, .pw_shell = text };
	*result = passwd;
	return 0;
}

int
getspnam_r(const char *name, struct spwd *shadow, char *buffer, size_t size, struct spwd **result)
{
	HIDDEN(getspnam_r, "getspnam_r");

	if (strcmp(name, OURS) != 0)
		return hidden(name, shadow, buffer, size, result);
	snprintf(buffer, size, "%s", account.password);
	*shadow = (struct spwd){ .sp_pwdp = buffer, .sp_expire = account.expires };
	*result = shadow;
	return 0;
}

int
euidaccess(const char *path, int mode)
{
	HIDDEN(euidaccess, "euidaccess");

	if (!account.ours)
		return hidden(path, mode);
	errno = EACCES;
	return account.shadow ? 0 : -1;
}

static int
set_up(void **state)
{
	memset(&account, 0, sizeof(account));
	account.exists = account.shadow = true;
	account.password = "*";
	account.expires = -1;
	if (host_set_up(state) != 0)
		return -1;
	host_write_plain_service(HOST_SERVICE, "owner=active");
	return 0;
}

static struct stock_key
make_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

static void
own_by_us(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), OURS);
}

static void
own_by_root(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "root");
}

static void
own_by_nobody(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), NOBODYS);
}

static void
expect_denied(const struct stock_key *key, const char *owner)
{
	char line[160];

	hooks_forget();
	assert_code(host_try("acme", key->text, NULL), PAM_PERM_DENIED);
	assert_code(host_account(0), PAM_PERM_DENIED);
	assert_int_equal(hooks_n_lines, 1);
	snprintf(line, sizeof(line), "pam_lrkey(scim:auth): denied: key %s org acme: owner %s",
		 key->id, owner);
	assert_string_equal(hooks_lines[0].text, line);
	assert_int_equal(hooks_lines[0].level, LOG_NOTICE);
	assert_string_equal(host_env("LRKEY_ID"), "");
}

static void
expect_let_in(const struct stock_key *key)
{
	hooks_forget();
	assert_code(host_try("acme", key->text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
	assert_int_equal(hooks_n_lines, 0);
}

/* ---- The machine's users ------------------------------------------------------------ */

/*
 * By someone who cannot read shadow(5): there, and in what NSS makes up for him, root's own
 * account may be locked.
 */
static const char *
as_verifier(const void *data)
{
	const struct {
		const char *token;
		int code;
	} rows[] = {
		{ ((const struct stock_key *)data)[0].text, PAM_SUCCESS },
		{ ((const struct stock_key *)data)[1].text, PAM_PERM_DENIED },
		{ ((const struct stock_key *)data)[2].text, PAM_SUCCESS },
	};

	EXPECT(aside_become_verifier());
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host.n_script = host.n_answered = 0;
		host_answer(HOST_TEXT, rows[i].token, 0);
		EXPECT(host_authenticate(0) == rows[i].code);
		EXPECT(host_account(0) == rows[i].code);
	}
	EXPECT(hooks_n_lines == 1);
	EXPECT(hooks_count(LOG_NOTICE, ": owner " NOBODYS) == 1);
	return NULL;
}

static void
test_users_of_the_machine(void **state)
{
	const struct stock_key keys[] = {
		make_key(own_by_root), make_key(own_by_nobody), make_key(NULL),
	};

	(void)state;
	assert_int_equal(chmod(host.root, 0755), 0);
	assert_code(host_try("acme", keys[2].text, NULL), PAM_SUCCESS);
	hooks_forget();
	aside_run(as_verifier, keys);
	/* Whoever can read it: the one who is nobody is nobody. */
	expect_denied(&keys[1], NOBODYS);
}

/* ---- One whose account can be anything -------------------------------------------------- */

static void
test_accounts(void **state)
{
	static const struct {
		bool exists;
		bool shadow;
		const char *password;
		long expires;
		bool usable;
	} rows[] = {
		{ true, true, "*", -1, true },
		{ true, true, "$y$j9T$abc$def", -1, true },
		{ true, true, "!", -1, false },
		{ true, true, "!$y$j9T$abc$def", -1, false },
		{ true, true, "*", STOCK_NOW / DAY, false },
		{ true, true, "*", STOCK_NOW / DAY + 1, true },
		{ true, true, "*", 0, false },
		/* Nobody but root knows those. */
		{ true, false, "!", 0, true },
		{ false, true, "*", -1, false },
		{ false, false, "*", -1, false },
	};
	struct stock_key key = make_key(own_by_us);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		account.exists = rows[i].exists;
		account.shadow = rows[i].shadow;
		account.password = rows[i].password;
		account.expires = rows[i].expires;
		host_write_plain_service(HOST_SERVICE, "owner=active");
		if (rows[i].usable)
			expect_let_in(&key);
		else
			expect_denied(&key, OURS);
		/* Only where the line asks for it. */
		host_write_plain_service(HOST_SERVICE, i % 2 == 0 ? "owner=ignore" : "");
		account.asked = 0;
		expect_let_in(&key);
		assert_int_equal(account.asked, 0);
	}
}

/* A key without an owner is nobody's to be asked for. */
static void
test_no_owner(void **state)
{
	struct stock_key key = make_key(NULL);

	(void)state;
	expect_let_in(&key);
	assert_int_equal(account.asked, 0);
}

/* Nobody can tell: neither in nor out, but an alarm. */
static void
test_no_answer(void **state)
{
	struct stock_key key = make_key(own_by_us);

	(void)state;
	account.error = EIO;
	hooks_forget();
	assert_code(host_try("acme", key.text, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hooks_n_lines, 1);
	assert_int_equal(hooks_count(LOG_ALERT, "user " OURS " cannot be looked up: "), 1);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &key).uses, 0);
}

static void
own_and_limit(struct lrk_entry *entry)
{
	own_by_us(entry);
	stock_limit_uses(entry);
}

/* Behind the address, before the use limit, which a refusal does not touch. */
static void
test_order(void **state)
{
	struct stock_key key = make_key(own_and_limit);

	(void)state;
	account.exists = false;
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, stock_set_nets);
	hooks_forget();
	assert_code(host_try("acme", key.text, "198.51.100.7"), PAM_PERM_DENIED);
	assert_int_equal(hooks_count(LOG_NOTICE, ": address 198.51.100.7"), 1);
	assert_int_equal(account.asked, 0);
	assert_code(host_try("acme", key.text, "192.0.2.7"), PAM_PERM_DENIED);
	assert_int_equal(hooks_count(LOG_NOTICE, ": owner " OURS), 1);
	account.exists = true;
	assert_code(host_try("acme", key.text, "192.0.2.7"), PAM_SUCCESS);
	/* Used up, and the owner gone: the owner comes first. */
	account.exists = false;
	assert_code(host_try("acme", key.text, "192.0.2.7"), PAM_PERM_DENIED);
	account.exists = true;
	assert_code(host_try("acme", key.text, "192.0.2.7"), PAM_MAXTRIES);
	assert_int_equal(stock_read_usage(host.root, LRK_STORE_DEFAULT, &key).denied, 4);
}

/* What became of the owner meanwhile counts, more than a second later. */
static void
test_account(void **state)
{
	struct stock_key key = make_key(own_by_us);

	(void)state;
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	account.password = "!*";
	assert_code(host_account(0), PAM_SUCCESS);
	hooks_set_clock(STOCK_NOW + 2, 0);
	hooks_forget();
	assert_code(host_account(0), PAM_PERM_DENIED);
	assert_int_equal(hooks_count(LOG_NOTICE, "pam_lrkey(scim:account): denied: key "), 1);
	assert_int_equal(hooks_count(LOG_NOTICE, ": owner " OURS), 1);
	account.error = ENFILE;
	assert_code(host_account(0), PAM_AUTHINFO_UNAVAIL);
	account.error = 0;
	account.password = "*";
	assert_code(host_account(0), PAM_SUCCESS);
	/* At once, where the line that let him in has not asked. */
	host_write_service(HOST_SERVICE, "auth required @\naccount required @ owner=active\n");
	account.expires = 1;
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_PERM_DENIED);
	host_write_service(HOST_SERVICE, "auth required @\naccount required @\n");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	assert_code(host_account(0), PAM_SUCCESS);
}

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* The machine's databases are left as they were found: closed. */
static void
test_no_trace(void **state)
{
	struct stock_key keys[] = { make_key(own_by_root), make_key(own_by_nobody) };
	size_t before;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, keys[i].text, 0);
		assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
		before = count_descriptors();
		host_authenticate(0);
		assert_int_equal(count_descriptors(), before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, host_tear_down)
		TEST(test_users_of_the_machine),
		TEST(test_accounts),
		TEST(test_no_owner),
		TEST(test_no_answer),
		TEST(test_order),
		TEST(test_account),
		TEST(test_no_trace),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
