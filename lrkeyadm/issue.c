/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include <lrkey/wipe.h>

#include "issue.h"
#include "progress.h"

static enum status
put_keys(const struct work *work, struct issue *issue)
{
	struct lrk_entry entry = issue->model;
	enum status status = STATUS_OK;

	progress_begin("generate", issue->keys.n);
	for (size_t i = 0; i < issue->keys.n && status == STATUS_OK; i++) {
		status = newkeys_draw(&issue->keys, i, work, &entry);
		if (status == STATUS_OK)
			status = work_assign_slot(work, &entry);
		if (status == STATUS_OK)
			status = work_put(work, &entry);
		progress_step(i + 1);
	}
	progress_end();
	lrk_wipe_array(entry.digest);
	return status;
}

enum status
issue_put(const struct work *work, struct issue *issue)
{
	enum status status;

	snprintf(issue->model.created_by, sizeof(issue->model.created_by), "%s", work->who.user);
	status = newkeys_alloc(issue->count, &issue->keys);
	/* Before the keys, which may be many: that it cannot be made is known soonest here. */
	if (status == STATUS_OK && issue->output != NULL)
		status = newfile_make(issue->output, &issue->file);
	if (status == STATUS_OK)
		status = put_keys(work, issue);
	return status;
}

enum status
issue_commit(struct work *work, struct issue *issue, const char (*ids)[LRK_ID_LEN + 1],
	     size_t n_ids)
{
	enum status status = STATUS_OK;

	if (issue->output != NULL)
		status = newkeys_write(&issue->file, &issue->keys);
	if (status == STATUS_OK)
		status = work_commit(work, ids, n_ids, issue->model.org, NULL);
	return status;
}

enum status
issue_end(const struct work *work, struct issue *issue, enum status status)
{
	newfile_end(&issue->file, work->done);
	if (work->done) {
		struct key_view view = { .entry = &issue->model, .now = work->now };
		enum status printed;

		issue->frame = frame_of(work->request, issue->output != NULL);
		frame_begin(&issue->frame, issue->count == 1 ? "API key, shown only now" :
							       "API keys, shown only now");
		printed = newkeys_print(work->request, &issue->keys, &view, issue->output != NULL);
		frame_end(&issue->frame);
		if (status == STATUS_OK)
			status = printed;
	}
	newkeys_free(&issue->keys);
	return status;
}
