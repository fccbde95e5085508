/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm check: whether a store is as it should be. Changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "liblrkey/lock.h"
#include "reading.h"

/* Under the lock nothing changes while we look; who is no manager is refused here. */
static enum status
take_lock(struct check *check, int *ret_fd)
{
	const struct request *request = check->request;
	struct lrk_why why = { "" };
	enum lrk_err err = lrk_lock_take(request->root, request->store, ret_fd, &why);

	check->locked = err == LRK_OK;
	if (err == LRK_ERR_ACCESS)
		return reading_fail(request, true, err, &why);
	if (err == LRK_ERR_LOCKED)
		findings_add(&check->findings, SEVERITY_WARNING, LRK_LOCK_FILE,
			     "%s; 'lslocks' tells who it is", why.text);
	/* What is wrong with the lock itself is found with the other files. */
	return STATUS_OK;
}

static void
look(struct check *check)
{
	check_policy(check);
	check_store(check);
	check_keys(check);
	check_audit(check);
}

static enum status
print(const struct check *check)
{
	const struct request *request = check->request;
	enum status status = findings_print(request, &check->findings);

	if (status != STATUS_OK)
		return status;
	if (check->findings.n > 0)
		return STATUS_NO;
	if (!request->json)
		printf("Store %s: nothing found; %" PRIu64 " entries, generation %" PRIu64 "\n",
		       request->store, check->n_keys, check->header.generation);
	return STATUS_OK;
}

static enum status
run(const struct request *request)
{
	struct check check = CHECK_CLOSED;
	struct lrk_why why = { "" };
	enum status status;
	int lock = -1;

	check.request = request;
	status = reading_now(&check.now);
	if (status == STATUS_OK)
		status = take_lock(&check, &lock);
	if (status == STATUS_OK)
		status = check_files(&check);
	if (status == STATUS_NO) {
		/* There is nothing to check. */
		lrk_fail(&why, LRK_ERR_NO_STORE, "does not exist");
		status = reading_fail(request, true, LRK_ERR_NO_STORE, &why);
	} else if (status == STATUS_OK) {
		look(&check);
		status = check.findings.status;
	}
	/* Whoever reads what is printed may take his time. */
	if (lock >= 0)
		close(lock);
	if (status == STATUS_OK)
		status = print(&check);
	findings_free(&check.findings);
	lrk_store_close(&check.store);
	return status;
}

const struct command cmd_check = {
	.name = "check",
	.args = "",
	.summary = "Looks for whatever is wrong with a store, and says what mends it",
	.run = run,
};
