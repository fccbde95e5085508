/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command of the utility cannot be faster than: the bare work on a key file, without any
 * of the care.
 *
 *	raw copy FROM TO	copies a file, syncs it, renames it to TO, syncs the folder
 *	raw walk FILE		fetches each record with GDBM
 *	raw insert N SIZE FILE	makes a GDBM file of N sealed records of SIZE bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#define BLOCK 4096
/* As the utility opens them: not mapped, which makes inserts faster and walks slower. */
#define FLAGS (GDBM_NOLOCK | GDBM_NOMMAP)
/* With room for each bucket: left to itself GDBM aborts now and then among a million inserts. */
#define CACHE_SIZE (((size_t)1 << 30) / BLOCK)
#define ID 12
#define IV 12
#define TAG 16
#define RECORD_MAX 4096

static void
need(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
copy(const char *from, const char *to)
{
	char new[PATH_MAX], folder[PATH_MAX];
	int in = open(from, O_RDONLY), out, dir;
	ssize_t n;

	snprintf(new, sizeof(new), "%s.new", to);
	snprintf(folder, sizeof(folder), "%s", to);
	out = open(new, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dir = open(dirname(folder), O_RDONLY | O_DIRECTORY);
	need(in >= 0 && out >= 0 && dir >= 0, to);
	while ((n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0)) > 0)
		;
	need(n == 0 && fsync(out) == 0 && rename(new, to) == 0 && fsync(dir) == 0, to);
}

static void
walk(const char *path)
{
	GDBM_FILE file = gdbm_open(path, BLOCK, GDBM_READER | FLAGS, 0, NULL);
	datum name, next, record;
	unsigned long n = 0;

	need(file != NULL, path);
	for (name = gdbm_firstkey(file); name.dptr != NULL; name = next, n++) {
		record = gdbm_fetch(file, name);
		need(record.dptr != NULL, path);
		free(record.dptr);
		next = gdbm_nextkey(file, name);
		free(name.dptr);
	}
	gdbm_close(file);
	printf("%lu\n", n);
}

/* SIZE bytes with a random IV and a tag; the plain text says nothing. */
static void
seal(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, unsigned char *record, int size)
{
	static const unsigned char key[16], plain[RECORD_MAX];
	int length = size - IV - TAG, n;

	need(RAND_priv_bytes(record, IV) == 1 &&
		     EVP_EncryptInit_ex2(ctx, cipher, key, record, NULL) == 1 &&
		     EVP_EncryptUpdate(ctx, record + IV, &n, plain, length) == 1 &&
		     EVP_EncryptFinal_ex(ctx, record + IV + length, &n) == 1 &&
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, record + size - TAG) == 1,
	     "seal");
}

static void
insert(unsigned long count, int size, const char *path)
{
	GDBM_FILE file = gdbm_open(path, BLOCK, GDBM_NEWDB | FLAGS, 0600, NULL);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char id[ID], secret[32], record[RECORD_MAX];
	size_t cache = CACHE_SIZE;

	need(size > IV + TAG && size <= RECORD_MAX, "SIZE");
	need(file != NULL && cipher != NULL && ctx != NULL, path);
	need(gdbm_setopt(file, GDBM_SETCACHESIZE, &cache, sizeof(cache)) == 0, path);
	for (unsigned long i = 0; i < count; i++) {
		need(RAND_priv_bytes(id, sizeof(id)) == 1 &&
			     RAND_priv_bytes(secret, sizeof(secret)) == 1,
		     "random numbers");
		seal(ctx, cipher, record, size);
		need(gdbm_store(file, (datum){ (char *)id, ID }, (datum){ (char *)record, size },
				GDBM_REPLACE) == 0,
		     path);
	}
	need(gdbm_sync(file) == 0 && gdbm_close(file) == 0, path);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "copy") == 0 && argc == 4)
		copy(argv[2], argv[3]);
	else if (strcmp(what, "walk") == 0 && argc == 3)
		walk(argv[2]);
	else if (strcmp(what, "insert") == 0 && argc == 5)
		insert(strtoul(argv[2], NULL, 10), atoi(argv[3]), argv[4]);
	else
		need((errno = EINVAL, 0), "copy, walk or insert");
	return 0;
}
