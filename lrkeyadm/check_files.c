/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check_judge.h"
#include "liblrkey/create.h"

#define OPEN_DIR (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PATH_TEXT 600

static const char *
shown_path(const struct lrk_dir *dir)
{
	return dir->path[0] != '\0' ? dir->path : "/";
}

/* Opens a directory however it is; only a link is never followed. */
static bool
open_dir(struct check *check, const struct lrk_dir *parent, const char *name, struct lrk_dir *ret)
{
	struct lrk_dir dir = *parent;
	size_t used = strlen(dir.path);

	if (parent->fd < 0)
		return false;
	snprintf(dir.path + used, sizeof(dir.path) - used, "/%s", name);
	dir.fd = openat(parent->fd, name, OPEN_DIR);
	if (dir.fd >= 0) {
		*ret = dir;
		return true;
	}
	if (errno == ENOENT)
		findings_add(&check->findings, SEVERITY_ERROR, dir.path,
			     "does not exist; restore it from a backup of the machine");
	else if (errno == ENOTDIR || errno == ELOOP)
		findings_add(&check->findings, SEVERITY_ERROR, dir.path,
			     "is a symbolic link or no directory; put the directory in its place");
	else
		findings_add(&check->findings, SEVERITY_ERROR, dir.path,
			     "%s; check it as root", strerrordesc_np(errno));
	return false;
}

/* A directory above the store: nobody else may put another in its place. */
static void
judge_above(struct check *check, const struct lrk_dir *dir, bool is_top)
{
	struct stat st;

	if (dir->fd < 0 || fstat(dir->fd, &st) != 0)
		return;
	if (st.st_uid != 0 && st.st_uid != check->owner)
		judge_owner(check, shown_path(dir), &st);
	if (is_top && dir->rooted && (st.st_mode & S_ISVTX) != 0)
		return;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		findings_add(&check->findings, SEVERITY_ERROR, shown_path(dir),
			     "is writable by others than its owner (mode %04o); chmod go-w %s",
			     (unsigned)(st.st_mode & 07777), shown_path(dir));
}

/* One of the two directories that hold all stores. */
static void
judge_lrkey(struct check *check, const struct lrk_dir *dir)
{
	struct stat st;

	if (dir->fd < 0 || fstat(dir->fd, &st) != 0)
		return;
	judge_owner(check, dir->path, &st);
	if (!dir->rooted)
		judge_group(check, dir->path, &st, 0);
	judge_mode(check, dir->path, &st, 0755);
}

/* A directory of the store's own. Of keys/ the group is what it is: it says who manages. */
static void
judge_dir(struct check *check, const struct lrk_dir *dir, mode_t mode)
{
	bool of_keys = dir == &check->store.keys;
	struct stat st;

	if (dir->fd < 0 || fstat(dir->fd, &st) != 0)
		return;
	judge_owner(check, dir->path, &st);
	if (!of_keys && check->has_verifiers)
		judge_group(check, dir->path, &st, check->verifiers);
	judge_mode(check, dir->path, &st, mode);
}

/* What a file must be like, and what to do when it is missing. */
struct file_rule {
	enum check_file file;
	const char *name;
	mode_t mode;
	bool any_owner;
	bool by_managers; /* its group */
	const char *missing;
};

