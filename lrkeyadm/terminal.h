/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal that somebody may sit at: how wide it is, and whether it shows colours. */
#ifndef LRKEYADM_TERMINAL_H
#define LRKEYADM_TERMINAL_H

#include <stdio.h>

#include "command.h"

/* Whether the descriptor is a terminal. */
bool terminal_is(int fd);

/* Whether colours are wanted there: auto is a terminal that can, and no NO_COLOR. */
bool terminal_has_color(enum color color, int fd);

/* Its columns: COLUMNS, or what the terminal says, or 80. */
unsigned terminal_width(int fd);

/* Escape sequences; none that they surround may come from elsewhere unescaped. */
#define TERMINAL_BOLD "\033[1m"
#define TERMINAL_DIM "\033[2m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_PLAIN "\033[0m"

/* Prints text, between the sequence and TERMINAL_PLAIN where colours are wanted. */
void terminal_print(FILE *stream, bool color, const char *sequence, const char *text);

#endif
