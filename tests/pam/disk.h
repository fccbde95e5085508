/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls by which a use gets on record, as this process makes them: counted, and made to fail
 * or to be interrupted. They take the place of the C library's as those of hooks.h do.
 */
#ifndef TESTS_PAM_DISK_H
#define TESTS_PAM_DISK_H

#include <stdatomic.h>

struct disk {
	_Atomic unsigned writes; /* pwrite */
	_Atomic unsigned syncs;	 /* fdatasync */
	_Atomic unsigned naps;	 /* nanosleep */
	/* Unless 0, the error numbers with which they fail. */
	int write_error;
	int sync_error;
	int short_write; /* a write takes so many bytes of what it is given */
	/* Called where they stand, unless NULL. */
	void (*before_write)(void);
	void (*after_write)(void);
	void (*after_sync)(void);
	void (*before_nap)(void);
};

extern struct disk disk;

/* All as it is without this file, and nothing counted. */
void disk_reset(void);

#endif
