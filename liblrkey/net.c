/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <lrkey/net.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* A numeric address alone, as a network of one; IPv4-mapped becomes IPv4. */
static bool
parse_address(const char *text, struct lrk_net *net)
{
	memset(net, 0, sizeof(*net));
	if (inet_pton(AF_INET, text, net->address) == 1) {
		net->family = 4;
		net->prefix = 32;
		return true;
	}
	if (inet_pton(AF_INET6, text, net->address) != 1)
		return false;
	net->family = 6;
	net->prefix = 128;
	if (memcmp(net->address, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		memmove(net->address, net->address + 12, 4);
		memset(net->address + 4, 0, 12);
		net->family = 4;
		net->prefix = 32;
	}
	return true;
}

static unsigned
max_prefix(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

/* Whether the first bits of a and b are the same. */
static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));

	if (memcmp(a, b, bytes) != 0)
		return false;
	return bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0;
}

bool
lrk_net_is_valid(const struct lrk_net *net)
{
	struct lrk_net cut = { .family = net->family };
	unsigned bytes = net->prefix / 8;

	if ((net->family != 4 && net->family != 6) || net->prefix > max_prefix(net->family))
		return false;
	/* An IPv4 address in IPv6 clothes would match nothing. */
	if (net->family == 6 && memcmp(net->address, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return false;
	memcpy(cut.address, net->address, bytes);
	if (net->prefix % 8 != 0)
		cut.address[bytes] = net->address[bytes] & (uint8_t)(0xff00 >> (net->prefix % 8));
	return memcmp(cut.address, net->address, sizeof(cut.address)) == 0;
}

enum lrk_err
lrk_net_parse(const char *text, struct lrk_net *ret)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct lrk_net net;

	if (length >= sizeof(address))
		return LRK_ERR_SYNTAX;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!parse_address(address, &net))
		return LRK_ERR_SYNTAX;
	if (slash != NULL) {
		bool mapped = net.family == 4 && strchr(address, ':') != NULL;
		unsigned prefix = 0;
		size_t digits = 0;

		for (const char *c = slash + 1; *c != '\0'; c++, digits++) {
			if (*c < '0' || *c > '9' || digits == 3)
				return LRK_ERR_SYNTAX;
			prefix = prefix * 10 + (unsigned)(*c - '0');
		}
		if (digits == 0 || (slash[1] == '0' && digits > 1))
			return LRK_ERR_SYNTAX;
		/* ::ffff:192.0.2.0/120 is 192.0.2.0/24; a shorter one would be no IPv4 network. */
		if (mapped) {
			if (prefix < 96 || prefix > 128)
				return LRK_ERR_SYNTAX;
			prefix -= 96;
		}
		if (prefix > max_prefix(net.family))
			return LRK_ERR_SYNTAX;
		net.prefix = (uint8_t)prefix;
	}
	if (!lrk_net_is_valid(&net))
		return LRK_ERR_SYNTAX;
	*ret = net;
	return LRK_OK;
}

void
lrk_net_format(const struct lrk_net *net, char text[static LRK_NET_TEXT])
{
	char address[INET6_ADDRSTRLEN];

	if (inet_ntop(net->family == 4 ? AF_INET : AF_INET6, net->address, address,
		      sizeof(address)) == NULL)
		memcpy(address, "?", sizeof("?"));
	if (net->prefix == max_prefix(net->family))
		snprintf(text, LRK_NET_TEXT, "%s", address);
	else
		snprintf(text, LRK_NET_TEXT, "%s/%u", address, (unsigned)net->prefix);
}

bool
lrk_net_match(const struct lrk_net *nets, unsigned n_nets, const char *address)
{
	struct lrk_net client;

	if (address == NULL || !parse_address(address, &client))
		return false;
	for (unsigned i = 0; i < n_nets; i++)
		if (nets[i].family == client.family &&
		    same_prefix(nets[i].address, client.address, nets[i].prefix))
			return true;
	return false;
}
