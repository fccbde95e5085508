/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authentication by the module as it is shipped, through real libpam, with each call of both phases
 * failed in turn, once. Whichever it is:
 *
 * - nobody MUST be let in whom no fault lets in; and whom it does let in only where the failed call
 *   is one of those listed with the scene, which nothing hangs on;
 * - PAM_IGNORE MUST NOT come of it, nor an account phase that lets in whom the first phase has not;
 * - nothing allocated or opened MUST be left, the store is as it was, and a limited key's use is on
 *   record, and on disk, where it is let in.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "liblrkey/store.h"
#include "tests/pam/check.h"
#include "tests/pam/stock.h"

#include "fault.h"
#include "run.h"
#include "stage.h"

#define SERVICE "scim"
#define USER "acme"
#define FAULTS_MAX 100000u
#define FDS 64
#define SECONDS 60
/* How PAM_IGNORE comes out: as what the module behind says. */
#define IGNORED PAM_CRED_EXPIRED

const char *check_row = "none";

int audit_open(void);

/* libpam takes this for a kernel without audit: tests leave no records on the machine. */
int
audit_open(void)
{
	errno = EPROTONOSUPPORT;
	return -1;
}

/* ---- Scenes ---- */

/* A call that may fail, and the holder of the key is let in all the same; NULL: on whatever. */
struct pass {
	const char *call, *target;
};

static const struct pass passes[] = {
	/* What is closed, or unlocked, is done with. */
	{ "close", NULL },
	{ "fcntl unlock", NULL },
	{ "gdbm_close", NULL },
	/* It is tried again, as long as the budget lasts. */
	{ "fcntl lock", "usage" },
	/* There is nothing to take out of the PAM environment, nor a verdict to be forgotten. */
	{ "pam_getenv", NULL },
	{ "pam_get_data", NULL },
	/* An item that cannot be had is none, which fits no organization, scope or network. */
	{ "pam_get_item", NULL },
	/* A notice that cannot be shown. */
	{ "pam_prompt", NULL },
	{ "calloc", "test_authenticate" },
	/* libpam sends it; libcrypto keeps what it has looked up. */
	{ "malloc", "libpam.so.0" },
	{ "realloc", "libpam.so.0" },
	{ "malloc", "libcrypto.so.3" },
	/* libcrypto's own question, to itself; what comes of it is checked by its tag. */
	{ "EVP_CIPHER_get_iv_length", NULL },
	/* Who may not read shadow(5) does not; the C library reads files without a buffer, too. */
	{ "euidaccess", "shadow" },
	{ "malloc", "pam_lrkey.so" },
};

/* Of a key without a limit, besides: nothing hangs on its use being recorded. */
static const struct pass passes_unlimited[] = {
	{ "openat", "usage" }, { "fstat", "usage" }, { "statx", "usage" }, { "pread", "usage" },
	{ "pwrite", "usage" }, { "lseek", "usage" },
};

struct scene {
	const char *name;
	void (*edit)(struct lrk_entry *entry); /* what its key is like */
	const char *options;
	const char *user;
	const char *token; /* NULL: the key */
	int authenticate, account;
	bool limited;
};

static void
limit_to_5(struct lrk_entry *entry)
{
	entry->max_uses = 5;
}

static void
own_by_root(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "root");
}

static void
own_by_nobody_known(struct lrk_entry *entry)
{
	snprintf(entry->owner, sizeof(entry->owner), "no-such-user");
}

static void
limit_and_deactivate(struct lrk_entry *entry)
{
	entry->max_uses = 5;
	stock_deactivate(entry);
}

