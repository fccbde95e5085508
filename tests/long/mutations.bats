#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Random mutations of a valid store, with the module and its host under AddressSanitizer and UBSan.
load ../lib.bash

BUILD=$LRKEY_SOURCE/build/gcc-address-undefined

# As this run of make was told, but in a build of its own.
setup_file() {
	MAKEFLAGS=${LRKEY_MAKEFLAGS-} make -s --no-print-directory -C "$LRKEY_SOURCE" CC=gcc \
		SAN=address,undefined "${BUILD#"$LRKEY_SOURCE"/}/pam_lrkey.so" \
		"${BUILD#"$LRKEY_SOURCE"/}/tests/fuzz/mutations" >/dev/null
	nm "$BUILD/pam_lrkey.so" | grep -q __asan_report ||
		fail 'the module is not built with a sanitizer'
}

@test "10,000 mutations of a store under AddressSanitizer: no crash, hang, wrong key, wrong identity" {
	LRKEY_BUILD=$BUILD LRKEY_MODULE=$BUILD/pam_lrkey.so \
		run "$BUILD/tests/fuzz/mutations" 10000 20261127
	printf '# %s\n' "${lines[@]}" >&3
	expect_status 0
	expect_match "$output" '^10000 mutations, 80008 logins: '
}
