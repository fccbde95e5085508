/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include <lrkey/wipe.h>

#include "liblrkey/safeopen.h"
#include "sink.h"

void
sink_open(struct sink *sink, int fd, const char *name)
{
	sink->fd = fd;
	sink->name = name;
	sink->used = 0;
	sink->error = 0;
}

/*
 * A copy leaves its last bytes in vector registers, which the dynamic linker puts on the
 * stack when it resolves a function. So the last copies are of zeros, one for each way
 * in which memcpy uses them.
 */
static void
clear_registers(void)
{
	static const char zeros[512];
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	char into[sizeof(zeros)];

	for (size_t n = 16; n <= sizeof(zeros); n *= 2)
		copy(into, zeros, n);
}

static void
flush(struct sink *sink)
{
	if (sink->error == 0 && sink->used > 0 &&
	    lrk_file_write(sink->fd, sink->bytes, sink->used) != LRK_OK)
		sink->error = errno;
	lrk_wipe_bytes(sink->bytes, sink->used);
	clear_registers();
	sink->used = 0;
}

void
sink_more(struct sink *sink, const void *bytes, size_t length)
{
	const char *from = bytes;

	while (length > 0 && sink->error == 0) {
		size_t room = sizeof(sink->bytes) - sink->used;
		size_t part = length < room ? length : room;

		memcpy(sink->bytes + sink->used, from, part);
		sink->used += part;
		from += part;
		length -= part;
		if (sink->used == sizeof(sink->bytes))
			flush(sink);
	}
}

int
sink_end(struct sink *sink)
{
	flush(sink);
	return sink->error;
}

enum status
sink_close(struct sink *sink)
{
	int error = sink_end(sink);

	return error != 0 ? fail_errno(STATUS_IO, sink->name, error) : STATUS_OK;
}
