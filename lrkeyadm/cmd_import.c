/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm import: the keys of a backup, into this or another store. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "json.h"
#include "liblrkey/lock.h"
#include "passphrase.h"
#include "reading.h"
#include "restore.h"

enum { PASSPHRASE_FD, DRY_RUN };

static const struct option_row options[] = {
	[PASSPHRASE_FD] = PASSPHRASE_OPTION,
	[DRY_RUN] = { "dry-run", NULL, "check all of it, and say what would be done" },
};

/* A restoration, and the store that it reads, or changes. */
struct import {
	struct restore restore;
	struct lrk_store store;
	struct work work;
};

static enum status
open_file(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fail_errno(STATUS_NO_KEY, path, errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fail(STATUS_NO_KEY, path, "not a regular file");
	}
	*ret_fd = fd;
	return STATUS_OK;
}

/* Opens the backup; the passphrase is asked for before others have to wait for the lock. */
static enum status
open_backup(const struct request *request, int file, struct lrk_backup **ret)
{
	struct lrk_why why = { "" };
	struct passphrase passphrase;
	enum status status;
	enum lrk_err err;

	status = passphrase_read(request->value[PASSPHRASE_FD], false, &passphrase);
	if (status == STATUS_OK) {
		err = lrk_backup_open(file, passphrase.text, passphrase.length, ret, &why);
		if (err != LRK_OK)
			status = restore_fail(request, err, &why);
	}
	lrk_wipe_object(&passphrase);
	return status;
}

static enum status
print_result(const struct request *request, const struct restore *restore, bool dry,
	     uint64_t generation)
{
	const char *would = dry ? "would be " : "";

	if (request->json)
		return json_print(json_pack(
			"{s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I}", "store", request->store, "file",
			json_text(request->args[0]), "dry_run", dry, "entries", (json_int_t)restore->n_entries,
			"added", (json_int_t)restore->n_added, "revoked",
			(json_int_t)restore->n_revoked, "kept", (json_int_t)restore->n_kept,
			"generation", (json_int_t)generation));
	printf("Store %s: of %" PRIu64 " entr%s, %" PRIu64 " %sadded, %" PRIu64 " %srevoked, "
	       "%" PRIu64 " %skept\n", request->store, restore->n_entries,
	       restore->n_entries == 1 ? "y" : "ies", restore->n_added, would, restore->n_revoked,
	       would, restore->n_kept, would);
	return STATUS_OK;
}

static enum status
run_dry(const struct request *request, struct import *import)
{
	struct restore *restore = &import->restore;
	struct lrk_header header;
	enum status status;

	status = reading_open(request, &import->store, &header);
	if (status == STATUS_OK)
		status = reading_now(&restore->now);
	if (status == STATUS_OK) {
		restore->store = &import->store;
		status = restore_examine(restore);
	}
	if (status == STATUS_OK)
		status = print_result(request, restore, true, header.generation);
	lrk_store_close(&import->store);
	return status;
}

static enum status
restore_all(struct work *work, struct restore *restore)
{
	enum status status = restore_examine(restore);
	/* Counts alone are a change as well: who raises them may use up a limit. */
	bool changes = restore->n_added + restore->n_revoked + restore->n_raised > 0;

	if (status == STATUS_OK && !changes) {
		status = work_settle(work);
	} else if (status == STATUS_OK) {
		status = restore_put(restore);
		if (status == STATUS_OK)
			status = work_commit(work, (const char(*)[LRK_ID_LEN + 1])restore->ids.id,
					     restore->ids.n,
					     restore->org[0] != '\0' ? restore->org : NULL, NULL);
	}
	if (status == STATUS_OK)
		status = restore_raise(restore);
	if (status != STATUS_OK && work->done)
		note("import", "the keys are imported all the same; import them again for what failed");
	return status;
}

static enum status
run_work(const struct request *request, struct import *import)
{
	struct restore *restore = &import->restore;
	struct work *work = &import->work;
	enum status status;

	status = work_begin(request, work);
	if (status == STATUS_OK) {
		restore->work = work;
		restore->store = lrk_change_store(work->change);
		restore->now = work->now;
		status = restore_all(work, restore);
	}
	if (status == STATUS_OK)
		status = print_result(request, restore, false,
				      work->done ? lrk_change_generation(work->change) :
						   lrk_change_current(work->change));
	work_end(work);
	return status;
}

static enum status
run(const struct request *request)
{
	struct import import = { .restore = { .request = request, .usage_fd = -1 } };
	struct restore *restore = &import.restore;
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;
	int file = -1;

	status = passphrase_check("import", request->value[PASSPHRASE_FD]);
	if (status == STATUS_OK)
		status = open_file(request->args[0], &file);
	if (status != STATUS_OK)
		return status;
	/* Who may not is told before he is asked. */
	err = lrk_lock_check(request->root, request->store, &why);
	if (err != LRK_OK)
		status = reading_fail(request, true, err, &why);
	if (status == STATUS_OK)
		status = policy_read(request, &restore->policy);
	if (status == STATUS_OK)
		status = open_backup(request, file, &restore->backup);
	if (status == STATUS_OK)
		status = request->value[DRY_RUN] != NULL ? run_dry(request, &import) :
							   run_work(request, &import);
	restore_end(restore);
	lrk_backup_free(restore->backup);
	close(file);
	return status;
}

const struct command cmd_import = {
	.name = "import",
	.args = "FILE",
	.summary = "Brings the keys of a backup into the store; those that are here are kept",
	OPTIONS(options),
	.min_args = 1,
	.max_args = 1,
	.changes = true,
	.run = run,
};
