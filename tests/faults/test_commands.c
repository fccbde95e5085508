/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each command of lrkeyadm, with each of its calls failed in turn, once. Whichever it is:
 *
 * - the store MUST be the old one or the new one, and the exit status MUST be 0 for none but the
 *   new one, printed whole, with its line in the audit log and in the system log;
 * - nothing that was allocated or opened MUST be left, nor a file beside the key file;
 * - "check" MUST find nothing, the next change MUST work, and the keys as well.
 *
 * Time and randomness are the same in each run, so that the new store is the new store to the bit.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liblrkey/store.h"
#include "liblrkey/usage.h"
#include "tests/pam/check.h"

#include "run.h"
#include "stage.h"

#define NOW 1800000000l
#define SEED 7
#define OTHER_SEED 77
#define FAULTS_MAX 200000u
#define SUMS 4096

/* What lrkeyadm says by its exit status. */
#define DONE 0
#define NO 1
#define USAGE 64

/* A command, and what it does to the store that all begin with. */
struct row {
	const char *name;
	const char *args[RUN_ARGS]; /* "@1" is the id of the first key of the store */
	const char *input;
	bool changes;
	bool prints_keys;
	bool makes_store; /* it begins with an empty tree */
	bool changes_masters;
	bool takes_key;	  /* its input is the first key */
	int answer;	  /* besides 0, what is no failure */
};

/* Of the keys in the store, and of the one that only the backup has. */
static char ids[6][13], key[64];

static const struct fault_plan no_fault = { .classes = FAULT_ALL };
static enum fault_how how = FAULT_ONCE;

/* ---- One run ---- */

static void
run_row(const struct row *row, const struct fault_plan *plan, struct run *ret)
{
	char words[RUN_ARGS][128];
	const char *args[RUN_ARGS + 1] = { NULL };

	for (int i = 0; row->args[i] != NULL; i++) {
		if (row->args[i][0] == '@')
			snprintf(words[i], sizeof(words[i]), "%s", ids[row->args[i][1] - '1']);
		else if (row->args[i][0] == '%')
			snprintf(words[i], sizeof(words[i]), "%s/%s", stage_root, row->args[i] + 1);
		else
			snprintf(words[i], sizeof(words[i]), "%s", row->args[i]);
		args[i] = words[i];
	}
	run_lrkeyadm(args, row->takes_key	     ? key :
			   row->input != NULL ? row->input :
						"",
		     SEED, plan, ret);
}

static void
run_well(const char *const *args, unsigned long seed, struct run *ret)
{
	run_lrkeyadm(args, "", seed, &no_fault, ret);
	if (ret->status != 0)
		fail_msg("%s: exit status %d: %s", args[0], ret->status, ret->err);
}


/* ---- The store that all begin with ---- */

