/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three managers change the keys of a store with lrkeyadm, while eight processes and, in one more,
 * sixteen threads authenticate through the module; each answer is then held against what may have
 * been true at that time.
 *
 *	load changes|kills COUNT LOGINS SEED CONFDIR ROOT LRKEYADM DIR
 *	load judge <HISTORY
 *
 * COUNT changes are made, spread over at least LOGINS logins; or, with "kills", commands are made until
 * COUNT of them were killed. DIR has backups to be imported, backup.N, with their keys in
 * backup.N.keys, and their passphrase. The service is "scim", the store "system" below ROOT; its policy
 * has tombstone-age=0s.
 *
 * Prints what was done, and what was wrong. Exit status: 0 when nothing was, else 1; 2 for a wrong
 * call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "tests/pam/code.h"
#include "tests/pam/hooks.h"

#include "command.h"
#include "judge.h"
#include "manager.h"
#include "model.h"
#include "worker.h"

static void
end_well(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		model_wrong("a %s ended with status %#x", who, (unsigned)status);
}

static void
run(void)
{
	pid_t workers[WORKER_PROCESSES], managers[MANAGERS];

	workers_start(workers);
	for (unsigned i = 0; i < MANAGERS; i++) {
		managers[i] = fork();
		if (managers[i] < 0)
			abort();
		if (managers[i] == 0) {
			manager_work(i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < MANAGERS; i++)
		end_well(managers[i], "manager");
	model->done = true;
	for (unsigned i = 0; i < WORKER_PROCESSES; i++)
		end_well(workers[i], "worker");
}

static void
tell(void)
{
	unsigned long codes[256] = { 0 };

	for (unsigned w = 0; w < WORKERS; w++)
		for (uint32_t i = 0; i < model->workers[w].n_events; i++)
			codes[model->workers[w].events[i].code]++;
	printf("%llu logins, %lu of them during a change of their key; %u keys\n",
	       (unsigned long long)model->n_logins, judge_contended, model->n_keys);
	for (int code = 0; code < 256; code++)
		if (codes[code] > 0)
			printf("%s: %lu\n", code_name(code), codes[code]);
	for (unsigned i = 0; i < DEEDS; i++)
		printf("%s: %u done, %u killed, of which %u had come to be; %u had no lock\n",
		       deed_names[i], deed_counts[i].done, deed_counts[i].killed,
		       deed_counts[i].kept, deed_counts[i].busy);
	printf("%u commands, %u killed, %u wrong\n", model->n_changes, model->n_kills,
	       model->n_wrong);
}

static bool
parse(int argc, char **argv)
{
	unsigned count;

	if (argc != 9)
		return false;
	count = (unsigned)strtoul(argv[2], NULL, 10);
	if (strcmp(argv[1], "kills") == 0)
		settings.kills = count;
	else if (strcmp(argv[1], "changes") == 0)
		settings.changes = count;
	settings.logins = strtoull(argv[3], NULL, 10);
	settings.seed = strtoull(argv[4], NULL, 10);
	settings.confdir = argv[5];
	settings.root = argv[6];
	settings.lrkeyadm = argv[7];
	settings.dir = argv[8];
	return settings.kills + settings.changes > 0;
}

int
main(int argc, char **argv)
{
	if (!model_make()) {
		perror("load: memory");
		return 2;
	}
	if (argc == 2 && strcmp(argv[1], "judge") == 0)
		return judge_text();
	if (!parse(argc, argv)) {
		fputs("usage: load changes|kills COUNT LOGINS SEED CONFDIR ROOT LRKEYADM DIR\n",
		      stderr);
		return 2;
	}
	managers_prepare();
	hooks_on_line = model_alarm;
	run();
	judge_all();
	tell();
	return model->n_wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
