/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm export: a sealed backup of a store's keys. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "json.h"
#include "liblrkey/backup.h"
#include "newfile.h"
#include "passphrase.h"
#include "progress.h"
#include "reading.h"
#include "signals.h"
#include "uses.h"

enum { PASSPHRASE_FD };

static const struct option_row options[] = {
	[PASSPHRASE_FD] = PASSPHRASE_OPTION,
};

struct export {
	struct lrk_backup *backup;
	struct uses uses;
	int64_t now;
	uint64_t n_keys;
	uint64_t n_tombstones;
	uint64_t n_unknown; /* limited, and how often they were used is not known */
	bool interrupted;
	struct lrk_why why; /* of what stopped the walk */
};

/* A limit whose count is lost is used up: a restored key must not begin from zero. */
static void
close_unknown_limit(struct export *export, struct key_view *view)
{
	const struct lrk_entry *entry = view->entry;

	if (entry->max_uses == 0 || entry->revoked != 0 || view->recorded)
		return;
	if (view->usage.uses < entry->max_uses)
		view->usage.uses = entry->max_uses;
	export->n_unknown++;
}

static enum lrk_err
put_entry(void *context, const struct lrk_entry *entry)
{
	struct export *export = context;
	struct key_view view = uses_view(&export->uses, entry, export->now);
	enum lrk_err err;

	/* What was begun is removed. */
	export->interrupted = signals_end();
	if (export->interrupted)
		return LRK_ERR_IO;
	close_unknown_limit(export, &view);
	err = lrk_backup_put(export->backup, entry, &view.usage, &export->why);
	if (err != LRK_OK)
		return err;
	if (entry->revoked != 0)
		export->n_tombstones++;
	else
		export->n_keys++;
	progress_step(export->n_keys + export->n_tombstones);
	return LRK_OK;
}

static enum status
put_entries(const struct request *request, const struct lrk_store *store, struct export *export)
{
	struct lrk_why why = { "" };
	uint64_t records;
	enum lrk_err err;

	if (lrk_keyfile_count(&store->file, &records) != LRK_OK)
		records = 0;
	uses_open(store, &export->uses);
	progress_begin("export", records > 0 ? records - 1 : 0);
	err = lrk_snapshot_walk_whole(store, put_entry, export, &why);
	progress_end();
	uses_close(&export->uses);
	if (export->interrupted)
		return fail(STATUS_IO, request->args[0], "interrupted; removed");
	if (export->why.text[0] != '\0')
		return fail_core(err, request->args[0], &export->why);
	return err == LRK_OK ? STATUS_OK : reading_fail(request, true, err, &why);
}

static enum status
write_backup(const struct request *request, const struct lrk_store *store,
	     const struct passphrase *passphrase, const struct newfile *file, struct export *export)
{
	const char *path = request->args[0];
	struct lrk_why why = { "" };
	enum status status;
	enum lrk_err err;

	err = lrk_backup_create(file->fd, passphrase->text, passphrase->length, &export->backup,
				&why);
	if (err != LRK_OK)
		return fail_core(err, path, &why);
	status = put_entries(request, store, export);
	if (status == STATUS_OK) {
		err = lrk_backup_finish(export->backup, &why);
		status = err == LRK_OK ? newfile_sync(file) : fail_core(err, path, &why);
	}
	lrk_backup_free(export->backup);
	return status;
}

static enum status
print_result(const struct request *request, const struct export *export)
{
	if (export->n_unknown > 0)
		note("warning",
		     "%" PRIu64 " key%s a use limit, but no valid record of uses; in the backup it "
		     "is used up", export->n_unknown, export->n_unknown == 1 ? " has" : "s have");
	if (request->json)
		return json_print(json_pack("{s:s, s:o, s:I, s:I}", "store", request->store, "file",
					    json_text(request->args[0]), "keys", (json_int_t)export->n_keys,
					    "tombstones", (json_int_t)export->n_tombstones));
	printf("Store %s: %" PRIu64 " key%s and %" PRIu64 " tombstone%s exported\n", request->store,
	       export->n_keys, export->n_keys == 1 ? "" : "s", export->n_tombstones,
	       export->n_tombstones == 1 ? "" : "s");
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	const char *fd = request->value[PASSPHRASE_FD];
	struct export export = { .uses = USES_CLOSED };
	struct newfile file = NEWFILE_NONE;
	struct passphrase passphrase;
	struct signals signals;
	struct lrk_header header;
	struct lrk_store store;
	enum status status;

	status = passphrase_check("export", fd);
	if (status != STATUS_OK)
		return status;
	status = reading_open(request, &store, &header);
	if (status == STATUS_OK)
		status = reading_now(&export.now);
	/* Said before somebody has typed it twice. */
	if (status == STATUS_OK && access(request->args[0], F_OK) == 0)
		status = fail_errno(STATUS_CREATE, request->args[0], EEXIST);
	if (status == STATUS_OK)
		status = passphrase_read(fd, true, &passphrase);
	signals_hold(&signals);
	if (status == STATUS_OK)
		status = newfile_make(request->args[0], &file);
	if (status == STATUS_OK)
		status = write_backup(request, &store, &passphrase, &file, &export);
	lrk_wipe_object(&passphrase);
	newfile_end(&file, status == STATUS_OK);
	lrk_store_close(&store);
	if (status == STATUS_OK)
		status = print_result(request, &export);
	signals_release(&signals);
	return status;
}

const struct command cmd_export = {
	.name = "export",
	.args = "FILE",
	.summary = "Writes a backup of all keys to FILE, made anew, sealed under a passphrase",
	OPTIONS(options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
