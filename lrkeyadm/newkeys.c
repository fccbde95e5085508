/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New API keys.
 *
 * - Keys MUST stand in one buffer, which is wiped; never in stdio's.
 * - Keys that are current but were not seen MUST be named, so that they can be revoked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "escape.h"
#include "json.h"
#include "liblrkey/apikey.h"
#include "newkeys.h"

enum status
newkeys_alloc(size_t n, struct newkeys *ret)
{
	struct newkeys keys = { .n = n };

	keys.lines = calloc(n, NEWKEYS_LINE);
	keys.ids = calloc(n, sizeof(*keys.ids));
	if (keys.lines == NULL || keys.ids == NULL) {
		newkeys_free(&keys);
		return fail_memory();
	}
	*ret = keys;
	return STATUS_OK;
}

void
newkeys_free(struct newkeys *keys)
{
	lrk_wipe_bytes(keys->lines, keys->n * NEWKEYS_LINE);
	free(keys->lines);
	free(keys->ids);
	*keys = (struct newkeys){ .n = 0 };
}

enum status
newkeys_draw(struct newkeys *keys, size_t i, const struct work *work, struct lrk_entry *entry)
{
	char text[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential;
	struct lrk_entry other;
	struct lrk_why why = { "" };
	enum lrk_err err, found;

	do {
		err = lrk_apikey_generate(lrk_random, text, &credential);
		if (err != LRK_OK)
			return fail_core(err, "new key", NULL);
		found = lrk_store_get(lrk_change_store(work->change), credential.id, &other, &why);
		lrk_wipe_array(other.digest);
	} while (found == LRK_OK);
	memcpy(keys->lines + i * NEWKEYS_LINE, text, LRK_APIKEY_LEN);
	keys->lines[i * NEWKEYS_LINE + LRK_APIKEY_LEN] = '\n';
	memcpy(keys->ids[i], credential.id, sizeof(keys->ids[i]));
	memcpy(entry->id, credential.id, sizeof(entry->id));
	memcpy(entry->digest, credential.digest, sizeof(entry->digest));
	lrk_wipe_array(text);
	lrk_wipe_object(&credential);
	if (found != LRK_ERR_NOT_FOUND)
		return fail_core(found, "new key", &why);
	return STATUS_OK;
}

enum status
newkeys_write(const struct newfile *file, const struct newkeys *keys)
{
	if (lrk_file_write(file->fd, keys->lines, keys->n * NEWKEYS_LINE) != LRK_OK)
		return fail_errno(STATUS_IO, file->path, errno);
	return newfile_sync(file);
}

static void
warn_readable(void)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		note("warning", "standard output is a file with mode %04o, which others may read; "
				"--output makes one with mode 0600", (unsigned)(st.st_mode & 07777));
}

static void
print_json(struct sink *sink, const struct newkeys *keys, const struct key_view *model,
	   bool in_file)
{
	struct lrk_entry entry = *model->entry;
	struct key_view view = *model;
	struct json_list list;

	view.entry = &entry;
	json_list_begin(&list, sink, "keys");
	for (size_t i = 0; i < keys->n; i++) {
		memcpy(entry.id, keys->ids[i], sizeof(entry.id));
		json_list_key(&list, &view, in_file ? NULL : keys->lines + i * NEWKEYS_LINE);
	}
	json_list_end(&list);
	lrk_wipe_array(entry.digest);
}

/* Where there is not even memory for a message, the ids are told all the same. */
static enum status
fail_unseen_plainly(const struct newkeys *keys)
{
	enum status status = fail_memory();

	fputs("lrkeyadm: the keys are made but were not seen: lrkeyadm revoke --yes --force", stderr);
	for (size_t i = 0; i < keys->n; i++) {
		fputc(' ', stderr);
		fputs(keys->ids[i], stderr);
	}
	fputc('\n', stderr);
	return status;
}

static enum status
fail_unseen(const struct newkeys *keys, int error)
{
	const char *why = strerrordesc_np(error);
	enum status status = STATUS_IO;
	char *ids = NULL;
	size_t length;
	FILE *stream = open_memstream(&ids, &length);

	if (stream == NULL)
		return fail_unseen_plainly(keys);
	for (size_t i = 0; i < keys->n; i++)
		fprintf(stream, " %s", keys->ids[i]);
	if (escape_close(stream, &ids))
		status = fail(STATUS_IO, "standard output",
			      "%s; the keys are made but were not seen: lrkeyadm revoke --yes --force%s",
			      why != NULL ? why : "failed", ids);
	else
		status = fail_unseen_plainly(keys);
	free(ids);
	return status;
}

enum status
newkeys_print(const struct request *request, const struct newkeys *keys,
	      const struct key_view *model, bool in_file)
{
	struct sink sink;
	int error = 0;

	if (!in_file)
		warn_readable();
	sink_open(&sink, STDOUT_FILENO, "standard output");
	if (request->json) {
		print_json(&sink, keys, model, in_file);
		error = sink_end(&sink);
	} else if (!in_file &&
		   lrk_file_write(STDOUT_FILENO, keys->lines, keys->n * NEWKEYS_LINE) != LRK_OK) {
		/* From where they stand: each copy less is one that need not be wiped. */
		error = errno;
	}
	if (error == 0)
		return STATUS_OK;
	return in_file ? fail_errno(STATUS_IO, sink.name, error) : fail_unseen(keys, error);
}
