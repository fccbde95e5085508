/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liblrkey/codec.h"

#include "unit.h"

#define ID "7Hq2ZtXw9LmB"
#define SECRET_DIGEST "a55250390f4c061c5c34ad544904797f82c99321012f181e69456da9bcf1a2ea"

/* Another program wrote these after FORMAT.md. They change with the version, or never. */
static const char golden_entry[] =
	"01010020" SECRET_DIGEST
	"02000461636d65030010047363696d0a70726f6d657468657573040008000000006b001a"
	"20050004726f6f74060008000000006b76c120070008000000000076a700080009536368"
	"c3bc7373656c090005616c6963650a0008000000006b001a5c0b00180418c00002000620"
	"20010db80000000000000000000000000c000800000000000003e80d000c303030303030"
	"3030303030300e000c7a7a7a7a7a7a7a7a7a7a7a7a0f0008000000006b001ed010000800"
	"0000006b0022b8110003626f621200010213000c00000007000000000000002a";
static const char golden_minimal[] =
	"01010020" SECRET_DIGEST
	"02000461636d65030002012a040008000000006b001a20050004726f6f7413000c000000"
	"000000000000000001";
static const char golden_header[] =
	"01101112131415161718191a1b1c1d1e1f01020304050607080000000902a1b2c3d40000"
	"000000000005000000010000000100000000010000000300000002";

static struct lrk_entry
minimal_entry(void)
{
	struct lrk_entry entry = {
		.id = ID, .org = "acme", .created_by = "root", .n_scopes = 1, .scopes = { "*" },
		.created = 1795168800, .expires = LRK_NEVER, .term = LRK_NEVER,
		.slot_generation = 1,
	};

	hex_bytes(SECRET_DIGEST, entry.digest, sizeof(entry.digest));
	return entry;
}

static struct lrk_entry
full_entry(void)
{
	struct lrk_entry entry = minimal_entry();

	entry.n_scopes = 2;
	strcpy(entry.scopes[0], "scim");
	strcpy(entry.scopes[1], "prometheus");
	entry.expires = 1802944800;
	entry.term = 7776000;
	strcpy(entry.label, "Sch\xc3\xbcssel");
	strcpy(entry.owner, "alice");
	entry.not_before = 1795168860;
	entry.n_nets = 2;
	assert_ok(lrk_net_parse("192.0.2.0/24", &entry.nets[0]));
	assert_ok(lrk_net_parse("2001:db8::/32", &entry.nets[1]));
	entry.max_uses = 1000;
	strcpy(entry.predecessor, "000000000000");
	strcpy(entry.successor, "zzzzzzzzzzzz");
	entry.deactivated = 1795170000;
	entry.revoked = 1795171000;
	strcpy(entry.revoked_by, "bob");
	entry.reason = LRK_REASON_MISUSED;
	entry.slot = 7;
	entry.slot_generation = 42;
	return entry;
}

static void
repeat(char *text, const char *piece, size_t times)
{
	text[0] = '\0';
	while (times-- > 0)
		strcat(text, piece);
}

/* Every attribute there, each as long as it may be. */
static struct lrk_entry
maximal_entry(void)
{
	struct lrk_entry entry = full_entry();

	repeat(entry.org, "O", LRK_ORG_MAX);
	repeat(entry.label, "\xf0\x9f\x97\x9d", LRK_LABEL_CHARS);
	repeat(entry.owner, "o", LRK_USER_MAX);
	repeat(entry.created_by, "c", LRK_USER_MAX);
	repeat(entry.revoked_by, "r", LRK_USER_MAX);
	for (entry.n_scopes = 0; entry.n_scopes < LRK_SCOPES_MAX; entry.n_scopes++) {
		repeat(entry.scopes[entry.n_scopes], "s", LRK_SCOPE_MAX);
		entry.scopes[entry.n_scopes][0] = (char)('a' + entry.n_scopes);
	}
	for (entry.n_nets = 0; entry.n_nets < LRK_NETS_MAX; entry.n_nets++) {
		struct lrk_net *net = &entry.nets[entry.n_nets];

		net->family = 6;
		net->prefix = 128;
		memset(net->address, (int)entry.n_nets + 1, sizeof(net->address));
	}
	entry.created = entry.not_before = entry.expires = entry.term = LRK_TIME_MAX;
	entry.deactivated = entry.revoked = LRK_TIME_MAX;
	entry.max_uses = entry.slot_generation = UINT64_MAX;
	entry.slot = UINT32_MAX;
	entry.reason = LRK_REASON_OTHER;
	return entry;
}

