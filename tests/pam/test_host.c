/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the module leaves in the process that called it: nothing but the
 * verdict, which ends with the handle.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

extern char **environ;

static struct stock_key
make_key(void (*edit)(struct lrk_entry *entry))
{
	return stock_make_key(host.root, LRK_STORE_DEFAULT, edit);
}

/* ---- Before and after ---- */

struct snapshot {
	mode_t umask;
	uid_t uid, euid;
	gid_t gid, egid;
	char cwd[256];
	char locale[256];
	char environment[8192];
	char descriptors[4096];
	char tasks[1024];
	struct {
		void (*handler)(int);
		int flags;
	} signals[32];
	sigset_t blocked;
	struct rlimit core, files;
	struct itimerval timer;
	unsigned long errors[4];
};

static void
add_line(char *text, size_t size, const char *line)
{
	size_t used = strlen(text);

	assert_true(used + strlen(line) + 2 < size);
	snprintf(text + used, size - used, "%s\n", line);
}

/* The names in a folder of /proc/self, with where they point to. */
static void
list(const char *path, char *text, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	text[0] = '\0';
	while ((entry = readdir(dir)) != NULL) {
		char name[512], target[256] = "";
		char line[600];
		ssize_t n;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		n = readlink(name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		snprintf(line, sizeof(line), "%s -> %s", entry->d_name, target);
		add_line(text, size, line);
	}
	closedir(dir);
}

static void
take(struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->umask = umask(0);
	umask(s->umask);
	s->uid = getuid();
	s->euid = geteuid();
	s->gid = getgid();
	s->egid = getegid();
	assert_non_null(getcwd(s->cwd, sizeof(s->cwd)));
	snprintf(s->locale, sizeof(s->locale), "%s", setlocale(LC_ALL, NULL));
	for (char **variable = environ; *variable != NULL; variable++)
		add_line(s->environment, sizeof(s->environment), *variable);
	list("/proc/self/fd", s->descriptors, sizeof(s->descriptors));
	list("/proc/self/task", s->tasks, sizeof(s->tasks));
	for (int i = 1; i < 32; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) != 0)
			continue;
		s->signals[i].handler = action.sa_handler;
		s->signals[i].flags = action.sa_flags;
	}
	sigprocmask(SIG_BLOCK, NULL, &s->blocked);
	getrlimit(RLIMIT_CORE, &s->core);
	getrlimit(RLIMIT_NOFILE, &s->files);
	getitimer(ITIMER_REAL, &s->timer);
	s->errors[0] = ERR_peek_error();
	s->errors[1] = ERR_peek_last_error();
}

static void
expect_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_string_equal(a->descriptors, b->descriptors);
	assert_string_equal(a->environment, b->environment);
	assert_string_equal(a->locale, b->locale);
	assert_string_equal(a->cwd, b->cwd);
	assert_string_equal(a->tasks, b->tasks);
	assert_memory_equal(a, b, sizeof(*a));
}

static void
leave_error(void)
{
	ERR_clear_error();
	ERR_new();
	ERR_set_error(ERR_LIB_USER, 7, "the host's own");
}

/* One phase between two snapshots, in a host with settings of its own. */
static void
expect_no_trace(int (*phase)(int flags), int code)
{
	static struct snapshot before, after;
	mode_t umask_before = umask(0);

	umask(0);
	setenv("LRKEY_TEST", "kept", 1);
	leave_error();
	take(&before);
	assert_code(phase(0), code);
	take(&after);
	expect_same(&before, &after);
	umask(umask_before);
	ERR_clear_error();
}

