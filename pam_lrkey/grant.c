/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <security/pam_ext.h>

#include <lrkey/text.h>

#include "grant.h"

/* How long before its end the holder of a key is told. */
#define NOTICE_SECONDS ((int64_t)14 * 86400)

#define SCOPES_TEXT (LRK_SCOPES_MAX * (LRK_SCOPE_MAX + 1))

static const char *const names[] = {
	"LRKEY_EXPIRES", "LRKEY_ID", "LRKEY_LABEL", "LRKEY_ORG", "LRKEY_SCOPES",
};

void
grant_withdraw_environment(const struct call *call)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pam_getenv(call->pamh, names[i]) != NULL)
			pam_putenv(call->pamh, names[i]);
}

/* The longest value. */
#define VALUE_TEXT SCOPES_TEXT
_Static_assert(LRK_LABEL_MAX < VALUE_TEXT, "a label is no longer than scopes can be");

static int
put(const struct call *call, const char *name, const char *value)
{
	char text[32 + VALUE_TEXT];
	size_t used = lrk_append(text, 0, sizeof(text), name);

	used = lrk_append(text, used, sizeof(text), "=");
	lrk_append(text, used, sizeof(text), value);
	return pam_putenv(call->pamh, text) == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* "scim,prometheus" */
static void
join_scopes(const struct lrk_entry *entry, char text[static SCOPES_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < entry->n_scopes; i++) {
		used = lrk_append(text, used, SCOPES_TEXT, i > 0 ? "," : "");
		used = lrk_append(text, used, SCOPES_TEXT, entry->scopes[i]);
	}
}

int
grant_environment(const struct call *call, const struct lrk_entry *entry)
{
	char scopes[SCOPES_TEXT], expires[LRK_TIME_TEXT];
	int code;

	join_scopes(entry, scopes);
	lrk_time_format(entry->expires, expires);
	code = put(call, "LRKEY_ID", entry->id);
	if (code == PAM_SUCCESS)
		code = put(call, "LRKEY_ORG", entry->org);
	if (code == PAM_SUCCESS)
		code = put(call, "LRKEY_LABEL", entry->label);
	if (code == PAM_SUCCESS)
		code = put(call, "LRKEY_SCOPES", scopes);
	if (code == PAM_SUCCESS)
		code = put(call, "LRKEY_EXPIRES", expires);
	if (code != PAM_SUCCESS)
		grant_withdraw_environment(call);
	return code;
}

void
grant_notice(const struct call *call, const struct lrk_answer *answer, int64_t now)
{
	const struct lrk_entry *entry = &answer->entry;
	bool deprecated = answer->state == LRK_STATE_DEPRECATED;
	bool soon = entry->expires != LRK_NEVER && entry->expires - now <= NOTICE_SECONDS;
	char expires[LRK_TIME_TEXT];

	if (((unsigned)call->flags & PAM_SILENT) != 0 || (!deprecated && !soon))
		return;
	lrk_time_format(entry->expires, expires);
	/* A service that cannot show it has let its client in all the same. */
	(void)pam_info(call->pamh, "API key %s %s %s.", entry->id,
		       deprecated ? "is deprecated and ends at" : "ends at", expires);
}
