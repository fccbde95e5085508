/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts the power at each step of a change, and looks at each store that may be left:
 *
 *	powercut TREE LOG WORK LRKEYADM STRIDE NEXT [KEPT] <KEYS
 *
 * TREE is what there was before, LOG what preload.so recorded of a change that was reported as
 * done. Behind each step, each subset of what is not synced may be on the disk: of the last 12
 * writes; all that is older is, or none of it. The last write may also be there by half, or as
 * zeros. Of the subsets each STRIDEth is taken, and always all and nothing; 1 takes all.
 *
 * Each different store is put into WORK and opened. It must be the old one or the new one, and the
 * new one as soon as that was told. KEPT is the path, below the tree, of a file that must be whole
 * where the store is new. After each NEXTth store, another change is made with LRKEYADM. KEYS: see
 * judge.h.
 *
 * Prints how many stores there were. Exit status: 0 when each was right, 1 when one was not, 2 for
 * a wrong call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "judge.h"

#define VARIED 12
#define SUMS (1u << 22)

static struct {
	const char *tree, *log, *work, *lrkeyadm, *kept;
	unsigned long stride, next;
} settings;

static struct disk_log change;
/* What is synced; what may be; what is in the working tree. */
static struct disk settled, trial, written;
static bool is_written;
static const struct disk_file *kept;
static struct disk final;
static struct content old_content, new_content, content;

/* What was done and is not synced, by number. */
static unsigned open_ops[DISK_OPS], n_open;
static bool told;
/* The key file is not changed: what tells new from old is which keys are let in. */
static bool is_login;

static unsigned long n_states, n_different, n_old, n_new, n_next, n_wrong;

/* Whether the sum is a new one. */
static bool
is_new(uint64_t sum)
{
	static uint64_t sums[SUMS];
	uint64_t at = sum % SUMS;

	if (n_different > SUMS / 2) {
		fputs("powercut: more stores than there is place for\n", stderr);
		exit(2);
	}
	for (; sums[at] != 0; at = (at + 1) % SUMS)
		if (sums[at] == sum)
			return false;
	sums[at] = sum;
	return true;
}

static bool
is_kept(void)
{
	const struct disk_file *file;

	if (kept == NULL)
		return true;
	file = disk_find(&trial, settings.kept);
	if (file != NULL && file->size == kept->size && file->mode == kept->mode &&
	    memcmp(file->bytes, kept->bytes, kept->size) == 0)
		return true;
	judge_tell("%s is not whole\n", settings.kept);
	return false;
}

static bool
judge(void)
{
	bool new;

	if (!judge_read(settings.work, &content))
		return false;
	new = is_login ? judge_keys(settings.work, true, false) :
			 judge_same(&content, &new_content);
	if (!new && !judge_same(&content, &old_content)) {
		judge_tell("neither the old store nor the new one\n");
		return false;
	}
	n_old += !new;
	n_new += new;
	if (told && !new) {
		judge_tell("it was told that it is done, and the store is the old one\n");
		return false;
	}
	if (!judge_keys(settings.work, new, true))
		return false;
	return !new || is_login || (judge_audit(&trial, new_content.generation) && is_kept());
}

/* The same, and now and then what another change makes of it. */
static bool
judge_it(void)
{
	if (!judge())
		return false;
	if (n_different % settings.next != 0)
		return true;
	n_next++;
	is_written = false;
	return judge_next(settings.work, settings.lrkeyadm, &content);
}

/* Looks at the store that is on the trial disk. */
static void
look(unsigned step, unsigned long mask, enum disk_torn torn)
{
	uint64_t sum = disk_sum(&trial) * 2 + told;

	n_states++;
	if (!is_new(sum | (sum == 0)))
		return;
	n_different++;
	disk_write_tree(&trial, settings.work, is_written ? &written : NULL);
	disk_copy(&written, &trial);
	is_written = true;
	if (!judge_it())
		judge_tell("step %u, of the open ones %#lx, torn %d: wrong: %lu\n", step, mask,
			   torn, ++n_wrong);
}

