/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log daemon for tests: writes what programs send to syslog into a file.
 *
 *	devlog serve SOCKET FILE	prints "ready", and serves until its standard input ends
 *	devlog sync SOCKET		returns once all that was sent before is in the file
 *
 * A line of the file is one message, "<PRIORITY>...", its control bytes as \xNN: a message
 * that holds a newline cannot pass for two. It may be the first process of a PID namespace:
 * its end is then the end of all others there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 8192
#define SYNC_WORD "devlog-sync"
#define SYNC_SECONDS 10

static int
fail(const char *what)
{
	fprintf(stderr, "devlog: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

static int
set_name(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
write_line(int fd, const char *message, size_t length)
{
	char line[MESSAGE_MAX * 4 + 1];
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)message[i];

		if (c >= 0x20 && c != 0x7f)
			line[used++] = message[i];
		else if (c != '\0' || i + 1 < length) /* some senders count their NUL */
			used += (size_t)sprintf(line + used, "\\x%02x", c);
	}
	line[used++] = '\n';
	return write(fd, line, used) == (ssize_t)used ? 0 : -1;
}

/* The next message; -1, and no errno, when standard input has ended. */
static ssize_t
receive(int fd, char message[static MESSAGE_MAX], struct sockaddr_un *sender, socklen_t *length)
{
	struct pollfd wait[] = { { .fd = fd, .events = POLLIN },
				 { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		if (poll(wait, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (wait[1].revents != 0) {
			errno = 0;
			return -1;
		}
		*length = sizeof(*sender);
		return recvfrom(fd, message, MESSAGE_MAX, 0, (struct sockaddr *)sender, length);
	}
}

static int
serve(const char *path, const char *file)
{
	struct sockaddr_un address, sender;
	char message[MESSAGE_MAX];
	socklen_t length;
	ssize_t n;
	int fd, log;

	/* The first process inherits others' children: let the kernel see to them. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		return fail("SIGCHLD");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_name(&address, path) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0666) != 0)
		return fail(path);
	log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0)
		return fail(file);
	puts("ready");
	if (fflush(stdout) != 0 || freopen("/dev/null", "w", stdout) == NULL)
		return fail("standard output");

	while ((n = receive(fd, message, &sender, &length)) >= 0) {
		if (n == sizeof(SYNC_WORD) && memcmp(message, SYNC_WORD, sizeof(SYNC_WORD)) == 0) {
			/* Who asked may be gone. */
			(void)sendto(fd, SYNC_WORD, sizeof(SYNC_WORD), 0,
				     (const struct sockaddr *)&sender, length);
		} else if (write_line(log, message, (size_t)n) != 0) {
			return fail(file);
		}
	}
	return errno == 0 ? EXIT_SUCCESS : fail("receiving");
}

static int
synchronise(const char *path)
{
	const struct timeval limit = { .tv_sec = SYNC_SECONDS };
	const struct sockaddr_un self = { .sun_family = AF_UNIX };
	struct sockaddr_un address;
	char answer[sizeof(SYNC_WORD)];
	int fd;

	/* Bound to no more than the family, it gets a name of its own from the kernel. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_name(&address, path) != 0 ||
	    bind(fd, (const struct sockaddr *)&self, sizeof(self.sun_family)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    send(fd, SYNC_WORD, sizeof(SYNC_WORD), 0) != sizeof(SYNC_WORD) ||
	    recv(fd, answer, sizeof(answer), 0) != sizeof(answer))
		return fail(path);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "sync") == 0)
		return synchronise(argv[2]);
	fputs("usage: devlog serve SOCKET FILE | devlog sync SOCKET\n", stderr);
	return 64;
}
