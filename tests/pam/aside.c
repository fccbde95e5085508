/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aside.h"
#include "check.h"

/* Who is nobody on every system. */
#define NOBODY 65534

pid_t
aside_start(int (*part)(const void *data), const void *data)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A test that fails does not come to end it. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
			_exit(1);
		_exit(part(data));
	}
	return pid;
}

void
aside_run(const char *(*part)(const void *data), const void *data)
{
	char wrong[1024];
	size_t used = 0;
	int ends[2], status = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const char *text = part(data);

		if (text != NULL)
			dprintf(ends[1], "%s (in row: %s)", text, check_row);
		_exit(0);
	}
	close(ends[1]);
	while (used < sizeof(wrong) - 1 &&
	       (n = read(ends[0], wrong + used, sizeof(wrong) - 1 - used)) > 0)
		used += (size_t)n;
	wrong[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (used > 0)
		fail_msg("%s", wrong);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("ended with wait status %#x (in row: %s)", (unsigned)status, check_row);
}

bool
aside_become_verifier(void)
{
	gid_t group = getegid();

	if (geteuid() != 0)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(group, group, group) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool
enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char text[64];

	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	/* Our own files stay our own, by the numbers that they have outside. */
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (!write_file("/proc/self/uid_map", text) || !write_file("/proc/self/setgroups", "deny"))
		return false;
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_file("/proc/self/gid_map", text);
}

bool
aside_own_mounts(const char *left_out)
{
	if (enter_namespaces() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	dprintf(STDOUT_FILENO, "# *** LEFT OUT, because there are no namespaces to be had (%s): %s\n",
		strerror(errno), left_out);
	return false;
}
