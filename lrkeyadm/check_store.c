/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "check_judge.h"
#include "liblrkey/masterfile.h"

static void
open_ring(struct check *check)
{
	struct lrk_why why = { "" };
	char path[300];
	enum lrk_err err;

	if (check->store.etc.fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", check->store.etc.path, LRK_MASTER_FILE);
	err = lrk_master_file_read(&check->store.etc, &check->store.ring, &why);
	check->has_ring = err == LRK_OK;
	if (err != LRK_OK && !check->told[FILE_MASTER])
		findings_add(&check->findings, SEVERITY_ERROR, path, "%s; %s",
			     check_reason(path, &why),
			     err == LRK_ERR_ACCESS ? "check it as root" :
						     "restore it from a backup of the machine");
	if (check->has_ring && check->store.ring.n_keys > 1)
		findings_add(&check->findings, SEVERITY_WARNING, path,
			     "holds %u master keys: a rekey was not finished; as root: rekey",
			     check->store.ring.n_keys);
}

static void
open_file(struct check *check, const char *path)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 0, LRK_KEYFILE_MAX };
	struct lrk_why why = { "" };
	bool defect = false;
	struct stat st;
	enum lrk_err err;
	int fd;

	if (check->store.keys.fd < 0)
		return;
	/* A wrong mode or link count was said before. */
	err = lrk_file_open(&check->store.keys, LRK_KEY_FILE, &rule, &defect, &fd, &st, &why);
	if (err == LRK_OK)
		err = lrk_keyfile_open(fd, st.st_size, path, &check->store.file, &why);
	check->has_file = err == LRK_OK;
	if (err != LRK_OK && !check->told[FILE_KEYS])
		findings_add(&check->findings, SEVERITY_ERROR, path,
			     "%s; restore it from a backup of the machine, or make the store anew and "
			     "import a backup", check_reason(path, &why));
}

static void
open_header(struct check *check, const char *path)
{
	struct lrk_why why = { "" };

	if (!check->has_file || !check->has_ring)
		return;
	check->has_header = lrk_store_header(&check->store, &check->header, &why) == LRK_OK;
	if (!check->has_header)
		findings_add(&check->findings, SEVERITY_ERROR, path,
			     "%s; restore both files from one backup of the machine",
			     check_reason(path, &why));
}

void
check_store(struct check *check)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", check->store.keys.path, LRK_KEY_FILE);
	open_ring(check);
	open_file(check, path);
	open_header(check, path);
}
