/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a store.
 *
 * - master.key MUST be made last: where it is, the store is whole.
 * - Nothing that holds a key MUST be touched: neither a master.key, nor a key
 *   file with entries, nor one that cannot be read.
 * - Modes and groups MUST NOT depend on the umask: they are set by descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "create.h"
#include "masterfile.h"
#include "record.h"
#include "store.h"
#include "usage.h"

/* A directory or file to be, and what it is to be like. */
struct plan {
	const char *name;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static enum lrk_err
fail_at(const struct lrk_dir *dir, const char *name, int error, struct lrk_why *why)
{
	enum lrk_err err = error == EACCES || error == EPERM ? LRK_ERR_ACCESS : LRK_ERR_IO;

	return lrk_fail_errno(why, err, error, "%s/%s", dir->path, name);
}

static int
apply(int fd, const struct plan *plan)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if ((st.st_uid != plan->uid || st.st_gid != plan->gid) &&
	    fchown(fd, plan->uid, plan->gid) != 0)
		return -1;
	return fchmod(fd, plan->mode);
}

static enum lrk_err
sync_dir(const struct lrk_dir *dir, struct lrk_why *why)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum lrk_err err = LRK_OK;

	if (fd < 0 || fsync(fd) != 0)
		err = fail_at(dir, ".", errno, why);
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * Makes the directory, or takes the one that is there, and opens it. One that was
 * there is made to fit the plan when it is the store's own; else it is judged as it is.
 */
static enum lrk_err
make_dir(const struct lrk_dir *parent, const struct plan *plan, bool own, struct lrk_dir *ret,
	 struct lrk_why *why)
{
	bool made = mkdirat(parent->fd, plan->name, 0700) == 0;
	enum lrk_err err = LRK_OK;

	if (!made && errno != EEXIST)
		return fail_at(parent, plan->name, errno, why);
	/* A umask that takes the owner's own rights would keep him out. */
	if (made && fchmodat(parent->fd, plan->name, 0700, 0) != 0)
		return fail_at(parent, plan->name, errno, why);
	if (made || own) {
		int fd = openat(parent->fd, plan->name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return fail_at(parent, plan->name, errno, why);
		if (apply(fd, plan) != 0)
			err = fail_at(parent, plan->name, errno, why);
		close(fd);
	}
	if (err == LRK_OK && made)
		err = sync_dir(parent, why);
	if (err != LRK_OK)
		return err;
	return lrk_dir_open(parent, plan->name, (plan->mode & S_IWGRP) != 0, ret, why);
}

/* Makes the directories of a path, those above the store, one after the other. */
static enum lrk_err
make_path(const struct lrk_dir *top, const char *const *names, const struct lrk_owners *owners,
	  struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir at = *top;
	enum lrk_err err = LRK_OK;

	for (; err == LRK_OK && *names != NULL; names++) {
		const struct plan plan = { *names, 0755, owners->owner, owners->group };
		struct lrk_dir below;

		/* The last one is ours alone, with our mode; the others are as they are. */
		err = make_dir(&at, &plan, names[1] == NULL, &below, why);
		if (err != LRK_OK)
			break;
		if (at.fd != top->fd)
			lrk_dir_close(&at);
		at = below;
	}
	if (err == LRK_OK)
		*ret = at;
	else if (at.fd != top->fd)
		lrk_dir_close(&at);
	return err;
}

/* Makes an empty file, or takes the one that is there, as it is to be. */
static enum lrk_err
make_file(const struct lrk_dir *dir, const struct plan *plan, int *ret_fd, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDWR, 0, LRK_KEYFILE_MAX };
	enum lrk_err err;
	int fd;

	fd = openat(dir->fd, plan->name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 && errno != EEXIST)
		return fail_at(dir, plan->name, errno, why);
	if (fd < 0) {
		err = lrk_file_open(dir, plan->name, &rule, NULL, &fd, NULL, why);
		if (err != LRK_OK)
			return err;
	}
	if (apply(fd, plan) != 0 || fsync(fd) != 0) {
		err = fail_at(dir, plan->name, errno, why);
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return LRK_OK;
}

static enum lrk_err
make_empty_file(const struct lrk_dir *dir, const struct plan *plan, struct lrk_why *why)
{
	int fd = -1;
	enum lrk_err err = make_file(dir, plan, &fd, why);

	if (err == LRK_OK)
		close(fd);
	return err;
}

/* Whether a file is in the way: a master.key, or a key file with entries. */
static enum lrk_err
refuse_existing(const struct lrk_dir *etc, const struct lrk_dir *keys, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 0, LRK_KEYFILE_MAX };
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	struct stat st;
	uint64_t count = 0;
	bool defect = false;
	enum lrk_err err;
	int fd;

