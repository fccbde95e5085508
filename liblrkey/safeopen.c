/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening files and directories that must not be somebody else's.
 *
 * - A file MUST be opened first and judged by its descriptor; its name is never
 *   judged and then opened.
 * - An open MUST NOT follow a symbolic link, wait for the other end of a FIFO, take
 *   a terminal, or leave its descriptor to a program that is executed.
 * - Every directory from the root on MUST be judged, from the top down: who can write one of them
 *   can put another file in the place of ours. Those above the last are judged by their names,
 *   and a path through them is opened afterwards: what a directory holds that was judged nobody
 *   can exchange but root and, under a root of his own, the caller. Where only root can exchange
 *   them, they are judged once in a process, as long as they lead to the same directory; a store's
 *   own are judged each time. A link that root puts on such a way is followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <lrkey/text.h>

#include "safeopen.h"

#define OPEN_DIR (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/*
 * A rename takes the link from the old file before its name leads to the new one: while the kernel
 * lets somebody else run in between, the name leads to a file without a link. That is over soon,
 * but not as soon as it is looked at again: after the first attempts there are naps between them.
 */
#define NAMED_ATTEMPTS 18
#define NAMED_AT_ONCE 4
#define NAP_MIN_NS 100000
#define NAP_MAX_NS 25600000
#ifndef STATX_MNT_ID_UNIQUE /* Linux 6.8; before, the number of a mount may be given anew */
#define STATX_MNT_ID_UNIQUE 0x4000u
#endif
/* The paths that are walked are the core's own: a few short names. */
#define WALK_NAME_MAX 63
#define OPEN_FILE (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

static uint64_t
nanoseconds(const struct statx_timestamp *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + time->tv_nsec;
}

/*
 * fstat(2), or with a name lstat(2), of what is judged. Says which one it is, too, where that is
 * wanted; and when it changed, with STATX_CTIME. Who asks for that has the kernel write a new time,
 * and so the inode, with each following write (multigrain timestamps, Linux 6.13): it is for
 * directories to which nobody writes.
 */
static int
look(int fd, const char *name, unsigned also, struct stat *ret, struct lrk_identity *ret_identity)
{
	struct statx st;

	if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
		  STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | STATX_INO |
			  STATX_SIZE | STATX_BTIME | STATX_MNT_ID | STATX_MNT_ID_UNIQUE | also,
		  &st) != 0)
		return -1;
	*ret = (struct stat){
		.st_dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.st_ino = st.stx_ino,
		.st_mode = st.stx_mode,
		.st_nlink = st.stx_nlink,
		.st_uid = st.stx_uid,
		.st_gid = st.stx_gid,
		.st_size = (off_t)st.stx_size,
	};
	if (ret_identity != NULL)
		*ret_identity = (struct lrk_identity){
			.is_whole = (st.stx_mask & STATX_BTIME) != 0 &&
				    (st.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)) != 0,
			.dev = ret->st_dev,
			.ino = ret->st_ino,
			.mount = st.stx_mnt_id,
			.made = nanoseconds(&st.stx_btime),
			.changed = also == STATX_CTIME ? nanoseconds(&st.stx_ctime) : 0,
		};
	return 0;
}

static void
group_name(gid_t gid, char *name, size_t size)
{
	char buffer[1024];
	struct group group, *found = NULL;

	if (getgrgid_r(gid, &group, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		snprintf(name, size, "%s", group.gr_name);
	else
		snprintf(name, size, "%u", (unsigned)gid);
}

void
lrk_access_text(const struct stat *status, char *text, size_t size)
{
	char name[64];

	if (geteuid() == 0 || getegid() == status->st_gid || group_member(status->st_gid)) {
		snprintf(text, size, "permission denied");
		return;
	}
	group_name(status->st_gid, name, sizeof(name));
	snprintf(text, size, "permission denied: uid %u is not in group %s", (unsigned)geteuid(),
		 name);
}

static enum lrk_err
fail_access(const struct stat *status, struct lrk_why *why, const char *path, const char *name)
{
	char text[160];

	lrk_access_text(status, text, sizeof(text));
	return lrk_fail(why, LRK_ERR_ACCESS, "%s/%s: %s", path, name, text);
}

/* Messages show the first length bytes of path. */
static enum lrk_err
judge_dir(const struct stat *st, const char *path, int length, bool rooted, bool group_writable,
	  struct lrk_why *why)
{
	unsigned mode = (unsigned)(st->st_mode & 07777);

	if (st->st_uid != 0 && !(rooted && st->st_uid == geteuid()))
		return lrk_fail(why, LRK_ERR_UNSAFE, "%.*s: belongs to uid %u, not to root%s",
				length, path, (unsigned)st->st_uid, rooted ? " or to the caller" : "");
	if ((mode & S_IWOTH) != 0)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%.*s: is writable by everybody (mode %04o)",
				length, path, mode);
	if ((mode & S_IWGRP) != 0 && !group_writable)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%.*s: is writable by its group (mode %04o)",
				length, path, mode);
	return LRK_OK;
}

