/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "uses.h"

static void
warn_unread(const char *why)
{
	static bool warned;

	if (!warned)
		note("warning", "%s; uses and last uses are not known", why);
	warned = true;
}

void
uses_open(const struct lrk_store *store, struct uses *ret)
{
	struct lrk_why why = { "" };

	*ret = (struct uses)USES_CLOSED;
	if (lrk_usage_open(&store->gate, false, &ret->fd, &why) != LRK_OK) {
		ret->fd = -1;
		warn_unread(why.text);
	}
}

struct key_view
uses_view(struct uses *uses, const struct lrk_entry *entry, int64_t now)
{
	struct key_view view = { .entry = entry, .now = now };

	/* Where there is no file at all, one warning is enough. */
	if (uses->fd < 0)
		return view;
	if (lrk_usage_read(uses->fd, entry, &view.usage, &view.recorded) != LRK_OK)
		warn_unread(strerrordesc_np(errno));
	if (!view.recorded && entry->max_uses != 0 && entry->revoked == 0) {
		if (uses->n_lost == 0)
			memcpy(uses->lost, entry->id, sizeof(uses->lost));
		uses->n_lost++;
	}
	return view;
}

void
uses_warn_lost(const struct uses *uses)
{
	static const char mend[] = "refused until 'lrkeyadm edit ID --max-uses N' begins a new record";

	if (uses->n_lost == 1)
		note("warning", "key %s has a use limit, but no valid record of its uses: %s",
		     uses->lost, mend);
	else if (uses->n_lost > 1)
		note("warning",
		     "%zu keys, %s the first, have a use limit, but no valid record of their uses: %s",
		     uses->n_lost, uses->lost, mend);
}

void
uses_close(struct uses *uses)
{
	if (uses->fd >= 0)
		close(uses->fd);
	*uses = (struct uses)USES_CLOSED;
}
