/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "attributes.h"

/* Whether there is a value to be looked at. */
static bool
is_value(const struct attributes *given, const char *value, const char *clear)
{
	return value != NULL && !(given->may_clear && strcmp(value, clear) == 0);
}

enum status
attributes_parse(const struct attributes *given, struct lrk_entry *entry)
{
	enum status status = STATUS_OK;

	if (is_value(given, given->label, "")) {
		status = value_label("--label", given->label);
		if (status == STATUS_OK)
			memcpy(entry->label, given->label, strlen(given->label) + 1);
	}
	if (status == STATUS_OK && is_value(given, given->owner, "")) {
		status = value_owner("--owner", given->owner);
		if (status == STATUS_OK)
			memcpy(entry->owner, given->owner, strlen(given->owner) + 1);
	}
	if (status == STATUS_OK && given->scopes != NULL)
		status = value_scopes("--scope", given->scopes, entry);
	if (status == STATUS_OK && is_value(given, given->networks, ""))
		status = value_networks("--allow-from", given->networks, entry);
	if (status == STATUS_OK && is_value(given, given->max_uses, "none"))
		status = value_uses("--max-uses", given->max_uses, &entry->max_uses);
	return status;
}
