/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame around new keys, where a person looks on: standard output, which has the keys, and
 * standard error, which has the frame, are one terminal's. A key must be easily taken from there,
 * so that nothing stands beside it.
 */
#ifndef LRKEYADM_FRAME_H
#define LRKEYADM_FRAME_H

#include "command.h"

struct frame {
	bool wanted; /* what follows does nothing when it is not */
	bool color;
};

/* A frame where it is wanted: not around JSON, nor around nothing. */
struct frame frame_of(const struct request *request, bool in_file);

void frame_begin(const struct frame *frame, const char *title);
void frame_end(const struct frame *frame);

#endif
