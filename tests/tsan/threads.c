/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM host with threads, as a threaded web server is one, to be run under ThreadSanitizer:
 *
 *	threads CONFDIR SERVICE ROUNDS
 *
 * Standard input has a login a line: USER TOKEN WANTED. Each of the threads does all of them
 * ROUNDS times, each thread beginning with another one, and each in a PAM transaction of
 * its own. WANTED is how often a login is to be let in: "all", "none" or a number.
 *
 * Exit status: 0 when each was let in as often as wanted, else 1 and a line for
 * each that was not; 2 for a wrong call.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#define THREADS 8
#define LOGINS_MAX 64
#define ROUNDS_MAX 10000

struct login {
	char user[80];
	char token[128];
	char wanted[16];
	atomic_ulong granted;
};

static struct login logins[LOGINS_MAX];
static size_t n_logins;
static const char *confdir;
static const char *service;
static unsigned long rounds;
static atomic_ulong others; /* what is neither success nor a refusal */
static pthread_barrier_t start;

static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *context)
{
	const struct login *login = context;
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
			continue;
		responses[i].resp = strdup(login->token);
		if (responses[i].resp == NULL) {
			while (i-- > 0)
				free(responses[i].resp);
			free(responses);
			return PAM_BUF_ERR;
		}
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static bool
is_refusal(int code)
{
	return code == PAM_AUTH_ERR || code == PAM_PERM_DENIED || code == PAM_ACCT_EXPIRED ||
	       code == PAM_MAXTRIES;
}

/* One transaction, with the module's environment read as a server would. */
static void
log_in(struct login *login)
{
	const struct pam_conv conversation = { .conv = converse, .appdata_ptr = login };
	pam_handle_t *pamh = NULL;
	const char *organization;
	int code;

	code = pam_start_confdir(service, login->user, &conversation, confdir, &pamh);
	if (code != PAM_SUCCESS) {
		others++;
		return;
	}
	if (pam_set_item(pamh, PAM_RHOST, "192.0.2.7") != PAM_SUCCESS)
		others++;
	code = pam_authenticate(pamh, PAM_SILENT);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pamh, PAM_SILENT);
	if (code == PAM_SUCCESS) {
		organization = pam_getenv(pamh, "LRKEY_ORG");
		if (organization != NULL && strcmp(organization, login->user) == 0)
			login->granted++;
		else
			others++;
	} else if (!is_refusal(code)) {
		others++;
	}
	if (pam_end(pamh, code) != PAM_SUCCESS)
		others++;
}

static void *
run(void *context)
{
	size_t first = *(const size_t *)context;

	pthread_barrier_wait(&start);
	for (unsigned long round = 0; round < rounds; round++)
		for (size_t i = 0; i < n_logins; i++)
			log_in(&logins[(first + i) % n_logins]);
	return NULL;
}

static int
run_all(void)
{
	pthread_t threads[THREADS];
	size_t numbers[THREADS];

	if (pthread_barrier_init(&start, NULL, THREADS) != 0)
		return -1;
	for (size_t i = 0; i < THREADS; i++) {
		numbers[i] = i;
		errno = pthread_create(&threads[i], NULL, run, &numbers[i]);
		if (errno != 0) {
			perror("threads");
			exit(2);
		}
	}
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_join(threads[i], NULL) != 0)
			return -1;
	return pthread_barrier_destroy(&start) == 0 ? 0 : -1;
}

static bool
read_logins(void)
{
	struct login *login = logins;
	char line[256], more;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (n_logins == LOGINS_MAX || sscanf(line, "%79s %127s %15s %c", login->user,
						     login->token, login->wanted, &more) != 3)
			return false;
		login++;
		n_logins++;
	}
	return n_logins > 0;
}

static unsigned long
wanted_of(const struct login *login)
{
	if (strcmp(login->wanted, "all") == 0)
		return THREADS * rounds;
	if (strcmp(login->wanted, "none") == 0)
		return 0;
	return strtoul(login->wanted, NULL, 10);
}

static int
judge(void)
{
	int result = EXIT_SUCCESS;

	for (size_t i = 0; i < n_logins; i++) {
		unsigned long granted = logins[i].granted, wanted = wanted_of(&logins[i]);

		if (granted != wanted) {
			printf("login %zu of %s: %lu let in, not %lu\n", i + 1, logins[i].user,
			       granted, wanted);
			result = EXIT_FAILURE;
		}
	}
	if (others > 0) {
		printf("%lu came to something else\n", (unsigned long)others);
		result = EXIT_FAILURE;
	}
	return result;
}

int
main(int argc, char **argv)
{
	if (argc != 4 || (rounds = strtoul(argv[3], NULL, 10)) == 0 || rounds > ROUNDS_MAX ||
	    !read_logins()) {
		fputs("usage: threads CONFDIR SERVICE ROUNDS <LOGINS\n", stderr);
		return 2;
	}
	confdir = argv[1];
	service = argv[2];
	if (run_all() != 0) {
		fputs("threads: they cannot be run\n", stderr);
		return 2;
	}
	return judge();
}
