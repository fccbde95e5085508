/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owners of keys, each looked up once. */
#ifndef LRKEYADM_OWNERS_H
#define LRKEYADM_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

struct owners {
	void *tree;
};

/*
 * Whether the user is a usable account, as lrk_owner_is_usable says. Where nobody can
 * tell: STATUS_IO, said once a user.
 */
enum status owners_look_up(struct owners *owners, const char *user, int64_t now, bool *ret_usable);

void owners_free(struct owners *owners);

#endif