	if (fstatat(etc->fd, LRK_MASTER_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return lrk_fail(why, LRK_ERR_EXISTS, "%s/%s: exists already", etc->path,
				LRK_MASTER_FILE);
	if (errno != ENOENT)
		return fail_at(etc, LRK_MASTER_FILE, errno, why);
	err = lrk_file_open(keys, LRK_KEY_FILE, &rule, &defect, &fd, &st, why);
	if (err == LRK_ERR_NOT_FOUND)
		return LRK_OK;
	if (err != LRK_OK)
		return err;
	if (st.st_size == 0) {
		close(fd);
		return LRK_OK;
	}
	err = lrk_keyfile_open(fd, st.st_size, LRK_KEY_FILE, &file, why);
	if (err == LRK_OK)
		err = lrk_keyfile_count(&file, &count);
	lrk_keyfile_close(&file);
	if (err != LRK_OK)
		return lrk_fail(why, LRK_ERR_EXISTS, "%s/%s: exists already, and cannot be read",
				keys->path, LRK_KEY_FILE);
	if (count > 1) /* more than the header */
		return lrk_fail(why, LRK_ERR_EXISTS, "%s/%s: exists already, with %llu keys",
				keys->path, LRK_KEY_FILE, (unsigned long long)count - 1);
	return LRK_OK;
}

/* Opens a new file beside the one that it is to become. */
static enum lrk_err
open_new(const struct lrk_dir *dir, const char *name, int *ret_fd, struct lrk_why *why)
{
	int fd;

	if (unlinkat(dir->fd, name, 0) != 0 && errno != ENOENT)
		return fail_at(dir, name, errno, why);
	fd = openat(dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
		    0600);
	if (fd < 0)
		return fail_at(dir, name, errno, why);
	*ret_fd = fd;
	return LRK_OK;
}

/* Gives a new file its mode and owners, syncs it, and puts it in its place. */
static enum lrk_err
put_in_place(const struct lrk_dir *dir, int fd, const char *new_name, const struct plan *plan,
	     struct lrk_why *why)
{
	if (apply(fd, plan) != 0 || fsync(fd) != 0 ||
	    renameat(dir->fd, new_name, dir->fd, plan->name) != 0)
		return fail_at(dir, plan->name, errno, why);
	return sync_dir(dir, why);
}

static enum lrk_err
write_header(int fd, const struct lrk_keyring *ring, struct lrk_why *why)
{
	struct lrk_header header = { .n_seals = 1 };
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	size_t length;
	enum lrk_err err;

	memcpy(header.uuid, ring->uuid, sizeof(header.uuid));
	header.seals[0] = (struct lrk_seal_count){ ring->keys[ring->active].id, 1 };
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", LRK_KEY_FILE_NEW);
	err = lrk_keyfile_open_copy(fd, LRK_KEY_FILE_NEW, &file, why);
	if (err != LRK_OK)
		return err;
	errno = 0;
	err = lrk_header_encode(&header, plain, &length);
	if (err == LRK_OK)
		err = lrk_record_seal(ring, LRK_RECORD_HEADER, LRK_HEADER_NAME, plain, length,
				      record, &length);
	if (err == LRK_OK)
		err = lrk_keyfile_put(&file, LRK_HEADER_NAME, record, length);
	if (err == LRK_OK)
		err = lrk_keyfile_close(&file);
	if (err != LRK_OK)
		lrk_fail_errno(why, err, errno, "%s", LRK_KEY_FILE_NEW);
	lrk_keyfile_close(&file);
	return err;
}

/* Opens the new file as a reader would: the engine does not tell of all that it could not write. */
static enum lrk_err
read_back(const struct lrk_dir *keys, const struct lrk_keyring *ring, struct lrk_why *why)
{
	static const struct lrk_file_rule rule = { O_RDONLY, 1, LRK_KEYFILE_MAX };
	struct lrk_keyfile file = LRK_KEYFILE_NONE;
	uint8_t record[LRK_RECORD_MAX], plain[LRK_PLAIN_MAX];
	struct lrk_header header;
	struct stat st;
	size_t length;
	enum lrk_err err;
	int fd;

	err = lrk_file_open(keys, LRK_KEY_FILE_NEW, &rule, NULL, &fd, &st, why);
	if (err == LRK_OK)
		err = lrk_keyfile_open(fd, st.st_size, LRK_KEY_FILE_NEW, &file, why);
	if (err != LRK_OK)
		return err == LRK_ERR_DAMAGED ? LRK_ERR_IO : err;
	err = lrk_keyfile_get(&file, LRK_HEADER_NAME, record, sizeof(record), &length);
	if (err == LRK_OK)
		err = lrk_record_open(ring, NULL, LRK_RECORD_HEADER, LRK_HEADER_NAME, record,
				      length, plain, &length);
	if (err == LRK_OK)
		err = lrk_header_decode(plain, length, &header);
	lrk_keyfile_close(&file);
	if (err == LRK_OK)
		return err;
	return lrk_fail(why, err == LRK_ERR_NOMEM ? err : LRK_ERR_IO,
			"%s/%s: cannot be read back: %s", keys->path, LRK_KEY_FILE_NEW,
			lrk_err_text(err));
}

static enum lrk_err
make_keyfile(const struct lrk_dir *keys, const struct lrk_owners *owners,
	     const struct lrk_keyring *ring, struct lrk_why *why)
{
	const struct plan plan = { LRK_KEY_FILE, 0644, owners->owner, owners->managers };
	enum lrk_err err;
	int fd = -1;

	err = open_new(keys, LRK_KEY_FILE_NEW, &fd, why);
	if (err != LRK_OK)
		return err;
	err = write_header(fd, ring, why);
	if (err == LRK_OK)
		err = read_back(keys, ring, why);
	if (err == LRK_OK)
		err = put_in_place(keys, fd, LRK_KEY_FILE_NEW, &plan, why);
	close(fd);
	if (err != LRK_OK)
		unlinkat(keys->fd, LRK_KEY_FILE_NEW, 0);
	return err;
}

static enum lrk_err
make_keyring(struct lrk_keyring *ring, struct lrk_why *why)
{
	enum lrk_err err = lrk_random(ring->uuid, sizeof(ring->uuid));

	if (err == LRK_OK)
		err = lrk_keyring_add(ring, lrk_random);
	if (err != LRK_OK)
		lrk_fail(why, err, "no random bytes for a master key: %s", lrk_err_text(err));
	return err;
}

/* The directories of a store, open while it is made. */
struct site {
	struct lrk_dir top, etc_above, var_above, etc, gate, keys;
	int lock_fd;
};

static enum lrk_err
make_dirs(const char *root, const char *name, const struct lrk_owners *owners, struct site *site,
	  struct lrk_why *why)
{
	static const char *const etc[] = { "etc", "lrkey", NULL };
	static const char *const var[] = { "var", "lib", "lrkey", NULL };
	const struct plan etc_plan = { name, 0750, owners->owner, owners->verifiers };
	const struct plan gate_plan = { name, 0750, owners->owner, owners->verifiers };
	const struct plan keys_plan = { LRK_KEYS_DIR, 02775, owners->owner, owners->managers };
	enum lrk_err err;

	err = lrk_root_open(root, &site->top, why);
	if (err == LRK_OK)
		err = make_path(&site->top, etc, owners, &site->etc_above, why);
	if (err == LRK_OK)
		err = make_path(&site->top, var, owners, &site->var_above, why);
	if (err == LRK_OK)
		err = make_dir(&site->etc_above, &etc_plan, true, &site->etc, why);
	if (err == LRK_OK)
		err = make_dir(&site->var_above, &gate_plan, true, &site->gate, why);
	if (err == LRK_OK)
		err = make_dir(&site->gate, &keys_plan, true, &site->keys, why);
	return err;
}

/* Whether a store is there already, looked up before anything is made. */
static enum lrk_err
refuse_store(const char *root, const char *name, struct lrk_why *why)
{
	struct lrk_dir top = LRK_DIR_NONE;
	char path[sizeof(LRK_ETC) + 1 + LRK_STORE_MAX + 1 + sizeof(LRK_MASTER_FILE)];
	struct stat st;
	enum lrk_err err;

	err = lrk_root_open(root, &top, why);
	if (err != LRK_OK)
		return err;
	snprintf(path, sizeof(path), "%s/%s/%s", LRK_ETC, name, LRK_MASTER_FILE);
	if (fstatat(top.fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		err = lrk_fail(why, LRK_ERR_EXISTS, "%s/%s: exists already", top.path, path);
	lrk_dir_close(&top);
	return err;
}

/* The gate directory's owner and group are those of the usage file. */
static enum lrk_err
make_usage(const struct lrk_dir *gate, struct lrk_why *why)
{
	if (unlinkat(gate->fd, LRK_USAGE_FILE, 0) != 0 && errno != ENOENT)
		return fail_at(gate, LRK_USAGE_FILE, errno, why);
	return lrk_usage_create(gate, why);
}

static enum lrk_err
make_files(struct site *site, const struct lrk_owners *owners, struct lrk_why *why)
{
	const struct plan lock = { LRK_LOCK_FILE, 0660, owners->owner, owners->managers };
	const struct plan audit = { LRK_AUDIT_FILE, 0660, owners->owner, owners->managers };
	struct lrk_keyring ring = { 0 };
	enum lrk_err err;

	err = make_file(&site->gate, &lock, &site->lock_fd, why);
	if (err != LRK_OK)
		return err;
	/* Two who make the same store at once: the second finds it made. */
	if (flock(site->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return fail_at(&site->gate, LRK_LOCK_FILE, errno, why);
		return lrk_fail(why, LRK_ERR_LOCKED, "%s/%s: somebody holds it", site->gate.path,
				LRK_LOCK_FILE);
	}
	err = refuse_existing(&site->etc, &site->keys, why);
	if (err == LRK_OK)
		err = make_usage(&site->gate, why);
	if (err == LRK_OK)
		err = make_empty_file(&site->gate, &audit, why);
	if (err == LRK_OK)
		err = sync_dir(&site->gate, why);
	if (err == LRK_OK)
		err = make_keyring(&ring, why);
	if (err == LRK_OK)
		err = make_keyfile(&site->keys, owners, &ring, why);
	if (err == LRK_OK)
		err = lrk_master_file_write(&site->etc, &ring, owners->owner,
					    owners->verifiers, why);
	lrk_wipe_object(&ring);
	return err;
}

enum lrk_err
lrk_store_create(const char *root, const char *name, const struct lrk_owners *owners,
		 struct lrk_why *why)
{
	struct site site = {
		.top = LRK_DIR_NONE, .etc_above = LRK_DIR_NONE, .var_above = LRK_DIR_NONE,
		.etc = LRK_DIR_NONE, .gate = LRK_DIR_NONE,	 .keys = LRK_DIR_NONE,
		.lock_fd = -1,
	};
	enum lrk_err err;

	if (!lrk_is_store_name(name))
		return lrk_fail(why, LRK_ERR_SYNTAX, "not a store name");
	err = refuse_store(root, name, why);
	if (err == LRK_OK)
		err = make_dirs(root, name, owners, &site, why);
	if (err == LRK_OK)
		err = make_files(&site, owners, why);
	if (site.lock_fd >= 0)
		close(site.lock_fd);
	lrk_dir_close(&site.keys);
	lrk_dir_close(&site.gate);
	lrk_dir_close(&site.etc);
	lrk_dir_close(&site.var_above);
	lrk_dir_close(&site.etc_above);
	lrk_dir_close(&site.top);
	return err;
}

/* The group of each other store's gate directory is its verifier group. */
static enum lrk_err
find_readers(const struct lrk_dir *stores, const char *name, gid_t verifiers,
	     char other[static LRK_STORE_MAX + 1], struct lrk_why *why)
{
	int fd = openat(stores->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *found;
	enum lrk_err err = LRK_OK;
	struct stat st;

	if (dir == NULL) {
		err = fail_at(stores, ".", errno, why);
		if (fd >= 0)
			close(fd);
		return err;
	}
	other[0] = '\0';
	errno = 0;
	while ((found = readdir(dir)) != NULL) {
		if (lrk_is_store_name(found->d_name) && strcmp(found->d_name, name) != 0 &&
		    fstatat(stores->fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode) && st.st_gid == verifiers)
			memcpy(other, found->d_name, strlen(found->d_name) + 1);
		errno = 0;
	}
	/* A store that was not seen may be the one that shares. */
	if (errno != 0)
		err = fail_at(stores, ".", errno, why);
	closedir(dir);
	return err;
}

enum lrk_err
lrk_store_sharing_readers(const char *root, const char *name, gid_t verifiers,
			  char other[static LRK_STORE_MAX + 1], struct lrk_why *why)
{
	struct lrk_dir top = LRK_DIR_NONE, stores = LRK_DIR_NONE;
	enum lrk_err err;

	err = lrk_root_open(root, &top, why);
	if (err == LRK_OK)
		err = lrk_dir_open(&top, LRK_VAR, false, &stores, why);
	if (err == LRK_OK)
		err = find_readers(&stores, name, verifiers, other, why);
	if (err == LRK_ERR_NO_STORE) {
		other[0] = '\0';
		err = LRK_OK;
	}
	lrk_dir_close(&stores);
	lrk_dir_close(&top);
	return err;
}