static void
make_key(unsigned n, const char *const *args)
{
	struct run run;

	run_well(args, 100 + n, &run);
	assert_int_equal(strncmp(run.out, "lrk_", 4), 0);
	memcpy(ids[n - 1], run.out + 4, 12);
	if (n == 1)
		memcpy(key, run.out, LRK_APIKEY_LEN + 1);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", stage_root, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

/* A key that is used so often, as an authentication leaves it. */
static void
use_key(const char *id, uint64_t uses)
{
	const struct lrk_usage usage = { .uses = uses, .last_used = NOW, .service = "scim" };
	struct lrk_why why = { "" };
	struct lrk_entry entry;
	struct lrk_store store;
	int fd;

	assert_int_equal(lrk_store_open(stage_root, "system", &store, NULL, &why), LRK_OK);
	assert_int_equal(lrk_store_get(&store, id, &entry, &why), LRK_OK);
	assert_int_equal(lrk_usage_open(&store.gate, true, &fd, &why), LRK_OK);
	assert_int_equal(lrk_usage_write(fd, &entry, &usage), LRK_OK);
	close(fd);
	lrk_store_close(&store);
}

#define PASSPHRASE "correct horse battery staple\n"

/* Beside the store, a backup of another future of it: a key more, one revoked, one used. */
static void
make_backup(void)
{
	char path[128], command[512];
	struct run run;

	stage_keep();
	make_key(6, ARGS("generate", "--org", "initech", "--max-uses", "9"));
	use_key(ids[2], 3);
	run_well(ARGS("revoke", "--yes", "--force", ids[1]), 1, &run);
	snprintf(path, sizeof(path), "%s/backup", stage_root);
	run_lrkeyadm(ARGS("export", "--passphrase-fd", "0", path), PASSPHRASE, 1, &no_fault, &run);
	assert_int_equal(run.status, 0);
	snprintf(command, sizeof(command), "cp -p %s %s", path, stage_template);
	assert_int_equal(system(command), 0);
	stage_renew();
}

static void
make_template(void)
{
	struct run run;

	stage_keep();
	fault_time = NOW - 500l * 86400;
	run_well(ARGS("init"), 1, &run);
	make_key(5, ARGS("generate", "--org", "acme", "--expires", "10d"));
	fault_time = NOW;
	make_key(1, ARGS("generate", "--org", "acme", "--scope", "scim,prometheus", "--owner", "root"));
	make_key(2, ARGS("generate", "--org", "acme", "--label", "to be revoked"));
	make_key(3, ARGS("generate", "--org", "globex", "--max-uses", "5", "--allow-from",
			 "192.0.2.0/24"));
	make_backup();
	make_key(4, ARGS("generate", "--org", "acme"));
	run_well(ARGS("deactivate", ids[3]), 1, &run);
	write_file("etc/lrkey/system/policy.conf", "default-expiry=60d\n");
	stage_keep();
}


/* ---- What a run must have left ---- */

static struct {
	struct run run; /* without a fault */
	struct stage_dump before, after;
	char audit[16384];
	/* The trees that were looked at to the end already; most faults leave one of few. */
	uint64_t seen[SUMS];
	unsigned n_seen;
} clean;

static const struct row *row_now;
static unsigned index_now;

/* What is wrong is said with all that leads there. */
static void __attribute__((noreturn))
wrong(const struct run *run, const char *what, const char *more)
{
	fail_msg("%s, call %u, %s(%s) failed: %s: %s\nexit status %d\n%s", row_now->name, index_now,
		 run->log.call, run->log.target, what, more, run->status, run->err);
	abort();
}

static bool
failed_call(const struct run *run, const char *call)
{
	return strcmp(run->log.call, call) == 0;
}

static bool
failed_on(const struct run *run, const char *target)
{
	return strcmp(run->log.target, target) == 0;
}

/* Whether the failed call is one for memory, by a library which may not know what to do then. */
static bool
starved(const struct run *run, const char *library)
{
	return strstr(run->log.call, "alloc") != NULL &&
	       strncmp(run->log.target, library, strlen(library)) == 0;
}

/* Whether the run has told, on a line of its own, that something is not as it should be. */
static bool
has_warned(const struct run *run)
{
	return strstr(run->err, ": warning: ") != NULL || strstr(run->err, "not enough memory") != NULL;
}

/* Whether it has told that it sees accounts only in part, as is then so. */
static bool
sees_no_shadow(const struct run *run)
{
	return failed_call(run, "euidaccess") && strstr(run->err, ": only root sees ") != NULL;
}

/* Its names of users and locales are what they are when many calls fail. */
static bool
is_of_libc(const char *text)
{
	return strstr(text, "/libc.so") != NULL || strstr(text, "/ld-linux") != NULL;
}

static void
judge_process(const struct run *run)
{
	char text[512];

	/* libeconf 0.5 looks at none of its strdup(3). It is asked before anything is begun. */
	if (run->status < 0 && !(run->status == -SIGSEGV && starved(run, "libeconf")))
		wrong(run, "it was killed", strsignal(-run->status));
	if (run->status < 0)
		return;
	if (run->fds_left[0] != '\0')
		wrong(run, "open descriptors", run->fds_left);
	/* Their own: libcrypto keeps what it looked up, libgdbm forgets what it could not open. */
	if (fault_has_leaked(&run->log, &clean.run.log, text, sizeof(text)) &&
	    !(starved(run, "libcrypto") && strstr(text, "/libcrypto.so") != NULL) &&
	    strstr(text, "(gdbm_fd_open)") == NULL &&
	    !(how != FAULT_ONCE && is_of_libc(text)))
		wrong(run, "memory is left", text);
	if (run->status != DONE && run->status != row_now->answer && run->err[0] == '\0' &&
	    !failed_on(run, "stderr"))
		wrong(run, "it says nothing", "");
	if (run->status == USAGE || (run->status == NO && row_now->answer != NO))
		wrong(run, "this is nobody's mistake, and no answer", "");
}

/* Who it was is not known: then he is a number, in the entry, in the audit log, everywhere. */
static bool
has_no_name(const struct run *run)
{
	return failed_call(run, "getpwuid") || failed_call(run, "getgrgid") ||
	       failed_on(run, "loginuid") || (starved(run, "test_commands") &&
						strstr(run->log.lines, "user #") != NULL);
}

static void
judge_done(const struct run *run, const struct stage_dump *dump)
{
	char audit[sizeof(clean.audit)];

	stage_read_file(LRK_VAR "/system/" LRK_AUDIT_FILE, audit, sizeof(audit));
	if (has_no_name(run)) {
		if (row_now->changes && strcmp(dump->keys, clean.before.keys) == 0)
			wrong(run, "done, but nothing has changed", "");
		return;
	}
	if (strcmp(dump->keys, clean.after.keys) != 0)
		wrong(run, "done, but not the new store", dump->keys);
	if (dump->n_masters != clean.after.n_masters)
		wrong(run, "done, but not these master keys", "");
	/* Uses that cannot be read, or reset, are nothing that a key without a limit hangs on. */
	if (strcmp(dump->uses, clean.after.uses) != 0 && !failed_on(run, "usage"))
		wrong(run, "done, but not the new uses", dump->uses);
	if (strcmp(run->out, clean.run.out) != 0 && !(failed_on(run, "usage") && has_warned(run)))
		wrong(run, "done, but printed otherwise", run->out);
	if (strcmp(audit, clean.audit) != 0 && !(failed_on(run, "usage") && has_warned(run)))
		wrong(run, "done, but the audit log is another", audit);
	if (strcmp(run->log.lines, clean.run.log.lines) != 0 &&
	    !(failed_on(run, "usage") && has_warned(run)))
		wrong(run, "done, but the system log is another", run->log.lines);
	if (strcmp(run->err, clean.run.err) != 0 && !has_warned(run) && !failed_on(run, "stderr") &&
	    !sees_no_shadow(run))
		wrong(run, "done, but it says", run->err);
}

static void
judge_failed(const struct run *run, const struct stage_dump *dump)
{
	bool is_old = strcmp(dump->keys, clean.before.keys) == 0 ||
		      (row_now->makes_store && dump->n_masters == 0);
	bool is_new = strcmp(dump->keys, clean.after.keys) == 0;
	char id[13];

	if (!is_old && !is_new)
		wrong(run, "neither the old store nor the new one", dump->keys);
	if (is_old || !row_now->prints_keys || strcmp(run->out, clean.run.out) == 0)
		return;
	/* Whoever sees none of the keys must be able to revoke them. */
	snprintf(id, sizeof(id), "%.12s", strstr(clean.run.out, "lrk_") + 4);
	if (strstr(run->err, id) == NULL)
		wrong(run, "the key is made, not seen, and not named", id);
}

/* Where a rekey was broken off there are two master keys, and another rekey makes an end of it. */
static void
finish_rekey(const struct run *run)
{
	static struct run next;
	static struct stage_dump dump;

	run_lrkeyadm(ARGS("rekey"), "", OTHER_SEED, &no_fault, &next);
	stage_read(&dump);
	if (next.status != DONE || dump.n_masters != 1)
		wrong(run, "the next rekey does not complete it", next.err);
}

/* What a broken-off init has left is no hindrance to the next. */
static void
finish_init(const struct run *run)
{
	static struct run next;

	run_lrkeyadm(ARGS("init"), "", OTHER_SEED, &no_fault, &next);
	if (next.status != DONE)
		wrong(run, "the next init does not complete it", next.err);
}

static void
expect_clean_check(const struct run *run, const char *when)
{
	static struct run check;

	run_lrkeyadm(ARGS("check"), "", OTHER_SEED, &no_fault, &check);
	if (check.status != DONE)
		wrong(run, when, check.out);
}

/* What the store is like, to whoever comes next. */
static void
judge_sequel(const struct run *run, const struct stage_dump *dump)
{
	static struct run next;
	uint64_t sum = stage_sum();

	for (unsigned i = 0; i < clean.n_seen; i++)
		if (clean.seen[i] == sum)
			return;
	assert_true(clean.n_seen < SUMS);
	clean.seen[clean.n_seen++] = sum;
	if (row_now->makes_store && dump->n_masters == 0)
		finish_init(run);
	if (dump->n_masters > 1 || (row_now->changes_masters && how == FAULT_ONWARDS))
		finish_rekey(run);
	/* A slot that is torn is not valid, and its key refused until somebody sets a limit. */
	if (how == FAULT_SHORT && failed_call(run, "pwrite"))
		return;
	/* Nothing is removed, nor taken back, where each call fails: the next change does that. */
	if (how != FAULT_ONWARDS) {
		if (stage_count_keys_files() > 1 && !failed_call(run, "unlinkat"))
			wrong(run, "a file is left beside the key file", "");
		expect_clean_check(run, "check finds something");
	}
	run_lrkeyadm(ARGS("generate", "--org", "next"), "", OTHER_SEED, &no_fault, &next);
	if (next.status != DONE)
		wrong(run, "the next change fails", next.err);
	expect_clean_check(run, "check finds something after the next change");
	if (stage_count_keys_files() != 1)
		wrong(run, "the next change leaves a file beside the key file", "");
}

static void
judge(const struct run *run)
{
	static struct stage_dump dump;

	stage_read(&dump);
	judge_process(run);
	if (run->status == DONE)
		judge_done(run, &dump);
	else
		judge_failed(run, &dump);
	judge_sequel(run, &dump);
}

/* ---- The commands ---- */

#define CHANGES .changes = true
#define PRINTS .prints_keys = true

static struct row rows[] = {
	{ .name = "init", .args = { "init" }, CHANGES, .makes_store = true },
	{ .name = "generate",
	  .args = { "generate", "--org", "acme", "--scope", "a,b", "--owner", "root", "--max-uses", "3",
	    "--allow-from", "::1" }, CHANGES, PRINTS },
	{ .name = "generate three", .args = { "generate", "--org", "acme", "--count", "3", "--output", "%new" },
	  CHANGES },
	{ .name = "generate as JSON", .args = { "generate", "--json", "--org", "acme" }, CHANGES, PRINTS },
	{ .name = "edit", .args = { "edit", "@1", "--label", "new", "--max-uses", "4" }, CHANGES },
	{ .name = "deactivate", .args = { "deactivate", "@1", "@2" }, CHANGES },
	{ .name = "activate", .args = { "activate", "@4" }, CHANGES },
	{ .name = "rotate", .args = { "rotate", "@1" }, CHANGES, PRINTS },
	{ .name = "revoke", .args = { "revoke", "--yes", "--force", "@2", "@3" }, CHANGES },
	{ .name = "revoke with the guard", .args = { "revoke", "--yes", "@4" }, CHANGES },
	{ .name = "prune", .args = { "prune" }, CHANGES },
	{ .name = "rekey", .args = { "rekey" }, CHANGES, .changes_masters = true },
	{ .name = "import", .args = { "import", "--passphrase-fd", "0", "%backup" }, CHANGES, .input = PASSPHRASE },
	{ .name = "export", .args = { "export", "--passphrase-fd", "0", "%out" }, .input = PASSPHRASE },
	{ .name = "list", .args = { "list", "--all" } },
	{ .name = "list as JSON", .args = { "list", "--json" } },
	{ .name = "list as CSV", .args = { "list", "--csv" } },
	{ .name = "show", .args = { "show", "@3" } },
	{ .name = "verify", .args = { "verify" }, .takes_key = true },
	{ .name = "check", .args = { "check" }, .answer = NO },
	{ .name = "metrics", .args = { "metrics" } },
	{ .name = "log", .args = { "log" } },
	{ .name = "review", .args = { "review" }, .answer = NO },
	{ .name = "summary", .args = { NULL } },
};

static void
begin(const struct row *row)
{
	if (row->makes_store)
		stage_clear();
	else
		stage_renew();
}

static void
run_cleanly(const struct row *row)
{
	begin(row);
	clean.n_seen = 0;
	stage_read(&clean.before);
	run_row(row, &no_fault, &clean.run);
	if (clean.run.status != DONE)
		fail_msg("%s: exit status %d: %s", row->name, clean.run.status, clean.run.err);
	stage_read(&clean.after);
	stage_read_file(LRK_VAR "/system/" LRK_AUDIT_FILE, clean.audit, sizeof(clean.audit));
	assert_int_equal(strcmp(clean.before.keys, clean.after.keys) != 0, row->changes);
	index_now = 0;
	judge(&clean.run);
}

/* Until a fault is no longer met with: a run that fails early makes fewer calls. */
static void
test_row(void **state)
{
	static struct run run;
	struct fault_plan plan = { .classes = FAULT_ALL, .how = how };

	row_now = *state;
	run_cleanly(row_now);
	for (plan.index = 1; plan.index < FAULTS_MAX; plan.index++) {
		index_now = plan.index;
		begin(row_now);
		run_row(row_now, &plan, &run);
		if (run.log.struck == 0)
			break;
		judge(&run);
	}
	/* No fewer than the clean run has, or some were passed over. */
	assert_true(how == FAULT_SHORT || how == FAULT_SIGNAL ||
		    plan.index - 1 >= clean.run.log.calls);
	print_message("%s: %u calls\n", row_now->name, plan.index - 1);
}

static int
set_up(void **state)
{
	(void)state;
	fault_set_up();
	stage_set_up();
	run_warm_up();
	make_template();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_tear_down();
	return 0;
}

/* "once", unless an argument says "onwards", "short" or "signal"; a second one names a command. */
int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[COUNT_OF(rows)];
	size_t n = 0;

	if (argc > 1 && !fault_how_from_name(argv[1], &how))
		return 64;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (argc < 3 || strcmp(argv[2], rows[i].name) == 0)
			tests[n++] = (struct CMUnitTest){ .name = rows[i].name,
							  .test_func = test_row,
							  .initial_state = &rows[i] };
	return _cmocka_run_group_tests("commands", tests, n, set_up, tear_down);
}
