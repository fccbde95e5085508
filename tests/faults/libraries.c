/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of OpenSSL, GDBM and PAM, of the databases of users and groups, and the system log. The
 * first two are failed below as well, where they want memory, and read and write.
 */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <gdbm.h>
#include <grp.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <shadow.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "fault.h"

#define HIDDEN(function)                                          \
	static __typeof__(function) *hidden;                      \
	do {                                                      \
		if (hidden == NULL) {                             \
			void *symbol = fault_behind(#function);   \
			memcpy(&hidden, &symbol, sizeof(hidden)); \
		}                                                 \
	} while (0)

static bool
strikes(const char *call)
{
	return fault_strikes(FAULT_LIBRARIES, call, "");
}

/* ---- OpenSSL ---- */

/* Bytes that look random, and are the same in each run. */
static void
make_bytes(unsigned char *bytes, int n)
{
	for (int i = 0; i < n; i++) {
		fault_seed = fault_seed * 6364136223846793005ul + 1442695040888963407ul;
		bytes[i] = (unsigned char)(fault_seed >> 33);
	}
}

int
RAND_priv_bytes(unsigned char *bytes, int n)
{
	HIDDEN(RAND_priv_bytes);
	if (strikes("RAND_priv_bytes"))
		return 0;
	if (fault_seed == 0)
		return hidden(bytes, n);
	make_bytes(bytes, n);
	return 1;
}

EVP_MD *
EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
	HIDDEN(EVP_MD_fetch);
	return strikes("EVP_MD_fetch") ? NULL : hidden(ctx, name, properties);
}

int
EVP_MD_get_size(const EVP_MD *md)
{
	HIDDEN(EVP_MD_get_size);
	return strikes("EVP_MD_get_size") ? -1 : hidden(md);
}

int
EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
	   const EVP_MD *type, ENGINE *impl)
{
	HIDDEN(EVP_Digest);
	return strikes("EVP_Digest") ? 0 : hidden(data, count, md, size, type, impl);
}

EVP_CIPHER *
EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
	HIDDEN(EVP_CIPHER_fetch);
	return strikes("EVP_CIPHER_fetch") ? NULL : hidden(ctx, name, properties);
}

EVP_CIPHER_CTX *
EVP_CIPHER_CTX_new(void)
{
	HIDDEN(EVP_CIPHER_CTX_new);
	return strikes("EVP_CIPHER_CTX_new") ? NULL : hidden();
}

int
EVP_CIPHER_get_iv_length(const EVP_CIPHER *cipher)
{
	HIDDEN(EVP_CIPHER_get_iv_length);
	return strikes("EVP_CIPHER_get_iv_length") ? -1 : hidden(cipher);
}

int
EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int argument, void *pointer)
{
	HIDDEN(EVP_CIPHER_CTX_ctrl);
	return strikes("EVP_CIPHER_CTX_ctrl") ? 0 : hidden(ctx, type, argument, pointer);
}

int
EVP_EncryptInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
		    const unsigned char *iv, const OSSL_PARAM params[])
{
	HIDDEN(EVP_EncryptInit_ex2);
	return strikes("EVP_EncryptInit_ex2") ? 0 : hidden(ctx, cipher, key, iv, params);
}

int
EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_length,
		  const unsigned char *in, int length)
{
	HIDDEN(EVP_EncryptUpdate);
	return strikes("EVP_EncryptUpdate") ? 0 : hidden(ctx, out, out_length, in, length);
}

int
EVP_EncryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_length)
{
	HIDDEN(EVP_EncryptFinal_ex);
	return strikes("EVP_EncryptFinal_ex") ? 0 : hidden(ctx, out, out_length);
}

int
EVP_DecryptInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
		    const unsigned char *iv, const OSSL_PARAM params[])
{
	HIDDEN(EVP_DecryptInit_ex2);
	return strikes("EVP_DecryptInit_ex2") ? 0 : hidden(ctx, cipher, key, iv, params);
}

/* What it hands out before the tag is checked is there all the same. */
int
EVP_DecryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_length,
		  const unsigned char *in, int length)
{
	HIDDEN(EVP_DecryptUpdate);
	bool fails = strikes("EVP_DecryptUpdate");
	int result = hidden(ctx, out, out_length, in, length);

	return fails ? 0 : result;
}