/* The last of all open ones is there, by whole or in part, or is one of them. */
static void
try_subset(unsigned step, bool early, unsigned long mask, enum disk_torn torn)
{
	unsigned first = n_open > VARIED ? n_open - VARIED : 0;

	disk_copy(&trial, &settled);
	for (unsigned i = 0; i < n_open; i++) {
		const struct op *op = change.ops[open_ops[i]];
		bool last = i + 1 == n_open;

		if (i < first ? early : (mask >> (i - first) & 1) != 0)
			disk_apply(&trial, op, change.bytes[open_ops[i]], last ? torn : TORN_NOT);
	}
	look(step, mask, torn);
}

/* With latest, only those that have the last one: the others were there a step before. */
static void
try_all(unsigned step, bool latest)
{
	unsigned varied = n_open < VARIED ? n_open : VARIED;
	unsigned long all = (1ul << varied) - 1, top = latest ? 1ul << (varied - 1) : 0;
	bool write = latest && change.ops[open_ops[n_open - 1]]->kind == OP_WRITE;

	for (unsigned long mask = top; mask <= all; mask++) {
		if (mask != top && mask != all &&
		    (mask * 2654435761u + step) % settings.stride != 0)
			continue;
		for (enum disk_torn torn = TORN_NOT; torn < (write ? TORN_KINDS : 1); torn++) {
			try_subset(step, true, mask, torn);
			if (n_open > VARIED)
				try_subset(step, false, mask, torn);
		}
	}
}

static void
settle(const struct op *sync)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n_open; i++) {
		const struct op *op = change.ops[open_ops[i]];

		if (disk_settles(op, sync))
			disk_apply(&settled, op, change.bytes[open_ops[i]], TORN_NOT);
		else
			open_ops[left++] = open_ops[i];
	}
	n_open = left;
}

static void
cut_everywhere(void)
{
	look(0, 0, TORN_NOT);
	for (unsigned step = 0; step < change.n_ops; step++) {
		const struct op *op = change.ops[step];

		if (disk_changes(op)) {
			open_ops[n_open++] = step;
			try_all(step + 1, true);
		} else if (op->kind == OP_TOLD) {
			told = true;
			try_all(step + 1, false);
		} else {
			settle(op);
		}
	}
	told = true;
	try_all(change.n_ops, false);
}

/* Reads all, and what the store is before and behind the change. */
static bool
prepare(void)
{
	disk_read_tree(&settled, settings.tree);
	disk_read_log(&settled, &change, settings.log);
	disk_copy(&trial, &settled);
	disk_copy(&final, &settled);
	for (unsigned i = 0; i < change.n_ops; i++)
		disk_apply(&final, change.ops[i], change.bytes[i], TORN_NOT);
	if (settings.kept != NULL && (kept = disk_find(&final, settings.kept)) == NULL)
		return false;
	disk_write_tree(&final, settings.work, NULL);
	if (!judge_read(settings.work, &new_content))
		return false;
	disk_write_tree(&settled, settings.work, NULL);
	if (!judge_read(settings.work, &old_content))
		return false;
	is_login = judge_same(&old_content, &new_content);
	return judge_keys(settings.work, false, true);
}

int
main(int argc, char **argv)
{
	if (argc < 7 || argc > 8 || !judge_read_keys()) {
		fputs("usage: powercut TREE LOG WORK LRKEYADM STRIDE NEXT [KEPT] <KEYS\n", stderr);
		return 2;
	}
	settings.tree = argv[1];
	settings.log = argv[2];
	settings.work = argv[3];
	settings.lrkeyadm = argv[4];
	settings.stride = strtoul(argv[5], NULL, 10);
	settings.next = strtoul(argv[6], NULL, 10);
	settings.kept = argv[7];
	if (settings.stride == 0 || settings.next == 0 || !prepare()) {
		fputs("powercut: there is no such change\n", stderr);
		return 2;
	}
	cut_everywhere();
	printf("%u steps, %lu states, %lu different: %lu old, %lu new; %lu changed again; %lu "
	       "wrong\n",
	       change.n_ops, n_states, n_different, n_old, n_new, n_next, n_wrong);
	return n_wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
