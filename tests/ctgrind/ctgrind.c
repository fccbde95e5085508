/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core with its secrets marked as undefined, for valgrind's memcheck, which then tells
 * of each branch and each index that depends on one:
 *
 *	ctgrind parse|generate|keyring		with an API key on standard input
 *	ctgrind verify ROOT VERDICT		the same; asks the store, which must answer so
 *	ctgrind planted-index|planted-branch|planted-compare
 *
 * The last ones leak on purpose. Exit status: 0 when all came to what it should, and what was
 * marked has arrived where it should.
 *
 * The linker puts the __wrap_ functions before those of the core. What they declare to be known
 * MUST be no more than the answer to a comparison, or what AES-GCM has opened; the code of the
 * core itself is what is built to be installed.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <valgrind/memcheck.h>

#include <lrkey/verify.h>
#include <lrkey/when.h>

#include "liblrkey/apikey.h"
#include "liblrkey/codec.h"
#include "liblrkey/crypto.h"
#include "liblrkey/masterkey.h"

#define SECRET_AT (LRK_APIKEY_LEN - LRK_SECRET_LEN - 6)
#define MASTER_DIGITS (2 * LRK_AES_KEY_LEN)

/* What did not come to what it should; printed, and the exit status. */
static bool failed;

static void
expect(bool holds, const char *what)
{
	if (!holds) {
		printf("ctgrind: not so: %s\n", what);
		failed = true;
	}
}

static void
hide(const void *bytes, size_t length)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
}

static void
tell(const void *bytes, size_t length)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
}

/* Whether each of the bytes depends on what was hidden. */
static bool
is_hidden(const void *bytes, size_t length)
{
	unsigned char bits[64];
	bool all = true;

	expect(length <= sizeof(bits) && VALGRIND_GET_VBITS(bytes, bits, length) == 1,
	       "memcheck tells what is defined");
	for (size_t i = 0; i < length; i++)
		all = all && bits[i] != 0;
	return all;
}

/* ---- Between the core and its doors ---- */

bool __real_lrk_equal(const void *a, const void *b, size_t length);
bool __wrap_lrk_equal(const void *a, const void *b, size_t length);
enum lrk_err __real_lrk_entry_decode(const char *id, const uint8_t *plain, size_t length,
				     struct lrk_entry *ret);
enum lrk_err __wrap_lrk_entry_decode(const char *id, const uint8_t *plain, size_t length,
				     struct lrk_entry *ret);
enum lrk_err __real_lrk_keyring_parse(const char *text, size_t length, struct lrk_keyring *ret);
enum lrk_err __wrap_lrk_keyring_parse(const char *text, size_t length, struct lrk_keyring *ret);
enum lrk_err __real_lrk_gcm_begin(const uint8_t key[static LRK_AES_KEY_LEN], struct lrk_gcm **ret);
enum lrk_err __wrap_lrk_gcm_begin(const uint8_t key[static LRK_AES_KEY_LEN], struct lrk_gcm **ret);
enum lrk_err __real_lrk_gcm_open(struct lrk_gcm *gcm, const uint8_t iv[static LRK_IV_LEN],
				 const void *aad, size_t aad_length, const void *sealed,
				 size_t length, const uint8_t tag[static LRK_TAG_LEN], void *plain);
enum lrk_err __wrap_lrk_gcm_open(struct lrk_gcm *gcm, const uint8_t iv[static LRK_IV_LEN],
				 const void *aad, size_t aad_length, const void *sealed,
				 size_t length, const uint8_t tag[static LRK_TAG_LEN], void *plain);

static unsigned n_compared, n_opened;

/* The answer, accepted or refused, is for everybody to see. */
bool
__wrap_lrk_equal(const void *a, const void *b, size_t length)
{
	bool equal;

	expect(is_hidden(a, length), "the digest that is compared comes from the secret");
	equal = __real_lrk_equal(a, b, length);
	tell(&equal, sizeof(equal));
	n_compared++;
	return equal;
}

