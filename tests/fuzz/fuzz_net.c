/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks, alone and in lists: what is written of what was read reads as the same, and an address
 * matches just when an independent reader says so.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lrkey/net.h>

#include "fuzz.h"
#include "lrkeyadm/message.h"
#include "lrkeyadm/values.h"

/* The address as IPv6, IPv4 mapped into it. */
static bool
read_address(const char *text, uint8_t bytes[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, bytes) == 1)
		return true;
	memcpy(bytes, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, bytes + 12) == 1;
}

static bool
lies_within(const struct lrk_net *net, const char *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned bits = net->prefix + (net->family == 4 ? 96u : 0u);
	uint8_t whole[16], other[16];

	if (!read_address(address, other))
		return false;
	/* An IPv4 address lies in no network of IPv6, "::/0" neither. */
	if (net->family == 6 && memcmp(other, mapped, sizeof(mapped)) == 0)
		return false;
	if (net->family == 4) {
		memcpy(whole, mapped, sizeof(mapped));
		memcpy(whole + 12, net->address, 4);
	} else {
		memcpy(whole, net->address, 16);
	}
	for (unsigned i = 0; i < bits; i++)
		if (((whole[i / 8] ^ other[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static void
judge(const struct lrk_net *net, const char *address)
{
	char text[LRK_NET_TEXT], *slash;
	struct lrk_net again;

	fuzz_require(lrk_net_is_valid(net));
	lrk_net_format(net, text);
	fuzz_require(lrk_net_parse(text, &again) == LRK_OK);
	fuzz_require(memcmp(net, &again, sizeof(again)) == 0);
	fuzz_require(lrk_net_match(net, 1, address) == lies_within(net, address));
	/* Its own first address is in it. */
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	fuzz_require(lrk_net_match(net, 1, text));
}

/* The first line is a network or a list of them, the second an address. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *address = strchr(text, '\n');
	struct lrk_entry entry = { 0 };
	struct lrk_net net = { 0 };

	messages_silence(true);
	if (address != NULL)
		*address++ = '\0';
	else
		address = text;
	if (lrk_net_parse(text, &net) == LRK_OK)
		judge(&net, address);
	else
		fuzz_require(net.family == 0);
	if (value_networks("--allow-from", text, &entry) == STATUS_OK) {
		fuzz_require(entry.n_nets <= LRK_NETS_MAX);
		for (unsigned i = 0; i < entry.n_nets; i++)
			judge(&entry.nets[i], address);
	}
	free(text);
	return 0;
}
