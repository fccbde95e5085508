/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerrordesc_np(errno));
	exit(2);
}

/* ---- The tree as it was --------------------------------------------------------- */

static struct disk *reading;
static size_t reading_from;

static unsigned
add_file(struct disk *disk, uint64_t inode, bool is_dir, mode_t mode)
{
	struct disk_file *file = &disk->files[disk->n_files];

	if (disk->n_files == DISK_FILES)
		die("too many files");
	file->inode = inode;
	file->is_dir = is_dir;
	file->mode = mode;
	file->size = 0;
	return disk->n_files++;
}

static unsigned
place_of_name(const struct disk *disk, unsigned dir, const char *text)
{
	unsigned place = 0;

	while (place < disk->n_names &&
	       (disk->names[place].dir != dir || strcmp(disk->names[place].name, text) != 0))
		place++;
	return place;
}

static void
set_name(struct disk *disk, unsigned dir, const char *text, unsigned file, bool there)
{
	unsigned place = place_of_name(disk, dir, text);
	struct disk_name *name = &disk->names[place];

	if (place == disk->n_names && disk->n_names++ == DISK_FILES)
		die("too many names");
	*name = (struct disk_name){ .dir = dir, .file = file, .there = there };
	snprintf(name->name, sizeof(name->name), "%s", text);
}

static void
set_size(struct disk_file *file, size_t size)
{
	if (size > file->space) {
		file->bytes = realloc(file->bytes, size);
		if (file->bytes == NULL)
			die("memory");
		file->space = size;
	}
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

static unsigned
place_of_path(const struct disk *disk, const char *path)
{
	unsigned place = 0;

	while (place < disk->n_files && strcmp(disk->files[place].path, path) != 0)
		place++;
	return place;
}

static int
read_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	unsigned place = add_file(reading, 0, S_ISDIR(st->st_mode), st->st_mode & 07777);
	struct disk_file *file = &reading->files[place];
	char above[512];
	int fd;

	(void)kind;
	snprintf(file->path, sizeof(file->path), "%s", path + reading_from);
	if (ftw->level > 0) {
		snprintf(above, sizeof(above), "%s", file->path);
		*strrchr(above, '/') = '\0';
		set_name(reading, place_of_path(reading, above), path + ftw->base, place, true);
	}
	if (file->is_dir)
		return 0;
	set_size(file, (size_t)st->st_size);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, file->bytes, file->size) != (ssize_t)file->size)
		die(path);
	close(fd);
	return 0;
}

void
disk_read_tree(struct disk *disk, const char *tree)
{
	reading = disk;
	reading_from = strlen(tree);
	if (nftw(tree, read_one, 16, FTW_PHYS) != 0)
		die(tree);
}

/* ---- What was done --------------------------------------------------------------- */

static unsigned
place_of(const struct disk *disk, uint64_t inode)
{
	unsigned place = 0;

	while (place < disk->n_files && disk->files[place].inode != inode)
		place++;
	return place;
}

/* A file that was there before, by the path under which it was opened. */
static void
know_path(struct disk *disk, const struct op *op, const char *bytes)
{
	char path[512];
	unsigned place;

	if (place_of(disk, op->inode) < disk->n_files)
		return;
	snprintf(path, sizeof(path), "%.*s", (int)op->length, bytes);
	place = place_of_path(disk, path);
	if (place == disk->n_files || disk->files[place].inode != 0)
		die(path);
	disk->files[place].inode = op->inode;
}

/* Each name has one place, whether or not it is made on a disk. */
static void
know_names(struct disk *disk, const struct op *op)
{
	const char *const names[] = { op->name, op->name2 };
	unsigned dir = place_of(disk, op->dir);

	for (unsigned i = 0; i < 2; i++)
		if (names[i][0] != '\0' && place_of_name(disk, dir, names[i]) == disk->n_names)
			set_name(disk, dir, names[i], 0, false);
}

static uint8_t *
read_all(const char *path, size_t *ret)
{
	struct stat st;
	uint8_t *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	*ret = (size_t)st.st_size;
	bytes = malloc(*ret + 1);
	if (bytes == NULL || read(fd, bytes, *ret) != st.st_size)
		die(path);
	close(fd);
	return bytes;
}

void
disk_read_log(struct disk *disk, struct disk_log *log, const char *path)
{
	size_t size, at = 0;
	const uint8_t *bytes = read_all(path, &size);

	while (at < size) {
		struct op *op = malloc(sizeof(*op));
		const uint8_t *data = bytes + at + sizeof(*op);

		if (op == NULL || log->n_ops == DISK_OPS || size - at < sizeof(*op))
			die(path);
		memcpy(op, bytes + at, sizeof(*op));
		at += sizeof(*op) + op->length;
		if (op->kind == OP_OPEN) {
			know_path(disk, op, (const char *)data);
			continue;
		}
		if (op->kind == OP_CREATE)
			add_file(disk, op->inode, false, op->mode);
		know_names(disk, op);
		log->ops[log->n_ops] = op;
		log->bytes[log->n_ops++] = data;
	}
}

static void
apply_write(struct disk_file *file, const struct op *op, const uint8_t *bytes, enum disk_torn torn)
{
	size_t length = torn == TORN_HALF ? op->length / 2 : op->length;

	if (op->offset + length > file->size)
		set_size(file, op->offset + length);
	if (torn == TORN_ZEROS)
		memset(file->bytes + op->offset, 0, length);
	else
		memcpy(file->bytes + op->offset, bytes, length);
}