static struct scene scenes[] = {
	{ .name = "a key without a limit", .options = "log=all debug", .user = USER },
	{ .name = "a key with a limit", .edit = limit_to_5, .user = USER,
	  .limited = true },
	{ .name = "a deprecated key", .edit = stock_deprecate, .user = USER },
	{ .name = "a key of an active owner", .edit = own_by_root, .options = "owner=active",
	  .user = USER },
	{ .name = "a key that any user may present", .options = "org=any scope=scim",
	  .user = "somebody" },
	{ .name = "an unknown owner", .edit = own_by_nobody_known, .options = "owner=active",
	  .user = USER, .authenticate = PAM_PERM_DENIED },
	{ .name = "a revoked key", .edit = stock_revoke, .user = USER,
	  .authenticate = PAM_AUTH_ERR },
	{ .name = "a deactivated key", .edit = stock_deactivate, .user = USER,
	  .authenticate = PAM_PERM_DENIED },
	{ .name = "a deactivated key with a limit", .edit = limit_and_deactivate, .user = USER,
	  .authenticate = PAM_PERM_DENIED },
	{ .name = "a pending key", .edit = stock_set_pending, .user = USER,
	  .authenticate = PAM_ACCT_EXPIRED },
	{ .name = "an expired key", .edit = stock_expire, .user = USER,
	  .authenticate = PAM_ACCT_EXPIRED },
	{ .name = "another organization", .user = "globex", .authenticate = PAM_PERM_DENIED },
	{ .name = "another scope", .edit = stock_set_scopes, .options = "scope=other",
	  .user = USER, .authenticate = PAM_PERM_DENIED },
	{ .name = "another address", .edit = stock_set_nets, .user = USER,
	  .authenticate = PAM_PERM_DENIED },
	{ .name = "a limit that is used up", .edit = stock_limit_uses, .user = USER,
	  .authenticate = PAM_MAXTRIES },
	{ .name = "an unknown key", .user = USER, .authenticate = PAM_AUTH_ERR,
	  .token = "lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc",
	  .account = IGNORED },
	{ .name = "a password", .user = USER, .authenticate = PAM_AUTH_ERR, .token = "secret",
	  .account = IGNORED },
	{ .name = "a store by user that is not there", .options = "store=t-%u", .user = USER,
	  .authenticate = PAM_AUTH_ERR, .account = IGNORED },
};

/* ---- One attempt ---- */

/* What the child tells besides the log. */
static struct outcome {
	int authenticate, account;
	unsigned struck_first; /* faults met with in the first phase */
	unsigned synced_first;
	bool has_environment;
	char fds_left[128];
} *outcome;

static pam_handle_t *pamh;
static char token[64];

static int
answer(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
			continue;
		responses[i].resp = strdup(token);
		if (responses[i].resp == NULL) {
			free(responses);
			return PAM_BUF_ERR;
		}
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static unsigned long
open_fds(void)
{
	unsigned long open = 0;
	struct stat st;

	for (int fd = 0; fd < FDS; fd++)
		if (fstat(fd, &st) == 0)
			open |= 1ul << fd;
	return open;
}

static void
attempt(const struct fault_plan *plan)
{
	static const int caught[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };
	unsigned long before;

	/* cmocka's handlers would go on with the tests, in here. */
	for (size_t i = 0; i < COUNT_OF(caught); i++)
		signal(caught[i], SIG_DFL);
	alarm(SECONDS);
	before = open_fds();
	fault_arm(plan);
	outcome->authenticate = pam_authenticate(pamh, 0);
	outcome->struck_first = fault_log->struck;
	outcome->synced_first = fault_log->syncs;
	/* Later than the verdict is good for: the store is asked again. */
	fault_time += 2;
	outcome->account = pam_acct_mgmt(pamh, 0);
	fault_disarm();
	outcome->has_environment = pam_getenv(pamh, "LRKEY_ID") != NULL;
	pam_end(pamh, PAM_SUCCESS);
	fault_note_live();
	before ^= open_fds();
	for (int fd = 0; fd < FDS; fd++)
		if ((before & 1ul << fd) != 0)
			snprintf(outcome->fds_left + strlen(outcome->fds_left), 8, " %d", fd);
	_exit(0);
}

/* In a process of its own, in which the module was never called. Returns 0 unless it was ended. */
static int
attempt_aside(const struct fault_plan *plan)
{
	pid_t child;
	int status = 0;

	memset(outcome, 0, sizeof(*outcome));
	fflush(NULL);
	child = fork();
	if (child == 0)
		attempt(plan);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* ---- What must have come of it ---- */

static struct {
	struct fault_log log;
	struct stage_dump before, after;
} clean;

static void __attribute__((noreturn))
wrong(const struct scene *scene, unsigned index, const char *what, const char *more)
{
	fail_msg("%s, call %u, %s(%s) failed %s: %s: %s; %s, %s\n%s", scene->name, index,
		 fault_log->call, fault_log->target,
		 outcome->struck_first > 0 ? "in the first phase" : "in the second", what, more,
		 code_name(outcome->authenticate), code_name(outcome->account), fault_log->lines);
	abort();
}

static bool
is_in(const struct pass *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].call, fault_log->call) == 0 &&
		    (list[i].target == NULL || strcmp(list[i].target, fault_log->target) == 0))
			return true;
	return false;
}