static void
random_text(uint64_t *seed, char *text, unsigned min, unsigned max)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned length = min + random_below(seed, max - min + 1);

	for (unsigned i = 0; i < length; i++)
		text[i] = characters[random_below(seed, sizeof(characters) - 1)];
	text[length] = '\0';
}

static void
random_net(uint64_t *seed, struct lrk_net *net)
{
	bool four = random_below(seed, 2) == 0;

	memset(net, 0, sizeof(*net));
	net->family = four ? 4 : 6;
	net->prefix = (uint8_t)random_below(seed, four ? 33 : 129);
	for (unsigned bit = 0; bit < net->prefix; bit++)
		if (random_below(seed, 2) == 0)
			net->address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* A valid entry, each optional attribute there or not. */
static struct lrk_entry
random_entry(uint64_t *seed)
{
	struct lrk_entry entry = { .expires = LRK_NEVER, .term = LRK_NEVER };
	int64_t *const optional_times[] = { &entry.expires, &entry.term, &entry.not_before,
					    &entry.deactivated, &entry.revoked };

	random_text(seed, entry.id, LRK_ID_LEN, LRK_ID_LEN);
	for (size_t i = 0; i < sizeof(entry.digest); i++)
		entry.digest[i] = (uint8_t)next_random(seed);
	random_text(seed, entry.org, 1, LRK_ORG_MAX);
	random_text(seed, entry.created_by, 1, LRK_USER_MAX);
	random_text(seed, entry.label, 0, LRK_LABEL_CHARS);
	random_text(seed, entry.owner, 0, LRK_USER_MAX);
	entry.n_scopes = 1 + random_below(seed, LRK_SCOPES_MAX);
	for (unsigned i = 0; i < entry.n_scopes; i++) {
		random_text(seed, entry.scopes[i] + 1, 0, LRK_SCOPE_MAX - 1);
		entry.scopes[i][0] = (char)('a' + i);
	}
	entry.n_nets = random_below(seed, LRK_NETS_MAX + 1);
	for (unsigned i = 0; i < entry.n_nets; i++)
		random_net(seed, &entry.nets[i]);
	entry.created = random_below(seed, 1u << 31);
	for (size_t i = 0; i < COUNT_OF(optional_times); i++)
		if (random_below(seed, 2) == 0)
			*optional_times[i] = 1 + random_below(seed, 1u << 31);
	if (random_below(seed, 2) == 0)
		entry.max_uses = next_random(seed) >> random_below(seed, 64);
	if (random_below(seed, 2) == 0)
		random_text(seed, entry.predecessor, LRK_ID_LEN, LRK_ID_LEN);
	if (random_below(seed, 2) == 0)
		random_text(seed, entry.successor, LRK_ID_LEN, LRK_ID_LEN);
	if (entry.revoked != 0) {
		random_text(seed, entry.revoked_by, 1, LRK_USER_MAX);
		entry.reason = (enum lrk_reason)(1 + random_below(seed, LRK_REASON_COUNT - 1));
	}
	entry.slot = (uint32_t)next_random(seed);
	entry.slot_generation = next_random(seed);
	return entry;
}

/* Field by field: padding and what stands behind the end of a text do not count. */
static void
assert_same_entry(const struct lrk_entry *a, const struct lrk_entry *b)
{
	assert_string_equal(a->id, b->id);
	assert_memory_equal(a->digest, b->digest, sizeof(a->digest));
	assert_string_equal(a->org, b->org);
	assert_string_equal(a->label, b->label);
	assert_string_equal(a->owner, b->owner);
	assert_string_equal(a->created_by, b->created_by);
	assert_int_equal(a->n_scopes, b->n_scopes);
	for (unsigned i = 0; i < a->n_scopes; i++)
		assert_string_equal(a->scopes[i], b->scopes[i]);
	assert_int_equal(a->n_nets, b->n_nets);
	for (unsigned i = 0; i < a->n_nets; i++)
		assert_memory_equal(&a->nets[i], &b->nets[i], sizeof(a->nets[i]));
	assert_true(a->created == b->created && a->not_before == b->not_before);
	assert_true(a->expires == b->expires && a->term == b->term);
	assert_true(a->max_uses == b->max_uses);
	assert_string_equal(a->predecessor, b->predecessor);
	assert_string_equal(a->successor, b->successor);
	assert_true(a->deactivated == b->deactivated && a->revoked == b->revoked);
	assert_string_equal(a->revoked_by, b->revoked_by);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->slot, b->slot);
	assert_true(a->slot_generation == b->slot_generation);
}

