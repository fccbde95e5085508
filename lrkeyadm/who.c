/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liblrkey/store.h"
#include "who.h"

#define GROUPS_MAX 1024
#define MISSING_MAX 160

static void
user_name(uid_t uid, char name[static LRK_USER_MAX + 1])
{
	const struct passwd *passwd = getpwuid(uid);

	/* A name that could not be stored is none; nobody's is as sudo writes it. */
	if (passwd != NULL && lrk_is_user_name(passwd->pw_name))
		snprintf(name, LRK_USER_MAX + 1, "%s", passwd->pw_name);
	else
		snprintf(name, LRK_USER_MAX + 1, "#%u", (unsigned)uid);
}

/* The uid that logged in, which su and sudo do not change; (uid_t)-1 for none. */
static uid_t
login_uid(void)
{
	unsigned long uid = (uid_t)-1;
	char text[16];
	ssize_t n;
	int fd;

	fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (uid_t)-1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0) {
		text[n] = '\0';
		uid = strtoul(text, NULL, 10);
	}
	return (uid_t)uid;
}

void
who_am_i(struct who *ret)
{
	uid_t login = login_uid();

	*ret = (struct who){ .uid = getuid() };
	user_name(ret->uid, ret->user);
	if (login != (uid_t)-1)
		user_name(login, ret->login);
}

/* A group that somebody must be in. */
struct need {
	bool known;
	gid_t gid;
	char name[64];
};

static void
need_gid(struct need *need, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	need->known = true;
	need->gid = gid;
	if (group != NULL)
		snprintf(need->name, sizeof(need->name), "%s", group->gr_name);
	else
		snprintf(need->name, sizeof(need->name), "%u", (unsigned)gid);
}

/* Whether this process is in the group, which is what the kernel goes by. */
static bool
is_member(const struct need *need)
{
	return getegid() == need->gid || group_member(need->gid) != 0;
}

/* Whether the next login would be. */
static bool
will_be_member(const char *user, const struct need *need)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (getgrouplist(user, getegid(), groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == need->gid)
			return true;
	return false;
}

/* The groups of a store as far as the caller may see them. */
static bool
find_needs(const struct request *request, struct need *verifiers, struct need *managers)
{
	const char *root = request->root != NULL ? request->root : "";
	char path[4096];
	const struct group *group;
	struct stat st;

	*verifiers = *managers = (struct need){ .known = false };
	snprintf(path, sizeof(path), "%s/" LRK_VAR "/%s", root, request->store);
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	need_gid(verifiers, st.st_gid);
	snprintf(path, sizeof(path), "%s/" LRK_VAR "/%s/" LRK_LOCK_FILE, root, request->store);
	if (lstat(path, &st) == 0) {
		need_gid(managers, st.st_gid);
	} else if (strcmp(request->store, LRK_STORE_DEFAULT) == 0) {
		/* Behind the gate, but it has a name by custom. */
		group = getgrnam(WHO_MANAGERS);
		if (group != NULL)
			need_gid(managers, group->gr_gid);
	}
	return true;
}

/* Joins the names of the needs that are wanting, managers first. */
static void
join_missing(const struct need *const needs[2], bool (*wanting)(const char *, const struct need *),
	     const char *user, const char *between, char list[static MISSING_MAX])
{
	list[0] = '\0';
	for (int i = 0; i < 2; i++) {
		size_t used = strlen(list);

		if (needs[i]->known && wanting(user, needs[i]))
			snprintf(list + used, MISSING_MAX - used, "%s%s", used > 0 ? between : "",
				 needs[i]->name);
	}
}

static bool
is_not_member(const char *user, const struct need *need)
{
	(void)user;
	return !is_member(need);
}

static bool
will_not_be_member(const char *user, const struct need *need)
{
	return !is_member(need) && !will_be_member(user, need);
}

enum status
who_is_refused(const struct request *request, bool manager, const struct lrk_why *why)
{
	struct need verifiers, managers, nobody = { .known = false };
	const struct need *needs[2] = { &nobody, &verifiers };
	char missing[MISSING_MAX], unknown[MISSING_MAX], what[64];
	const char *several;
	struct who who;

	snprintf(what, sizeof(what), "store %s", request->store);
	who_am_i(&who);
	if (geteuid() == 0 || who.user[0] == '#' || !find_needs(request, &verifiers, &managers))
		return fail(STATUS_PERMISSION, what, "%s", why->text);
	if (manager)
		needs[0] = &managers;
	join_missing(needs, is_not_member, who.user, " and ", missing);
	join_missing(needs, will_not_be_member, who.user, ",", unknown);
	several = strchr(missing, ' ') != NULL ? "s" : "";
	if (missing[0] == '\0')
		return fail(STATUS_PERMISSION, what, "%s", why->text);
	if (unknown[0] == '\0')
		return fail(STATUS_PERMISSION, what,
			    "not permitted: user %s has joined group%s %s after this login began; log "
			    "in again", who.user, several, missing);
	return fail(STATUS_PERMISSION, what,
		    "not permitted: user %s is not in group%s %s; as root: usermod -aG %s %s, then "
		    "log in again", who.user, several, missing, unknown, who.user);
}
