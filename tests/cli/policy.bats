#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# policy.conf: what it forbids, and what it must not be.
load ../lib.bash
load helpers.bash

ETC=$ROOT/etc/lrkey/system

setup() {
	make_store
}

# policy LINE...: the policy of the store is these lines.
policy() {
	printf '%s\n' "$@" >"$ETC/policy.conf"
}

# refused EXPRESSION: no key can be made, and the one line that says why names file and reason.
refused() {
	expect_refused 78 "$1" generate --org acme
}

# life ARGUMENTS...: for how many seconds a new key works
life() {
	KEY=$(at "$NOON" generate --org acme "$@" 2>/dev/null)
	echo $(($(date -d "$(field "${KEY:4:12}" expires | tr -d '"')" +%s) - NOON))
}

@test "the example that is shipped has every setting, with the default that is built in" {
	run grep -cE '^#[a-z-]+=' "$LRKEY_SOURCE/etc/policy.conf"
	[ "$output" = 9 ]
	[ "$(life)" -eq $((90 * DAY)) ]
	cp "$LRKEY_SOURCE/etc/policy.conf" "$ETC/policy.conf"
	chmod 0644 "$ETC/policy.conf"
	[ "$(life)" -eq $((90 * DAY)) ]
	sed -i -E 's/^#([a-z-]+=)/\1/' "$ETC/policy.conf"
	[ "$(life)" -eq $((90 * DAY)) ]
	[ "$(life --expires 3650d)" -eq $((3650 * DAY)) ]
	adm generate --org acme --expires never
	at "$NOON" check
	# The names and values are those of the manual.
	while IFS='=' read -r name value; do
		grep -qxF ".It Cm $name=$value" "$LRKEY_SOURCE/lrkeyadm/lrkey-policy.conf.5" ||
			fail "the manual does not say $name=$value"
	done < <(grep -E '^[a-z-]+=' "$ETC/policy.conf")
}

@test "default-expiry: the life of a key that was made without --expires" {
	policy 'default-expiry=30d'
	[ "$(life)" -eq $((30 * DAY)) ]
	[ "$(life --not-before 10d)" -eq $((40 * DAY)) ]
	[ "$(life --expires 31d)" -eq $((31 * DAY)) ]
	policy 'default-expiry=never'
	make_key --org acme
	[ "$(field "$ID" expires)" = null ]
}

@test "max-expiry: no longer life than that, from when a key begins to work" {
	policy 'max-expiry=30d'
	[ "$(life)" -eq $((30 * DAY)) ]
	[ "$(life --expires 30d)" -eq $((30 * DAY)) ]
	[ "$(life --expires 40d --not-before 10d)" -eq $((40 * DAY)) ]
	expect_refused 78 "^lrkeyadm: --expires '31d': too long: max-expiry is 30d in .*/policy\.conf\$" \
		generate --org acme --expires 31d
	expect_refused 78 "^lrkeyadm: --expires 'never': too long: max-expiry is 30d in .*/policy\.conf\$" \
		generate --org acme --expires never
	# It binds what is edited too: from now on.
	make_key --org acme
	expect_refused 78 'max-expiry is 30d in .*/policy\.conf$' edit "$ID" --expires 31d
	expect_refused 78 'max-expiry is 30d in .*/policy\.conf$' edit "$ID" --expires never
	adm edit "$ID" --expires 29d
}

@test "allow-never: keys without an end" {
	policy 'allow-never=no'
	expect_refused 78 "^lrkeyadm: --expires 'never': not allowed: allow-never is no in .*/policy\.conf\$" \
		generate --org acme --expires never
	[ "$(life --expires 3650d)" -eq $((3650 * DAY)) ]
	policy 'allow-never=yes'
	adm generate --org acme --expires never
}

@test "require-label: keys without a label" {
	policy 'require-label=yes'
	expect_refused 78 '^lrkeyadm: generate: a label is missing: require-label is yes in .*/policy\.conf' \
		generate --org acme
	make_key --org acme --label x
	expect_refused 78 'require-label is yes in .*/policy\.conf' edit "$ID" --label ''
	adm edit "$ID" --label y
}

@test "default-overlap and tombstone-age" {
	policy 'default-overlap=3d' 'tombstone-age=10d'
	KEY=$(at "$NOON" generate --org acme 2>/dev/null)
	ID=${KEY:4:12}
	at "$NOON" rotate "$ID" 2>/dev/null
	[ "$(field "$ID" expires)" = '"2027-01-18T08:00:00Z"' ]
	at "$NOON" revoke --yes --force "$ID"
	at $((NOON + 10 * DAY - 1)) prune
	[ "$(at "$NOON" list --all --json | jq '.keys | length')" -eq 2 ]
	at $((NOON + 10 * DAY + 1)) prune
	[ "$(at "$NOON" list --all --json | jq '.keys | length')" -eq 1 ]
}

@test "review-unused, review-renewal" {
	policy 'review-unused=5d' 'review-renewal=2d'
	KEY=$(at "$NOON" generate --org acme --expires 10d 2>/dev/null)
	run at $((NOON + 4 * DAY)) review
	expect_status 0
	run at $((NOON + 6 * DAY)) review
	expect_status 1
	expect_match "$output" obsolete
	expect_no_match "$output" renewal
	policy 'review-unused=never' 'review-renewal=2d'
	run at $((NOON + 7 * DAY)) review
	expect_status 0
	run at $((NOON + 9 * DAY)) review
	expect_status 1
	expect_match "$output" renewal
	# The summary counts what is due for renewal, and names the list of it.
	run at $((NOON + 9 * DAY))
	expect_match "$output" 'list --expiring-within 2d +1 ends within 2d'
}

@test "drop-ins: in the order of their names, behind policy.conf; other names are left alone" {
	policy 'default-expiry=10d' 'max-expiry=50d'
	mkdir "$ETC/policy.conf.d"
	echo 'default-expiry=20d' >"$ETC/policy.conf.d/10-a.conf"
	[ "$(life)" -eq $((20 * DAY)) ]
	echo 'default-expiry=30d' >"$ETC/policy.conf.d/9.conf"
	[ "$(life)" -eq $((30 * DAY)) ]
	echo 'max-expiry=40d' >"$ETC/policy.conf.d/9.conf"
	[ "$(life)" -eq $((20 * DAY)) ]
	expect_refused 78 'max-expiry is 40d in .*/policy\.conf\.d/9\.conf$' generate --org acme --expires 41d
	echo nonsense >"$ETC/policy.conf.d/README"
	echo nonsense >"$ETC/policy.conf.d/.hidden.conf"
	echo nonsense >"$ETC/policy.conf.d/x.conf.bak"
	[ "$(life)" -eq $((20 * DAY)) ]
	# Without policy.conf they hold as well.
	rm "$ETC/policy.conf"
	[ "$(life)" -eq $((20 * DAY)) ]
	echo nonsense >"$ETC/policy.conf.d/z.conf"
	refused '/policy\.conf\.d/z\.conf line 1: is no setting'
}

@test "what is not understood is refused, with setting, file and line" {
	local content expression n=0

	while IFS='|' read -r content expression; do
		printf '%b' "$content" >"$ETC/policy.conf"
		refused "^lrkeyadm: [^ ]*/etc/lrkey/system/policy\.conf$expression" ||
			fail "content: $content"
		n=$((n + 1))
	done <<-'EOS'
		max-expirry=1d\n| line 1: max-expirry: unknown setting \(did you mean 'max-expiry'\?\)
		a=b\n| line 1: a: unknown setting
		MAX-EXPIRY=1d\n| line 1: MAX-EXPIRY: unknown setting
		"max-expiry"=1d\n| line 1: "max-expiry": unknown setting
		max-expiry=1d\nsomething\n| line 2: is no setting; each is a line of its own: NAME=VALUE
		max-expiry=1d\n\tmore\n| line 2: is no setting
		max-expiry 1d\n| line 1: is no setting
		\n# c\nmax-expiry\n| line 3: is no setting
		=1d\n| line 1: is no setting
		[policy]\nmax-expiry=1d\n| line 1: begins a group
		[policy]\n| line 1: begins a group
		max-expiry=1d\n[x\n| line 2: begins a group
		max-expiry=1d\nmax-expiry=1d\n| line 2: max-expiry: given twice
		max-expiry=\n| line 1: max-expiry: has no value; allowed is a duration
		max-expiry = # 1d\n| line 1: max-expiry: has no value
		max-expiry=30\n| line 1: max-expiry: '30' is not allowed; allowed is a duration like 90d
		max-expiry=0d\n| line 1: max-expiry: '0d' is not allowed
		max-expiry=1d;\n| line 1: max-expiry: '1d;' is not allowed
		max-expiry=1d\\\\\n| line 1: max-expiry: '1d.' is not allowed
		max-expiry="1d\nallow-never=no"\n| line 1: max-expiry: '"1d' is not allowed
		default-overlap=never\n| line 1: default-overlap: 'never' is not allowed
		review-renewal=never\n| line 1: review-renewal: 'never' is not allowed
		allow-never=true\n| line 1: allow-never: 'true' is not allowed; allowed is yes or no
		require-label=\n| line 1: require-label: has no value; allowed is yes or no
		review-refusals=-1\n| line 1: review-refusals: '-1' is not allowed; allowed is a number
		review-refusals=18446744073709551617\n| line 1: review-refusals: '18446744073709551617' is not allowed
		max-expiry=1d\\0\n| line 1: has a NUL character
		\v=no\n| line 1: has a control character
		\v[policy]\nmax-expiry=1d\n| line 1: has a control character
		max-expiry=1d\n# a page\f\n| line 2: has a control character
		max-expiry=1d\nmax-expiry\r=9y\n| line 2: has a control character
		max-expiry=1d\x1b\n| line 1: has a control character
		max-expiry=30d\ndefault-expiry=31d\n|: default-expiry is longer than max-expiry in .*/policy\.conf$
		max-expiry=30d\ndefault-expiry=never\n|: default-expiry is longer than max-expiry in .*/policy\.conf$
		allow-never=no\ndefault-expiry=never\n|: default-expiry is never, and allow-never is no in .*/policy\.conf$
	EOS
	[ "$n" -eq 35 ]
}

@test "what is understood: blanks, quotes, comments, no newline at the end, an empty file" {
	printf ' \n\t# comment\n  default-expiry =\t"5d" # comment' >"$ETC/policy.conf"
	[ "$(life)" -eq $((5 * DAY)) ]
	: >"$ETC/policy.conf"
	[ "$(life)" -eq $((90 * DAY)) ]
	rm "$ETC/policy.conf"
	mkdir "$ETC/policy.conf.d"
	[ "$(life)" -eq $((90 * DAY)) ]
	# A built-in default gives way to a limit that was set.
	policy 'max-expiry=1d'
	[ "$(life)" -eq "$DAY" ]
}

@test "a file that somebody else could write, or that is none, is refused" {
	policy 'max-expiry=30d'
	chmod 0666 "$ETC/policy.conf"
	refused '^lrkeyadm: policy: .*/policy\.conf: is writable by everybody'
	rm "$ETC/policy.conf"
	ln -s /dev/null "$ETC/policy.conf"
	refused '^lrkeyadm: policy: .*/policy\.conf: is a symbolic link'
	rm "$ETC/policy.conf"
	mkdir "$ETC/policy.conf"
	refused '^lrkeyadm: policy: .*/policy\.conf: is not a regular file'
	rmdir "$ETC/policy.conf"
	mkfifo "$ETC/policy.conf"
	run timeout 20 "$LRKEYADM" --root "$ROOT" generate --org acme
	expect_status 78
	rm "$ETC/policy.conf"
	policy 'max-expiry=30d'
	ln "$ETC/policy.conf" "$BATS_TEST_TMPDIR/other"
	refused '^lrkeyadm: policy: .*/policy\.conf'
	rm "$ETC/policy.conf"
	mkdir "$ETC/policy.conf.d"
	ln -s /dev/null "$ETC/policy.conf.d/x.conf"
	refused '^lrkeyadm: policy: .*/policy\.conf\.d/x\.conf: is a symbolic link'
	rm "$ETC/policy.conf.d/x.conf"
	chmod 0777 "$ETC/policy.conf.d"
	refused '^lrkeyadm: policy: .*/policy\.conf\.d: is writable by everybody'
}

@test "the environment has no say in how a policy is read" {
	policy 'max-expiry=1d' 'max-expiry=1d'
	ECONF_JOIN_SAME_ENTRIES=1 refused 'given twice'
}

@test "what only reads keys does not need a policy" {
	make_key --org acme
	policy nonsense
	adm list
	adm show "$ID"
	adm verify <<<"$KEY"
	adm log
	adm metrics
	adm deactivate "$ID"
	adm revoke --yes --force "$ID"
	for command in review prune; do
		expect_refused 78 '/policy\.conf line 1: is no setting' "$command"
	done
}