static void
assert_round_trip(const struct lrk_entry *entry)
{
	uint8_t plain[LRK_PLAIN_MAX], again[LRK_PLAIN_MAX];
	struct lrk_entry decoded;
	size_t length, again_length;

	memset(&decoded, 0x5a, sizeof(decoded));
	assert_ok(lrk_entry_encode(entry, plain, &length));
	assert_ok(lrk_entry_decode(entry->id, plain, length, &decoded));
	assert_same_entry(entry, &decoded);
	assert_ok(lrk_entry_encode(&decoded, again, &again_length));
	assert_int_equal(again_length, length);
	assert_memory_equal(again, plain, length);
}

static void
test_golden_entry(void **state)
{
	const struct {
		struct lrk_entry entry;
		const char *hex;
	} rows[] = { { minimal_entry(), golden_minimal }, { full_entry(), golden_entry } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t plain[LRK_PLAIN_MAX], golden[LRK_PLAIN_MAX];
		size_t length, golden_length = hex_bytes(rows[i].hex, golden, sizeof(golden));
		struct lrk_entry decoded;

		assert_ok(lrk_entry_encode(&rows[i].entry, plain, &length));
		assert_int_equal(length, golden_length);
		assert_memory_equal(plain, golden, golden_length);
		assert_ok(lrk_entry_decode(ID, golden, golden_length, &decoded));
		assert_same_entry(&rows[i].entry, &decoded);
	}
}

static void
test_round_trips(void **state)
{
	struct lrk_entry entry = minimal_entry();
	uint64_t seed = 0x636f646563;

	(void)state;
	assert_round_trip(&entry);
	entry = full_entry();
	assert_round_trip(&entry);
	entry = maximal_entry();
	assert_round_trip(&entry);
	for (int i = 0; i < 5000; i++) {
		entry = random_entry(&seed);
		assert_round_trip(&entry);
	}
}

/* FORMAT.md says how long the longest are, and there is room for more. */
static void
test_longest(void **state)
{
	const struct lrk_entry entry = maximal_entry();
	const struct lrk_header header = { .n_seals = LRK_SEALS_MAX, .n_free = LRK_FREE_MAX };
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length;

	(void)state;
	assert_ok(lrk_entry_encode(&entry, plain, &length));
	assert_int_equal(length, 1511);
	assert_ok(lrk_header_encode(&header, plain, &length));
	assert_int_equal(length, 1151);
	assert_true(length < LRK_PLAIN_MAX);
}

/* Decodes from memory of just that size, so that a sanitizer sees each byte read behind it. */
static enum lrk_err
decode_exactly(const uint8_t *plain, size_t length, struct lrk_entry *ret)
{
	uint8_t *copy = malloc(length + (length == 0));
	enum lrk_err err;

	assert_non_null(copy);
	memcpy(copy, plain, length);
	err = lrk_entry_decode(ID, copy, length, ret);
	free(copy);
	return err;
}

/* Refused, and nothing handed out; or these bytes are what the entry encodes to. */
static void
assert_refused_or_canonical(const uint8_t *plain, size_t length)
{
	static struct lrk_entry untouched, entry;
	uint8_t again[LRK_PLAIN_MAX];
	size_t again_length;
	enum lrk_err err;

	memset(&untouched, 0x5a, sizeof(untouched));
	entry = untouched;
	err = decode_exactly(plain, length, &entry);
	if (err != LRK_OK) {
		assert_true(err == LRK_ERR_DAMAGED || err == LRK_ERR_VERSION);
		assert_memory_equal(&entry, &untouched, sizeof(entry));
		return;
	}
	assert_ok(lrk_entry_encode(&entry, again, &again_length));
	assert_int_equal(again_length, length);
	assert_memory_equal(again, plain, length);
}

