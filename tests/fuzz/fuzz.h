/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzz targets share. A target is one function of some bytes: it feeds them to the code
 * under test, and requires what must hold whatever they are. libFuzzer drives it, or replay.c.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process when a property does not hold; both drivers take that for a finding. */
#define fuzz_require(condition) \
	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
void fuzz_fail(const char *condition, const char *file, int line) __attribute__((noreturn));

/*
 * A copy of its very own size, so that a sanitizer sees a read beyond it; fuzz_text's is
 * terminated. The caller frees it.
 */
uint8_t *fuzz_bytes(const uint8_t *data, size_t size);
char *fuzz_text(const uint8_t *data, size_t size);

/* Takes so many bytes, or what is there and zeros, from the front of the input. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};
uint64_t fuzz_number(struct fuzz_input *input, unsigned width);

/* A directory of this process, made at the first call and removed at its end. */
const char *fuzz_root(void);
/* The path of something in it, until the next call. */
const char *fuzz_path(const char *relative);
/* Makes a file in it say this. */
void fuzz_write(const char *relative, const void *bytes, size_t size);

/* The lowest descriptor that is free: the same before and after what leaves none open. */
int fuzz_free_descriptor(void);

/* The processor time of this process, in milliseconds: a hang is one on a busy machine, too. */
int64_t fuzz_cpu_ms(void);

#endif