static bool
may_pass(const struct scene *scene)
{
	return is_in(passes, COUNT_OF(passes)) ||
	       (!scene->limited && is_in(passes_unlimited, COUNT_OF(passes_unlimited)));
}

/* Uses and refusals on record, of the only key. */
static void
read_counts(const struct stage_dump *dump, unsigned long *ret_uses, unsigned long *ret_denied)
{
	*ret_uses = *ret_denied = 0;
	sscanf(dump->uses, "%*s %*d %lu %lu", ret_uses, ret_denied);
}

static void
judge_store(const struct scene *scene, unsigned index)
{
	static struct stage_dump dump;
	unsigned long uses, denied, uses_before, denied_before;

	stage_read(&dump);
	if (strcmp(dump.keys, clean.before.keys) != 0)
		wrong(scene, index, "the store has changed", dump.keys);
	read_counts(&dump, &uses, &denied);
	read_counts(&clean.before, &uses_before, &denied_before);
	if (uses > uses_before + 1 || denied > denied_before + 1)
		wrong(scene, index, "counted twice", dump.uses);
	if (outcome->authenticate == PAM_SUCCESS && scene->limited &&
	    (uses != uses_before + 1 || outcome->synced_first == 0))
		wrong(scene, index, "let in, and not on record", dump.uses);
	if (scene->authenticate != PAM_SUCCESS && uses != uses_before)
		wrong(scene, index, "refused, and counted as a use", dump.uses);
}

/* The codes that may come of a failure. PAM_IGNORE is none of them. */
static bool
is_refusal(const struct scene *scene, int code)
{
	return code == PAM_AUTHINFO_UNAVAIL || code == PAM_BUF_ERR || code == PAM_AUTH_ERR ||
	       code == PAM_PERM_DENIED || code == PAM_SYSTEM_ERR ||
	       (code != PAM_SUCCESS && code == scene->authenticate);
}

static void
judge_first(const struct scene *scene, unsigned index)
{
	bool good = outcome->authenticate == PAM_SUCCESS;

	if (good && (scene->authenticate != PAM_SUCCESS || !may_pass(scene)))
		wrong(scene, index, "let in", "");
	if (!good && !is_refusal(scene, outcome->authenticate))
		wrong(scene, index, "no code for this", "");
	if (good != outcome->has_environment)
		wrong(scene, index, "the PAM environment does not fit", "");
	/* Nobody is let in by the second phase alone. */
	if (good ? outcome->account != PAM_SUCCESS : outcome->account == PAM_SUCCESS)
		wrong(scene, index, "the second phase does not fit", "");
	/* Without a verdict, or with nothing proven, it is somebody else's to say. */
	if (outcome->account == IGNORED && outcome->authenticate != PAM_AUTH_ERR &&
	    outcome->authenticate != PAM_BUF_ERR)
		wrong(scene, index, "ignored", "");
}

static void
judge_second(const struct scene *scene, unsigned index)
{
	int code = outcome->account;

	if (outcome->authenticate != scene->authenticate)
		wrong(scene, index, "the first phase, where nothing failed", "");
	if (code == PAM_SUCCESS && (scene->authenticate != PAM_SUCCESS || !may_pass(scene)))
		wrong(scene, index, "let in", "");
	if (code == IGNORED && scene->account != IGNORED)
		wrong(scene, index, "ignored", "");
	if (code != PAM_SUCCESS && code != IGNORED && !is_refusal(scene, code))
		wrong(scene, index, "no code for this", "");
}

static void
judge(const struct scene *scene, unsigned index)
{
	char text[512];

	if (outcome->struck_first > 0)
		judge_first(scene, index);
	else
		judge_second(scene, index);
	judge_store(scene, index);
	if (outcome->fds_left[0] != '\0')
		wrong(scene, index, "open descriptors", outcome->fds_left);
	/* libcrypto keeps what it has looked up. */
	if (fault_has_leaked(fault_log, &clean.log, text, sizeof(text)) &&
	    strstr(text, "/libcrypto.so") == NULL)
		wrong(scene, index, "memory is left", text);
}

