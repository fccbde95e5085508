#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the built files are: what the module exports, needs and cannot do, and how both
# products are hardened. Each check prints what is wrong with a file; a library and a program made
# wrong on purpose show that it would.

load ../lib.bash

# One that breaks every rule for the module, and one that breaks those for programs.
setup_file() {
	export BAD_MODULE=$BATS_FILE_TMPDIR/bad.so BAD_PROGRAM=$BATS_FILE_TMPDIR/bad

	gcc -x c -shared -fPIC -fno-stack-protector -o "$BAD_MODULE" - \
		-Wl,-z,lazy -Wl,-z,norelro -Wl,-z,execstack -Wl,-rpath,/lib -Wl,--no-as-needed \
		-Wl,--allow-shlib-undefined -lm <<-'EOC'
			int gdbm_store(void), gdbm_firstkey(void), EVP_EncryptInit_ex2(void);
			int RAND_priv_bytes(void), atexit(void (*)(void)), OPENSSL_cleanup(void);
			int exit_code;
			int helper(void)
			{
				return gdbm_store() + gdbm_firstkey() + EVP_EncryptInit_ex2() +
					RAND_priv_bytes() + OPENSSL_cleanup();
			}
			int pam_sm_authenticate(void) { return exit_code + helper(); }
		EOC
	gcc -x c -no-pie -fno-pie -fno-stack-protector -o "$BAD_PROGRAM" - \
		-Wl,-z,lazy -Wl,-z,norelro -Wl,-z,execstack -Wl,-rpath,/lib 2>/dev/null <<-'EOC'
			int main(void) { return 0; }
		EOC
}

# passes CHECK FILE, finds CHECK FILE
passes() {
	local found

	[ -s "$2" ]
	found=$("$1" "$2")
	[ -z "$found" ] || fail "$2:" "$found"
}

finds() {
	local found

	[ -s "$2" ]
	found=$("$1" "$2")
	[ -n "$found" ] || fail "$1 finds nothing in $2"
}

exports_more() {
	nm -D --defined-only "$1" | awk '$3 !~ /^pam_sm_(authenticate|setcred|acct_mgmt)$/ { print $3 }'
}

@test "the module exports what PAM calls, and nothing else" {
	local exported

	passes exports_more "$LRKEY_MODULE"
	finds exports_more "$BAD_MODULE"
	exported=$(nm -D --defined-only "$LRKEY_MODULE" | awk '{ print $3 }' | sort | xargs)
	[ "$exported" = 'pam_sm_acct_mgmt pam_sm_authenticate pam_sm_setcred' ]
}

needed() {
	readelf -dW "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' | sort
}

@test "the module needs libpam, libcrypto, libgdbm and libc, and nothing else" {
	local libraries

	libraries=$(needed "$LRKEY_MODULE" | sed 's/\.so.*//' | xargs)
	[ "$libraries" = 'libc libcrypto libgdbm libpam' ] || fail "$libraries"
	needed "$BAD_MODULE" | grep -q '^libm\.'
}

@test "the utility needs no libpam" {
	local libraries

	libraries=$(needed "$LRKEYADM")
	expect_no_match "$libraries" libpam
	expect_match "$libraries" libgdbm
}

# What writes, seals, lists, makes keys, outlives the call, or settles things for the whole process.
can_do_more() {
	nm -D --undefined-only "$1" | awk '{ print $2 }' | sed 's/@.*//' | grep -E \
		-e '^gdbm_(store|delete|firstkey|nextkey|count|setopt|reorganize|recover|load|open|sync)' \
		-e '^EVP_(Encrypt|Cipher|Seal|PKEY|set_default)' -e '^RAND_' \
		-e '^(at_quick_exit|atexit|__cxa_atexit|pthread_key_create|pthread_atfork)$' \
		-e '^(OPENSSL_(cleanup|init|config|atexit|load)|CRYPTO_secure_malloc_init|CONF_)' \
		-e '^(exit|_exit|_Exit|abort|quick_exit|fork|vfork|system|popen|execv|execve|posix_spawn)$' \
		-e '^(umask|chdir|signal|sigaction|setlocale|setenv|putenv|alarm|setrlimit)$' \
		-e '^(set(e|re|res)?[ug]id|setgroups|sleep|usleep|mmap|openlog|closelog)$' \
		-e '^(pam_fail_delay|rename|renameat|unlink|unlinkat|mkdir|mkdirat)$' || true
}

@test "the module can neither write, seal nor list, and settles nothing for its host" {
	passes can_do_more "$LRKEY_MODULE"
	finds can_do_more "$BAD_MODULE"
	[ "$(can_do_more "$BAD_MODULE" | wc -l)" -ge 5 ]
}

# Where a compiler does not put its own there: no constructor, no destructor.
starts_something() {
	readelf -dW "$1" | awk '/\((INIT|FINI)_ARRAYSZ\)/ && $3 != 8 { print }'
}

