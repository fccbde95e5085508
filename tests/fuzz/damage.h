/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damages whole GDBM files where it matters. The library that reads them is not instrumented, so
 * no fuzzer finds its way through bytes: a program of instructions, eight bytes each, names a field
 * of a valid file and what becomes of it. Any bytes are a program.
 */
#ifndef TESTS_FUZZ_DAMAGE_H
#define TESTS_FUZZ_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DAMAGE_INSTRUCTION 8

/* A file in memory. What is damaged may grow to room bytes. */
struct damage_file {
	uint8_t *bytes;
	size_t size;
	size_t room;
	off_t length; /* of the file: behind size there is a hole */
};

/*
 * Runs a program on a file. The first byte is flags: see damage.c. Instructions that name what is
 * not there do nothing.
 */
void damage_run(struct damage_file *file, const uint8_t *program, size_t length);

/* Makes a file of the disk what the file in memory is, in place. */
void damage_write(const struct damage_file *file, const char *path);

/* The same for bytes without a structure: each instruction sets, cuts or adds some. */
void damage_bytes(struct damage_file *file, const uint8_t *program, size_t length);

#endif
