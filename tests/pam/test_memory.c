/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the memory that held secrets is wiped: looked through, all of it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lrkey/wipe.h>

#include "aside.h"
#include "check.h"
#include "hooks.h"
#include "host.h"
#include "stock.h"

/* What is looked for stands here masked, or it would find itself. */
#define MASK 0xa5
#define NEEDLE_MAX 16

_Static_assert(LRK_SECRET_LEN / 2 == NEEDLE_MAX && LRK_DIGEST_LEN / 2 == NEEDLE_MAX &&
		       LRK_AES_KEY_LEN == NEEDLE_MAX,
	       "all that is looked for has this length");

struct needle {
	size_t length;
	uint8_t bytes[NEEDLE_MAX];
};

static struct needle
make_needle(const void *bytes, size_t length)
{
	struct needle needle = { .length = length };

	for (size_t i = 0; i < length; i++)
		needle.bytes[i] = ((const uint8_t *)bytes)[i] ^ MASK;
	return needle;
}

/* Only its first byte is ever there unmasked: memchr(3) makes this quick. */
static size_t
count_in(const uint8_t *bytes, size_t size, const struct needle *needle)
{
	const uint8_t *end = bytes + size;
	size_t found = 0;

	while ((bytes = memchr(bytes, needle->bytes[0] ^ MASK, (size_t)(end - bytes))) != NULL) {
		size_t i = 0;

		while (i < needle->length && bytes + i < end &&
		       (bytes[i] ^ MASK) == needle->bytes[i])
			i++;
		if (i == needle->length)
			found++;
		bytes++;
	}
	return found;
}

/* One mapping, page by page, through a buffer that is not looked through itself. */
static size_t
count_in_mapping(int memory, unsigned long start, unsigned long end, const struct needle *needle)
{
	static uint8_t page[4096 + NEEDLE_MAX];
	size_t found = 0;

	for (unsigned long at = start; at < end; at += 4096) {
		ssize_t n = pread(memory, page, 4096 + needle->length - 1, (off_t)at);
		bool own = at + 4096 > (unsigned long)page &&
			   at < (unsigned long)page + sizeof(page);

		if (n > 0 && !own)
			found += count_in(page, (size_t)n, needle);
		lrk_wipe_array(page);
	}
	return found;
}

/*
 * All that this process can write, sanitizers' shadows (which are far larger) aside. Allocates
 * nothing: what was freed must still be there to be found.
 */
static size_t
count_in_memory(const struct needle *needle)
{
	static char maps[1 << 18];
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0, found = 0;
	ssize_t n;

	assert_true(memory >= 0 && fd >= 0);
	while ((n = read(fd, maps + used, sizeof(maps) - 1 - used)) > 0)
		used += (size_t)n;
	assert_true(n == 0 && used < sizeof(maps) - 1);
	maps[used] = '\0';
	for (const char *line = maps; *line != '\0'; line = strchr(line, '\n') + 1) {
		char *rest;
		unsigned long start = strtoul(line, &rest, 16);
		unsigned long end = strtoul(rest + 1, &rest, 16);

		if (rest[1] == 'r' && rest[2] == 'w' && end - start <= 256ul << 20)
			found += count_in_mapping(memory, start, end, needle);
	}
	close(memory);
	close(fd);
	return found;
}

static char masked_key[LRK_APIKEY_LEN];

/* A host that has the key in memory for no longer than its answer, which libpam wipes. */
static int
answer_unmasked(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	(void)data;
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
			continue;
		responses[i].resp = calloc(1, LRK_APIKEY_LEN + 1);
		for (size_t j = 0; j < LRK_APIKEY_LEN && responses[i].resp != NULL; j++)
			responses[i].resp[j] = (char)(masked_key[j] ^ MASK);
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static struct needle
read_master_key(void)
{
	struct lrk_keyring ring;
	struct needle needle;

	stock_read_keyring(host.root, LRK_STORE_DEFAULT, &ring);
	needle = make_needle(ring.keys[0].key, LRK_AES_KEY_LEN);
	lrk_wipe_object(&ring);
	return needle;
}

static void
find_all(struct needle *needles, size_t n, size_t *counts)
{
	for (size_t i = 0; i < n; i++)
		counts[i] = count_in_memory(&needles[i]);
}

/*
 * The secret, its digest and the master key are gone once the handle is. pam_unix left hashes in
 * the buffers of files that it had closed.
 */
static void
test_cve_2024_10041_nothing_stays_in_memory(void **state)
{
	static const struct pam_conv conversation = { answer_unmasked, NULL };
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT, NULL);
	struct lrk_credential credential;
	struct needle needles[3];
	size_t before[3], during[3], after[3];
	pam_handle_t *pamh = NULL;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "debug log=all");
	assert_int_equal(lrk_apikey_parse(key.text, LRK_APIKEY_LEN, &credential), LRK_OK);
	/* Their second halves: malloc's own links may overwrite the beginning of what is freed. */
	needles[0] = make_needle(key.text + 17 + LRK_SECRET_LEN / 2, LRK_SECRET_LEN / 2);
	needles[1] = make_needle(credential.digest + LRK_DIGEST_LEN / 2,
				 LRK_DIGEST_LEN / 2);
	needles[2] = read_master_key();
	for (size_t i = 0; i < LRK_APIKEY_LEN; i++)
		masked_key[i] = (char)(key.text[i] ^ MASK);
	/* The scan finds what is there. */
	assert_true(count_in_memory(&needles[0]) > 0);
	assert_true(count_in_memory(&needles[1]) > 0);
	lrk_wipe_object(&key);
	lrk_wipe_object(&credential);
	find_all(needles, COUNT_OF(needles), before);
	for (int i = 0; i < 3; i++) {
		assert_code(pam_start_confdir(HOST_SERVICE, "acme", &conversation, host.confdir,
					      &pamh),
			    PAM_SUCCESS);
		assert_code(pam_authenticate(pamh, 0), PAM_SUCCESS);
		find_all(needles, COUNT_OF(needles), during);
		hooks_set_clock(STOCK_NOW + 2 * (i + 1), 0);
		assert_code(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
		pam_end(pamh, PAM_SUCCESS);
	}
	find_all(needles, COUNT_OF(needles), after);
	print_message("# found before/during/after: secret %zu/%zu/%zu, digest %zu/%zu/%zu, "
		      "master key %zu/%zu/%zu\n",
		      before[0], during[0], after[0], before[1], during[1], after[1], before[2],
		      during[2], after[2]);
	/* The verdict holds the digest, and nothing else does; nothing holds the secret. */
	assert_int_equal(during[0], 0);
	assert_int_equal(during[1], 1);
	assert_int_equal(during[2], 0);
	for (size_t i = 0; i < COUNT_OF(needles); i++)
		assert_int_equal(after[i], 0);
}

