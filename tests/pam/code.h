/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of PAM's return codes.
 */
#ifndef TESTS_PAM_CODE_H
#define TESTS_PAM_CODE_H

/* "PAM_AUTH_ERR", or "PAM_?" for what is none. */
const char *code_name(int code);

#endif
