/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults in how a token was taken and compared.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "liblrkey/crypto.h"

#include "replay.h"

/* ---- No token ---- */

/* pam-u2f: a conversation that gave no answer was taken for one that needed none. */
static void
test_cve_2021_31924_no_response_lets_nobody_in(void **state)
{
	static const struct {
		enum host_answer kind;
		int code;
	} rows[] = {
		{ HOST_NULL, 0 },
		{ HOST_NO_RESPONSE, 0 },
		{ HOST_FAIL, PAM_CONV_ERR },
		{ HOST_FAIL, PAM_CONV_AGAIN },
	};

	(void)state;
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(rows[i].kind, NULL, rows[i].code);
		assert_code(host_authenticate(0), PAM_AUTH_ERR);
		assert_int_equal(hooks_n_engines, 0);
	}
}

static void
set_digest_of_nothing(struct lrk_entry *entry)
{
	assert_int_equal(lrk_sha256("", 0, entry->digest), LRK_OK);
}

/* SSSD: an empty password reached a back end that took it for an anonymous login. */
static void
test_cve_2010_2940_empty_token_reaches_no_store(void **state)
{
	static const int flags[] = { 0, (int)PAM_DISALLOW_NULL_AUTHTOK, (int)PAM_SILENT };

	(void)state;
	replay_key(set_digest_of_nothing);
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n");
	hooks_forget();
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		host_start(HOST_SERVICE, "acme", NULL);
		host_answer(HOST_TEXT, "", 0);
		assert_code(host_authenticate(flags[i]), PAM_AUTH_ERR);
	}
	assert_int_equal(hooks_n_digests, 0);
	assert_int_equal(hooks_n_engines, 0);
}

/* ---- Long tokens ---- */

/* pam-krb5: one byte was written behind a buffer; here none may be read behind a token. */
static void
test_cve_2020_10595_no_byte_past_the_token(void **state)
{
	static const size_t lengths[] = { 0, 1, 54, 55, 56, 511, 512, 513, (size_t)1 << 20 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	struct stock_key key = replay_key(NULL);
	struct lrk_credential credential;

	(void)state;
	assert_true(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
	for (size_t length = 0; length <= LRK_APIKEY_LEN; length++) {
		char *text = pages + page - length;

		memcpy(text, key.text, length);
		assert_int_equal(lrk_apikey_parse(text, length, &credential),
				 length == LRK_APIKEY_LEN ? LRK_OK : LRK_ERR_SYNTAX);
	}
	munmap(pages, 2 * page);
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		char *token = malloc(lengths[i] + 1);
		size_t copied = lengths[i] < LRK_APIKEY_LEN ? lengths[i] : LRK_APIKEY_LEN;

		assert_non_null(token);
		memset(token, 'a', lengths[i]);
		memcpy(token, key.text, copied);
		token[lengths[i]] = '\0';
		assert_code(host_try("acme", token, NULL),
			    lengths[i] == LRK_APIKEY_LEN ? PAM_SUCCESS : PAM_AUTH_ERR);
		free(token);
	}
}

/* pam_unix: a long password filled a pipe, for users that there were only. */
static void
test_cve_2015_3238_long_token_is_the_same_for_all_users(void **state)
{
	static const char *const users[] = { "acme", "root", "no-such-user" };
	size_t length = (size_t)1 << 20;
	char *token = malloc(length + 1);
	struct stock_key key = replay_key(NULL);

	(void)state;
	assert_non_null(token);
	memset(token, 'a', length);
	memcpy(token, key.text, LRK_APIKEY_LEN);
	token[length] = '\0';
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = 0; i < COUNT_OF(users); i++) {
		hooks_forget();
		assert_code(host_try(users[i], token, NULL), PAM_AUTH_ERR);
		/* The same work: none. */
		assert_int_equal(hooks_n_digests, 0);
		assert_int_equal(hooks_n_engines, 0);
		assert_int_equal(hooks_n_lines, 1);
		assert_int_equal(hooks_count(LOG_NOTICE, ": malformed"), 1);
	}
	free(token);
}

/* ---- Comparisons ---- */

static uint8_t stored_digest[LRK_DIGEST_LEN];

static void
set_stored_digest(struct lrk_entry *entry)
{
	memcpy(entry->digest, stored_digest, sizeof(entry->digest));
}

/* pam_userdb: hashes were compared without regard to case, and up to the shorter one's end. */
static void
test_cve_2013_7041_case_and_length_count(void **state)
{
	struct stock_key key = replay_key(NULL);
	struct lrk_credential credential;
	unsigned flipped = 0;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	for (size_t i = SECRET_AT; i < SECRET_AT + LRK_SECRET_LEN; i++) {
		struct stock_key other = key;

		if (!isalpha((unsigned char)key.text[i]))
			continue;
		other.text[i] ^= 0x20;
		stock_write_check(other.text);
		hooks_forget();
		assert_code(host_try("acme", other.text, NULL), PAM_AUTH_ERR);
		assert_int_equal(hooks_count(LOG_NOTICE, ": wrong secret"), 1);
		flipped++;
	}
	assert_true(flipped > 0);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	/* Digests that are as stored up to some byte, and end there. */
	assert_int_equal(lrk_apikey_parse(key.text, LRK_APIKEY_LEN, &credential), LRK_OK);
	for (size_t length = 0; length < LRK_DIGEST_LEN; length++) {
		memset(stored_digest, 0, sizeof(stored_digest));
		memcpy(stored_digest, credential.digest, length);
		if (memcmp(stored_digest, credential.digest, LRK_DIGEST_LEN) == 0)
			continue;
		stock_change_key(host.root, LRK_STORE_DEFAULT, &key, set_stored_digest);
		assert_code(host_try("acme", key.text, NULL), PAM_AUTH_ERR);
	}
}