static void
check_file(struct check *check, const struct lrk_dir *dir, const struct file_rule *rule)
{
	char path[PATH_TEXT];
	struct stat st;

	if (dir->fd < 0)
		return;
	check->told[rule->file] = true;
	snprintf(path, sizeof(path), "%s/%s", dir->path, rule->name);
	if (fstatat(dir->fd, rule->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			findings_add(&check->findings, SEVERITY_ERROR, path, "does not exist; %s",
				     rule->missing);
		else
			findings_add(&check->findings, SEVERITY_ERROR, path,
				     "%s; check it as root", strerrordesc_np(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		findings_add(&check->findings, SEVERITY_ERROR, path,
			     "is not a regular file; put one in its place");
		return;
	}
	if (!rule->any_owner)
		judge_owner(check, path, &st);
	if (rule->by_managers && check->has_managers)
		judge_group(check, path, &st, check->managers);
	if (!rule->by_managers && check->has_verifiers)
		judge_group(check, path, &st, check->verifiers);
	judge_mode(check, path, &st, rule->mode);
	judge_links(check, path, &st);
	check->told[rule->file] = st.st_nlink != 1 || (st.st_mode & S_IWOTH) != 0;
}

/* The owner of the key file is the manager who changed it last; he must be one still. */
static bool
is_manager(uid_t uid, gid_t managers, gid_t verifiers)
{
	const struct passwd *passwd = getpwuid(uid);
	bool manages = false, verifies = false;
	gid_t groups[1024];
	int n = 1024;

	if (passwd == NULL || getgrouplist(passwd->pw_name, passwd->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++) {
		manages = manages || groups[i] == managers;
		verifies = verifies || groups[i] == verifiers;
	}
	return manages && verifies;
}

static void
check_last_writer(struct check *check)
{
	const struct lrk_dir *keys = &check->store.keys;
	char path[PATH_TEXT], user[CHECK_NAME];
	struct stat st;

	if (!check->has_managers || !check->has_verifiers ||
	    fstatat(keys->fd, LRK_KEY_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid == 0 ||
	    st.st_uid == check->owner || is_manager(st.st_uid, check->managers, check->verifiers))
		return;
	snprintf(path, sizeof(path), "%s/%s", keys->path, LRK_KEY_FILE);
	check_user_text(st.st_uid, user);
	findings_add(&check->findings, SEVERITY_ERROR, path,
		     "belongs to %s, who is no manager now and knew the master key; as root: lrkeyadm "
		     "-s %s rekey", user, check->request->store);
}

static void
find_at(struct check *check, const struct lrk_dir *dir, const char *name, const char *why)
{
	char path[PATH_TEXT];

	snprintf(path, sizeof(path), "%s/%s", dir->path, name);
	findings_add(&check->findings, SEVERITY_WARNING, path, "%s", why);
}

static void
find_stranger(struct check *check, const struct lrk_dir *dir, const char *name)
{
	find_at(check, dir, name, "is nothing that lrkeyadm makes; look at it, and remove it");
}

/* While others may be at work, what looks left over may be theirs. */
static void
look_at_keys(struct check *check, const struct lrk_dir *dir, const char *name)
{
	if (strcmp(name, LRK_KEY_FILE) == 0)
		return;
	if (strcmp(name, LRK_KEY_FILE_NEW) != 0)
		find_stranger(check, dir, name);
	else if (check->locked)
		find_at(check, dir, name,
			"was left by a change that was killed; the next change removes it");
}

static void
look_at_gate(struct check *check, const struct lrk_dir *dir, const char *name)
{
	static const char *const known[] = { LRK_KEYS_DIR, LRK_LOCK_FILE, LRK_USAGE_FILE };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return;
	/* With what logrotate makes of it. */
	if (strncmp(name, LRK_AUDIT_FILE, strlen(LRK_AUDIT_FILE)) != 0)
		find_stranger(check, dir, name);
}

static void
look_at_etc(struct check *check, const struct lrk_dir *dir, const char *name)
{
	if (strcmp(name, LRK_MASTER_FILE) == 0 || strcmp(name, "policy.conf") == 0 ||
	    strcmp(name, "policy.conf.d") == 0)
		return;
	if (strcmp(name, LRK_MASTER_FILE ".new") != 0)
		find_stranger(check, dir, name);
	else if (check->locked)
		find_at(check, dir, name,
			"was left by a rekey that was killed, and holds master keys; remove it");
}

static void
check_groups(struct check *check)
{
	char other[LRK_STORE_MAX + 1] = "", name[CHECK_NAME];
	struct lrk_why why = { "" };

	/* Under another root there is nobody to be kept apart. */
	if (!check->has_managers || !check->has_verifiers || check->store.gate.rooted)
		return;
	check_group_text(check->verifiers, name);
	if (check->managers == check->verifiers)
		findings_add(&check->findings, SEVERITY_ERROR, check->store.keys.path,
			     "group %s both manages and verifies: its services can change the keys; "
			     "make another group for the one or the other", name);
	if (lrk_store_sharing_readers(NULL, check->request->store, check->verifiers, other, &why) ==
		    LRK_OK && other[0] != '\0')
		findings_add(&check->findings, SEVERITY_ERROR, check->store.gate.path,
			     "group %s also verifies for store %s, and can read both; give one of them "
			     "another group", name, other);
}

static void
read_groups(struct check *check)
{
	struct stat st;

	check->has_verifiers = check->store.gate.fd >= 0 && fstat(check->store.gate.fd, &st) == 0;
	check->verifiers = check->has_verifiers ? st.st_gid : 0;
	check->has_managers = check->store.keys.fd >= 0 && fstat(check->store.keys.fd, &st) == 0;
	check->managers = check->has_managers ? st.st_gid : 0;
}

static void
judge_files(struct check *check)
{
	static const struct file_rule master = {
		FILE_MASTER, LRK_MASTER_FILE, 0640, false, false,
		"restore it from a backup of the machine: without it no key can be read"
	};
	static const struct file_rule in_gate[] = {
		{ FILE_LOCK, LRK_LOCK_FILE, 0660, false, true,
		  "make an empty file with the owner, group and mode of audit.log" },
		{ FILE_USAGE, LRK_USAGE_FILE, 0660, false, false,
		  "the next change by root makes it; keys with a use limit are refused until edit ID "
		  "--max-uses N" },
		{ FILE_AUDIT, LRK_AUDIT_FILE, 0660, false, true,
		  "make an empty file with the owner, group and mode of lock" },
	};
	static const struct file_rule key_file = {
		FILE_KEYS, LRK_KEY_FILE, 0644, true, true,
		"restore it from a backup of the machine, or make the store anew and import a backup"
	};
	const struct lrk_store *store = &check->store;

	judge_dir(check, &store->etc, 0750);
	judge_dir(check, &store->gate, 0750);
	judge_dir(check, &store->keys, 02775);
	check_file(check, &store->etc, &master);
	for (size_t i = 0; i < sizeof(in_gate) / sizeof(in_gate[0]); i++)
		check_file(check, &store->gate, &in_gate[i]);
	check_file(check, &store->keys, &key_file);
	check_last_writer(check);
	check_list_dir(check, &store->etc, look_at_etc);
	check_list_dir(check, &store->gate, look_at_gate);
	check_list_dir(check, &store->keys, look_at_keys);
	check_groups(check);
}

/* Under another root the caller takes root's place, unless root made the store. */
static void
choose_owner(struct check *check)
{
	const struct lrk_dir *gate = &check->store.gate;
	struct stat st;

	check->owner = 0;
	if (check->request->root != NULL &&
	    (gate->fd < 0 || fstat(gate->fd, &st) != 0 || st.st_uid != 0))
		check->owner = geteuid();
}

/* The directories on the way to the store, and its own; in the order in which they are judged. */
static void
open_dirs(struct check *check, const struct lrk_dir *top)
{
	struct lrk_dir etc = LRK_DIR_NONE, var = LRK_DIR_NONE, lib = LRK_DIR_NONE;
	struct lrk_dir etc_lrkey = LRK_DIR_NONE, var_lrkey = LRK_DIR_NONE;
	const char *name = check->request->store;

	if (open_dir(check, top, "etc", &etc) && open_dir(check, &etc, "lrkey", &etc_lrkey))
		open_dir(check, &etc_lrkey, name, &check->store.etc);
	if (open_dir(check, top, "var", &var) && open_dir(check, &var, "lib", &lib) &&
	    open_dir(check, &lib, "lrkey", &var_lrkey) &&
	    open_dir(check, &var_lrkey, name, &check->store.gate))
		open_dir(check, &check->store.gate, LRK_KEYS_DIR, &check->store.keys);
	choose_owner(check);
	judge_above(check, top, true);
	judge_above(check, &etc, false);
	judge_above(check, &var, false);
	judge_above(check, &lib, false);
	judge_lrkey(check, &etc_lrkey);
	judge_lrkey(check, &var_lrkey);
	lrk_dir_close(&etc);
	lrk_dir_close(&var);
	lrk_dir_close(&lib);
	lrk_dir_close(&etc_lrkey);
	lrk_dir_close(&var_lrkey);
}

enum status
check_files(struct check *check)
{
	const char *root = check->request->root;
	struct lrk_dir top = { .fd = -1, .rooted = root != NULL };

	if (root != NULL && strcmp(root, "/") != 0)
		snprintf(top.path, sizeof(top.path), "%s", root);
	top.fd = open(root != NULL ? root : "/", OPEN_DIR);
	if (top.fd < 0)
		return fail_errno(STATUS_STORE, root != NULL ? root : "/", errno);
	open_dirs(check, &top);
	lrk_dir_close(&top);
	if (check->store.etc.fd < 0 && check->store.gate.fd < 0)
		return STATUS_NO;
	read_groups(check);
	judge_files(check);
	return STATUS_OK;
}
