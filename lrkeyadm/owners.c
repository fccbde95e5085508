/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/names.h>

#include "liblrkey/owner.h"
#include "owners.h"

struct owner {
	char user[LRK_USER_MAX + 1];
	enum status status;
	bool usable;
};

static int
compare(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return strcmp(x->user, y->user);
}

static enum status
ask(struct owner *owner, int64_t now)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_owner_is_usable(owner->user, now, &owner->usable, &why);

	return err == LRK_OK ? STATUS_OK : fail_core(err, "owner", &why);
}

enum status
owners_look_up(struct owners *owners, const char *user, int64_t now, bool *ret_usable)
{
	struct owner key = { .usable = false }, *owner;
	struct owner *const *found;

	strncpy(key.user, user, sizeof(key.user) - 1);
	found = tfind(&key, &owners->tree, compare);
	if (found == NULL) {
		owner = malloc(sizeof(*owner));
		if (owner == NULL)
			return fail_memory();
		*owner = key;
		found = tsearch(owner, &owners->tree, compare);
		if (found == NULL) {
			free(owner);
			return fail_memory();
		}
		owner->status = ask(owner, now);
	}
	*ret_usable = (*found)->usable;
	return (*found)->status;
}

void
owners_free(struct owners *owners)
{
	tdestroy(owners->tree, free);
	owners->tree = NULL;
}
