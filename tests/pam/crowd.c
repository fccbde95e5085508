/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "liblrkey/store.h"

#include "check.h"
#include "crowd.h"
#include "disk.h"
#include "hooks.h"
#include "host.h"

struct crowd *crowd;
struct stock_key crowd_key;

/* What is needed to look at the key's slot at any time. */
static struct lrk_entry entry;
static int usage_fd = -1;

static uint64_t limit;

static void
set_limit(struct lrk_entry *changed)
{
	changed->max_uses = limit;
}

void
crowd_make_key(uint64_t max_uses)
{
	limit = max_uses;
	crowd_key = stock_make_key(host.root, LRK_STORE_DEFAULT, set_limit);
	entry = stock_read_key(host.root, LRK_STORE_DEFAULT, &crowd_key);
	memset(crowd, 0, sizeof(*crowd));
}

int
crowd_set_up(void **state)
{
	disk_reset();
	if (host_set_up(state) != 0)
		return -1;
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	usage_fd = open(host_path(LRK_VAR "/system/" LRK_USAGE_FILE), O_RDONLY | O_CLOEXEC);
	host_write_plain_service(HOST_SERVICE, "log=all");
	return crowd != MAP_FAILED && usage_fd >= 0 ? 0 : -1;
}

int
crowd_tear_down(void **state)
{
	hooks_on_line = NULL;
	disk_reset();
	close(usage_fd);
	munmap(crowd, sizeof(*crowd));
	return host_tear_down(state);
}

struct lrk_usage
crowd_usage(void)
{
	return stock_read_usage(host.root, LRK_STORE_DEFAULT, &crowd_key);
}

static void
note_line(const struct hooks_line *line)
{
	struct lrk_usage usage;
	bool valid = false;
	unsigned accepted;

	if (strstr(line->text, "accepted: key ") == NULL)
		return;
	accepted = ++crowd->accepted;
	/* Somebody else may be in the middle of writing. */
	for (int i = 0; i < 1000 && !valid; i++)
		if (lrk_usage_read(usage_fd, &entry, &usage, &valid) != LRK_OK)
			break;
	if (!valid || usage.uses < accepted)
		crowd->not_on_record++;
}

void
crowd_watch(void)
{
	hooks_on_line = note_line;
}

static int
answer_with_key(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(crowd_key.text);
	*ret = responses;
	return PAM_SUCCESS;
}

pam_handle_t *
crowd_open_handle(void)
{
	static const struct pam_conv conversation = { answer_with_key, NULL };
	pam_handle_t *pamh = NULL;

	if (pam_start_confdir(HOST_SERVICE, "acme", &conversation, host.confdir, &pamh) !=
	    PAM_SUCCESS)
		return NULL;
	if (pam_setcred(pamh, PAM_ESTABLISH_CRED) == PAM_SUCCESS)
		return pamh;
	pam_end(pamh, PAM_SUCCESS);
	return NULL;
}

int
crowd_attempt(pam_handle_t *pamh)
{
	int code = pam_authenticate(pamh, 0);

	crowd->codes[code & 31]++;
	return code;
}
