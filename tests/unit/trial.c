/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "liblrkey/masterfile.h"

#include "trial.h"

static int
make_root(struct trial *trial)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(trial->root, sizeof(trial->root), "%s/lrkey-unit.XXXXXX",
		 tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(trial->root) == NULL)
		return -1;
	trial->owners = (struct lrk_owners){ geteuid(), getegid(), getegid(), getegid() };
	return 0;
}

int
trial_setup_root(void **state)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (trial == NULL)
		return -1;
	trial->descriptors = trial_open_descriptors();
	*state = trial;
	return make_root(trial);
}

int
trial_setup_store(void **state)
{
	struct trial *trial;

	if (trial_setup_root(state) != 0)
		return -1;
	trial = *state;
	if (lrk_store_create(trial->root, STORE, &trial->owners, &trial->why) == LRK_OK)
		return 0;
	print_error("no store: %s\n", trial->why.text);
	return -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Directories whose mode a test took away are walked all the same. */
static int
open_up(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return flag == FTW_D || flag == FTW_DNR ? chmod(path, 0700) : 0;
}

int
trial_teardown(void **state)
{
	struct trial *trial = *state;
	unsigned left = trial_open_descriptors();
	int result = 0;

	if (nftw(trial->root, open_up, 16, FTW_PHYS) != 0 ||
	    nftw(trial->root, remove_one, 16, FTW_PHYS | FTW_DEPTH) != 0) {
		print_error("%s cannot be removed: %s\n", trial->root, strerror(errno));
		result = -1;
	}
	if (left != trial->descriptors) {
		print_error("%u descriptors were open before, %u after\n", trial->descriptors,
			    left);
		result = -1;
	}
	free(trial);
	return result;
}

const char *
trial_path(const struct trial *trial, const char *relative)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % COUNT_OF(paths)];
	/* The root itself can be named although its mode lets nobody search it. */
	int length = strcmp(relative, ".") == 0 ?
			     snprintf(path, sizeof(paths[0]), "%s", trial->root) :
			     snprintf(path, sizeof(paths[0]), "%s/%s", trial->root, relative);

	assert_in_range(length, 1, sizeof(paths[0]) - 1);
	return path;
}

unsigned
trial_open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

void
trial_mkdir(const struct trial *trial, const char *relative, mode_t mode)
{
	assert_int_equal(mkdir(trial_path(trial, relative), 0700), 0);
	trial_chmod(trial, relative, mode);
}

