/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a store's administrator decides for its managers. */
#ifndef LRKEYADM_POLICY_H
#define LRKEYADM_POLICY_H

#include <stdint.h>

struct policy {
	int64_t default_expiry; /* seconds; LRK_NEVER */
	int64_t review_renewal; /* keys that end within this are due for renewal */
};

/* The policy where nobody has decided anything. */
extern const struct policy policy_default;

#endif
