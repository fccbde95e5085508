/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A throw-away TLS certificate, signed by itself, for a server under test.
 *
 *	cert NAME CERTIFICATE KEY	for a host name, into two new files
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HOUR 3600

static int
add_extension(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
	int result = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return result;
}

static int
fill(X509 *certificate, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	char alternative[300];

	if (snprintf(alternative, sizeof(alternative), "DNS:%s", name) >= (int)sizeof(alternative))
		return 0;
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), HOUR) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
					  -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1 &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       add_extension(certificate, NID_subject_alt_name, alternative) &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

static int
write_files(X509 *certificate, EVP_PKEY *key, const char *certificate_path, const char *key_path)
{
	FILE *file;
	int result;

	file = fopen(certificate_path, "wx");
	if (file == NULL)
		return 0;
	result = PEM_write_X509(file, certificate) == 1;
	result = fclose(file) == 0 && result;

	umask(077);
	file = fopen(key_path, "wx");
	if (file == NULL)
		return 0;
	result = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && result;
	return fclose(file) == 0 && result;
}

int
main(int argc, char **argv)
{
	EVP_PKEY *key;
	X509 *certificate;
	int result;

	if (argc != 4) {
		fputs("usage: cert NAME CERTIFICATE KEY\n", stderr);
		return 64;
	}
	key = EVP_EC_gen("P-256");
	certificate = X509_new();
	result = key != NULL && certificate != NULL && fill(certificate, key, argv[1]) &&
		 write_files(certificate, key, argv[2], argv[3]);
	if (!result)
		fputs("cert: no certificate could be made\n", stderr);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result ? EXIT_SUCCESS : EXIT_FAILURE;
}
