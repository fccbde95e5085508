/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"

#define DAY INT64_C(86400)

const struct policy policy_default = {
	.default_expiry = 90 * DAY,
	.review_renewal = 14 * DAY,
};