static enum lrk_err
judge_opened(const struct lrk_dir *dir, bool group_writable, struct lrk_why *why)
{
	struct stat st;

	if (fstat(dir->fd, &st) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", dir->path);
	return judge_dir(&st, dir->path, (int)strlen(dir->path), dir->rooted, group_writable, why);
}

/* Judges a directory under which stores lie, and notes which one it is, and whose. */
static enum lrk_err
judge_top(struct lrk_dir *top, struct lrk_why *why)
{
	const char *path = top->path[0] != '\0' ? top->path : "/";
	struct stat st;

	if (look(top->fd, top->below, STATX_CTIME, &st, &top->identity) != 0)
		return lrk_fail_errno(why, LRK_ERR_IO, errno, "%s", path);
	top->is_roots = st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
	if (top->rooted && (st.st_mode & S_ISVTX) != 0)
		st.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
	return judge_dir(&st, path, (int)strlen(path), top->rooted, false, why);
}

enum lrk_err
lrk_root_open(const char *root, struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir dir = { .fd = -1, .rooted = root != NULL };
	const char *name = root != NULL ? root : "/";
	size_t length = strlen(name);
	char path[PATH_MAX];
	enum lrk_err err;

	/* A slash at the end would have the kernel follow a symbolic link. */
	while (length > 1 && name[length - 1] == '/')
		length--;
	if (length >= sizeof(path))
		return lrk_fail_errno(why, LRK_ERR_UNSAFE, ENAMETOOLONG, "%s", name);
	memcpy(path, name, length);
	path[length] = '\0';
	if (strcmp(path, "/") != 0)
		memcpy(dir.path, path, length < sizeof(dir.path) ? length : sizeof(dir.path) - 1);
	dir.fd = open(path, OPEN_DIR);
	if (dir.fd < 0)
		return lrk_fail_errno(why, errno == ENOENT ? LRK_ERR_NO_STORE : LRK_ERR_UNSAFE,
				      errno, "%s", path);
	err = judge_top(&dir, why);
	if (err != LRK_OK)
		lrk_dir_close(&dir);
	else
		*ret = dir;
	return err;
}

enum lrk_err
lrk_root_name(const char *root, struct lrk_dir *ret, struct lrk_why *why)
{
	/* What leads to another root is nobody's business, and may change: it has to be held. */
	if (root != NULL)
		return lrk_root_open(root, ret, why);
	*ret = (struct lrk_dir){ .fd = AT_FDCWD, .below = "/", .is_roots = true };
	return LRK_OK;
}

void
lrk_dir_close(struct lrk_dir *dir)
{
	if (dir->fd >= 0 && dir->below[0] == '\0')
		close(dir->fd);
	dir->below[0] = '\0';
	dir->fd = -1;
}

/* Why the directory below from was not reached; path is the same as messages show it. */
static enum lrk_err
fail_dir(const struct lrk_dir *from, const char *below, const char *path, int length, int error,
	 struct lrk_why *why)
{
	const char *slash = strrchr(below, '/');
	const char *name = slash != NULL ? slash + 1 : below;
	char parent[LRK_BELOW_MAX], shown[sizeof(from->path)];
	struct stat st;

	switch (error) {
	case EACCES:
		snprintf(parent, sizeof(parent), "%.*s", (int)(name - below), below);
		if (fstatat(from->fd, parent, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
			break;
		snprintf(shown, sizeof(shown), "%.*s", length - (int)strlen(name) - 1, path);
		return fail_access(&st, why, shown, name);
	case ENOENT:
		return lrk_fail(why, LRK_ERR_NO_STORE, "%.*s: does not exist", length, path);
	case ENOTDIR:
	case ELOOP:
		return lrk_fail(why, LRK_ERR_UNSAFE, "%.*s: is a symbolic link or no directory",
				length, path);
	default:
		break;
	}
	return lrk_fail_errno(why, LRK_ERR_IO, error, "%.*s", length, path);
}

/* Looks at a directory by its name, and judges nothing else of it. */
static enum lrk_err
look_at(const struct lrk_dir *from, const char *below, const char *path, int length,
	struct stat *ret, struct lrk_identity *ret_identity, struct lrk_why *why)
{
	if (look(from->fd, below, 0, ret, ret_identity) != 0)
		return fail_dir(from, below, path, length, errno, why);
	if (!S_ISDIR(ret->st_mode))
		return fail_dir(from, below, path, length, ENOTDIR, why);
	return LRK_OK;
}

/* Names with single slashes between them. */
static bool
is_path_to_walk(const char *path)
{
	size_t name = 0;

	for (; *path != '\0'; path++) {
		if (*path == '/' && name == 0)
			return false;
		name = *path == '/' ? 0 : name + 1;
		if (name > WALK_NAME_MAX)
			return false;
	}
	return name > 0;
}

static bool
is_slash(const struct lrk_dir *dir)
{
	return strcmp(dir->below, "/") == 0;
}

/*
 * Judges each directory that lies between from and the last one of dir, which is below it, and from
 * itself where that is /. *ret_is_roots says whether only root can exchange them.
 */
static enum lrk_err
judge_above(struct lrk_dir *from, struct lrk_dir *dir, bool *ret_is_roots, struct lrk_why *why)
{
	size_t begin = strlen(from->below), shown = strlen(dir->path) - strlen(dir->below);
	enum lrk_err err = LRK_OK;
	bool is_roots;

	if (is_slash(from))
		err = judge_top(from, why);
	is_roots = from->is_roots;
	for (char *slash = strchr(dir->below + begin, '/'); err == LRK_OK && slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int length = (int)(shown + (size_t)(slash - dir->below));
		struct stat st = { 0 };

		*slash = '\0';
		err = look_at(from, dir->below, dir->path, length, &st, NULL, why);
		if (err == LRK_OK)
			err = judge_dir(&st, dir->path, length, dir->rooted, false, why);
		is_roots = is_roots && err == LRK_OK && st.st_uid == 0;
		*slash = '/';
	}
	if (err == LRK_OK)
		*ret_is_roots = is_roots;
	return err;
}

/* Says where the directory with a path below from is, judging nothing. */
static enum lrk_err
name_dir(const struct lrk_dir *from, const char *path, struct lrk_dir *ret, struct lrk_why *why)
{
	size_t begin = strlen(from->below), shown = strlen(from->path);

	if (!is_path_to_walk(path) || begin + strlen(path) + sizeof("/") > sizeof(ret->below))
		return lrk_fail(why, LRK_ERR_INTERNAL, "%s: not a path to walk", path);
	*ret = *from;
	/* Only what was found on the way from a top can be told again. */
	ret->is_roots = false;
	shown = lrk_append(ret->path, shown, sizeof(ret->path), "/");
	lrk_append(ret->path, shown, sizeof(ret->path), path);
	lrk_append(ret->below, begin, sizeof(ret->below), path);
	return LRK_OK;
}

enum lrk_err
lrk_dir_open(const struct lrk_dir *from, const char *path, bool group_writable,
	     struct lrk_dir *ret, struct lrk_why *why)
{
	struct lrk_dir top = *from, dir;
	enum lrk_err err;
	bool is_roots;

	err = name_dir(from, path, &dir, why);
	if (err == LRK_OK)
		err = judge_above(&top, &dir, &is_roots, why);
	if (err != LRK_OK)
		return err;
	dir.fd = openat(from->fd, dir.below, OPEN_DIR);
	if (dir.fd < 0)
		return fail_dir(from, dir.below, dir.path, (int)strlen(dir.path), errno, why);
	dir.below[0] = '\0';
	err = judge_opened(&dir, group_writable, why);
	if (err != LRK_OK)
		lrk_dir_close(&dir);
	else
		*ret = dir;
	return err;
}

/* The way from a top to the directory above dir. */
static struct lrk_way
way_to(const struct lrk_dir *dir, const struct lrk_dir *top)
{
	const char *path = dir->below + strlen(top->below), *last = strrchr(path, '/');

	return (struct lrk_way){
		.from = is_slash(top) ? NULL : &top->identity,
		.path = path,
		.length = last != NULL ? (size_t)(last - path) : 0,
	};
}

/* Whether that is the top still: another thread may have changed the root. An open one stays. */
static bool
is_still(const struct lrk_dir *top)
{
	struct lrk_identity now;
	struct stat st;

	if (!is_slash(top))
		return true;
	return look(top->fd, top->below, STATX_CTIME, &st, &now) == 0 &&
	       lrk_is_same(&now, &top->identity);
}

/*
 * Looks at dir when the way to it was judged, now or before, and then led to the same directory.
 * Notes what was judged for the next time.
 */
static enum lrk_err
look_below(const struct lrk_dir *from, struct lrk_dir *dir, struct stat *ret, struct lrk_why *why)
{
	const struct lrk_way way = way_to(dir, from);
	int length = (int)strlen(dir->path);
	struct lrk_identity identity = { .is_whole = false };
	enum lrk_err err = LRK_OK, above;
	bool is_roots = false;
	struct lrk_dir top;

	if (from->is_roots && lrk_is_known_way(&way)) {
		err = look_at(from, dir->below, dir->path, length, ret, &identity, why);
		if (err == LRK_OK && lrk_is_known(&way, &identity))
			return LRK_OK;
	}
	/* What is wrong on the way says more than what it has led to. */
	top = *from;
	above = judge_above(&top, dir, &is_roots, why);
	if (above != LRK_OK || err != LRK_OK)
		return above != LRK_OK ? above : err;
	err = look_at(from, dir->below, dir->path, length, ret, &identity, why);
	if (err == LRK_OK && is_roots && identity.is_whole && is_still(&top))
		lrk_note_known(&way, &identity);
	return err;
}

enum lrk_err
lrk_dir_name(const struct lrk_dir *from, const char *path, bool group_writable,
	     struct lrk_dir *ret, struct lrk_why *why)
{
	struct stat st = { 0 };
	struct lrk_dir dir;
	enum lrk_err err;

	err = name_dir(from, path, &dir, why);
	if (err == LRK_OK)
		err = look_below(from, &dir, &st, why);
	if (err == LRK_OK)
		err = judge_dir(&st, dir.path, (int)strlen(dir.path), dir.rooted, group_writable,
				why);
	if (err != LRK_OK)
		return err;
	lrk_append(dir.below, strlen(dir.below), sizeof(dir.below), "/");
	*ret = dir;
	return LRK_OK;
}

/* A file's name as the directory's descriptor takes it. */
struct below {
	char name[LRK_BELOW_MAX + NAME_MAX + 1];
};

static void
name_below(const struct lrk_dir *dir, const char *name, struct below *ret)
{
	size_t used = lrk_append(ret->name, 0, sizeof(ret->name), dir->below);

	lrk_append(ret->name, used, sizeof(ret->name), name);
}

static enum lrk_err
fail_open(const struct lrk_dir *dir, const char *name, int error, struct lrk_why *why)
{
	struct below below;
	struct stat st;

	switch (error) {
	case ENOENT:
		return lrk_fail(why, LRK_ERR_NOT_FOUND, "%s/%s: does not exist", dir->path, name);
	case ELOOP:
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is a symbolic link", dir->path, name);
	case ENXIO:
	case EISDIR:
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is not a regular file", dir->path,
				name);
	case EACCES:
	case EPERM:
		/* Who may not search the directory may not look at the file either. */
		name_below(dir, name, &below);
		if (fstatat(dir->fd, below.name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
		    fstatat(dir->fd, dir->below, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0)
			return fail_access(&st, why, dir->path, name);
		break;
	default:
		break;
	}
	return lrk_fail_errno(why, LRK_ERR_IO, error, "%s/%s", dir->path, name);
}

/*
 * What a writer that replaces the file repairs by that. A file without a link was replaced since it
 * was opened: who reads it reads what was there a moment ago; what is written to it is lost.
 */
static const char *
find_defect(const struct stat *st)
{
	if (st->st_nlink != 1)
		return "has more than one hard link";
	if ((st->st_mode & S_IWOTH) != 0)
		return "is writable by everybody";
	return NULL;
}

static enum lrk_err
judge_file(const struct lrk_dir *dir, const char *name, const struct lrk_file_rule *rule,
	   const struct stat *st, bool *defect, struct lrk_why *why)
{
	const char *found = find_defect(st);

	if (!S_ISREG(st->st_mode))
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is not a regular file", dir->path,
				name);
	if (st->st_size < rule->min_size)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is %s (%lld bytes)", dir->path, name,
				st->st_size == 0 ? "empty" : "too short", (long long)st->st_size);
	if (st->st_size > rule->max_size)
		return lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: is too large (%lld bytes)",
				dir->path, name, (long long)st->st_size);
	if (found != NULL) {
		unsigned mode = (unsigned)(st->st_mode & 07777), links = (unsigned)st->st_nlink;
		enum lrk_err err;

		err = lrk_fail(why, LRK_ERR_UNSAFE, "%s/%s: %s (mode %04o, %u links)", dir->path,
			       name, found, mode, links);
		if (defect == NULL)
			return err;
		*defect = true;
	}
	return LRK_OK;
}

/* All naps together last 0.18 seconds, within what a login may wait. */
static void
nap_before(int attempt)
{
	struct timespec nap = { .tv_nsec = NAP_MIN_NS };

	if (attempt < NAMED_AT_ONCE)
		return;
	for (int i = NAMED_AT_ONCE; i < attempt && nap.tv_nsec < NAP_MAX_NS; i++)
		nap.tv_nsec *= 2;
	nanosleep(&nap, NULL);
}

/*
 * Opens a file that still has its name: one that was replaced between the two steps is opened
 * again, by its name. One that never has a name is an old one that somebody holds on to, as a
 * mount of the file, instead of its directory, does: what is written to it is lost, and what is
 * read from it is what was revoked long ago.
 */
static enum lrk_err
open_named(const struct lrk_dir *dir, const char *name, int flags, int *ret_fd,
	   struct stat *ret_stat, struct lrk_why *why)
{
	struct below below;

	name_below(dir, name, &below);
	for (int i = 0; i < NAMED_ATTEMPTS; i++) {
		int fd;

		nap_before(i);
		fd = openat(dir->fd, below.name, flags | OPEN_FILE);
		if (fd < 0)
			return fail_open(dir, name, errno, why);
		if (look(fd, "", 0, ret_stat, NULL) != 0) {
			lrk_fail_errno(why, LRK_ERR_IO, errno, "%s/%s", dir->path, name);
			close(fd);
			return LRK_ERR_IO;
		}
		if (ret_stat->st_nlink != 0) {
			*ret_fd = fd;
			return LRK_OK;
		}
		close(fd);
	}
	return lrk_fail(why, LRK_ERR_UNSAFE,
			"%s/%s: is a file that was replaced (0 links); is it mounted, instead of its "
			"directory?", dir->path, name);
}

enum lrk_err
lrk_file_open(const struct lrk_dir *dir, const char *name, const struct lrk_file_rule *rule,
	      bool *defect, int *ret_fd, struct stat *ret_stat, struct lrk_why *why)
{
	struct stat st = { 0 };
	enum lrk_err err;
	int fd = -1;

	err = open_named(dir, name, rule->flags, &fd, &st, why);
	if (err != LRK_OK)
		return err;
	err = judge_file(dir, name, rule, &st, defect, why);
	if (err != LRK_OK) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	if (ret_stat != NULL)
		*ret_stat = st;
	return LRK_OK;
}

enum lrk_err
lrk_file_read(int fd, void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO; /* it was longer a moment ago */
			return LRK_ERR_IO;
		}
		done += (size_t)n;
	}
	return LRK_OK;
}

enum lrk_err
lrk_file_write(int fd, const void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return LRK_ERR_IO;
		}
		done += (size_t)n;
	}
	return LRK_OK;
}