static void
test_every_truncation(void **state)
{
	const struct lrk_entry entries[] = { minimal_entry(), full_entry(), maximal_entry() };
	uint8_t plain[LRK_PLAIN_MAX];
	struct lrk_entry decoded;
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		assert_ok(lrk_entry_encode(&entries[i], plain, &length));
		/* The last attribute is one that every entry has: no beginning is an entry. */
		for (size_t cut = 0; cut < length; cut++)
			assert_err(decode_exactly(plain, cut, &decoded), LRK_ERR_DAMAGED);
		assert_ok(decode_exactly(plain, length, &decoded));
		plain[length] = 0;
		assert_err(decode_exactly(plain, length + 1, &decoded), LRK_ERR_DAMAGED);
	}
}

static void
mutate_each_byte(const struct lrk_entry *entry)
{
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length;

	assert_ok(lrk_entry_encode(entry, plain, &length));
	for (size_t at = 0; at < length; at++) {
		uint8_t byte = plain[at];

		for (unsigned change = 1; change < 256; change++) {
			plain[at] = byte ^ (uint8_t)change;
			assert_refused_or_canonical(plain, length);
		}
		plain[at] = byte;
	}
}

static void
test_every_mutation(void **state)
{
	const struct lrk_entry minimal = minimal_entry(), full = full_entry(),
			       maximal = maximal_entry();

	(void)state;
	mutate_each_byte(&minimal);
	mutate_each_byte(&full);
	mutate_each_byte(&maximal);
}

/* Bytes cut out, doubled, and put elsewhere. */
static void
test_random_damage(void **state)
{
	uint64_t seed = 0x64616d616765;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct lrk_entry entry = i % 3 == 0 ? full_entry() : random_entry(&seed);
		uint8_t plain[LRK_PLAIN_MAX], damaged[LRK_PLAIN_MAX];
		size_t length, from, to, run;

		assert_ok(lrk_entry_encode(&entry, plain, &length));
		from = random_below(&seed, (unsigned)length);
		run = 1 + random_below(&seed, (unsigned)(length - from));
		memcpy(damaged, plain, length);
		switch (random_below(&seed, 3)) {
		case 0:
			memmove(damaged + from, damaged + from + run, length - from - run);
			length -= run;
			break;
		case 1:
			memmove(damaged + from + run, damaged + from, length - from);
			length += run;
			break;
		default:
			to = random_below(&seed, (unsigned)length);
			run = run < length - to ? run : length - to;
			memcpy(damaged + to, plain + from, run);
			break;
		}
		assert_refused_or_canonical(damaged, length);
	}
}

/* The attributes of an encoding, to put together anew. */
struct attribute {
	uint8_t bytes[600];
	size_t length;
};

static size_t
take_apart(const struct lrk_entry *entry, struct attribute attributes[static 32])
{
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length, at = 1, n = 0;

	assert_ok(lrk_entry_encode(entry, plain, &length));
	while (at < length) {
		size_t size = 3 + ((size_t)plain[at + 1] << 8 | plain[at + 2]);

		assert_true(size <= sizeof(attributes[n].bytes) && n < 32);
		memcpy(attributes[n].bytes, plain + at, size);
		attributes[n++].length = size;
		at += size;
	}
	assert_int_equal(at, length);
	return n;
}

struct plain {
	uint8_t bytes[2 * LRK_PLAIN_MAX];
	size_t length;
};

static void
add_bytes(struct plain *plain, const void *bytes, size_t length)
{
	assert_true(length <= sizeof(plain->bytes) - plain->length);
	memcpy(plain->bytes + plain->length, bytes, length);
	plain->length += length;
}

static enum lrk_err
decode_parts(const struct attribute *attributes, const unsigned *order, size_t n)
{
	struct plain plain = { .bytes = { 1 }, .length = 1 };
	struct lrk_entry decoded;

	for (size_t i = 0; i < n; i++)
		add_bytes(&plain, attributes[order[i]].bytes, attributes[order[i]].length);
	return decode_exactly(plain.bytes, plain.length, &decoded);
}

