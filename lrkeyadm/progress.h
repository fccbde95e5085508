/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far long work is: one line, rewritten, on standard error where that is a
 * terminal, and nothing elsewhere. One work at a time.
 */
#ifndef LRKEYADM_PROGRESS_H
#define LRKEYADM_PROGRESS_H

#include <stdint.h>

/* total is how much there is to do; 0 when that is not known. */
void progress_begin(const char *what, uint64_t total);

/* Cheap enough to be called for each key. */
void progress_step(uint64_t done);

/* Removes the line until the next step, so that another one can be written. */
void progress_hide(void);

void progress_end(void);

#endif
