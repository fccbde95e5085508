/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lrkey/verify.h>

#include "liblrkey/snapshot.h"

#include "judge.h"

#define KEYS_MAX 16
#define TOLD_MAX 20
#define AUDIT "/" LRK_VAR "/system/" LRK_AUDIT_FILE

static struct {
	struct lrk_credential credential;
	bool let_in[2]; /* by the old store, and by the new one */
} keys[KEYS_MAX];
static size_t n_keys;

void
judge_tell(const char *format, ...)
{
	static unsigned told;
	va_list args;

	if (told++ >= TOLD_MAX)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static enum lrk_err
take_entry(void *context, const struct lrk_entry *entry)
{
	struct content *content = context;
	struct content_entry *one = &content->entries[content->n];

	if (content->n++ == CONTENT_MAX)
		return LRK_ERR_LIMIT;
	memcpy(one->id, entry->id, sizeof(entry->id));
	return lrk_entry_encode(entry, one->plain, &one->length);
}

static int
compare_entries(const void *one, const void *other)
{
	const struct content_entry *a = one, *b = other;

	return strcmp(a->id, b->id);
}

bool
judge_read(const char *tree, struct content *ret)
{
	struct lrk_store store = LRK_STORE_CLOSED;
	struct lrk_why why = { "" };
	struct lrk_header header;
	enum lrk_err err;

	memset(ret, 0, sizeof(*ret));
	err = lrk_snapshot_open(tree, LRK_STORE_DEFAULT, &store, &header, NULL, &why);
	if (err == LRK_OK)
		err = lrk_snapshot_walk_whole(&store, take_entry, ret, &why);
	lrk_store_close(&store);
	if (err != LRK_OK) {
		judge_tell("the store cannot be read: %s: %s\n", lrk_err_name(err), why.text);
		return false;
	}
	ret->generation = header.generation;
	qsort(ret->entries, ret->n, sizeof(ret->entries[0]), compare_entries);
	return true;
}

bool
judge_same(const struct content *one, const struct content *other)
{
	return memcmp(one, other, sizeof(*one)) == 0;
}

bool
judge_read_keys(void)
{
	char key[64], old[8], new[8];

	while (n_keys < KEYS_MAX && scanf("%63s %7s %7s", key, old, new) == 3) {
		if (lrk_apikey_parse(key, strlen(key), &keys[n_keys].credential) != LRK_OK)
			return false;
		keys[n_keys].let_in[false] = strcmp(old, "yes") == 0;
		keys[n_keys++].let_in[true] = strcmp(new, "yes") == 0;
	}
	return n_keys > 0;
}

bool
judge_keys(const char *tree, bool new, bool tell)
{
	for (size_t i = 0; i < n_keys; i++) {
		struct lrk_question question = { .root = tree,
						 .store = LRK_STORE_DEFAULT,
						 .credential = &keys[i].credential,
						 .now = time(NULL),
						 .use = LRK_USE_CHECK };
		struct lrk_why why = { "" };
		struct lrk_answer answer;
		enum lrk_err err = lrk_verify(&question, &answer, &why);
		bool valid = err == LRK_OK && answer.verdict == LRK_VERDICT_VALID;

		if ((err == LRK_OK || err == LRK_ERR_USAGE) && valid == keys[i].let_in[new])
			continue;
		if (tell)
			judge_tell("key %s is %s%s\n", keys[i].credential.id,
				   valid ? "let in" : "refused ", why.text);
		return false;
	}
	return true;
}

/* Whether some line of the log is of this generation; and the last of them no void one. */
bool
judge_audit(const struct disk *disk, uint64_t generation)
{
	const struct disk_file *file = disk_find(disk, AUDIT);
	const char *at, *end;
	bool told = false;
	char mark[32];

	snprintf(mark, sizeof(mark), ",\"gen\":%llu,", (unsigned long long)generation);
	if (file == NULL || file->size == 0)
		return false;
	at = (const char *)file->bytes;
	end = at + file->size;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline != NULL ? (size_t)(newline - at) : 0;

		if (newline == NULL)
			break;
		if (memmem(at, length, mark, strlen(mark)) != NULL)
			told = memmem(at, length, "\"command\":\"void\"", 16) == NULL;
		at = newline + 1;
	}
	if (!told)
		judge_tell("the audit log does not tell of generation %llu\n",
			   (unsigned long long)generation);
	return told;
}

/* Tells what was said, but for what may be; returns whether it was nothing else. */
static bool
tell(const char *command, FILE *said, const char *may_be)
{
	char line[512];
	bool well = may_be != NULL;

	rewind(said);
	while (fgets(line, sizeof(line), said) != NULL) {
		if (may_be != NULL && strstr(line, may_be) != NULL)
			continue;
		judge_tell("%s: %s", command, line);
		well = false;
	}
	return well;
}

/* Runs lrkeyadm on the tree. When it fails, it may be for a reason that has this text, or NULL. */
static bool
run(const char *tree, const char *lrkeyadm, const char *const *words, const char *may_be)
{
	const char *argv[8] = { lrkeyadm, "--root", tree };
	char *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int status, out = memfd_create("lrkeyadm", MFD_CLOEXEC);
	bool well;
	FILE *file;
	pid_t pid;

	for (unsigned i = 0; words[i] != NULL; i++)
		argv[3 + i] = words[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	well = posix_spawn(&pid, lrkeyadm, &actions, NULL, (char *const *)(uintptr_t)argv,
			   environment) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
	posix_spawn_file_actions_destroy(&actions);
	file = fdopen(out, "r+");
	if (file == NULL)
		return false;
	well = well || tell(words[0], file, may_be);
	fclose(file);
	return well;
}

bool
judge_next(const char *tree, const char *lrkeyadm, const struct content *before)
{
	static const char *const generate[] = { "generate", "--org", "next", NULL };
	static const char *const rekey[] = { "rekey", NULL };
	static const char *const check[] = { "check", NULL };
	static struct content after;
	size_t kept = 0;

	if (!run(tree, lrkeyadm, generate, NULL) || !judge_read(tree, &after))
		return false;
	for (size_t i = 0; i < after.n && kept < before->n; i++)
		kept += memcmp(&after.entries[i], &before->entries[kept],
			       sizeof(after.entries[i])) == 0;
	if (after.generation != before->generation + 1 || after.n != before->n + 1 ||
	    kept != before->n) {
		judge_tell("the next change does not keep what was there\n");
		return false;
	}
	/* One may have been broken off; and a line of the log that was torn stays there. */
	return run(tree, lrkeyadm, rekey, NULL) &&
	       run(tree, lrkeyadm, check, "is no JSON object; compare it with the system's log");
}