static void
test_order_and_duplicates(void **state)
{
	static struct attribute attributes[32];
	const struct lrk_entry entry = full_entry();
	size_t n = take_apart(&entry, attributes);
	unsigned order[33];

	(void)state;
	assert_int_equal(n, 19);
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	assert_ok(decode_parts(attributes, order, n));
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i; j++) {
			order[i] = j;
			order[j] = i;
			assert_err(decode_parts(attributes, order, n), LRK_ERR_DAMAGED);
			order[i] = i;
			order[j] = j;
		}
		/* the same once more, right behind itself and at the end */
		memmove(order + i + 1, order + i, (n - i) * sizeof(*order));
		assert_err(decode_parts(attributes, order, n + 1), LRK_ERR_DAMAGED);
		memmove(order + i, order + i + 1, (n - i) * sizeof(*order));
		order[n] = i;
		assert_err(decode_parts(attributes, order, n + 1), LRK_ERR_DAMAGED);
	}
}

/* Without an optional attribute it is another entry; without one that all have, none. */
static void
test_left_out(void **state)
{
	static const uint8_t required[] = { 1, 2, 3, 4, 5, 19 };
	static struct attribute attributes[32];
	const struct lrk_entry entry = full_entry();
	size_t n = take_apart(&entry, attributes);
	unsigned order[32];

	(void)state;
	for (unsigned out = 0; out < n; out++) {
		uint8_t tag = attributes[out].bytes[0];
		/* time, person and reason of a revocation come together */
		bool together = tag >= 16 && tag <= 18;
		size_t kept = 0;

		for (unsigned i = 0; i < n; i++)
			if (i != out)
				order[kept++] = i;
		assert_err(decode_parts(attributes, order, kept),
			   memchr(required, tag, sizeof(required)) != NULL || together ?
				   LRK_ERR_DAMAGED :
				   LRK_OK);
	}
}

static void
test_newer(void **state)
{
	const struct lrk_entry entry = full_entry();
	struct lrk_entry decoded;
	struct plain plain = { .length = 0 };
	size_t length;

	(void)state;
	assert_ok(lrk_entry_encode(&entry, plain.bytes, &length));
	for (unsigned version = 0; version < 256; version++) {
		plain.bytes[0] = (uint8_t)version;
		assert_err(decode_exactly(plain.bytes, length, &decoded),
			   version == 0	  ? LRK_ERR_DAMAGED :
			   version == 1	  ? LRK_OK :
					    LRK_ERR_VERSION);
	}
	/* A newer version is said even where nothing else of it can be understood. */
	assert_err(decode_exactly((const uint8_t[]){ 2 }, 1, &decoded), LRK_ERR_VERSION);
	plain.bytes[0] = 1;
	for (unsigned tag = 0; tag < 256; tag++) {
		const uint8_t attribute[] = { (uint8_t)tag, 0, 1, 'x' };

		plain.length = length;
		add_bytes(&plain, attribute, sizeof(attribute));
		assert_err(decode_exactly(plain.bytes, plain.length, &decoded),
			   tag < 20 ? LRK_ERR_DAMAGED : LRK_ERR_VERSION);
		/* an attribute that is cut off is damage, whoever wrote it */
		assert_err(decode_exactly(plain.bytes, plain.length - 1, &decoded),
			   LRK_ERR_DAMAGED);
	}
}

