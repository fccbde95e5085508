#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Secrets steer no branch and are no index: the core as it is built to be installed, under
# valgrind's memcheck, with its secrets marked as undefined. Nothing is timed, so the answer is the
# same on every machine.
load ../lib.bash

# What a secret may decide, after all of it has been looked at: FILE:TEXT OF THE LINE.
DECISIONS=(
	# Whether a tag fits: accepted or refused. What libcrypto says of itself before, and all
	# else of AES, takes the same way for every master key.
	'EVP_DecryptFinal_ex'
	# Whether it is well formed: accepted or refused.
	'liblrkey/apikey.c:return wrong == 0;'
	'liblrkey/apikey.c:if (length != LRK_APIKEY_LEN || !is_well_formed(text))'
	# Which of the random bytes were rejected, and never became a part of a key.
	'liblrkey/apikey.c:if (pool[i] < 248)'
	# Whether the digits of a master key are digits: else the store is refused as damaged.
	'liblrkey/masterkey.c:return wrong == 0;'
	'liblrkey/masterkey.c:if (!take(text, " ") || !take_hex(text, key->key, sizeof(key->key)) || !take(text, "\n"))'
)

setup_file() {
	export LEAK_KEY

	make_store
	make_key --org acme
	LEAK_KEY=$KEY
}

setup() {
	ROOT=$BATS_FILE_TMPDIR/root
}

# places LOG: of each complaint of memcheck's the topmost frame, as FILE LINE; where that is a
# library's, FUNCTION -, of the topmost function that we know by name.
places() {
	awk '
		function done() { if (place != "") print place; place = "" }
		/^==[0-9]+== *$/ { done(); next }
		/ (at|by) 0x/ && (place == "" || place ~ /^[?]/) {
			where = $NF; sub(/^\(/, "", where); sub(/\)$/, "", where)
			place = where ~ /:[0-9]+$/ ? where : $4 " -"
			sub(/:/, " ", place)
		}
		END { done() }
	' "$1"
}

# branches CASE [ARGUMENT...]: runs the case with $LEAK_KEY, and prints FILE:TEXT of each place that
# memcheck told of, or its function where there is no source.
branches() {
	local file line log=$BATS_TEST_TMPDIR/memcheck

	valgrind -q --error-exitcode=0 --num-callers=12 --fullpath-after="$LRKEY_SOURCE/" \
		--log-file="$log" "$LRKEY_BUILD/tests/ctgrind/ctgrind" "$@" <<<"$LEAK_KEY" ||
		fail "$*" "$(cat "$log")"
	places "$log" | while read -r file line; do
		if [ "$line" = - ]; then
			echo "$file"
		else
			printf '%s:%s\n' "$file" \
				"$(sed -n "${line}s/^[[:space:]]*//p" "$LRKEY_SOURCE/$file")"
		fi
	done
}

# leaks CASE [ARGUMENT...]: of those, what is no decision of the list.
leaks() {
	branches "$@" | grep -vxF -f <(printf '%s\n' "${DECISIONS[@]}") || true
}

# keeps CASE [ARGUMENT...]: there is none.
keeps() {
	local found

	found=$(leaks "$@")
	[ -z "$found" ] || fail "$*: a secret decides:" "$found"
}

@test "a key is parsed, its check computed, its secret digested" {
	keeps parse
	# The decision is seen, so the secret had come as far as that.
	branches parse | grep -F 'liblrkey/apikey.c:'
}

@test "a key is made" {
	keeps generate
	branches generate | grep -F 'liblrkey/apikey.c:if (pool[i] < 248)'
}

@test "master keys are written and parsed" {
	keeps keyring
	branches keyring | grep -F 'liblrkey/masterkey.c:'
}

@test "a store answers: a good key, a wrong secret, an unknown id, one that is switched off" {
	# The numbers of enum lrk_verdict.
	local unknown=0 wrong=1 deactivated=3 valid=11 good=$LEAK_KEY

	keeps verify "$ROOT" "$valid"
	LEAK_KEY=$(KEY=$good other_secret)
	keeps verify "$ROOT" "$wrong"
	LEAK_KEY=lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc
	keeps verify "$ROOT" "$unknown"
	LEAK_KEY=$good
	adm deactivate "${good:4:12}"
	keeps verify "$ROOT" "$deactivated"
}

@test "planted leaks are found: an index, a branch, a comparison that ends early" {
	local case

	for case in planted-index planted-branch planted-compare; do
		[ -n "$(leaks "$case")" ] || fail "not found: $case"
	done
}

# divides OBJECT: what takes longer for some numbers than for others, and memcheck says nothing of.
divides() {
	objdump -d --no-show-raw-insn "$1" | grep -wE 'i?div[lqbw]?|[su]div' || true
}

@test "no division in what handles secrets" {
	local room

	for room in apikey masterkey; do
		[ -z "$(divides "$LRKEY_BUILD/obj/liblrkey/$room.o")" ] ||
			fail "$room.o:" "$(divides "$LRKEY_BUILD/obj/liblrkey/$room.o")"
	done
	gcc -O2 -x c -c -o "$BATS_TEST_TMPDIR/divides.o" - <<-'EOC'
		unsigned f(unsigned a, unsigned b) { return a / b; }
	EOC
	[ -n "$(divides "$BATS_TEST_TMPDIR/divides.o")" ]
}