static void
test_no_trace(void **state)
{
	static const struct {
		void (*edit)(struct lrk_entry *entry);
		const char *user;
		const char *options;
		int code;
	} rows[] = {
		{ NULL, "acme", "debug log=all", PAM_SUCCESS },
		{ stock_deprecate, "acme", "", PAM_SUCCESS },
		{ stock_revoke, "acme", "", PAM_AUTH_ERR },
		{ stock_deactivate, "acme", "", PAM_PERM_DENIED },
		{ NULL, "globex", "", PAM_PERM_DENIED },
		{ NULL, "acme", "unknown", PAM_SERVICE_ERR },
		{ NULL, "acme", "store=missing", PAM_AUTHINFO_UNAVAIL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stock_key key = make_key(rows[i].edit);

		host_write_plain_service(HOST_SERVICE, rows[i].options);
		host_start(HOST_SERVICE, rows[i].user, "192.0.2.7");
		host_answer(HOST_TEXT, key.text, 0);
		/* libpam's own first dispatch loads the modules. */
		assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
		expect_no_trace(host_authenticate, rows[i].code);
		expect_no_trace(host_account, rows[i].code);
		hooks_set_clock(STOCK_NOW + 2, 0);
		expect_no_trace(host_account, rows[i].code);
		hooks_set_clock(STOCK_NOW, 0);
	}
}

static void
test_no_trace_of_failures(void **state)
{
	static const char *const tokens[] = {
		"a password", "", "lrk_",
		"lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc",
	};
	struct stock_key key = make_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, tokens[i], 0);
		assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
		expect_no_trace(host_authenticate, PAM_AUTH_ERR);
		expect_no_trace(host_account, PAM_CRED_EXPIRED);
	}
	/* Damage at each byte of the engine's beginning, and of the rest here and there. */
	host_start(HOST_SERVICE, "acme", NULL);
	host_answer(HOST_TEXT, key.text, 0);
	assert_code(host_authenticate(0), PAM_SUCCESS);
	for (off_t at = 0; at < 16384; at += at < 200 ? 1 : 509) {
		int fd = open(host_path(LRK_VAR "/system/keys/" LRK_KEY_FILE), O_RDWR | O_CLOEXEC);
		char byte, other;
		int code;

		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		other = (char)(byte ^ 0x40);
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		host.n_answered = 0;
		leave_error();
		code = host_authenticate(0);
		/* Nothing may rest on the byte, or the record's name: then it is unknown. */
		assert_true(code == PAM_SUCCESS || code == PAM_AUTHINFO_UNAVAIL ||
			    code == PAM_AUTH_ERR);
		assert_string_equal(host_env("LRKEY_ID"), code == PAM_SUCCESS ? key.id : "");
		assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 7);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	ERR_clear_error();
	expect_no_trace(host_authenticate, PAM_SUCCESS);
}

/* Seen from a module behind: libpam's own calls change errno when it comes back to the host. */
static void
test_errno(void **state)
{
	struct stock_key key = make_key(NULL);
	const char *const tokens[] = { key.text, "lrk_", "" };

	(void)state;
	host_write_service(HOST_SERVICE,
			   "auth optional & errno=4711\n"
			   "auth optional @ debug log=all\n"
			   "auth optional &\n"
			   "account optional & errno=4712\n"
			   "account optional @\n"
			   "account optional &\n");
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		host_try("acme", tokens[i], NULL);
		assert_string_equal(host_env("NEXT_ERRNO"), "4711");
		hooks_set_clock(STOCK_NOW + 2, 0);
		host_account(0);
		assert_string_equal(host_env("NEXT_ERRNO"), "4712");
		hooks_set_clock(STOCK_NOW, 0);
	}
}

/* It stays mapped, so that nothing of it can be called after it is gone. */
static void
test_stays_mapped(void **state)
{
	struct stock_key key = make_key(NULL);
	void *module;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	host_end();
	module = dlopen(host_module(), RTLD_LAZY | RTLD_NOLOAD);
	assert_non_null(module);
	dlclose(module);
}

/* ---- Threads ---- */

static int
answer_with_key(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(data);
	*ret = responses;
	return PAM_SUCCESS;
}

struct visitor {
	pthread_t thread;
	struct stock_key key;
	const char *user;
	int code;
	unsigned right;
};

#define VISITS 50

static void *
visit(void *data)
{
	struct visitor *visitor = data;
	const struct pam_conv conversation = { answer_with_key, visitor->key.text };

	for (int i = 0; i < VISITS; i++) {
		pam_handle_t *pamh = NULL;

		if (pam_start_confdir(HOST_SERVICE, visitor->user, &conversation, host.confdir,
				      &pamh) != PAM_SUCCESS)
			break;
		if (pam_authenticate(pamh, 0) == visitor->code &&
		    pam_acct_mgmt(pamh, 0) == visitor->code)
			visitor->right++;
		pam_end(pamh, PAM_SUCCESS);
	}
	return NULL;
}

/* Each handle in a thread of its own, as a threaded server has them; keys do not mix. */
static void
test_threads(void **state)
{
	struct visitor visitors[4] = {
		{ .user = "acme", .code = PAM_SUCCESS },
		{ .user = "globex", .code = PAM_PERM_DENIED },
		{ .user = "acme", .code = PAM_ACCT_EXPIRED },
		{ .user = "acme", .code = PAM_SUCCESS },
	};

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(visitors); i++)
		visitors[i].key = make_key(i == 2 ? stock_expire : NULL);
	for (size_t i = 0; i < COUNT_OF(visitors); i++)
		assert_int_equal(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
	for (size_t i = 0; i < COUNT_OF(visitors); i++)
		pthread_join(visitors[i].thread, NULL);
	for (size_t i = 0; i < COUNT_OF(visitors); i++)
		assert_int_equal(visitors[i].right, VISITS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_no_trace),	 TEST(test_no_trace_of_failures),
		TEST(test_errno),	 TEST(test_stays_mapped),
		TEST(test_threads),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
