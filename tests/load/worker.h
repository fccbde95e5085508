/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Those who authenticate: eight processes of one thread, and one of sixteen. */
#ifndef TESTS_LOAD_WORKER_H
#define TESTS_LOAD_WORKER_H

#include <sys/types.h>

#define WORKER_PROCESSES 9

/* Starts them; they end when the model says that all is done. */
void workers_start(pid_t pids[static WORKER_PROCESSES]);

#endif