/* ---- The tests ---- */

static void
write_service(const struct scene *scene)
{
	const char *module = getenv("LRKEY_MODULE"), *build = getenv("LRKEY_BUILD");
	const char *options = scene->options != NULL ? scene->options : "";
	char path[128];
	FILE *file;

	if (module == NULL || build == NULL)
		fail_msg("LRKEY_MODULE and LRKEY_BUILD are not set: run the tests with make check");
	snprintf(path, sizeof(path), "%s/pam.d/" SERVICE, stage_root);
	file = fopen(path, "we");
	assert_non_null(file);
	for (int i = 0; i < 2; i++) {
		const char *phase = i == 0 ? "auth" : "account";

		fprintf(file,
			"%s [success=done ignore=ignore default=die] %s root=%s %s\n"
			"%s required %s/tests/pam/pam_next.so %s=%d\n",
			phase, module, stage_root, options, phase, build, phase, IGNORED);
	}
	assert_int_equal(fclose(file), 0);
}

/* A handle whose modules are loaded: libpam does that at the first call of any phase. */
static void
open_handle(const struct scene *scene)
{
	static const struct pam_conv conversation = { answer, NULL };
	char confdir[128];

	snprintf(confdir, sizeof(confdir), "%s/pam.d", stage_root);
	assert_int_equal(pam_start_confdir(SERVICE, scene->user, &conversation, confdir, &pamh),
			 PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_RHOST, "198.51.100.9"), PAM_SUCCESS);
	assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
}

static void
begin(const struct scene *scene)
{
	char path[128];

	stage_clear();
	stock_make_store(stage_root, LRK_STORE_DEFAULT);
	snprintf(path, sizeof(path), "%s/pam.d", stage_root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(token, sizeof(token), "%s", scene->token != NULL ? scene->token :
		 stock_make_key(stage_root, LRK_STORE_DEFAULT, scene->edit).text);
	write_service(scene);
	open_handle(scene);
	/* Used up by one who was let in. */
	if (scene->authenticate == PAM_MAXTRIES) {
		static const struct fault_plan none = { .classes = FAULT_ALL };

		assert_int_equal(attempt_aside(&none), 0);
		assert_int_equal(outcome->authenticate, PAM_SUCCESS);
	}
	stage_keep();
}

static void
test_scene(void **state)
{
	const struct scene *scene = *state;
	struct fault_plan plan = { .classes = FAULT_ALL };

	fault_time = STOCK_NOW;
	begin(scene);
	stage_read(&clean.before);
	assert_int_equal(attempt_aside(&plan), 0);
	assert_code(outcome->authenticate, scene->authenticate);
	assert_code(outcome->account, scene->account != 0 ? scene->account : scene->authenticate);
	clean.log = *fault_log;
	stage_read(&clean.after);
	for (plan.index = 1; plan.index < FAULTS_MAX; plan.index++) {
		int killed;

		stage_renew();
		killed = attempt_aside(&plan);
		if (killed == 0 && fault_log->struck == 0)
			break;
		/* The dynamic linker ends a process that has no memory for a library's threads. */
		if (killed != 0 && strncmp(fault_log->target, "ld-linux", 8) == 0)
			continue;
		if (killed != 0)
			wrong(scene, plan.index, "killed", strsignal(killed));
		judge(scene, plan.index);
	}
	assert_true(plan.index > clean.log.calls);
	print_message("%s: %u calls\n", scene->name, plan.index - 1);
	pam_end(pamh, PAM_SUCCESS);
}

static int
set_up(void **state)
{
	(void)state;
	fault_set_up();
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (outcome == MAP_FAILED)
		return -1;
	stage_set_up();
	run_warm_up();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_tear_down();
	return 0;
}

int
main(void)
{
	static struct CMUnitTest tests[COUNT_OF(scenes)];

	for (size_t i = 0; i < COUNT_OF(scenes); i++)
		tests[i] = (struct CMUnitTest){ .name = scenes[i].name,
						.test_func = test_scene,
						.initial_state = &scenes[i] };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
