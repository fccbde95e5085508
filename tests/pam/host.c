/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

struct host host;
const char *check_row = "none";

static const char *
setting(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		fail_msg("%s is not set: run the tests with make check", name);
	return value;
}

const char *
host_module(void)
{
	return setting("LRKEY_MODULE");
}

int
host_set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	check_row = "none";
	snprintf(host.root, sizeof(host.root), "/tmp/lrkey-pam.XXXXXX");
	if (mkdtemp(host.root) == NULL)
		return -1;
	snprintf(host.confdir, sizeof(host.confdir), "%s/pam.d", host.root);
	if (mkdir(host.confdir, 0755) != 0)
		return -1;
	hooks_set_clock(STOCK_NOW, 0);
	hooks_no_clock = hooks_no_environment = hooks_no_data = false;
	hooks_no_engine = hooks_no_digest = false;
	stock_make_store(host.root, LRK_STORE_DEFAULT);
	host_write_service("other", "auth required pam_deny.so\naccount required pam_deny.so\n");
	hooks_forget();
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int
host_tear_down(void **state)
{
	(void)state;
	host_end();
	hooks_release_clock();
	return nftw(host.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
host_write_service(const char *service, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", host.confdir, service);
	file = fopen(path, "we");
	assert_non_null(file);
	for (; *text != '\0'; text++) {
		if (*text == '@')
			fprintf(file, "%s root=%s", host_module(), host.root);
		else if (*text == '&')
			fprintf(file, "%s/tests/pam/pam_next.so", setting("LRKEY_BUILD"));
		else
			fputc(*text, file);
	}
	assert_int_equal(fclose(file), 0);
}

void
host_write_plain_service(const char *service, const char *options)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "auth [success=done ignore=ignore default=die] @ %s\n"
		 "auth required & auth=%d\n"
		 "account [success=done ignore=ignore default=die] @ %s\n"
		 "account required & account=%d\n",
		 options, PAM_CRED_EXPIRED, options, PAM_CRED_EXPIRED);
	host_write_service(service, text);
}

void
host_answer(enum host_answer kind, const char *text, int code)
{
	assert_true(host.n_script < COUNT_OF(host.script));
	host.script[host.n_script].kind = kind;
	host.script[host.n_script].text = text;
	host.script[host.n_script].code = code;
	host.n_script++;
}

static int
answer_prompt(const char *prompt, struct pam_response *response)
{
	unsigned i = host.n_answered;

	host.n_prompts++;
	snprintf(host.prompt, sizeof(host.prompt), "%s", prompt);
	if (host.n_script == 0)
		return PAM_CONV_ERR;
	if (i >= host.n_script)
		i = host.n_script - 1;
	host.n_answered++;
	if (host.script[i].kind == HOST_FAIL)
		return host.script[i].code;
	if (host.script[i].kind == HOST_TEXT)
		response->resp = strdup(host.script[i].text);
	if (host.script[i].kind == HOST_BYTES) {
		size_t length = (size_t)host.script[i].code;

		response->resp = calloc(1, length + 1);
		if (response->resp != NULL)
			memcpy(response->resp, host.script[i].text, length);
	}
	return PAM_SUCCESS;
}

static int
show_text(const char *text)
{
	host.n_texts++;
	snprintf(host.text, sizeof(host.text), "%s", text);
	return host.texts_fail ? PAM_CONV_ERR : PAM_SUCCESS;
}

static bool
gives_no_response(void)
{
	unsigned i = host.n_answered > 0 ? host.n_answered - 1 : 0;

	if (i >= host.n_script)
		i = host.n_script - 1;
	return host.n_script > 0 && host.script[i].kind == HOST_NO_RESPONSE;
}

static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));
	int code = PAM_SUCCESS;

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n && code == PAM_SUCCESS; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			code = answer_prompt(messages[i]->msg, &responses[i]);
		else
			code = show_text(messages[i]->msg);
	}
	if (code != PAM_SUCCESS || gives_no_response()) {
		for (int i = 0; i < n; i++)
			free(responses[i].resp);
		free(responses);
		responses = NULL;
	}
	*ret = responses;
	return code;
}

void
host_start(const char *service, const char *user, const char *rhost)
{
	static const struct pam_conv conversation = { converse, NULL };

	host_end();
	host.n_script = host.n_answered = host.n_prompts = host.n_texts = 0;
	host.prompt[0] = host.text[0] = '\0';
	assert_code(pam_start_confdir(service, user, &conversation, host.confdir, &host.pamh),
		    PAM_SUCCESS);
	if (rhost != NULL)
		assert_code(pam_set_item(host.pamh, PAM_RHOST, rhost), PAM_SUCCESS);
}

int
host_authenticate(int flags)
{
	return pam_authenticate(host.pamh, flags);
}

int
host_account(int flags)
{
	return pam_acct_mgmt(host.pamh, flags);
}

void
host_end(void)
{
	if (host.pamh != NULL)
		pam_end(host.pamh, PAM_SUCCESS);
	host.pamh = NULL;
}

int
host_try(const char *user, const char *token, const char *rhost)
{
	host_start(HOST_SERVICE, user, rhost);
	host_answer(HOST_TEXT, token, 0);
	return host_authenticate(0);
}

const char *
host_env(const char *name)
{
	const char *value = pam_getenv(host.pamh, name);

	return value != NULL ? value : "";
}

const char *
host_path(const char *path)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s/%s", host.root, path);
	return name;
}

void
host_move(const char *from, const char *to)
{
	char old[256];

	snprintf(old, sizeof(old), "%s/%s", host.root, from);
	assert_int_equal(rename(old, host_path(to)), 0);
}