int
EVP_DecryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_length)
{
	HIDDEN(EVP_DecryptFinal_ex);
	return strikes("EVP_DecryptFinal_ex") ? 0 : hidden(ctx, out, out_length);
}

/* With the numbers of the format, a derivation takes most of a second. */
int
EVP_PBE_scrypt(const char *passphrase, size_t length, const unsigned char *salt,
	       size_t salt_length, uint64_t n, uint64_t r, uint64_t p, uint64_t memory,
	       unsigned char *key, size_t key_length)
{
	HIDDEN(EVP_PBE_scrypt);
	(void)n;
	return strikes("EVP_PBE_scrypt") ?
		       0 :
		       hidden(passphrase, length, salt, salt_length, 16, r, p, memory, key,
			      key_length);
}

/* ---- GDBM, which says what was wrong in two numbers ---- */

static bool
engine_fails(const char *call, gdbm_error error)
{
	if (!strikes(call))
		return false;
	gdbm_errno = error;
	errno = EIO;
	return true;
}

GDBM_FILE
gdbm_fd_open(int fd, const char *name, int block_size, int flags, void (*fatal)(const char *text))
{
	HIDDEN(gdbm_fd_open);
	if (engine_fails("gdbm_fd_open", GDBM_FILE_READ_ERROR)) {
		/* What GDBM_CLOERROR asks for. */
		close(fd);
		errno = EIO;
		return NULL;
	}
	return hidden(fd, name, block_size, flags, fatal);
}

datum
gdbm_fetch(GDBM_FILE file, datum key)
{
	const datum none = { .dptr = NULL };

	HIDDEN(gdbm_fetch);
	return engine_fails("gdbm_fetch", GDBM_FILE_READ_ERROR) ? none : hidden(file, key);
}

datum
gdbm_firstkey(GDBM_FILE file)
{
	const datum none = { .dptr = NULL };

	HIDDEN(gdbm_firstkey);
	return engine_fails("gdbm_firstkey", GDBM_FILE_READ_ERROR) ? none : hidden(file);
}

datum
gdbm_nextkey(GDBM_FILE file, datum key)
{
	const datum none = { .dptr = NULL };

	HIDDEN(gdbm_nextkey);
	return engine_fails("gdbm_nextkey", GDBM_FILE_READ_ERROR) ? none : hidden(file, key);
}

int
gdbm_store(GDBM_FILE file, datum key, datum value, int how)
{
	HIDDEN(gdbm_store);
	return engine_fails("gdbm_store", GDBM_FILE_WRITE_ERROR) ? -1 :
								   hidden(file, key, value, how);
}

int
gdbm_setopt(GDBM_FILE file, int option, void *value, int size)
{
	HIDDEN(gdbm_setopt);
	return engine_fails("gdbm_setopt", GDBM_MALLOC_ERROR) ? -1 :
								hidden(file, option, value, size);
}

int
gdbm_delete(GDBM_FILE file, datum key)
{
	HIDDEN(gdbm_delete);
	return engine_fails("gdbm_delete", GDBM_FILE_WRITE_ERROR) ? -1 : hidden(file, key);
}

int
gdbm_count(GDBM_FILE file, gdbm_count_t *ret)
{
	HIDDEN(gdbm_count);
	return engine_fails("gdbm_count", GDBM_FILE_READ_ERROR) ? -1 : hidden(file, ret);
}

/* It is gone, too, whose close fails. */
int
gdbm_close(GDBM_FILE file)
{
	HIDDEN(gdbm_close);
	bool fails = strikes("gdbm_close");
	int result = hidden(file);

	if (!fails)
		return result;
	gdbm_errno = GDBM_FILE_CLOSE_ERROR;
	errno = EIO;
	return -1;
}

/* ---- PAM ---- */

int
pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt)
{
	HIDDEN(pam_get_user);
	return strikes("pam_get_user") ? PAM_SYSTEM_ERR : hidden(pamh, user, prompt);
}

int
pam_get_authtok(pam_handle_t *pamh, int item, const char **token, const char *prompt)
{
	HIDDEN(pam_get_authtok);
	return strikes("pam_get_authtok") ? PAM_SYSTEM_ERR : hidden(pamh, item, token, prompt);
}

int
pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
	HIDDEN(pam_get_item);
	return fault_strikes(FAULT_LIBRARIES, "pam_get_item",
			     item == PAM_RHOST	 ? "rhost" :
			     item == PAM_USER	 ? "user" :
			     item == PAM_SERVICE ? "service" :
						   "other") ?
		       PAM_SYSTEM_ERR :
		       hidden(pamh, item, ret);
}

