/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host is left alone: what belongs to all of a process is the same before, behind and during a
 * call, whatever comes of it; its heap is no larger for it; and modules may come and go with
 * threads.
 */
#include <dlfcn.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "aside.h"
#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

extern char **environ;

/* ---- What a process is, to be looked at by any of its threads ---- */

struct process {
	char status[512]; /* umask, ids, groups, signals, as the kernel has them */
	char cwd[PATH_MAX];
	char root[PATH_MAX];
	char locale[256];
	char *const *environ;
	size_t variables;
	struct {
		void (*handler)(int);
		int flags;
		uint64_t mask;
	} signals[NSIG];
	struct itimerval timers[3];
	struct rlimit limits[RLIM_NLIMITS];
	int priority;
};

/*
 * Of the thread that is called: not the one that happens to look. What it blocks is its own, and
 * nss-systemd(8) blocks all signals for as long as it is asked.
 */
static void
take_status(pid_t task, char *text, size_t size)
{
	static const char *const names[] = { "Umask:", "Uid:", "Gid:", "Groups:", "SigIgn:",
					     "SigCgt:", "CapEff:", "NoNewPrivs:",
					     "Seccomp:" };
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)task);
	file = fopen(path, "re");
	text[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		for (size_t i = 0; i < COUNT_OF(names); i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				snprintf(text + strlen(text), size - strlen(text), "%s", line);
	if (file != NULL)
		fclose(file);
}

static void
take_link(const char *path, char target[static PATH_MAX])
{
	ssize_t n = readlink(path, target, PATH_MAX - 1);

	target[n > 0 ? n : 0] = '\0';
}

static void
take(pid_t task, struct process *p)
{
	memset(p, 0, sizeof(*p));
	take_status(task, p->status, sizeof(p->status));
	take_link("/proc/self/cwd", p->cwd);
	take_link("/proc/self/root", p->root);
	snprintf(p->locale, sizeof(p->locale), "%s", setlocale(LC_ALL, NULL));
	p->environ = environ;
	while (environ[p->variables] != NULL)
		p->variables++;
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) != 0)
			continue;
		p->signals[i].handler = action.sa_handler;
		p->signals[i].flags = action.sa_flags;
		/* As much as the kernel has; what lies behind that is anything. */
		memcpy(&p->signals[i].mask, &action.sa_mask, sizeof(p->signals[i].mask));
	}
	for (int i = 0; i < 3; i++)
		getitimer((__itimer_which_t)i, &p->timers[i]);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((__rlimit_resource_t)i, &p->limits[i]);
	p->priority = getpriority(PRIO_PROCESS, 0);
}

/* The name of what differs, or NULL. A timer runs down by itself: only its interval stays. */
static const char *
find_change(const struct process *a, const struct process *b)
{
	if (strcmp(a->status, b->status) != 0)
		return b->status;
	if (strcmp(a->cwd, b->cwd) != 0 || strcmp(a->root, b->root) != 0)
		return "the working or root directory";
	if (strcmp(a->locale, b->locale) != 0)
		return "the locale";
	if (a->environ != b->environ || a->variables != b->variables)
		return "the environment";
	if (memcmp(a->signals, b->signals, sizeof(a->signals)) != 0)
		return "a signal's disposition";
	for (int i = 0; i < 3; i++)
		if (memcmp(&a->timers[i].it_interval, &b->timers[i].it_interval,
			   sizeof(a->timers[i].it_interval)) != 0 ||
		    (a->timers[i].it_value.tv_sec > 0) != (b->timers[i].it_value.tv_sec > 0))
			return "a timer";
	if (memcmp(a->limits, b->limits, sizeof(a->limits)) != 0)
		return "a limit";
	return a->priority != b->priority ? "the priority" : NULL;
}

/* ---- A second thread that looks all the time ---- */

static struct watch {
	pthread_t thread;
	pid_t task; /* whose mask of signals is looked at */
	struct process before;
	atomic_bool ends;
	atomic_ulong looks;
	const char *_Atomic change;
	struct process now;
} watch;

static void *
look(void *data)
{
	(void)data;
	while (!watch.ends) {
		const char *change;

		take(watch.task, &watch.now);
		change = find_change(&watch.before, &watch.now);
		if (change != NULL && watch.change == NULL)
			watch.change = change;
		watch.looks++;
	}
	return NULL;
}