/* ---- Whoever is refused ---- */

/* What a label is made of, masked: where it is found unmasked, it comes from the entry. */
static uint8_t masked_label[NEEDLE_MAX];

static void
set_label_and_deactivate(struct lrk_entry *entry)
{
	for (size_t i = 0; i < NEEDLE_MAX; i++)
		entry->label[i] = (char)(masked_label[i] ^ MASK);
	entry->label[NEEDLE_MAX] = '\0';
	stock_deactivate(entry);
}

/* A key that is switched off, made by another process: what that had in memory ended with it. */
static const char *
make_refused_key(const void *data)
{
	const char *path = data;
	struct stock_key key = stock_make_key(host.root, LRK_STORE_DEFAULT,
					      set_label_and_deactivate);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool done;

	for (size_t i = 0; i < LRK_APIKEY_LEN; i++)
		key.text[i] = (char)(key.text[i] ^ MASK);
	done = fd >= 0 && write(fd, key.text, LRK_APIKEY_LEN) == LRK_APIKEY_LEN;
	close(fd);
	return done ? NULL : "the key cannot be kept";
}

static struct needle
read_master_key_text(void)
{
	struct needle bytes = read_master_key(), text = { .length = NEEDLE_MAX };
	static const char digits[] = "0123456789abcdef";

	/* Its second half, as master.key has it. */
	for (size_t i = 0; i < NEEDLE_MAX / 2; i++) {
		uint8_t byte = bytes.bytes[NEEDLE_MAX / 2 + i] ^ MASK;

		text.bytes[2 * i] = (uint8_t)digits[byte >> 4] ^ MASK;
		text.bytes[2 * i + 1] = (uint8_t)digits[byte & 15] ^ MASK;
	}
	return text;
}

/* Behind each phase nothing is left of the secret, the master keys, or the entry: not its label. */
static void
test_nothing_of_a_refusal_stays(void **state)
{
	static const struct pam_conv conversation = { answer_unmasked, NULL };
	struct needle needles[5];
	size_t found[5];
	pam_handle_t *pamh = NULL;
	int fd;

	(void)state;
	host_write_plain_service(HOST_SERVICE, "debug log=all");
	for (size_t i = 0; i < NEEDLE_MAX; i++)
		masked_label[i] = (uint8_t)(('A' + (7 * i) % 26) ^ MASK);
	aside_run(make_refused_key, host_path("masked-key"));
	fd = open(host_path("masked-key"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, masked_key, sizeof(masked_key)), sizeof(masked_key));
	close(fd);
	needles[0].length = needles[1].length = needles[2].length = NEEDLE_MAX;
	memcpy(needles[0].bytes, masked_label, NEEDLE_MAX);
	memcpy(needles[1].bytes, masked_key + 17 + LRK_SECRET_LEN / 2, NEEDLE_MAX);
	memcpy(needles[2].bytes, masked_key + 17, NEEDLE_MAX);
	needles[3] = read_master_key();
	needles[4] = read_master_key_text();
	find_all(needles, COUNT_OF(needles), found);
	for (size_t i = 0; i < COUNT_OF(needles); i++)
		assert_int_equal(found[i], 0);
	assert_code(pam_start_confdir(HOST_SERVICE, "acme", &conversation, host.confdir, &pamh),
		    PAM_SUCCESS);
	for (int i = 0; i < 3; i++) {
		assert_code(pam_authenticate(pamh, 0), PAM_PERM_DENIED);
		find_all(needles, COUNT_OF(needles), found);
		for (size_t j = 0; j < COUNT_OF(needles); j++)
			assert_int_equal(found[j], 0);
	}
	assert_code(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	find_all(needles, COUNT_OF(needles), found);
	for (size_t j = 0; j < COUNT_OF(needles); j++)
		assert_int_equal(found[j], 0);
	pam_end(pamh, PAM_SUCCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cve_2024_10041_nothing_stays_in_memory,
						host_set_up, host_tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_of_a_refusal_stays, host_set_up,
						host_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
