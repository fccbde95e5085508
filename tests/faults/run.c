/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "liblrkey/apikey.h"
#include "liblrkey/crypto.h"
#include "liblrkey/owner.h"
#include "tests/pam/check.h"

#include "run.h"
#include "stage.h"

#define FDS 64
/* A run that takes longer hangs. */
#define SECONDS 60

/* lrkeyadm's main(), by another name. */
int lrkeyadm_main(int argc, char **argv);

/* What the child tells besides the log. */
static char *fds_left;

void
run_warm_up(void)
{
	static const uint8_t key[LRK_AES_KEY_LEN], iv[LRK_IV_LEN], tag[LRK_TAG_LEN];
	struct lrk_credential credential;
	char text[LRK_APIKEY_LEN + 1];
	uint8_t sealed[16] = { 0 }, plain[16], made[LRK_TAG_LEN];
	struct lrk_gcm *gcm = NULL;
	struct lrk_why why = { "" };
	int n_groups = 16;
	gid_t groups[16];
	bool usable;

	fds_left = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fds_left != MAP_FAILED);
	assert_int_equal(lrk_apikey_generate(lrk_random, text, &credential), LRK_OK);
	assert_int_equal(lrk_gcm_seal(key, iv, "", 0, sealed, sizeof(sealed), plain, made), LRK_OK);
	/* The first error makes this thread's queue of errors. */
	assert_int_equal(lrk_gcm_begin(key, &gcm), LRK_OK);
	assert_int_equal(lrk_gcm_open(gcm, iv, "", 0, sealed, sizeof(sealed), tag, plain),
			 LRK_ERR_DAMAGED);
	lrk_gcm_end(gcm);
	assert_int_equal(lrk_scrypt("", 0, key, made), LRK_OK);
	/* Databases are opened, or found missing; the locale is loaded. */
	getpwuid(geteuid());
	getgrgid(getegid());
	getpwnam("root");
	getgrnam("root");
	getgrouplist("root", 0, groups, &n_groups);
	assert_int_equal(lrk_owner_is_usable("root", 0, &usable, &why), LRK_OK);
	setlocale(LC_CTYPE, "");
}

static int
make_input(const char *text)
{
	int fd = memfd_create("input", 0);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static unsigned long
open_fds(void)
{
	unsigned long open = 0;

	for (int fd = 0; fd < FDS; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= 1ul << fd;
	return open;
}

/* All but the standard output, which lrkeyadm closes itself. */
static void
note_fds(unsigned long before)
{
	unsigned long now = open_fds() & ~before;

	fds_left[0] = '\0';
	for (int fd = 0; fd < FDS; fd++)
		if ((now & 1ul << fd) != 0)
			snprintf(fds_left + strlen(fds_left), 8, " %d", fd);
}

static void
run_child(int argc, char **argv, int in, int out, int err, unsigned long seed,
	  const struct fault_plan *plan)
{
	static const int caught[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };
	unsigned long before;
	int status;

	/* cmocka's handlers would go on with the tests, in here. */
	for (size_t i = 0; i < COUNT_OF(caught); i++)
		signal(caught[i], SIG_DFL);
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2)
		abort();
	close(in);
	close(out);
	close(err);
	alarm(SECONDS);
	before = open_fds();
	fault_seed = seed;
	fault_arm(plan);
	status = lrkeyadm_main(argc, argv);
	fault_disarm();
	fault_note_live();
	note_fds(before);
	_exit(status);
}

static void
take_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

void
run_lrkeyadm(const char *const *args, const char *input, unsigned long seed,
	     const struct fault_plan *plan, struct run *ret)
{
	static char name[] = "lrkeyadm", root[] = "--root";
	char *argv[RUN_ARGS + 4] = { name, root, stage_root };
	int in = make_input(input), status = 0, argc = 3;
	int out = memfd_create("out", 0), err = memfd_create("err", 0);
	pid_t child;

	for (; *args != NULL; args++)
		argv[argc++] = (char *)(uintptr_t)*args;
	assert_true(argc < RUN_ARGS + 4 && out >= 0 && err >= 0);
	/* Else it warns that others may read the keys. */
	assert_true(fchmod(out, 0600) == 0 && fchmod(err, 0600) == 0);
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_child(argc, argv, in, out, err, seed, plan);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	ret->log = *fault_log;
	snprintf(ret->fds_left, sizeof(ret->fds_left), "%s", fds_left);
	take_text(out, ret->out, sizeof(ret->out));
	take_text(err, ret->err, sizeof(ret->err));
	close(in);
}
