/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <lrkey/names.h>

#include "hint.h"

static bool
needs_quotes(const char *text)
{
	static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "/._-+:@%,=";

	return text[strspn(text, plain)] != '\0';
}

void
hint_prefix(const struct request *request, char text[static HINT_MAX])
{
	bool named = strcmp(request->store, LRK_STORE_DEFAULT) != 0;
	const char *root = request->root != NULL ? request->root : "";
	const char *quote = needs_quotes(root) ? "'" : "";

	snprintf(text, HINT_MAX, "lrkeyadm%s%s%s%s%s%s", named ? " -s " : "",
		 named ? request->store : "", request->root != NULL ? " --root " : "", quote, root,
		 quote);
}
