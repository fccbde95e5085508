/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who runs this, and what he is not allowed to. */
#ifndef LRKEYADM_WHO_H
#define LRKEYADM_WHO_H

#include <sys/types.h>

#include <lrkey/names.h>

#include "command.h"

/* The groups of the store "system" when its maker names no others. */
#define WHO_MANAGERS "_lrkeymgr"
#define WHO_VERIFIERS "_lrkey"

struct who {
	uid_t uid;			/* the real one */
	char user[LRK_USER_MAX + 1];	/* its name, or "#1000" */
	char login[LRK_USER_MAX + 1];	/* of the kernel's login uid; "" when there is none */
};

void who_am_i(struct who *ret);

/*
 * Says what is missing for one whom the kernel refused at the request's store, with the
 * command that mends it. Not a gate: the kernel has decided already. With manager, he
 * wanted more than to read. Returns STATUS_PERMISSION.
 */
enum status who_is_refused(const struct request *request, bool manager,
			   const struct lrk_why *why);

#endif