static void
apply_rename(struct disk *disk, unsigned dir, const struct op *op)
{
	/* What it names is known, even if its old name never got to the disk. */
	set_name(disk, dir, op->name, 0, false);
	set_name(disk, dir, op->name2, place_of(disk, op->inode), true);
}

void
disk_apply(struct disk *disk, const struct op *op, const uint8_t *bytes, enum disk_torn torn)
{
	unsigned dir = place_of(disk, op->dir), place = place_of(disk, op->inode);
	struct disk_file *file = &disk->files[place];

	switch (op->kind) {
	case OP_CREATE:
		set_name(disk, dir, op->name, place, true);
		break;
	case OP_WRITE:
		apply_write(file, op, bytes, torn);
		break;
	case OP_TRUNCATE:
		set_size(file, op->offset);
		break;
	case OP_MODE:
		file->mode = op->mode;
		break;
	case OP_RENAME:
		apply_rename(disk, dir, op);
		break;
	case OP_UNLINK:
		set_name(disk, dir, op->name, 0, false);
		break;
	default:
		break;
	}
}

void
disk_copy(struct disk *to, const struct disk *from)
{
	for (unsigned i = 0; i < from->n_files; i++) {
		struct disk_file *file = &to->files[i];
		uint8_t *bytes = file->bytes;
		size_t space = file->space;

		*file = from->files[i];
		file->bytes = bytes;
		file->space = space;
		file->size = 0;
		set_size(file, from->files[i].size);
		if (file->size > 0)
			memcpy(file->bytes, from->files[i].bytes, file->size);
	}
	to->n_files = from->n_files;
	memcpy(to->names, from->names, sizeof(to->names));
	to->n_names = from->n_names;
}

bool
disk_changes(const struct op *op)
{
	return op->kind != OP_SYNC && op->kind != OP_DATASYNC && op->kind != OP_TOLD;
}

bool
disk_settles(const struct op *first, const struct op *second)
{
	if (second->kind != OP_SYNC && second->kind != OP_DATASYNC)
		return false;
	if (first->kind == OP_WRITE || first->kind == OP_TRUNCATE)
		return first->inode == second->inode;
	if (second->kind != OP_SYNC)
		return false;
	return (first->kind == OP_MODE ? first->inode : first->dir) == second->inode;
}

/* ---- The tree as it may be ---------------------------------------------------------- */

static uint64_t
mix(uint64_t sum, const uint8_t *bytes, size_t length)
{
	uint64_t word;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	while (length-- > 0)
		sum = (sum ^ *bytes++) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t
file_sum(const struct disk_file *file)
{
	return mix(file->size * 31 + file->mode, file->bytes, file->size);
}

uint64_t
disk_sum(const struct disk *disk)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < disk->n_names; i++) {
		const struct disk_name *name = &disk->names[i];
		uint64_t one = 14695981039346656037u + name->dir;

		if (!name->there || disk->files[name->file].is_dir)
			continue;
		one = mix(one, (const uint8_t *)name->name, strlen(name->name));
		one ^= file_sum(&disk->files[name->file]);
		sum += one * UINT64_C(0xff51afd7ed558ccd);
	}
	return sum;
}

static void
write_file(const struct disk_file *file, const char *path)
{
	int fd;

	/* A new one: whoever keeps one open is to see that it is another. */
	if (unlink(path) != 0 && errno != ENOENT)
		die(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size ||
	    fchmod(fd, file->mode) != 0)
		die(path);
	close(fd);
}

static bool
is_same(const struct disk_file *one, const struct disk_file *other)
{
	return one->mode == other->mode && one->size == other->size &&
	       (one->size == 0 || memcmp(one->bytes, other->bytes, one->size) == 0);
}

static void
path_of_name(const struct disk *disk, const char *tree, const struct disk_name *name,
	     char path[static 1024])
{
	snprintf(path, 1024, "%s%.500s/%s", tree, disk->files[name->dir].path, name->name);
}

void
disk_write_tree(const struct disk *disk, const char *tree, const struct disk *last)
{
	char path[1024];

	for (unsigned i = 0; last == NULL && i < disk->n_files; i++) {
		const struct disk_file *file = &disk->files[i];

		snprintf(path, sizeof(path), "%s%s", tree, file->path);
		if (file->is_dir &&
		    ((mkdir(path, 0700) != 0 && errno != EEXIST) || chmod(path, file->mode) != 0))
			die(path);
	}
	for (unsigned i = 0; i < disk->n_names; i++) {
		const struct disk_name *name = &disk->names[i];
		const struct disk_file *file = &disk->files[name->file];
		bool was = last != NULL && i < last->n_names && last->names[i].there;

		path_of_name(disk, tree, name, path);
		if (!name->there) {
			if (unlink(path) != 0 && errno != ENOENT)
				die(path);
		} else if (file->is_dir) {
			continue;
		} else if (!was || !is_same(file, &last->files[last->names[i].file])) {
			write_file(file, path);
		}
	}
}

const struct disk_file *
disk_find(const struct disk *disk, const char *path)
{
	char text[1024];

	for (unsigned i = 0; i < disk->n_names; i++) {
		path_of_name(disk, "", &disk->names[i], text);
		if (disk->names[i].there && strcmp(text, path) == 0)
			return &disk->files[disk->names[i].file];
	}
	return NULL;
}
