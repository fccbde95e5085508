/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Output that may be secret: through a buffer that is wiped, and not through
 * stdio, which leaves copies behind.
 */
#ifndef LRKEYADM_SINK_H
#define LRKEYADM_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "message.h"

struct sink {
	int fd;
	const char *name; /* for the message */
	size_t used;
	int error; /* of the first write that failed; nothing is written behind it */
	char bytes[16384];
};

void sink_open(struct sink *sink, int fd, const char *name);

/* For what does not fit into what is left of the buffer. */
void sink_more(struct sink *sink, const void *bytes, size_t length);

/* A failure is remembered until sink_close. */
static inline void
sink_bytes(struct sink *sink, const void *bytes, size_t length)
{
	if (length < sizeof(sink->bytes) - sink->used) {
		memcpy(sink->bytes + sink->used, bytes, length);
		sink->used += length;
	} else {
		sink_more(sink, bytes, length);
	}
}

static inline void
sink_text(struct sink *sink, const char *text)
{
	sink_bytes(sink, text, strlen(text));
}

/* Writes what is left and wipes. The descriptor stays open. */
enum status sink_close(struct sink *sink);

/* The same without a message: 0, or the error number. */
int sink_end(struct sink *sink);

#endif
