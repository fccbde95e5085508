#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The module in a threaded host, under ThreadSanitizer: "make check-tsan".
load ../lib.bash

THREADS=8
ROUNDS=12

setup_file() {
	"$LRKEY_BUILD/tests/tsan/threads" 2>/dev/null </dev/null || [ $? -eq 2 ]
	# Built without the sanitizer, all of this would find nothing.
	nm "$LRKEY_MODULE" | grep -q __tsan_read || fail 'the module is not built with SAN=thread'
}

# in_threads SERVICE: the logins of standard input, by all threads.
in_threads() {
	TSAN_OPTIONS="suppressions=$LRKEY_SOURCE/tests/tsan/suppressions.list:exitcode=66" \
		"$LRKEY_BUILD/tests/tsan/threads" "$CONFDIR" "$1" "$ROUNDS"
}

# make_logins: of every kind of key, and what is to come of each.
make_logins() {
	make_store
	make_key --org acme --allow-from 192.0.2.0/24
	echo "acme $KEY all"
	echo "globex $KEY none"
	echo "acme ${KEY:0:54}x none"
	make_key --org globex --label label
	echo "globex $KEY all"
	make_key --org acme --scope other
	echo "acme $KEY none"
	make_key --org acme --not-before 1d
	echo "acme $KEY none"
	make_key --org acme --allow-from 198.51.100.1
	echo "acme $KEY none"
	make_key --org acme
	adm deactivate "$ID" >/dev/null
	echo "acme $KEY none"
	make_key --org acme
	adm revoke --yes --force "$ID" >/dev/null
	echo "acme $KEY none"
	make_key --org acme --max-uses 1000000
	echo "acme $KEY all"
	echo 'acme lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc none'
}

@test "threads: each login comes to what is right, and nothing races" {
	make_logins >"$BATS_TEST_TMPDIR/logins"
	pam_service scim log=all debug
	run in_threads scim <"$BATS_TEST_TMPDIR/logins"
	expect_status 0
	[ -z "$output" ] || fail "$output"
}

@test "threads, while keys are made and the store is sealed anew: the same" {
	local manager

	make_logins >"$BATS_TEST_TMPDIR/logins"
	pam_service scim
	(
		while [ ! -e "$BATS_TEST_TMPDIR/done" ]; do
			adm generate --org busy
			adm rekey
		done
	) >"$BATS_TEST_TMPDIR/keys" 2>&1 3>&- &
	manager=$!
	run in_threads scim <"$BATS_TEST_TMPDIR/logins"
	touch "$BATS_TEST_TMPDIR/done"
	wait "$manager"
	expect_status 0
	[ -z "$output" ] || fail "$output"
	[ "$(grep -c '^lrk_' "$BATS_TEST_TMPDIR/keys")" -gt 1 ]
}

@test "the harness sees a race in a module, and a wrong answer" {
	pam_service_lines race <<-EOS
		auth required $LRKEY_BUILD/tests/tsan/pam_race.so
		account required pam_permit.so
	EOS
	run in_threads race <<<'acme x none'
	expect_match "$output" 'WARNING: ThreadSanitizer: data race'
	expect_match "$output" 'pam_sm_authenticate'

	make_store
	make_key --org acme
	pam_service scim
	run in_threads scim <<<"acme $KEY none"
	expect_status 1
	[ "$output" = "login 1 of acme: $((THREADS * ROUNDS)) let in, not 0" ]
}

@test "one thing is kept quiet, and it is not ours" {
	run grep -v '^#' "$LRKEY_SOURCE/tests/tsan/suppressions.list"
	[ "$output" = called_from_lib:libaudit.so.1 ]
}
