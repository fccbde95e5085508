/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text that came from outside, made fit for a terminal and for a log.
 */
#ifndef LRKEYADM_ESCAPE_H
#define LRKEYADM_ESCAPE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes text with everything but displayable UTF-8 as \xNN: bytes that are no
 * UTF-8, control characters, line separators, changes of direction.
 */
void escape_print(FILE *stream, const char *text);

/*
 * Closes a stream of open_memstream(3); false when the text is not whole. Where memory is short,
 * glibc's fclose may succeed, and leave no text.
 */
bool escape_close(FILE *stream, char *const *text);

#endif
