/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree that each run begins with, and what a run has made of it.
 */
#ifndef TESTS_FAULTS_STAGE_H
#define TESTS_FAULTS_STAGE_H

#include <stddef.h>
#include <stdint.h>

/* What a store says of itself when it is read, decoded. */
struct stage_dump {
	char keys[32768]; /* its header and its entries; or why it cannot be read */
	char uses[4096];  /* the slots of its entries */
	unsigned n_masters;
};

/* Where runs are made, and where what they begin with is kept; both are folders. */
extern char stage_root[64], stage_template[64];

/* Makes them, empty, where writing is fast; and removes them. */
void stage_set_up(void);
void stage_tear_down(void);

/* Makes the one what the other is. */
void stage_keep(void);
void stage_renew(void);
/* Empties the first. */
void stage_clear(void);

/* A number that changes when anything in the tree does, but for times. */
uint64_t stage_sum(void);

void stage_read(struct stage_dump *ret);
/* The text of a file in the tree, or "". */
void stage_read_file(const char *path, char *text, size_t size);
/* How many files the folder of the key file holds. */
unsigned stage_count_keys_files(void);

#endif
