/* SPDX-License-Identifier: GPL-3.0-or-later */
/* once CONFDIR SERVICE USER TOKENS: one login with the file's first line, and the end. */
#include "login.h"

int
main(int argc, char **argv)
{
	if (argc != 5)
		give_up("usage", "once CONFDIR SERVICE USER TOKENS");

	const struct login login = { argv[1], argv[2], argv[3], false };
	struct tokens tokens = read_tokens(argv[4]);

	log_in(&login, tokens.text[0]);
	free(tokens.text);
	return 0;
}
