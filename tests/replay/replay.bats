#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Faults that other modules of PAM had, replayed where a program is what shows them.
load ../lib.bash

# drops_or_runs FILE: what changes identities, or runs another program.
drops_or_runs() {
	nm -D --undefined-only "$1" | awk '{ print $2 }' | sed 's/@.*//' | grep -E \
		-e '^(set(e|re|res|fs)?[ug]id|(set|init)groups|cap_set_proc|prctl_set)$' \
		-e '^(v?fork|clone|system|popen|exec[vl]p?e?|execvpe|fexecve|posix_spawnp?|wordexp)$' ||
		true
}

# pam_xauth and pam_mail dropped a part of root's rights, and pam_namespace ran a helper with the
# environment of the caller. Nothing here does either.
@test "CVE-2010-3430, CVE-2010-3431, CVE-2010-3853: no rights to drop, no helper to run" {
	[ -z "$(drops_or_runs "$LRKEY_MODULE")" ] || fail "$(drops_or_runs "$LRKEY_MODULE")"
	[ -z "$(drops_or_runs "$LRKEYADM")" ] || fail "$(drops_or_runs "$LRKEYADM")"
	gcc -x c -o "$BATS_TEST_TMPDIR/bad" - <<-'EOC'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void) { return setuid(1) + system("true"); }
	EOC
	[ "$(drops_or_runs "$BATS_TEST_TMPDIR/bad" | wc -l)" -eq 2 ]
}

# without_random N COMMAND...: lrkeyadm, with random bytes for N calls
without_random() {
	LRKEY_TEST_RANDOM=$1 LD_PRELOAD=$LRKEY_BUILD/tests/cli/norandom.so adm "${@:2}"
}

# A place in the usage file may be made ready for a key that then is not made.
without_usage_sum() {
	find "$ROOT" -type f ! -name usage -exec sha256sum {} + | sort
}

# pam_tacplus: took what was in memory for random bytes where there were none.
@test "CVE-2020-27743: without random bytes no key is made, and no store" {
	local before calls

	make_store
	make_key --org acme
	before=$(without_usage_sum)
	for calls in 0 1 2 3; do
		run --separate-stderr without_random "$calls" generate --org acme
		expect_status 74
		[ -z "$output" ] || fail "$calls: $output"
		[ "$(without_usage_sum)" = "$before" ] || fail "$calls: the store was changed"
	done
	run --separate-stderr without_random 0 rekey
	[ "$status" -ne 0 ]
	adm verify <<<"$KEY"
	run --separate-stderr without_random 0 --store other init
	[ "$status" -ne 0 ]
	run adm --store other list
	expect_status 69
	# The shim lets all through where there are enough.
	run --separate-stderr without_random 1000 generate --org acme
	expect_status 0
}

# OpenPAM: where a module was missing, the rest of the policy was enough.
@test "OpenPAM SA-16: where the module is missing, no example lets anybody in" {
	local example seen=0

	make_store
	make_key --org acme
	mkdir -p "$CONFDIR"
	for example in "$LRKEY_SOURCE"/etc/pam.d/*; do
		grep -q '^[^#]*pam_lrkey\.so' "$example" || continue
		sed 's|pam_lrkey\.so|/nonexistent/pam_lrkey.so|' "$example" >"$CONFDIR/missing"
		run pam_try acme "$KEY" missing
		expect_status 1
		expect_no_match "$output" 'pam_authenticate: PAM_SUCCESS'
		seen=$((seen + 1))
	done
	[ "$seen" -ge 8 ]
	# What would let everybody in is seen.
	printf 'auth sufficient /nonexistent/pam_lrkey.so\nauth required pam_permit.so\n' \
		>"$CONFDIR/missing"
	run pam_try acme "$KEY" missing
	expect_match "$output" 'pam_authenticate: PAM_SUCCESS'
}