enum lrk_err
__wrap_lrk_gcm_begin(const uint8_t key[static LRK_AES_KEY_LEN], struct lrk_gcm **ret)
{
	expect(is_hidden(key, LRK_AES_KEY_LEN), "the master key comes from the hidden digits");
	return __real_lrk_gcm_begin(key, ret);
}

/* What is sealed: the attributes, which a master key opens to whoever has it, and the digest. */
enum lrk_err
__wrap_lrk_gcm_open(struct lrk_gcm *gcm, const uint8_t iv[static LRK_IV_LEN], const void *aad,
		    size_t aad_length, const void *sealed, size_t length,
		    const uint8_t tag[static LRK_TAG_LEN], void *plain)
{
	enum lrk_err err;

	err = __real_lrk_gcm_open(gcm, iv, aad, aad_length, sealed, length, tag, plain);
	tell(&err, sizeof(err));
	tell(plain, length);
	n_opened++;
	return err;
}

enum lrk_err
__wrap_lrk_entry_decode(const char *id, const uint8_t *plain, size_t length,
			struct lrk_entry *ret)
{
	enum lrk_err err = __real_lrk_entry_decode(id, plain, length, ret);

	hide(ret->digest, sizeof(ret->digest));
	return err;
}

/* Hides the digits of each key, which are the last word of its line. */
enum lrk_err
__wrap_lrk_keyring_parse(const char *text, size_t length, struct lrk_keyring *ret)
{
	enum lrk_err err;
	unsigned n_words = 0;

	for (size_t i = MASTER_DIGITS + 1; i < length; i++) {
		/* The first such word is the store's UUID. */
		if (text[i] == '\n' && text[i - MASTER_DIGITS - 1] == ' ' && n_words++ > 0)
			hide(text + i - MASTER_DIGITS, MASTER_DIGITS);
	}
	err = __real_lrk_keyring_parse(text, length, ret);
	tell(&err, sizeof(err));
	for (unsigned i = 0; err == LRK_OK && i < ret->n_keys; i++)
		expect(is_hidden(ret->keys[i].key, LRK_AES_KEY_LEN), "each master key is hidden");
	return err;
}

/* ---- The cases ---- */

static void
hide_secret(const char *key)
{
	hide(key + SECRET_AT, LRK_APIKEY_LEN - SECRET_AT);
}

