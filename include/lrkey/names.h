/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names that users choose, their sizes and what they may consist of.
 * Sizes are in bytes and count no terminating NUL.
 */
#ifndef LRKEY_NAMES_H
#define LRKEY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define LRK_ID_LEN 12
#define LRK_STORE_MAX 32
#define LRK_ORG_MAX 64
#define LRK_SCOPE_MAX 32
#define LRK_LABEL_CHARS 64
#define LRK_LABEL_MAX (LRK_LABEL_CHARS * 4)
#define LRK_USER_MAX 64

#define LRK_SCOPES_MAX 16
#define LRK_NETS_MAX 16

/* The store and the scope that are meant when none is named. */
#define LRK_STORE_DEFAULT "system"
#define LRK_SCOPE_ANY "*"

/* 12 characters of 0-9A-Za-z. */
bool lrk_is_id(const char *text);
/* [a-z][a-z0-9-]{0,31} */
bool lrk_is_store_name(const char *text);
/* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
bool lrk_is_org(const char *text);
/* [a-z0-9][a-z0-9._-]{0,31}, or "*", which is every scope. */
bool lrk_is_scope(const char *text);
/*
 * Well-formed UTF-8 (RFC 3629), 1 to 64 characters, none of them a control
 * character (C0, DEL, C1), a line or paragraph separator, or one that changes
 * the direction of the text around it (such a label could dress up a list).
 */
bool lrk_is_label(const char *text);
/* A user name as it is stored: 1 to 64 bytes of printable ASCII, no space, no colon. */
bool lrk_is_user_name(const char *text);

#endif