/* Attributes that would say what their absence says, or nothing at all: none has two encodings. */
static void
test_no_second_encoding(void **state)
{
	static const struct {
		uint8_t tag;
		const char *hex;
	} rows[] = {
		{ 3, "03 0000" }, { 3, "03 0001 00" }, { 3, "03 0004 0161 0161" },
		{ 3, "03 0003 0161 00" }, { 3, "03 0003 0261 00" }, { 3, "03 0002 0200" },
		{ 4, "04 0008 ffffffffffffffff" }, { 4, "04 0008 7fffffffffffffff" },
		{ 4, "04 0008 0000003afff44180" }, { 4, "04 0004 6b001a20" },
		{ 4, "04 0009 00000000006b001a20" }, { 2, "02 0000" }, { 5, "05 0000" },
		{ 6, "06 0008 7fffffffffffffff" }, { 6, "06 0008 8000000000000000" },
		{ 7, "07 0008 7fffffffffffffff" }, { 8, "08 0000" }, { 8, "08 0001 00" },
		{ 8, "08 0002 6100" }, { 9, "09 0000" }, { 10, "0a 0008 0000000000000000" },
		{ 10, "0a 0008 ffffffffffffffff" }, { 11, "0b 0000" }, { 11, "0b 0001 04" },
		{ 11, "0b 0002 0400" }, { 11, "0b 0006 0421 c0000200" },
		{ 11, "0b 0006 0418 c0000207" }, { 11, "0b 0006 0518 c0000200" },
		{ 11, "0b 0006 0018 c0000200" }, { 11, "0b 0007 0418 c0000200 04" },
		{ 11, "0b 0012 0680 00000000000000000000ffffc0000207" },
		{ 12, "0c 0008 0000000000000000" }, { 13, "0d 0000" },
		{ 13, "0d 000b 6161616161616161616161" },
		{ 14, "0e 000d 61616161616161616161616161" },
		{ 14, "0e 000c 61616161616161616161612d" }, { 15, "0f 0008 0000000000000000" },
		{ 16, "10 0008 0000000000000000" }, { 17, "11 0000" }, { 18, "12 0001 00" },
		{ 18, "12 0001 08" }, { 18, "12 0001 ff" }, { 18, "12 0002 0002" },
		{ 18, "12 0000" }, { 19, "13 0004 00000000" },
		{ 19, "13 000d 00000000 0000000000000001 00" },
		{ 1, "01 001f 00000000000000000000000000000000000000000000000000000000000000" },
	};
	static struct attribute full[32], minimal[32];
	const struct lrk_entry full_one = full_entry(), minimal_one = minimal_entry();
	size_t n_full = take_apart(&full_one, full), n_minimal = take_apart(&minimal_one, minimal);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char digits[128] = "";
		uint8_t attribute[64];
		size_t size;
		struct plain in_full = { .bytes = { 1 }, .length = 1 };
		struct plain in_minimal = in_full;
		struct lrk_entry decoded;

		for (const char *c = rows[i].hex; *c != '\0'; c++)
			if (*c != ' ')
				strncat(digits, c, 1);
		size = hex_bytes(digits, attribute, sizeof(attribute));
		/* in place of the attribute, or between those around it */
		for (size_t a = 0, done = 0; a <= n_full; a++) {
			if (done == 0 && (a == n_full || full[a].bytes[0] >= rows[i].tag)) {
				add_bytes(&in_full, attribute, size);
				done = 1;
			}
			if (a < n_full && full[a].bytes[0] != rows[i].tag)
				add_bytes(&in_full, full[a].bytes, full[a].length);
		}
		for (size_t a = 0, done = 0; a <= n_minimal; a++) {
			if (done == 0 && (a == n_minimal || minimal[a].bytes[0] >= rows[i].tag)) {
				add_bytes(&in_minimal, attribute, size);
				done = 1;
			}
			if (a < n_minimal && minimal[a].bytes[0] != rows[i].tag)
				add_bytes(&in_minimal, minimal[a].bytes, minimal[a].length);
		}
		if (decode_exactly(in_full.bytes, in_full.length, &decoded) != LRK_ERR_DAMAGED)
			fail_msg("%s in a full entry", rows[i].hex);
		if (decode_exactly(in_minimal.bytes, in_minimal.length, &decoded) !=
		    LRK_ERR_DAMAGED)
			fail_msg("%s in a minimal entry", rows[i].hex);
	}
}