/* A good key, one with a wrong check, and one with a character that is none of the alphabet. */
static void
run_parse(const char *key)
{
	static const struct {
		size_t at;
		char put;
		enum lrk_err err;
	} rows[] = {
		{ 0, 'l', LRK_OK },
		{ LRK_APIKEY_LEN - 1, '!', LRK_ERR_SYNTAX },
		{ SECRET_AT, '\0', LRK_ERR_SYNTAX },
		{ SECRET_AT + 5, '\xff', LRK_ERR_SYNTAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lrk_credential credential;
		char text[LRK_APIKEY_LEN];
		enum lrk_err err;

		memcpy(text, key, sizeof(text));
		text[rows[i].at] = rows[i].put;
		hide_secret(text);
		err = lrk_apikey_parse(text, sizeof(text), &credential);
		expect(err == rows[i].err, "the parser's answer");
		if (err == LRK_OK)
			expect(is_hidden(credential.digest, sizeof(credential.digest)),
			       "the digest comes from the secret");
	}
}

static enum lrk_err
hidden_random(void *bytes, size_t length)
{
	enum lrk_err err = lrk_random(bytes, length);

	hide(bytes, length);
	return err;
}

static void
run_generate(const char *key)
{
	char text[LRK_APIKEY_LEN + 1];
	struct lrk_credential credential;

	(void)key;
	expect(lrk_apikey_generate(hidden_random, text, &credential) == LRK_OK, "a key is made");
	expect(is_hidden(text + SECRET_AT, LRK_SECRET_LEN), "the secret comes from the random bytes");
	expect(is_hidden(credential.digest, sizeof(credential.digest)), "and its digest");
}

static void
run_keyring(const char *key)
{
	struct lrk_keyring ring = { .n_keys = 2, .active = 1 }, parsed;
	char text[LRK_KEYRING_TEXT_MAX];
	size_t length;

	(void)key;
	for (unsigned i = 0; i < ring.n_keys; i++) {
		ring.keys[i].id = i;
		expect(lrk_random(ring.keys[i].key, LRK_AES_KEY_LEN) == LRK_OK, "random bytes");
		hide(ring.keys[i].key, LRK_AES_KEY_LEN);
	}
	length = lrk_keyring_format(&ring, text);
	expect(is_hidden(text + length - 1 - MASTER_DIGITS, MASTER_DIGITS), "the digits are hidden");
	/* Whatever they are made from, they have to be told from a newline by the wrapper. */
	tell(text, length);
	expect(lrk_keyring_parse(text, length, &parsed) == LRK_OK, "what was written is read");
	expect(parsed.n_keys == ring.n_keys, "both keys");
}

static void
run_verify(char *key, const char *root, const char *verdict)
{
	struct lrk_credential credential;
	struct lrk_question question = {
		.root = root,
		.store = LRK_STORE_DEFAULT,
		.credential = &credential,
		.use = LRK_USE_COUNT,
		.service = "scim",
		.rhost = "",
	};
	struct lrk_answer answer;
	struct lrk_why why = { "" };
	char number[16];

	hide_secret(key);
	expect(lrk_time_now(&question.now) == LRK_OK, "a clock");
	expect(lrk_apikey_parse(key, LRK_APIKEY_LEN, &credential) == LRK_OK, "a key");
	if (lrk_verify(&question, &answer, &why) != LRK_OK) {
		expect(false, why.text);
		return;
	}
	snprintf(number, sizeof(number), "%d", (int)answer.verdict);
	expect(strcmp(number, verdict) == 0, "the verdict");
	expect(n_compared == 1 && n_opened >= 1, "one comparison, of what was sealed");
}

/* ---- Leaks on purpose ---- */

static int seen;

static void
run_planted_index(const char *key)
{
	static const char table[256] = { [0] = 1, ['a'] = 2 };

	hide_secret(key);
	seen += table[(unsigned char)key[SECRET_AT + 7]];
}

static void
run_planted_branch(const char *key)
{
	hide_secret(key);
	for (size_t i = SECRET_AT; i < LRK_APIKEY_LEN; i++)
		if (key[i] == '!')
			seen++;
}

static void
run_planted_compare(const char *key)
{
	static const uint8_t stored[LRK_DIGEST_LEN];
	struct lrk_credential credential;

	hide_secret(key);
	if (lrk_apikey_parse(key, LRK_APIKEY_LEN, &credential) != LRK_OK)
		return;
	if (memcmp(credential.digest, stored, sizeof(stored)) == 0)
		seen++;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *key);
	} cases[] = {
		{ "parse", run_parse },
		{ "generate", run_generate },
		{ "keyring", run_keyring },
		{ "planted-index", run_planted_index },
		{ "planted-branch", run_planted_branch },
		{ "planted-compare", run_planted_compare },
	};
	char key[LRK_APIKEY_LEN + 1] = "";

	expect(RUNNING_ON_VALGRIND, "this runs under valgrind");
	expect(read(STDIN_FILENO, key, LRK_APIKEY_LEN) == LRK_APIKEY_LEN, "a key on standard input");
	if (argc == 4 && strcmp(argv[1], "verify") == 0) {
		run_verify(key, argv[2], argv[3]);
		return failed;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run(key);
			return failed;
		}
	}
	fprintf(stderr, "ctgrind: which case?\n");
	return 2;
}