@test "the module runs nothing when it is loaded or at the end of the process" {
	passes starts_something "$LRKEY_MODULE"
	gcc -x c -shared -fPIC -o "$BATS_TEST_TMPDIR/starts.so" - <<-'EOC'
		int count;
		__attribute__((constructor)) static void start(void) { count++; }
	EOC
	finds starts_something "$BATS_TEST_TMPDIR/starts.so"
}

# The relocations that are read-only and bound at once, a stack without code, no foreign paths.
is_soft() {
	readelf -dW "$1" | grep -q 'FLAGS_1.*\<NOW\>' || echo 'not bound at the start'
	readelf -lW "$1" | grep -q GNU_RELRO || echo 'no RELRO'
	readelf -lW "$1" | awk '/GNU_STACK/ { seen = 1; if ($7 ~ /E/) print "executable stack" }
		END { if (!seen) print "no word about its stack" }'
	readelf -lW "$1" | awk '$1 == "LOAD" && /RWE/ { print "writable code" }'
	readelf -dW "$1" | grep -E '\((RPATH|RUNPATH|TEXTREL)\)' || true
	nm -D --undefined-only "$1" | grep -q '__stack_chk_fail' || echo 'no stack protector'
}

@test "both products: RELRO, bound at the start, no executable stack, no RPATH, stack protector" {
	passes is_soft "$LRKEY_MODULE"
	passes is_soft "$LRKEYADM"
	finds is_soft "$BAD_MODULE"
	finds is_soft "$BAD_PROGRAM"
	[ "$(is_soft "$BAD_MODULE" | wc -l)" -ge 5 ] || fail "$(is_soft "$BAD_MODULE")"
	[ "$(is_soft "$BAD_PROGRAM" | wc -l)" -ge 5 ] || fail "$(is_soft "$BAD_PROGRAM")"
}

# Indirect branches and returns that the processor checks. Debian 12's own start files lack the mark,
# so that a linked file cannot carry it: each object of ours does.
lacks_cet() {
	readelf -nW "$1" 2>/dev/null | grep -q 'x86 feature:.*IBT.*SHSTK' || echo "$1: not marked"
}

@test "each object of both products is compiled with -fcf-protection=full" {
	local object count=0

	for object in "$LRKEY_BUILD"/obj/{liblrkey,pam_lrkey,lrkeyadm}/*.o; do
		passes lacks_cet "$object"
		count=$((count + 1))
	done
	[ "$count" -ge 70 ]
	echo 'int f(void) { return 0; }' |
		gcc -x c -fcf-protection=none -c -o "$BATS_TEST_TMPDIR/bare.o" -
	finds lacks_cet "$BATS_TEST_TMPDIR/bare.o"
	echo 'int f(void) { return 0; }' |
		gcc -x c -fcf-protection=branch -c -o "$BATS_TEST_TMPDIR/half.o" -
	finds lacks_cet "$BATS_TEST_TMPDIR/half.o"
}

# What would replace a key file behind everybody's back, or end the library for the process. The one
# option that a writer sets is seen to in source.bats; the module has none: see above.
steers() {
	nm -D --undefined-only "$1" | awk '{ print $2 }' | sed 's/@.*//' | grep -E \
		-e '^gdbm_(reorganize|recover|load|load_from_file|failure_atomic|open)$' \
		-e '^OPENSSL_(cleanup|atexit|init_crypto)$|^CRYPTO_secure_malloc_init$' \
		-e '^(EVP_set_default_properties|RAND_set_.*)$' || true
}

@test "neither product recovers, reorganizes, loads or tunes a key file, or ends OpenSSL" {
	passes steers "$LRKEY_MODULE"
	passes steers "$LRKEYADM"
	finds steers "$BAD_MODULE"
}

@test "the module stays mapped" {
	readelf -dW "$LRKEY_MODULE" | grep -q 'FLAGS_1.*\<NODELETE\>'
	run ! grep NODELETE <(readelf -dW "$BAD_MODULE")
}

@test "the utility is position independent" {
	readelf -dW "$LRKEYADM" | grep -q 'FLAGS_1.*\<PIE\>'
	run ! grep PIE <(readelf -dW "$BAD_PROGRAM")
}

# The core is compiled once, for both; what it calls is what either could.
is_loud() {
	nm -u "$1" | awk '$1 == "U" { print $2 }' | grep -E \
		'^(__)?v?f?(printf|puts|dprintf|putc|putchar|fwrite|syslog)(_chk)?$|^(exit|_exit|abort|__assert_fail|perror|std(in|out|err)|v?errx?|v?warnx?)$' ||
		true
}

@test "the core calls nothing that prints, logs or exits" {
	passes is_loud "$LRKEY_BUILD/liblrkey.a"
	gcc -x c -O2 -c -o "$BATS_TEST_TMPDIR/loud.o" - <<-'EOC'
		#include <stdio.h>
		#include <stdlib.h>
		void f(int n) { fprintf(stderr, "%d", n); exit(1); }
	EOC
	finds is_loud "$BATS_TEST_TMPDIR/loud.o"
}
