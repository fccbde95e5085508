/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "model.h"

#define LOOK_EVERY 500000 /* ns */

struct settings settings;

void
command_add(struct command *command, const char *word)
{
	if (command->n_words == COMMAND_WORDS)
		abort();
	command->words[command->n_words++] = word;
}

static void __attribute__((noreturn)) run_child(const struct command *command, int out)
{
	const char *argv[COMMAND_WORDS + 4] = { settings.lrkeyadm, "--root", settings.root };

	memcpy(argv + 3, command->words, command->n_words * sizeof(argv[0]));
	if (dup2(command->stdin_fd >= 0 ? command->stdin_fd : open("/dev/null", O_RDONLY), 0) < 0 ||
	    dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	execv(settings.lrkeyadm, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
watch_keys(enum kill_time when)
{
	uint32_t event = when == KILL_AT_COPY ? IN_CREATE : IN_MOVED_TO;
	char path[512];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof(path), "%s/var/lib/lrkey/system/keys", settings.root);
	if (fd < 0 || inotify_add_watch(fd, path, event) < 0)
		abort();
	return fd;
}

/* Returns the time for the next look, or for the kill when that is sooner. */
static struct timespec
time_left(const struct command *command, uint64_t kill_time)
{
	uint64_t now = model_time(), wait = LOOK_EVERY;

	if (command->look == NULL)
		wait *= 20;
	if (kill_time != UINT64_MAX && kill_time < now + wait)
		wait = kill_time > now ? kill_time - now : 0;
	return (struct timespec){ .tv_nsec = (long)wait };
}

static void
wait_and_kill(const struct command *command, pid_t pid, int pidfd, int watch)
{
	uint64_t kill_time = UINT64_MAX;
	struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = -1 } };

	if (watch >= 0)
		fds[1] = (struct pollfd){ .fd = watch, .events = POLLIN };
	else if (command->kill == KILL_ANY_TIME)
		kill_time = command->begin + command->kill_after;
	for (;;) {
		struct timespec wait = time_left(command, kill_time);

		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			abort();
		if (fds[0].revents != 0)
			return;
		if (fds[1].revents != 0) {
			kill_time = model_time() + command->kill_after;
			fds[1].fd = -1;
		}
		if (model_time() >= kill_time) {
			kill(pid, SIGKILL);
			return;
		}
		if (command->look != NULL)
			command->look(command->context);
	}
}

void
command_run(struct command *command)
{
	int out = memfd_create("lrkeyadm", MFD_CLOEXEC), watch = -1, pidfd, status;
	pid_t pid;

	if (out < 0)
		abort();
	if (command->kill > KILL_ANY_TIME)
		watch = watch_keys(command->kill);
	command->begin = model_time();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		run_child(command, out);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		abort();
	wait_and_kill(command, pid, pidfd, watch);
	if (waitpid(pid, &status, 0) != pid)
		abort();
	command->end = model_time();
	command->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		model_wrong("%s ended with signal %d", command->words[0], WTERMSIG(status));
	if (command->look != NULL)
		command->look(command->context);
	close(pidfd);
	if (watch >= 0)
		close(watch);
	command->out = fdopen(out, "r+");
	if (command->out == NULL)
		abort();
	rewind(command->out);
}

const char *
command_why(const struct command *command)
{
	static char line[512];

	rewind(command->out);
	while (fgets(line, sizeof(line), command->out) != NULL)
		if (strncmp(line, "lrkeyadm: ", 10) == 0) {
			line[strcspn(line, "\n")] = '\0';
			return line;
		}
	return "no word of why";
}
