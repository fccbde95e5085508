/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk in memory: the files of a tree as they were, what was done to them since, and what of it a
 * power cut may leave.
 *
 * What a file was given is on the disk once the file was synced, and a name once its directory was.
 * Until then it may be there or not, and nothing says in what order it gets there.
 */
#ifndef TESTS_POWER_DISK_H
#define TESTS_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "op.h"

#define DISK_FILES 64
#define DISK_OPS 4096

struct disk_file {
	char path[512]; /* below the tree; of what was made: "" */
	uint64_t inode; /* 0 until it is known */
	bool is_dir;
	mode_t mode;
	uint8_t *bytes; /* belong to the file of this disk */
	size_t size, space;
};

struct disk_name {
	unsigned dir, file; /* places in files */
	char name[OP_NAME_MAX];
	bool there;
};

struct disk {
	struct disk_file files[DISK_FILES];
	unsigned n_files;
	struct disk_name names[DISK_FILES];
	unsigned n_names;
};

struct disk_log {
	struct op *ops[DISK_OPS]; /* only those that change, sync or tell something */
	const uint8_t *bytes[DISK_OPS];
	unsigned n_ops;
};

/* How much of its last write a disk has. */
enum disk_torn {
	TORN_NOT,
	TORN_HALF,
	TORN_ZEROS,
	TORN_KINDS
};

/* Reads a tree of directories and plain files. */
void disk_read_tree(struct disk *disk, const char *tree);

/* Reads a record, and makes all that it made known to the disk. */
void disk_read_log(struct disk *disk, struct disk_log *log, const char *path);

void disk_apply(struct disk *disk, const struct op *op, const uint8_t *bytes, enum disk_torn torn);
/* *to is like *from; its memory is used again. */
void disk_copy(struct disk *to, const struct disk *from);

/* Whether the second, done later, makes the first one last. */
bool disk_settles(const struct op *first, const struct op *second);
bool disk_changes(const struct op *op);

/* What can be seen of a disk, as a number. */
uint64_t disk_sum(const struct disk *disk);
/* Makes the tree what the disk is; it was what *last is, or is empty where last is NULL. */
void disk_write_tree(const struct disk *disk, const char *tree, const struct disk *last);

/* A file by its path, or NULL. */
const struct disk_file *disk_find(const struct disk *disk, const char *path);

#endif