int
pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret)
{
	HIDDEN(pam_get_data);
	return strikes("pam_get_data") ? PAM_SYSTEM_ERR : hidden(pamh, name, ret);
}

int
pam_set_data(pam_handle_t *pamh, const char *name, void *data,
	     void (*cleanup)(pam_handle_t *pamh, void *data, int error_status))
{
	HIDDEN(pam_set_data);
	return strikes("pam_set_data") ? PAM_BUF_ERR : hidden(pamh, name, data, cleanup);
}

const char *
pam_getenv(pam_handle_t *pamh, const char *name)
{
	HIDDEN(pam_getenv);
	return strikes("pam_getenv") ? NULL : hidden(pamh, name);
}

int
pam_putenv(pam_handle_t *pamh, const char *name_value)
{
	HIDDEN(pam_putenv);
	/* Taking out needs nothing that could be lacking. */
	if (strchr(name_value, '=') != NULL && strikes("pam_putenv"))
		return PAM_BUF_ERR;
	return hidden(pamh, name_value);
}

int
pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list args;
	int code;

	if (strikes("pam_prompt"))
		return PAM_CONV_ERR;
	va_start(args, format);
	code = pam_vprompt(pamh, style, response, format, args);
	va_end(args);
	return code;
}

/* ---- Users and groups ---- */

int
getpwnam_r(const char *name, struct passwd *passwd, char *buffer, size_t size,
	   struct passwd **ret)
{
	HIDDEN(getpwnam_r);
	if (!strikes("getpwnam_r"))
		return hidden(name, passwd, buffer, size, ret);
	*ret = NULL;
	return EIO;
}

int
getspnam_r(const char *name, struct spwd *shadow, char *buffer, size_t size, struct spwd **ret)
{
	HIDDEN(getspnam_r);
	if (!strikes("getspnam_r"))
		return hidden(name, shadow, buffer, size, ret);
	*ret = NULL;
	return EIO;
}

int
getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, struct group **ret)
{
	HIDDEN(getgrgid_r);
	if (!strikes("getgrgid_r"))
		return hidden(gid, group, buffer, size, ret);
	*ret = NULL;
	return EIO;
}

struct passwd *
getpwuid(uid_t uid)
{
	HIDDEN(getpwuid);
	if (!strikes("getpwuid"))
		return hidden(uid);
	errno = EIO;
	return NULL;
}

struct passwd *
getpwnam(const char *name)
{
	HIDDEN(getpwnam);
	if (!strikes("getpwnam"))
		return hidden(name);
	errno = EIO;
	return NULL;
}

struct group *
getgrgid(gid_t gid)
{
	HIDDEN(getgrgid);
	if (!strikes("getgrgid"))
		return hidden(gid);
	errno = EIO;
	return NULL;
}

struct group *
getgrnam(const char *name)
{
	HIDDEN(getgrnam);
	if (!strikes("getgrnam"))
		return hidden(name);
	errno = EIO;
	return NULL;
}

int
getgrouplist(const char *user, gid_t group, gid_t *groups, int *n)
{
	HIDDEN(getgrouplist);
	return strikes("getgrouplist") ? -1 : hidden(user, group, groups, n);
}

/* ---- The system log, which keeps nobody waiting, and says nothing of what it loses ---- */

void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

static void __attribute__((format(printf, 1, 0)))
keep_line(const char *format, va_list args)
{
	size_t used = strlen(fault_log->lines), room = sizeof(fault_log->lines) - used;
	int n = vsnprintf(fault_log->lines + used, room, format, args);

	if (n >= 0 && (size_t)n + 1 < room)
		memcpy(fault_log->lines + used + n, "\n", 2);
}

void
vsyslog(int priority, const char *format, va_list args)
{
	(void)priority;
	keep_line(format, args);
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	(void)priority;
	va_start(args, format);
	keep_line(format, args);
	va_end(args);
}

void __attribute__((format(printf, 3, 0)))
__vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	(void)priority;
	(void)flag;
	keep_line(format, args);
}

void __attribute__((format(printf, 3, 4)))
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)priority;
	(void)flag;
	va_start(args, format);
	keep_line(format, args);
	va_end(args);
}
