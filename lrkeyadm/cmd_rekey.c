/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm rekey: seals all keys under a new master key. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "hint.h"
#include "json.h"
#include "liblrkey/masterfile.h"
#include "liblrkey/rekey.h"
#include "progress.h"
#include "reading.h"
#include "work.h"

struct rekey {
	uint64_t n_keys; /* tombstones too */
	bool resumed;
};

/* The kernel decides, but only when much is done; whom it would refuse is told at once. */
static enum status
check_caller(const struct request *request)
{
	struct lrk_dir etc = LRK_DIR_NONE;
	struct lrk_why why = { "" };
	struct stat st = { 0 };
	enum lrk_err err;

	err = reading_dir(request, LRK_ETC, &etc, &why);
	if (err != LRK_OK)
		return reading_fail(request, true, err, &why);
	if (fstat(etc.fd, &st) != 0)
		st.st_uid = 0;
	lrk_dir_close(&etc);
	if (geteuid() == 0 || geteuid() == st.st_uid)
		return STATUS_OK;
	return fail(STATUS_PERMISSION, "rekey",
		    "not permitted: only root writes master keys; as root: lrkeyadm -s %s rekey",
		    request->store);
}

static void
tell_progress(void *context, uint64_t done)
{
	struct rekey *rekey = context;

	rekey->n_keys = done;
	progress_step(done);
}

static enum status
seal(const struct work *work, struct rekey *rekey)
{
	struct lrk_why why = { "" };
	uint64_t records;
	enum lrk_err err;

	if (lrk_keyfile_count(&lrk_change_store(work->change)->file, &records) != LRK_OK)
		records = 0;
	progress_begin("rekey", records > 0 ? records - 1 : 0);
	err = lrk_rekey_seal(work->change, tell_progress, rekey, &rekey->resumed, &why);
	progress_end();
	return err == LRK_OK ? STATUS_OK : reading_fail(work->request, true, err, &why);
}

/*
 * Whether a rekey that failed has left its new master key beside the old one. Behind its new key
 * file it may have, whatever can be read now, or may again after a power cut.
 */
static bool
is_unfinished(const struct work *work)
{
	struct lrk_keyring ring = { .n_keys = 0 };
	struct lrk_why why = { "" };
	bool unfinished;

	if (work->done)
		return true;
	if (lrk_master_file_read(&lrk_change_store(work->change)->etc, &ring, &why) != LRK_OK)
		return false;
	unfinished = ring.n_keys > 1;
	lrk_wipe_object(&ring);
	return unfinished;
}

static enum status
finish(const struct work *work)
{
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_rekey_finish(work->change, &why);

	return err == LRK_OK ? STATUS_OK : reading_fail(work->request, true, err, &why);
}

static enum status
print_result(const struct work *work, const struct rekey *rekey)
{
	const struct request *request = work->request;
	uint64_t generation = lrk_change_generation(work->change);

	if (request->json)
		return json_print(json_pack("{s:s, s:I, s:I, s:b}", "store", request->store,
					    "generation", (json_int_t)generation, "keys",
					    (json_int_t)rekey->n_keys, "resumed", rekey->resumed));
	printf("Store %s has a new master key: %" PRIu64 " key%s sealed anew, generation %" PRIu64
	       "%s\n", request->store, rekey->n_keys, rekey->n_keys == 1 ? "" : "s", generation,
	       rekey->resumed ? "; this completed a rekey that was broken off" : "");
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	struct rekey rekey = { .n_keys = 0 };
	char prefix[HINT_MAX];
	enum status status;
	struct work work;

	status = check_caller(request);
	if (status != STATUS_OK)
		return status;
	status = work_begin(request, &work);
	if (status == STATUS_OK) {
		status = seal(&work, &rekey);
		if (status == STATUS_OK)
			status = work_commit(&work, NULL, 0, NULL,
					     rekey.resumed ? "resumed" : NULL);
		if (status == STATUS_OK)
			status = finish(&work);
		if (status != STATUS_OK && is_unfinished(&work)) {
			hint_prefix(request, prefix);
			note("rekey", "not finished; all keys work; '%s rekey' completes it", prefix);
		}
	}
	/* It stood in master.key since then, for all who were verifiers to read. */
	if (status == STATUS_OK && rekey.resumed)
		note("rekey", "the new master key dates from the rekey that was broken off; if "
			      "somebody was put out of the verifier group since, rekey once more");
	if (status == STATUS_OK)
		status = print_result(&work, &rekey);
	work_end(&work);
	return status;
}

const struct command cmd_rekey = {
	.name = "rekey",
	.args = "",
	.summary = "Seals all keys under a new master key; as root, or as the owner under --root",
	.changes = true,
	.run = run,
};