void
trial_write(const struct trial *trial, const char *relative, const void *bytes, size_t size)
{
	int fd = open(trial_path(trial, relative), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_ok(lrk_file_write(fd, bytes, size));
	assert_int_equal(close(fd), 0);
}

uint8_t *
trial_read(const struct trial *trial, const char *relative, size_t *ret_size)
{
	int fd = open(trial_path(trial, relative), O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_ok(lrk_file_read(fd, bytes, (size_t)st.st_size));
	close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

off_t
trial_size(const struct trial *trial, const char *relative)
{
	struct stat st;

	assert_int_equal(lstat(trial_path(trial, relative), &st), 0);
	return st.st_size;
}

mode_t
trial_mode(const struct trial *trial, const char *relative)
{
	struct stat st;

	assert_int_equal(lstat(trial_path(trial, relative), &st), 0);
	return st.st_mode & 07777;
}

void
trial_chmod(const struct trial *trial, const char *relative, mode_t mode)
{
	assert_int_equal(chmod(trial_path(trial, relative), mode), 0);
}

bool
trial_exists(const struct trial *trial, const char *relative)
{
	struct stat st;

	return lstat(trial_path(trial, relative), &st) == 0;
}

struct lrk_credential
trial_credential(const char *id, char secret)
{
	struct lrk_credential credential = { "", { 0 } };
	char text[LRK_SECRET_LEN];

	assert_int_equal(strlen(id), LRK_ID_LEN);
	strcpy(credential.id, id);
	memset(text, secret, sizeof(text));
	assert_ok(lrk_sha256(text, sizeof(text), credential.digest));
	return credential;
}

struct lrk_entry
trial_entry(const char *id, char secret)
{
	const struct lrk_credential credential = trial_credential(id, secret);
	struct lrk_entry entry = {
		.org = "acme",
		.created_by = "tester",
		.n_scopes = 1,
		.scopes = { LRK_SCOPE_ANY },
		.created = TRIAL_NOW - 1000,
		.expires = LRK_NEVER,
		.term = LRK_NEVER,
	};

	strcpy(entry.id, id);
	memcpy(entry.digest, credential.digest, sizeof(entry.digest));
	return entry;
}

static void
check(enum lrk_err err, const struct lrk_why *why)
{
	if (err != LRK_OK)
		fail_msg("%s: %s", lrk_err_name(err), why->text);
}

void
trial_put(const struct trial *trial, const char *store, const struct lrk_entry *entries, size_t n)
{
	struct lrk_change *change;
	struct lrk_why why;
	bool done;

	check(lrk_change_begin(trial->root, store, &change, &why), &why);
	for (size_t i = 0; i < n; i++)
		check(lrk_change_put(change, &entries[i], &why), &why);
	check(lrk_change_prepare(change, &why), &why);
	check(lrk_change_commit(change, &done, &why), &why);
	assert_true(done);
	lrk_change_end(change);
}

static void
open_raw(const struct trial *trial, const char *store, struct lrk_keyfile *file)
{
	char relative[128];
	struct lrk_why why;
	int fd;

	snprintf(relative, sizeof(relative), LRK_VAR "/%s/" LRK_KEYS_DIR "/" LRK_KEY_FILE, store);
	fd = open(trial_path(trial, relative), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	check(lrk_keyfile_open_copy(fd, relative, file, &why), &why);
}

void
trial_put_raw(const struct trial *trial, const char *store, const char *name,
	      const uint8_t *record, size_t length)
{
	struct lrk_keyfile file;

	open_raw(trial, store, &file);
	assert_ok(lrk_keyfile_put(&file, name, record, length));
	assert_ok(lrk_keyfile_close(&file));
}

size_t
trial_get_raw(const struct trial *trial, const char *store, const char *name, uint8_t *record,
	      size_t size)
{
	struct lrk_keyfile file;
	size_t length = 0;
	enum lrk_err err;

	open_raw(trial, store, &file);
	err = lrk_keyfile_get(&file, name, record, size, &length);
	assert_true(err == LRK_OK || err == LRK_ERR_NOT_FOUND);
	assert_ok(lrk_keyfile_close(&file));
	return length;
}

struct lrk_keyring
trial_ring(const struct trial *trial, const char *store)
{
	struct lrk_dir top, etc;
	struct lrk_keyring ring;
	struct lrk_why why;
	char relative[64];

	snprintf(relative, sizeof(relative), LRK_ETC "/%s", store);
	check(lrk_root_open(trial->root, &top, &why), &why);
	check(lrk_dir_open(&top, relative, false, &etc, &why), &why);
	check(lrk_master_file_read(&etc, &ring, &why), &why);
	lrk_dir_close(&etc);
	lrk_dir_close(&top);
	return ring;
}

struct outcome {
	bool written;
	enum lrk_err err;
	struct lrk_why why;
};

static void
run_unprivileged(const struct trial *trial, trial_check_fn check_fn, struct outcome *outcome)
{
	const unsigned nobody = TRIAL_NOBODY;

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
			       setresuid(nobody, nobody, nobody) != 0))
		_exit(1);
	outcome->err = check_fn(trial, &outcome->why);
	outcome->written = true;
	_exit(0);
}

enum lrk_err
trial_unprivileged(const struct trial *trial, trial_check_fn check_fn, struct lrk_why *ret_why)
{
	struct outcome *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct outcome outcome;
	int status = 0;
	pid_t pid;

	assert_ptr_not_equal(shared, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_unprivileged(trial, check_fn, shared);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	outcome = *shared;
	assert_int_equal(munmap(shared, sizeof(*shared)), 0);
	assert_int_equal(status, 0);
	assert_true(outcome.written);
	*ret_why = outcome.why;
	return outcome.err;
}

void
assert_says(const struct lrk_why *why, const char *part)
{
	if (strstr(why->text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why->text, part);
	assert_null(strchr(why->text, '\n'));
}
