/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard against taking away the last key that works.
 *
 * Of the keys named, those that work are looked at together, organization by
 * organization. For each scope that any of them holds there must be another
 * key of that organization, not named and working, that holds this scope or
 * "*". For the scope "*" itself that must be a key with "*".
 */
#ifndef LRKEYADM_GUARD_H
#define LRKEYADM_GUARD_H

#include "liblrkey/store.h"
#include "targets.h"

/*
 * STATUS_POLICY, with the scope and key meant, where one would be the last. Keys work as
 * view_works says.
 */
enum status guard_check(const struct request *request, const struct lrk_store *store,
			struct targets *targets);

#endif
