/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <lrkey/net.h>

#include "unit.h"

static struct lrk_net
net_of(const char *text)
{
	struct lrk_net net;

	if (lrk_net_parse(text, &net) != LRK_OK)
		fail_msg("\"%s\" is refused", text);
	return net;
}

static void
test_parse_and_format(void **state)
{
	static const struct {
		const char *text;
		uint8_t family;
		uint8_t prefix;
		const char *formatted;
	} rows[] = {
		{ "192.0.2.7", 4, 32, "192.0.2.7" },
		{ "192.0.2.7/32", 4, 32, "192.0.2.7" },
		{ "192.0.2.0/24", 4, 24, "192.0.2.0/24" },
		{ "192.0.2.128/25", 4, 25, "192.0.2.128/25" },
		{ "10.0.0.0/8", 4, 8, "10.0.0.0/8" },
		{ "128.0.0.0/1", 4, 1, "128.0.0.0/1" },
		{ "0.0.0.0/0", 4, 0, "0.0.0.0/0" },
		{ "0.0.0.0", 4, 32, "0.0.0.0" },
		{ "255.255.255.255", 4, 32, "255.255.255.255" },
		{ "2001:db8::", 6, 128, "2001:db8::" },
		{ "2001:db8::/32", 6, 32, "2001:db8::/32" },
		{ "2001:DB8:0:0::1", 6, 128, "2001:db8::1" },
		{ "2001:db8:8000::/33", 6, 33, "2001:db8:8000::/33" },
		{ "::/0", 6, 0, "::/0" },
		{ "::", 6, 128, "::" },
		{ "::1", 6, 128, "::1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 6, 127,
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
		/* mapped: the IPv4 address, and the IPv4 prefix behind 96 bits */
		{ "::ffff:192.0.2.7", 4, 32, "192.0.2.7" },
		{ "::ffff:c000:207", 4, 32, "192.0.2.7" },
		{ "::FFFF:192.0.2.7/128", 4, 32, "192.0.2.7" },
		{ "::ffff:192.0.2.0/120", 4, 24, "192.0.2.0/24" },
		{ "::ffff:0.0.0.0/96", 4, 0, "0.0.0.0/0" },
		/* looks like it, but is not mapped */
		{ "::192.0.2.7", 6, 128, "::192.0.2.7" },
		{ "::fffe:192.0.2.7", 6, 128, NULL },
		{ "64:ff9b::192.0.2.7", 6, 128, "64:ff9b::c000:207" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_net net = net_of(rows[i].text), again;
		char text[LRK_NET_TEXT];

		if (net.family != rows[i].family || net.prefix != rows[i].prefix)
			fail_msg("\"%s\": family %u, prefix %u", rows[i].text, net.family,
				 net.prefix);
		assert_true(lrk_net_is_valid(&net));
		lrk_net_format(&net, text);
		if (rows[i].formatted != NULL)
			assert_string_equal(text, rows[i].formatted);
		again = net_of(text);
		assert_memory_equal(&again, &net, sizeof(net));
	}
}

static void
test_bad(void **state)
{
	static const char *const bad[] = {
		"", " ", "/", "/24", "x", "localhost", "example.org", "unix:", "unix:/run/x",
		"192.0.2", "192.0.2.", ".192.0.2.1", "192.0.2.1.", "192.0.2.1.1", "192.0.2.256",
		"192.0.2.-1", "192.0.2.01", "192.0.2.0x1", "0x7f.0.0.1", "3221225985", "192.0.2.1 ",
		" 192.0.2.1", "192.0.2.1\n", "192.0..1", "192,0,2,1",
		"192.0.2.0/", "192.0.2.0/x", "192.0.2.0/24x", "192.0.2.0/ 24", "192.0.2.0/24 ",
		"192.0.2.0/+24", "192.0.2.0/-1", "192.0.2.0/33", "192.0.2.0/024", "192.0.2.0/00",
		"192.0.2.0/1000", "192.0.2.0/4294967320", "192.0.2.0/24/24", "192.0.2.0//24",
		"192.0.2.0/255.255.255.0", "192.0.2.0\\24",
		/* bits behind the prefix */
		"192.0.2.7/24", "192.0.2.1/31", "192.0.2.128/24", "1.0.0.0/0", "128.0.0.0/0",
		"2001:db8::1/32", "2001:db8::1/127", "2001:db8:8000::/32", "::1/0",
		"2001:db8::/129", "2001:db8::/999", "2001:db8::/0128", ":", ":::", "1::2::3",
		"2001:db8",
		"12345::", "g::", "2001:db8::1 ", "[2001:db8::1]", "[::1]/128", "2001:db8:::1",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3", "::ffff:192.0.2.256",
		/* zones are of one host's interfaces */
		"fe80::1%eth0", "fe80::1%1", "fe80::1%", "fe80::%eth0/64", "fe80::/64%eth0",
		"::ffff:192.0.2.7%eth0", "192.0.2.7%eth0",
		/* mapped networks that are no IPv4 networks, or have bits behind the prefix */
		"::ffff:192.0.2.0/24", "::ffff:0:0/95", "::ffff:192.0.2.0/129",
		"::ffff:192.0.2.7/120", "::ffff:192.0.2.0/32",
	};
	struct lrk_net net, untouched;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		net = untouched;
		if (lrk_net_parse(bad[i], &net) != LRK_ERR_SYNTAX)
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_memory_equal(&net, &untouched, sizeof(net));
	}
}

/* Much text: refused for its length alone, wherever the slash stands. */
static void
test_long(void **state)
{
	char text[300];
	struct lrk_net net;

	(void)state;
	for (size_t length = 1; length < sizeof(text) - 1; length++) {
		memset(text, '1', length);
		text[length] = '\0';
		assert_err(lrk_net_parse(text, &net), LRK_ERR_SYNTAX);
		assert_false(lrk_net_match(&(struct lrk_net){ .family = 4 }, 1, text));
		text[length / 2] = '/';
		assert_err(lrk_net_parse(text, &net), LRK_ERR_SYNTAX);
		text[length / 2] = ':';
		assert_err(lrk_net_parse(text, &net), LRK_ERR_SYNTAX);
	}
	assert_ok(lrk_net_parse("1111:2222:3333:4444:5555:6666:123.123.123.123/128", &net));
	assert_int_equal(net.family, 6);
}

static void
test_match_table(void **state)
{
	static const struct {
		const char *net;
		const char *address;
		bool matches;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "192.0.1.255", false },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "192.0.2.6/31", "192.0.2.7", true },
		{ "192.0.2.6/31", "192.0.2.8", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "::/0", "ffff::", true },
		{ "2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::1", "2001:0db8:0000::0001", true },
		/* IPv4-mapped is IPv4, on both sides, and is never IPv6 */
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
		{ "192.0.2.0/24", "::ffff:192.0.3.7", false },
		{ "192.0.2.0/24", "::FFFF:C000:0207", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.7", true },
		{ "::/0", "::ffff:192.0.2.7", false },
		{ "::/0", "192.0.2.7", false },
		{ "0.0.0.0/0", "::ffff:192.0.2.7", true },
		{ "0.0.0.0/0", "::192.0.2.7", false },
		{ "192.0.2.0/24", "::192.0.2.7", false },
		{ "fe80::/10", "fe80::1%eth0", false },
		{ "fe80::/10", "fe80::1%1", false },
		{ "fe80::/10", "fe80::1", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lrk_net net = net_of(rows[i].net);

		if (lrk_net_match(&net, 1, rows[i].address) != rows[i].matches)
			fail_msg("%s in %s", rows[i].address, rows[i].net);
	}
}

static void
test_match_junk(void **state)
{
	static const char *const junk[] = {
		"", " ", "localhost", "example.org", "unix:", "unix:/run/user", "/dev/pts/0",
		"192.0.2.7/32", "192.0.2.7/24", "::1/128", "192.0.2.7 ", " 192.0.2.7",
		"192.0.2.7\n", "192.0.2.7:443", "[::1]", "[::1]:443", "192.0.2", "0x7f000001",
		"2130706433", "0300.0.2.7", "192.0.2.7%lo", "::1%lo", "192.0.2.7,192.0.2.8", "*",
		"any",
		"\xff\xfe", "%s%n",
	};
	const struct lrk_net everything[] = { net_of("0.0.0.0/0"), net_of("::/0") };

	(void)state;
	assert_false(lrk_net_match(everything, 2, NULL));
	for (size_t i = 0; i < COUNT_OF(junk); i++)
		if (lrk_net_match(everything, 2, junk[i]))
			fail_msg("\"%s\" matches", junk[i]);
	assert_true(lrk_net_match(everything, 2, "192.0.2.7"));
	assert_true(lrk_net_match(everything, 2, "::1"));
}

static void
test_match_list(void **state)
{
	const struct lrk_net nets[] = { net_of("192.0.2.0/24"), net_of("2001:db8::/32"),
					net_of("203.0.113.9") };

	(void)state;
	assert_false(lrk_net_match(nets, 0, "192.0.2.7"));
	assert_true(lrk_net_match(nets, 1, "192.0.2.7"));
	assert_false(lrk_net_match(nets, 1, "2001:db8::1"));
	assert_true(lrk_net_match(nets, 2, "2001:db8::1"));
	assert_false(lrk_net_match(nets, 2, "203.0.113.9"));
	assert_true(lrk_net_match(nets, 3, "203.0.113.9"));
	assert_false(lrk_net_match(nets, 3, "203.0.113.8"));
}

/* Bit by bit, as slow as it is plain. */
static bool
lies_in(const struct lrk_net *net, const uint8_t *address)
{
	for (unsigned bit = 0; bit < net->prefix; bit++)
		if ((net->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

/* Every prefix length, against addresses that differ from the network in one bit. */
static void
test_every_prefix(void **state)
{
	uint64_t seed = 0x6e657473;

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		unsigned bits = family == 4 ? 32 : 128;

		for (unsigned prefix = 0; prefix <= bits; prefix++) {
			struct lrk_net net = { .family = (uint8_t)family,
					       .prefix = (uint8_t)prefix };
			struct lrk_net again;
			char text[INET6_ADDRSTRLEN], formatted[LRK_NET_TEXT];

			for (unsigned bit = 0; bit < prefix; bit++)
				if (bit < 3 || next_random(&seed) & 64)
					net.address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			assert_true(lrk_net_is_valid(&net));
			lrk_net_format(&net, formatted);
			again = net_of(formatted);
			assert_memory_equal(&again, &net, sizeof(net));
			for (unsigned bit = 0; bit < bits; bit++) {
				uint8_t address[16];

				memcpy(address, net.address, sizeof(address));
				address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
				assert_non_null(inet_ntop(family == 4 ? AF_INET : AF_INET6,
							  address, text, sizeof(text)));
				assert_int_equal(lrk_net_match(&net, 1, text),
						 lies_in(&net, address));
				assert_int_equal(lies_in(&net, address), bit >= prefix);
			}
		}
	}
}

/* Valid is what parsing could have made, nothing else. */
static void
test_is_valid(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2 };
	struct lrk_net net = net_of("192.0.2.0/24"), changed;

	(void)state;
	for (unsigned family = 0; family < 256; family++) {
		changed = net;
		changed.family = (uint8_t)family;
		assert_int_equal(lrk_net_is_valid(&changed), family == 4 || family == 6);
	}
	for (unsigned prefix = 0; prefix < 256; prefix++) {
		changed = net;
		changed.prefix = (uint8_t)prefix;
		assert_int_equal(lrk_net_is_valid(&changed), prefix >= 23 && prefix <= 32);
		changed.family = 6;
		assert_int_equal(lrk_net_is_valid(&changed), prefix >= 23 && prefix <= 128);
	}
	for (unsigned at = 3; at < 16; at++) {
		changed = net;
		changed.address[at] = 1;
		assert_false(lrk_net_is_valid(&changed));
	}
	for (unsigned prefix = 96; prefix <= 128; prefix++) {
		changed = (struct lrk_net){ .family = 6, .prefix = (uint8_t)prefix };
		memcpy(changed.address, mapped, sizeof(mapped));
		assert_false(lrk_net_is_valid(&changed)); /* would never match */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_match_table),
		cmocka_unit_test(test_match_junk),
		cmocka_unit_test(test_match_list),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_is_valid),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