static bool
watch_begin(void)
{
	sigset_t all, mine;
	bool done;

	watch.task = gettid();
	/* The first thread of a process catches a signal of the C library's own. */
	watch.ends = true;
	if (pthread_create(&watch.thread, NULL, look, NULL) != 0 ||
	    pthread_join(watch.thread, NULL) != 0)
		return false;
	take(watch.task, &watch.before);
	watch.ends = false;
	watch.looks = 0;
	watch.change = NULL;
	sigfillset(&all);
	/* No signal of the host's timers is this thread's. */
	pthread_sigmask(SIG_BLOCK, &all, &mine);
	done = pthread_create(&watch.thread, NULL, look, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	return done;
}

static void
watch_end(void)
{
	watch.ends = true;
	pthread_join(watch.thread, NULL);
}

/* ---- Every code that the module has ---- */

struct row {
	const char *name;
	void (*edit)(struct lrk_entry *entry);
	const char *user;
	const char *token; /* NULL: the key */
	const char *options;
	void (*spoil)(void); /* what is wrong from now on; host_set_up makes it right */
	int authenticate, account;
};

static void
limit_to_many(struct lrk_entry *entry)
{
	entry->max_uses = 1000000;
}

static void
set_missing_owner(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "no-user-of-this-test");
}

static void
set_owner(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "root");
}

static void
lose_usage(void)
{
	assert_int_equal(unlink(host_path(LRK_VAR "/system/" LRK_USAGE_FILE)), 0);
}

static void
lose_master_key(void)
{
	assert_int_equal(truncate(host_path(LRK_ETC "/system/" LRK_MASTER_FILE), 0), 0);
}

static void
open_key_file_to_all(void)
{
	assert_int_equal(chmod(host_path(LRK_VAR "/system/keys/" LRK_KEY_FILE), 0666), 0);
}

static void
damage_key_file(void)
{
	assert_int_equal(truncate(host_path(LRK_VAR "/system/keys/" LRK_KEY_FILE), 5000), 0);
}

static void
stop_clock(void)
{
	hooks_no_clock = true;
}

static void
starve_data(void)
{
	hooks_no_data = true;
}

static void
starve_environment(void)
{
	hooks_no_environment = true;
}

static void
starve_engine(void)
{
	hooks_no_engine = true;
}

static void
stop_digest(void)
{
	hooks_no_digest = true;
}

#define NOBODYS "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc"
#define IGNORED PAM_CRED_EXPIRED

static const struct row rows[] = {
	{ "valid", NULL, "acme", NULL, "debug log=all", NULL, PAM_SUCCESS, PAM_SUCCESS },
	{ "limited", limit_to_many, "acme", NULL, "", NULL, PAM_SUCCESS, PAM_SUCCESS },
	{ "deprecated", stock_deprecate, "acme", NULL, "", NULL, PAM_SUCCESS, PAM_SUCCESS },
	{ "owned", set_owner, "acme", NULL, "owner=active", NULL, PAM_SUCCESS, PAM_SUCCESS },
	{ "not recorded", NULL, "acme", NULL, "", lose_usage, PAM_SUCCESS, PAM_SUCCESS },
	{ "no key", NULL, "acme", "a password", "", NULL, PAM_AUTH_ERR, IGNORED },
	{ "no token", NULL, "acme", "", "", NULL, PAM_AUTH_ERR, IGNORED },
	{ "unknown", NULL, "acme", NOBODYS, "", NULL, PAM_AUTH_ERR, IGNORED },
	{ "revoked", stock_revoke, "acme", NULL, "", NULL, PAM_AUTH_ERR, PAM_AUTH_ERR },
	{ "expired", stock_expire, "acme", NULL, "", NULL, PAM_ACCT_EXPIRED, PAM_ACCT_EXPIRED },
	{ "pending", stock_set_pending, "acme", NULL, "", NULL, PAM_ACCT_EXPIRED,
	  PAM_ACCT_EXPIRED },
	{ "off", stock_deactivate, "acme", NULL, "", NULL, PAM_PERM_DENIED, PAM_PERM_DENIED },
	{ "organization", NULL, "globex", NULL, "", NULL, PAM_PERM_DENIED, PAM_PERM_DENIED },
	{ "owner", set_missing_owner, "acme", NULL, "owner=active", NULL, PAM_PERM_DENIED,
	  PAM_PERM_DENIED },
	{ "address", stock_set_nets, "acme", NULL, "", NULL, PAM_PERM_DENIED, PAM_PERM_DENIED },
	{ "options", NULL, "acme", NULL, "unknown", NULL, PAM_SERVICE_ERR, PAM_SERVICE_ERR },
	{ "store", NULL, "acme", NULL, "store=missing", NULL, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "use lost", limit_to_many, "acme", NULL, "", lose_usage, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "master key", NULL, "acme", NULL, "", lose_master_key, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "unsafe", NULL, "acme", NULL, "", open_key_file_to_all, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "damaged", NULL, "acme", NULL, "", damage_key_file, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "clock", NULL, "acme", NULL, "", stop_clock, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "digest", NULL, "acme", NULL, "", stop_digest, PAM_AUTHINFO_UNAVAIL,
	  PAM_AUTHINFO_UNAVAIL },
	{ "no memory for the verdict", NULL, "acme", NULL, "", starve_data, PAM_BUF_ERR, IGNORED },
	{ "no memory for the environment", NULL, "acme", NULL, "", starve_environment, PAM_BUF_ERR,
	  PAM_BUF_ERR },
	{ "no memory for the engine", NULL, "acme", NULL, "", starve_engine, PAM_BUF_ERR,
	  PAM_BUF_ERR },
};

