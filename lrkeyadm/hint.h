/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that are proposed to the user, ready to be pasted. */
#ifndef LRKEYADM_HINT_H
#define LRKEYADM_HINT_H

#include "command.h"

#define HINT_MAX 512

/* "lrkeyadm", with the options that name the request's store. */
void hint_prefix(const struct request *request, char text[static HINT_MAX]);

#endif
