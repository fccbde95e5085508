/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program did to a tree of files: one record after the other, in a file. */
#ifndef TESTS_POWER_OP_H
#define TESTS_POWER_OP_H

#include <stdint.h>

#define OP_NAME_MAX 64

enum op_kind {
	OP_OPEN,     /* inode is what has this path; nothing changes */
	OP_CREATE,   /* inode is made, as name in dir */
	OP_WRITE,    /* length bytes at offset */
	OP_TRUNCATE, /* to offset bytes */
	OP_MODE,
	OP_SYNC,     /* of a file, or of a directory's names */
	OP_DATASYNC, /* the same, without its mode */
	OP_RENAME,   /* inode, name in dir, becomes name2 in dir */
	OP_UNLINK,
	OP_TOLD, /* something was written to standard output */
};

/* The path of OP_OPEN, or the bytes of OP_WRITE, follow: length of them. */
struct op {
	uint32_t kind;
	uint32_t mode;
	uint64_t inode, dir;
	uint64_t offset, length;
	char name[OP_NAME_MAX], name2[OP_NAME_MAX];
};

#endif
