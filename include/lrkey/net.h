/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks that a key may be used from. Only numeric addresses exist here:
 * nothing is ever resolved. An IPv4-mapped IPv6 address is the IPv4 address
 * (RFC 4291, 2.5.5.2).
 */
#ifndef LRKEY_NET_H
#define LRKEY_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <lrkey/error.h>

#define LRK_NET_TEXT 50 /* the longest network, with its prefix and NUL */

struct lrk_net {
	uint8_t family;	    /* 4 or 6 */
	uint8_t prefix;	    /* at most 32 or 128 */
	uint8_t address[16]; /* network order; 4 of them for IPv4; 0 behind the prefix */
};

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits behind the prefix
 * must be 0: "192.0.2.7/24" is a mistake more often than a wish.
 * *ret is written on success only; else LRK_ERR_SYNTAX.
 */
LRK_MUST_CHECK enum lrk_err lrk_net_parse(const char *text, struct lrk_net *ret);

void lrk_net_format(const struct lrk_net *net, char text[static LRK_NET_TEXT]);

/* Whether net is what lrk_net_parse could have made. */
bool lrk_net_is_valid(const struct lrk_net *net);

/*
 * Whether the numeric address lies in one of the networks. NULL, a host name,
 * "unix:" and anything else that is no numeric address never match; nor does
 * an address with a zone (fe80::1%eth0).
 */
bool lrk_net_match(const struct lrk_net *nets, unsigned n_nets, const char *address);

#endif
