/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM host for tests: service files of the test's own, a conversation that
 * follows a script, and one handle at a time.
 */
#ifndef TESTS_PAM_HOST_H
#define TESTS_PAM_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <security/pam_appl.h>

#define HOST_SERVICE "scim"

enum host_answer {
	HOST_TEXT,	  /* the text */
	HOST_BYTES,	  /* as many bytes of the text as the code says, then a NUL */
	HOST_NULL,	  /* success, and a response without a text */
	HOST_NO_RESPONSE, /* success, and no response */
	HOST_FAIL,	  /* the code */
};

/* One run of a test program; made anew for each test. */
struct host {
	char root[64];	  /* holds etc/lrkey and var/lib/lrkey */
	char confdir[96];
	pam_handle_t *pamh;
	/* What the next prompts get; each answers one of them, the last all that follow. */
	struct {
		enum host_answer kind;
		const char *text;
		int code;
	} script[4];
	unsigned n_script, n_answered;
	unsigned n_prompts;
	char prompt[64]; /* the last */
	bool texts_fail; /* showing a text fails, too */
	unsigned n_texts;
	char text[512]; /* the last */
};

extern struct host host;

/* cmocka's setup and teardown: a store "system", the clock at STOCK_NOW, no lines, no script. */
int host_set_up(void **state);
int host_tear_down(void **state);

/* The module under test. */
const char *host_module(void);

/*
 * Writes a service file. In its text "@" becomes the module with the store's root, and
 * "&" the module pam_next.
 */
void host_write_service(const char *service, const char *text);

/* "@" for auth and account, with options; PAM_IGNORE comes out as PAM_CRED_EXPIRED. */
void host_write_plain_service(const char *service, const char *options);

void host_answer(enum host_answer kind, const char *text, int code);

/* A new handle; user and rhost may be NULL. The script is empty, what was shown forgotten. */
void host_start(const char *service, const char *user, const char *rhost);
int host_authenticate(int flags);
int host_account(int flags);
void host_end(void);

/* A handle that authenticates to HOST_SERVICE with this token, without flags. It stays open. */
int host_try(const char *user, const char *token, const char *rhost);

/* A variable of the PAM environment, or "" when it is not set. */
const char *host_env(const char *name);

/* The name of something under root, until the next call. */
const char *host_path(const char *path);
/* Renames something under root. */
void host_move(const char *from, const char *to);

#endif
