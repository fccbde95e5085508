/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures warm PAM transactions of many services side by side:
 *
 *	transact PART CONFDIR ROUNDS <PLAN
 *
 * A line of the plan is "NAME SERVICE USER TOKENS BLOCK OUTCOME [SLOTS]": TOKENS is a file with a
 * password a line, which are used in turn, or "-" for no transaction at all; BLOCK is how many are
 * made in one go; OUTCOME is "ok" or "refused". With SLOTS, a usage file, a slot of it is written and
 * synced after each. Each line gets a process of its own, which lives as long as the program and
 * loads nothing but what its own service needs. In each round each of them makes one block while
 * the others wait, in another order each time: what disturbs the machine meets all alike.
 *
 * Standard output: "PART NAME ROUND NANOSECONDS" with tabulators, the median of each block.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "login.h"

#define PEERS_MAX 64
#define BLOCK_MAX 10000
/* Not measured: after a pause the first ones find cold caches. */
#define WARM_UP 8
#define SLOT_SIZE 128

struct peer {
	char name[64], service[64], user[64], path[512], outcome[16], slots[512];
	unsigned block;
	pid_t pid;
	int to, from;
};

static struct peer peers[PEERS_MAX];
static unsigned n_peers;

static void
read_plan(void)
{
	char line[1024];

	while (n_peers < PEERS_MAX && fgets(line, sizeof(line), stdin) != NULL) {
		struct peer *peer = &peers[n_peers++];

		if (sscanf(line, "%63s %63s %63s %511s %u %15s %511s", peer->name, peer->service,
			   peer->user, peer->path, &peer->block, peer->outcome, peer->slots) < 6 ||
		    peer->block == 0 || peer->block > BLOCK_MAX)
			give_up("plan", line);
	}
}

/* What a peer does over and over. */
struct task {
	struct login login;
	struct tokens tokens; /* or none */
	int slots;	      /* a usage file, or -1 */
	size_t n_done;
};

static struct task
prepare(const char *confdir, const struct peer *peer)
{
	struct task task = { .slots = -1 };

	task.login = (struct login){ confdir, peer->service, peer->user,
				     strcmp(peer->outcome, "refused") == 0 };
	if (strcmp(peer->path, "-") != 0)
		task.tokens = read_tokens(peer->path);
	if (peer->slots[0] != '\0')
		task.slots = open(peer->slots, O_RDWR | O_CLOEXEC);
	if (peer->slots[0] != '\0' && task.slots < 0)
		give_up(peer->slots, strerror(errno));
	return task;
}

/* What the use of a limited key cannot do without: other bytes each time, and on the disk. */
static void
sync_slot(int fd, size_t count)
{
	unsigned char slot[SLOT_SIZE] = { 0 };

	memcpy(slot, &count, sizeof(count));
	if (pwrite(fd, slot, sizeof(slot), SLOT_SIZE) != SLOT_SIZE || fdatasync(fd) != 0)
		give_up("a slot", strerror(errno));
}

static void
do_once(struct task *task)
{
	size_t n = task->n_done++;

	if (task->tokens.n > 0)
		log_in(&task->login, task->tokens.text[n % task->tokens.n]);
	if (task->slots >= 0)
		sync_slot(task->slots, n);
}

static void
measure(const char *confdir, const struct peer *peer)
{
	struct task task = prepare(confdir, peer);
	static uint64_t took[BLOCK_MAX];
	unsigned warm_up = peer->block < WARM_UP ? 1 : WARM_UP;
	uint64_t start, median;
	char go;

	while (read(peer->to, &go, 1) == 1) {
		for (unsigned i = 0; i < warm_up; i++)
			do_once(&task);
		for (unsigned i = 0; i < peer->block; i++) {
			start = now_ns();
			do_once(&task);
			took[i] = now_ns() - start;
		}
		median = median_ns(took, peer->block);
		if (write(peer->from, &median, sizeof(median)) != sizeof(median))
			_exit(1);
	}
	_exit(0);
}

static void
start_peer(const char *confdir, struct peer *peer)
{
	int to[2], from[2];

	if (pipe(to) != 0 || pipe(from) != 0)
		give_up("pipe", strerror(errno));
	peer->pid = fork();
	if (peer->pid < 0)
		give_up("fork", strerror(errno));
	if (peer->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(to[1]);
		close(from[0]);
		peer->to = to[0];
		peer->from = from[1];
		measure(confdir, peer);
	}
	close(to[0]);
	close(from[1]);
	peer->to = to[1];
	peer->from = from[0];
}

static void
run_round(const char *part, unsigned round)
{
	uint64_t median;

	/* A prime above PEERS_MAX as the step visits each of them once, from another start. */
	for (unsigned i = 0; i < n_peers; i++) {
		struct peer *peer = &peers[(round + i * 67u) % n_peers];

		if (write(peer->to, "", 1) != 1 ||
		    read(peer->from, &median, sizeof(median)) != sizeof(median))
			give_up(peer->name, "its process ended");
		printf("%s\t%s\t%u\t%llu\n", part, peer->name, round, (unsigned long long)median);
	}
}

int
main(int argc, char **argv)
{
	unsigned rounds;

	if (argc != 4 || sscanf(argv[3], "%u", &rounds) != 1)
		give_up("usage", "transact PART CONFDIR ROUNDS <PLAN");
	read_plan();
	for (unsigned i = 0; i < n_peers; i++)
		start_peer(argv[2], &peers[i]);
	for (unsigned round = 0; round < rounds; round++)
		run_round(argv[1], round);
	/* Each holds the pipes of those before it. */
	for (unsigned i = 0; i < n_peers; i++)
		close(peers[i].to);
	for (unsigned i = 0; i < n_peers; i++)
		waitpid(peers[i].pid, NULL, 0);
	return fflush(stdout) == 0 ? 0 : 1;
}
