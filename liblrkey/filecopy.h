/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying the content of a file.
 */
#ifndef LIBLRKEY_FILECOPY_H
#define LIBLRKEY_FILECOPY_H

#include <lrkey/error.h>

/*
 * Copies all of one file to the offset of another, by the kernel where it can: on some
 * file systems the two then share their blocks. LRK_ERR_IO, with errno set.
 */
LRK_MUST_CHECK enum lrk_err lrk_file_copy(int from, int to);

#endif