/* One thing wrong in a good entry: neither written nor, from a stranger's hand, read. */
static void
test_invalid_entries(void **state)
{
	uint8_t plain[LRK_PLAIN_MAX];
	size_t length = 77;
	struct lrk_entry e;

	(void)state;
#define refused(change) \
	do { \
		e = full_entry(); \
		change; \
		if (lrk_entry_encode(&e, plain, &length) != LRK_ERR_INTERNAL || length != 77) \
			fail_msg("accepted: %s", #change); \
	} while (0)
	refused(e.id[0] = '\0');
	refused(e.id[11] = '\0');
	refused(e.id[3] = '-');
	refused(e.org[0] = '\0');
	refused(e.org[0] = '.');
	refused(e.n_scopes = 0);
	refused(e.n_scopes = LRK_SCOPES_MAX + 1);
	refused(e.scopes[1][0] = '\0');
	refused(e.scopes[1][0] = 'S');
	refused(strcpy(e.scopes[1], "scim"));
	refused(e.n_nets = LRK_NETS_MAX + 1);
	refused(e.nets[1].family = 5);
	refused(e.nets[0].prefix = 33);
	refused(e.nets[0].address[3] = 1);
	refused(e.created = -1);
	refused(e.created = LRK_TIME_MAX + 1);
	refused(e.created = LRK_NEVER);
	refused(e.created_by[0] = '\0');
	refused(strcpy(e.created_by, "a b"));
	refused(e.expires = -1);
	refused(e.expires = LRK_NEVER - 1);
	refused(e.term = -1);
	refused(e.term = LRK_TIME_MAX + 1);
	refused(strcpy(e.label, "a\nb"));
	refused(strcpy(e.label, "\xff"));
	refused(strcpy(e.owner, "a:b"));
	refused(e.not_before = -1);
	refused(e.not_before = LRK_NEVER);
	refused(strcpy(e.predecessor, "short"));
	refused(strcpy(e.successor, "with-a-minus"));
	refused(e.deactivated = -1);
	refused(e.deactivated = LRK_NEVER);
	refused(e.revoked = -1);
	refused(e.revoked = 0);
	refused(e.revoked = LRK_TIME_MAX + 1);
	refused(e.reason = LRK_REASON_NONE);
	refused(e.reason = LRK_REASON_COUNT);
	refused(e.reason = (enum lrk_reason)-1);
	refused(e.revoked_by[0] = '\0');
	refused(strcpy(e.revoked_by, "a b"));
#undef refused
	e = full_entry();
	assert_ok(lrk_entry_encode(&e, plain, &length));
	e.revoked = 0;
	e.reason = LRK_REASON_NONE;
	e.revoked_by[0] = '\0';
	assert_ok(lrk_entry_encode(&e, plain, &length));
}

/* The name of a record is part of the entry, and judged with it. */
static void
test_id_of_record(void **state)
{
	uint8_t plain[LRK_PLAIN_MAX];
	const struct lrk_entry entry = minimal_entry();
	struct lrk_entry decoded;
	size_t length;

	(void)state;
	assert_ok(lrk_entry_encode(&entry, plain, &length));
	assert_ok(lrk_entry_decode("zzzzzzzzzzzz", plain, length, &decoded));
	assert_string_equal(decoded.id, "zzzzzzzzzzzz");
	assert_err(lrk_entry_decode("zzzzzz-zzzzz", plain, length, &decoded), LRK_ERR_DAMAGED);
	assert_err(lrk_entry_decode("zzzzz\0zzzzzz", plain, length, &decoded), LRK_ERR_DAMAGED);
	assert_err(lrk_entry_decode("            ", plain, length, &decoded), LRK_ERR_DAMAGED);
}

static struct lrk_header
some_header(void)
{
	struct lrk_header header = {
		.generation = UINT64_C(0x0102030405060708),
		.slots = 9,
		.n_seals = 2,
		.seals = { { 0xa1b2c3d4, 5 }, { 1, UINT64_C(1) << 32 } },
		.n_free = 1,
		.free = { { 3, 2 } },
	};

	for (unsigned i = 0; i < LRK_UUID_LEN; i++)
		header.uuid[i] = (uint8_t)(0x10 + i);
	return header;
}

static void
assert_same_header(const struct lrk_header *a, const struct lrk_header *b)
{
	assert_memory_equal(a->uuid, b->uuid, sizeof(a->uuid));
	assert_true(a->generation == b->generation);
	assert_int_equal(a->slots, b->slots);
	assert_int_equal(a->n_seals, b->n_seals);
	for (unsigned i = 0; i < a->n_seals; i++) {
		assert_int_equal(a->seals[i].master_id, b->seals[i].master_id);
		assert_true(a->seals[i].count == b->seals[i].count);
	}
	assert_int_equal(a->n_free, b->n_free);
	for (unsigned i = 0; i < a->n_free; i++) {
		assert_int_equal(a->free[i].first, b->free[i].first);
		assert_int_equal(a->free[i].count, b->free[i].count);
	}
}

static void
test_golden_header(void **state)
{
	const struct lrk_header header = some_header();
	uint8_t plain[LRK_PLAIN_MAX], golden[LRK_PLAIN_MAX];
	size_t length, golden_length = hex_bytes(golden_header, golden, sizeof(golden));
	struct lrk_header decoded;

	(void)state;
	assert_ok(lrk_header_encode(&header, plain, &length));
	assert_int_equal(length, golden_length);
	assert_memory_equal(plain, golden, golden_length);
	assert_ok(lrk_header_decode(golden, golden_length, &decoded));
	assert_same_header(&header, &decoded);
}

static void
test_header_sizes(void **state)
{
	uint8_t plain[LRK_PLAIN_MAX];
	struct lrk_header header = some_header(), decoded;
	size_t length = 77;

	(void)state;
	for (unsigned n_seals = 0; n_seals <= LRK_SEALS_MAX + 1; n_seals++) {
		for (unsigned n_free = 0; n_free <= LRK_FREE_MAX + 1; n_free++) {
			header.n_seals = n_seals;
			header.n_free = n_free;
			if (n_seals > LRK_SEALS_MAX || n_free > LRK_FREE_MAX) {
				assert_err(lrk_header_encode(&header, plain, &length),
					   LRK_ERR_INTERNAL);
				continue;
			}
			assert_ok(lrk_header_encode(&header, plain, &length));
			assert_int_equal(length, 31 + 12 * n_seals + 8 * n_free);
			assert_ok(lrk_header_decode(plain, length, &decoded));
			assert_same_header(&header, &decoded);
		}
	}
}

static enum lrk_err
decode_header_exactly(const uint8_t *plain, size_t length, struct lrk_header *ret)
{
	uint8_t *copy = malloc(length + (length == 0));
	enum lrk_err err;

	assert_non_null(copy);
	memcpy(copy, plain, length);
	err = lrk_header_decode(copy, length, ret);
	free(copy);
	return err;
}

static void
test_header_damage(void **state)
{
	uint8_t plain[LRK_PLAIN_MAX], again[LRK_PLAIN_MAX];
	struct lrk_header header = some_header(), untouched, decoded;
	size_t length, again_length;

	(void)state;
	memset(&untouched, 0x5a, sizeof(untouched));
	header.n_seals = 3;
	header.n_free = 5;
	assert_ok(lrk_header_encode(&header, plain, &length));
	for (size_t cut = 0; cut < length; cut++) {
		decoded = untouched;
		assert_err(decode_header_exactly(plain, cut, &decoded), LRK_ERR_DAMAGED);
		assert_memory_equal(&decoded, &untouched, sizeof(decoded));
	}
	plain[length] = 0;
	assert_err(decode_header_exactly(plain, length + 1, &decoded), LRK_ERR_DAMAGED);
	for (size_t at = 0; at < length; at++) {
		uint8_t byte = plain[at];

		for (unsigned change = 1; change < 256; change++) {
			enum lrk_err err;

			plain[at] = byte ^ (uint8_t)change;
			err = decode_header_exactly(plain, length, &decoded);
			if (at == 0)
				assert_err(err, plain[0] == 0 ? LRK_ERR_DAMAGED : LRK_ERR_VERSION);
			if (err != LRK_OK)
				continue;
			assert_ok(lrk_header_encode(&decoded, again, &again_length));
			assert_int_equal(again_length, length);
			assert_memory_equal(again, plain, length);
		}
		plain[at] = byte;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_entry),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_mutation),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_order_and_duplicates),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_no_second_encoding),
		cmocka_unit_test(test_invalid_entries),
		cmocka_unit_test(test_id_of_record),
		cmocka_unit_test(test_golden_header),
		cmocka_unit_test(test_header_sizes),
		cmocka_unit_test(test_header_damage),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