/* A handle whose modules are loaded; its token is the key, or what the row says. */
static void
begin(const struct row *row)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, row->edit);

	check_row = row->name;
	host_write_plain_service(HOST_SERVICE, row->options);
	host_start(HOST_SERVICE, row->user, "198.51.100.9");
	host_answer(HOST_TEXT, row->token != NULL ? row->token : key.text, 0);
	/* A conversation's script is a text of its caller's. */
	if (row->token == NULL) {
		static char text[LRK_APIKEY_LEN + 1];

		memcpy(text, key.text, sizeof(text));
		host.script[0].text = text;
	}
	assert_code(pam_setcred(host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	if (row->spoil != NULL)
		row->spoil();
}

static bool
try_both(const struct row *row)
{
	host.n_answered = 0;
	return host_authenticate(0) == row->authenticate && host_account(0) == row->account;
}

static void
again(void **state)
{
	host_tear_down(state);
	assert_int_equal(host_set_up(state), 0);
}

static void
on_alarm(int number)
{
	(void)number;
}

/* A host with settings of its own in all that is looked at. */
static const char *
set_own(void)
{
	const struct itimerval hour = { { 3600, 0 }, { 3600, 0 } };
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct rlimit files = { 200, 300 };
	sigset_t some;

	umask(0);
	EXPECT(setenv("LRKEY_TEST", "kept", 1) == 0);
	EXPECT(setlocale(LC_ALL, "C.UTF-8") != NULL);
	EXPECT(chdir(host.root) == 0);
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &some, NULL);
	EXPECT(setitimer(ITIMER_REAL, &hour, NULL) == 0);
	EXPECT(setitimer(ITIMER_VIRTUAL, &hour, NULL) == 0);
	EXPECT(setrlimit(RLIMIT_NOFILE, &files) == 0);
	return NULL;
}

static const char *
run_watched(const void *data)
{
	const struct row *row = data;
	const char *wrong = set_own();
	sigset_t before, after;
	unsigned long looks;

	if (wrong != NULL)
		return wrong;
	ERR_clear_error();
	ERR_new();
	ERR_set_error(ERR_LIB_USER, 7, "the host's own");
	EXPECT(watch_begin());
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	/* Until the other thread has looked so often, at whatever moments. */
	do {
		looks = watch.looks;
		EXPECT(try_both(row));
	} while (looks < 200 && watch.change == NULL);
	watch_end();
	if (watch.change != NULL)
		return watch.change;
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int i = 1; i < NSIG; i++)
		EXPECT(sigismember(&before, i) == sigismember(&after, i));
	EXPECT(ERR_GET_REASON(ERR_peek_error()) == 7);
	EXPECT(ERR_peek_error() == ERR_peek_last_error());
	take(gettid(), &watch.now);
	EXPECT(find_change(&watch.before, &watch.now) == NULL);
	return NULL;
}