/* pam_userdb again: with functions for text, two secrets are the same up to the first NUL. */
static void
test_cve_2026_54411_digests_are_no_text(void **state)
{
	struct lrk_credential credential;
	struct stock_key key = replay_key(NULL);

	(void)state;
	host_write_plain_service(HOST_SERVICE, "");
	/* A key whose digest begins with a NUL; one of 256 does. */
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(key.text + SECRET_AT, "Replayed", 8);
		for (int j = 0; j < 8; j++)
			key.text[SECRET_AT + 8 + j] = (char)('a' + (i >> (2 * j) & 3));
		stock_write_check(key.text);
		assert_int_equal(lrk_apikey_parse(key.text, LRK_APIKEY_LEN, &credential), LRK_OK);
		if (credential.digest[0] == 0)
			break;
	}
	assert_int_equal(credential.digest[0], 0);
	memcpy(stored_digest, credential.digest, sizeof(stored_digest));
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, set_stored_digest);
	assert_code(host_try("acme", key.text, NULL), PAM_SUCCESS);
	/* Stored is another one that begins with it. */
	for (size_t i = 1; i < sizeof(stored_digest); i++)
		stored_digest[i] ^= 0xff;
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, set_stored_digest);
	assert_code(host_try("acme", key.text, NULL), PAM_AUTH_ERR);
}

/* libpam-pwdfile: a blank stored hash was a password for everybody. */
static void
test_pwdfile_183_blank_digest_fits_nothing(void **state)
{
	struct stock_key key = replay_key(NULL);

	(void)state;
	memset(stored_digest, 0, sizeof(stored_digest));
	stock_change_key(host.root, LRK_STORE_DEFAULT, &key, set_stored_digest);
	host_write_service(HOST_SERVICE, "auth required @\nauth required &\n");
	assert_code(host_try("acme", key.text, NULL), PAM_AUTH_ERR);
	assert_code(host_try("acme", "", NULL), PAM_AUTH_ERR);
	assert_code(host_try("acme", UNKNOWN_KEY, NULL), PAM_AUTH_ERR);
}

/* ---- Logs ---- */

static void
put_hex(const uint8_t *bytes, size_t length, char *text)
{
	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* pam_tacplus, pam_userdb, libpam-pwdfile: secrets and hashes in the debug log. */
static void
test_cve_2020_13881_debug_log_holds_no_secret(void **state)
{
	static void (*const edits[])(struct lrk_entry *entry) = {
		NULL, stock_revoke, stock_deactivate, stock_expire, stock_limit_uses,
	};
	char digest[2 * LRK_DIGEST_LEN + 1], master[2 * LRK_AES_KEY_LEN + 1];
	struct lrk_keyring ring;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "debug log=all");
	stock_read_keyring(host.root, LRK_STORE_DEFAULT, &ring);
	put_hex(ring.keys[0].key, LRK_AES_KEY_LEN, master);
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		struct stock_key key = replay_key(edits[i]);
		struct lrk_credential credential;
		char part[9] = "";

		assert_int_equal(lrk_apikey_parse(key.text, LRK_APIKEY_LEN, &credential), LRK_OK);
		put_hex(credential.digest, LRK_DIGEST_LEN, digest);
		memcpy(part, key.text + SECRET_AT, 8);
		hooks_forget();
		host_try("acme", key.text, "192.0.2.7");
		hooks_set_clock(STOCK_NOW + 2, 0);
		host_account(0);
		hooks_set_clock(STOCK_NOW, 0);
		/* Cut off at its end, it is no key: logged as malformed. */
		key.text[LRK_APIKEY_LEN - 1] = '\0';
		host_try("acme", key.text, "192.0.2.7");
		assert_true(hooks_n_lines >= 3 && hooks_n_lines <= HOOKS_LINES);
		for (size_t j = 0; j < hooks_n_lines; j++) {
			assert_null(strstr(hooks_lines[j].text, part));
			assert_null(strcasestr(hooks_lines[j].text, digest));
			assert_null(strcasestr(hooks_lines[j].text, master));
		}
	}
	lrk_wipe_object(&ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY(test_cve_2021_31924_no_response_lets_nobody_in),
		REPLAY(test_cve_2010_2940_empty_token_reaches_no_store),
		REPLAY(test_cve_2020_10595_no_byte_past_the_token),
		REPLAY(test_cve_2015_3238_long_token_is_the_same_for_all_users),
		REPLAY(test_cve_2013_7041_case_and_length_count),
		REPLAY(test_cve_2026_54411_digests_are_no_text),
		REPLAY(test_pwdfile_183_blank_digest_fits_nothing),
		REPLAY(test_cve_2020_13881_debug_log_holds_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
