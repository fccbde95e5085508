/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM host for demonstrations and shell tests:
 *
 *	pamhost --confdir DIR --service NAME --user NAME [--rhost HOST] [--silent] [--wait-stdin]
 *
 * reads a token as a line from standard input, authenticates with it, asks for the
 * account when that succeeds, and prints what came of it, in the order in which it came:
 *
 *	log: LEVEL TEXT			a line for the system log, which does not get it
 *	text: TEXT, error: TEXT		a message to the user
 *	pam_authenticate: CODE		PAM_SUCCESS and the like
 *	pam_acct_mgmt: CODE
 *	env: LRKEY_NAME=VALUE		after success of both
 *
 * With --silent it passes PAM_SILENT. With --wait-stdin it waits for another line (or the
 * end) of standard input before it asks for the account. Exit status: 0 when
 * both succeed, 1 when one is refused, 2 for a wrong command line or no libpam.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "code.h"
#include "hooks.h"

#define TOKEN_MAX 4096

struct settings {
	const char *confdir, *service, *user, *rhost;
	bool silent, wait;
};

static void
print_line(const struct hooks_line *line)
{
	printf("log: %s %s\n", hooks_level_name(line->level), line->text);
}

/* Reads a line byte by byte, so that nothing of it stays in a buffer; false at the end. */
static bool
read_line(char *line, size_t size)
{
	size_t used = 0;
	char c = '\0';

	while (used < size - 1 && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		line[used++] = c;
	line[used] = '\0';
	return used > 0 || c == '\n';
}

static char *
read_token(void)
{
	char line[TOKEN_MAX];
	char *token = read_line(line, sizeof(line)) ? strdup(line) : NULL;

	explicit_bzero(line, sizeof(line));
	return token;
}

static void
pass_line(void)
{
	char c;

	do {
		c = '\n';
	} while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n');
}

static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		switch (messages[i]->msg_style) {
		case PAM_PROMPT_ECHO_OFF:
			responses[i].resp = read_token();
			break;
		case PAM_TEXT_INFO:
			printf("text: %s\n", messages[i]->msg);
			break;
		case PAM_ERROR_MSG:
			printf("error: %s\n", messages[i]->msg);
			break;
		default:
			break;
		}
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static void
print_environment(pam_handle_t *pamh)
{
	char **list = pam_getenvlist(pamh);

	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if (strncmp(list[i], "LRKEY_", 6) == 0)
			printf("env: %s\n", list[i]);
		free(list[i]);
	}
	free(list);
}

static int
run(pam_handle_t *pamh, const struct settings *settings)
{
	int flags = settings->silent ? (int)PAM_SILENT : 0;
	int code;

	code = pam_authenticate(pamh, flags);
	printf("pam_authenticate: %s\n", code_name(code));
	if (code != PAM_SUCCESS)
		return code;
	if (settings->wait)
		pass_line();
	code = pam_acct_mgmt(pamh, flags);
	printf("pam_acct_mgmt: %s\n", code_name(code));
	if (code == PAM_SUCCESS)
		print_environment(pamh);
	return code;
}

static bool
parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "confdir", required_argument, NULL, 'c' },
		{ "service", required_argument, NULL, 's' },
		{ "user", required_argument, NULL, 'u' },
		{ "rhost", required_argument, NULL, 'r' },
		{ "silent", no_argument, NULL, 'q' },
		{ "wait-stdin", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			settings->confdir = optarg;
			break;
		case 's':
			settings->service = optarg;
			break;
		case 'u':
			settings->user = optarg;
			break;
		case 'r':
			settings->rhost = optarg;
			break;
		case 'q':
			settings->silent = true;
			break;
		case 'w':
			settings->wait = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && settings->confdir != NULL && settings->service != NULL &&
	       settings->user != NULL;
}

int
main(int argc, char **argv)
{
	static const struct pam_conv conversation = { converse, NULL };
	struct settings settings = { 0 };
	pam_handle_t *pamh = NULL;
	int code;

	if (!parse(argc, argv, &settings)) {
		fprintf(stderr, "usage: pamhost --confdir DIR --service NAME --user NAME "
				"[--rhost HOST] [--silent] [--wait-stdin]\n");
		return 2;
	}
	/* Whoever waits for a line before it goes on must see it. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	hooks_on_line = print_line;
	code = pam_start_confdir(settings.service, settings.user, &conversation, settings.confdir,
				 &pamh);
	if (code == PAM_SUCCESS && settings.rhost != NULL)
		code = pam_set_item(pamh, PAM_RHOST, settings.rhost);
	if (code != PAM_SUCCESS) {
		fprintf(stderr, "pamhost: libpam: %s\n", code_name(code));
		return 2;
	}
	code = run(pamh, &settings);
	pam_end(pamh, code);
	return code == PAM_SUCCESS ? 0 : 1;
}