static void
test_nothing_changes_meanwhile(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin(&rows[i]);
		aside_run(run_watched, &rows[i]);
		again(state);
	}
}

/* The watch sees what it is for: a umask that is another for a moment, as pam modules have it. */
static void
test_watch_is_not_blind(void **state)
{
	mode_t mask = umask(022);

	(void)state;
	assert_true(watch_begin());
	while (watch.change == NULL) {
		umask(077);
		umask(022);
	}
	watch_end();
	assert_non_null(strstr(watch.change, "Umask:"));
	umask(mask);
}

/* ---- The heap ---- */

/*
 * In a steady state nothing is added to it. One byte that is not freed is 24 to the allocator, and
 * more than its own ups and downs when it happens so often.
 */
#define CALLS 400
#define UPS_AND_DOWNS 2048

static void
test_heap(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t before = 0;

		begin(&rows[i]);
		for (int j = 0; j < CALLS; j++) {
			if (j == CALLS / 4)
				before = mallinfo2().uordblks;
			assert_true(try_both(&rows[i]));
			hooks_forget();
		}
		assert_true(mallinfo2().uordblks < before + UPS_AND_DOWNS);
		again(state);
	}
}

/* ---- Modules that come and go ---- */

#define CYCLES 2000
#define WARM 200
#define GROWTH 65536

static char shared_key[LRK_APIKEY_LEN + 1];

static int
answer_with_key(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(shared_key);
	*ret = responses;
	return PAM_SUCCESS;
}

/* libpam loads the modules, and unloads them with the handle; the thread ends behind that. */
static void *
cycle(void *data)
{
	static const struct pam_conv conversation = { answer_with_key, NULL };
	pam_handle_t *pamh = NULL;
	void *module = dlopen(host_module(), RTLD_NOW | RTLD_LOCAL);
	int *ret = data;

	*ret = -1;
	if (module == NULL || dlsym(module, "pam_sm_authenticate") == NULL)
		return NULL;
	if (pam_start_confdir(HOST_SERVICE, "acme", &conversation, host.confdir, &pamh) ==
	    PAM_SUCCESS) {
		*ret = pam_authenticate(pamh, 0);
		if (*ret == PAM_SUCCESS)
			*ret = pam_acct_mgmt(pamh, 0);
		pam_end(pamh, PAM_SUCCESS);
	}
	if (dlclose(module) != 0)
		*ret = -1;
	return NULL;
}

/* Four at a time, as many threads as cycles. */
static int
run_cycles(unsigned n)
{
	for (unsigned i = 0; i < n; i += 4) {
		pthread_t threads[4];
		int codes[4];

		for (int j = 0; j < 4; j++)
			if (pthread_create(&threads[j], NULL, cycle, &codes[j]) != 0)
				return -1;
		for (int j = 0; j < 4; j++) {
			pthread_join(threads[j], NULL);
			if (codes[j] != PAM_SUCCESS)
				return codes[j];
		}
	}
	return PAM_SUCCESS;
}

/* What the process ends with, by exit(3): with all that libraries have for its end. */
enum ending {
	ENDS_WELL = 42,
	ENDS_REFUSED,
	ENDS_GROWN,
};

static int
come_and_go(const void *data)
{
	size_t before, after;

	(void)data;
	if (run_cycles(WARM) != PAM_SUCCESS)
		exit(ENDS_REFUSED);
	before = mallinfo2().uordblks;
	if (run_cycles(CYCLES) != PAM_SUCCESS)
		exit(ENDS_REFUSED);
	after = mallinfo2().uordblks;
	exit(after > before + GROWTH ? ENDS_GROWN : ENDS_WELL);
}

static void
test_come_and_go(void **state)
{
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	int status = 0;
	pid_t pid;

	(void)state;
	memcpy(shared_key, key.text, sizeof(shared_key));
	host_write_plain_service(HOST_SERVICE, "");
	fflush(NULL);
	pid = aside_start(come_and_go, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ENDS_WELL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, host_set_up, host_tear_down)
		TEST(test_nothing_changes_meanwhile),
		TEST(test_watch_is_not_blind),
		TEST(test_heap),
		TEST(test_come_and_go),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
