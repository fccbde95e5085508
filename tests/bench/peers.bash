# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# The modules that are measured, each behind a service file of its own: the stores of this
# module, and the same password for all others. `other` names no module: libpam loads it in each
# transaction, and each module in it costs all peers alike.

# pam_service NAME AUTH [ACCOUNT]
pam_service() {
	printf 'auth required %s\naccount required %s\n' "$2" "${3-$2}" >"$confdir/$1"
}

# As far as stores are the same, and their keys have not expired.
store_made_of() {
	cat "$here/peers.bash" "$here/../../liblrkey/FORMAT.md" <(date +%Y-%m) | sha256sum
}

# make_store SIZE: with that many keys, of which the first has a use limit that is never reached, and
# up to ten belong to another organization.
make_store() {
	local size=$1 tokens=$stores/$1.keys few=$(($1 >= 100 ? 10 : 1))
	local -a store=("$LRKEYADM" --root "$stores" --store "s$1")

	if [ "$(cat "$stores/$size.made" 2>/dev/null)" != "$(store_made_of)" ]; then
		say "making a store of $size keys ..."
		rm -rf "$stores/etc/lrkey/s$size" "$stores/var/lib/lrkey/s$size" "$stores/$size".*
		"${store[@]}" init >/dev/null
		"${store[@]}" generate --org acme --max-uses 1000000000 \
			--output "$stores/$size.limited" 2>/dev/null
		# What is measured are keys anywhere among all others.
		"${store[@]}" generate --org acme --count $((size - 1 - few)) --output "$tokens" 2>/dev/null
		"${store[@]}" generate --org few --count "$few" --output "$stores/$size.few" 2>/dev/null
		store_made_of >"$stores/$size.made"
	fi
	head -n 1 "$tokens" >"$work/$size.key"
	pam_service "root$size" "$LRKEY_MODULE root=$stores store=s$size"
	[ "$(id -u)" != 0 ] || pam_service "s$size" "$LRKEY_MODULE store=s$size"
}

# make_wrong_tokens SIZE: keys that are none. Of the smallest store, so that all ask for the same work.
make_wrong_tokens() {
	local size=$1

	head -n 64 "$stores/$size.keys" >"$work/some.keys"
	# Another last character never fits the check.
	sed -e 's/0$/1/;t' -e 's/.$/0/' "$work/some.keys" >"$work/malformed"
	perl "$here/forge.pl" unknown <"$work/some.keys" >"$work/unknown"
	perl "$here/forge.pl" secret <"$work/some.keys" >"$work/wrong"
}

make_others() {
	local password hash

	password=$(head -n 1 "$work/some.keys")
	printf '%s\n' "$password" >"$work/password"
	hash=$(perl -e 'chomp(my $p = <STDIN>); print crypt($p, q($6$lrkeybench0$))' <"$work/password")
	printf 'acme:%s\n' "$hash" >"$work/pwdfile"
	printf 'acme\n%s\n' "$password" | db_load -T -t hash "$work/plain.db"
	printf 'acme\n%s\n' "$hash" | db_load -T -t hash "$work/crypt.db"
	pam_service pwdfile "pam_pwdfile.so pwdfile=$work/pwdfile" "$tools/pam_floor.so"
	pam_service userdb "pam_userdb.so db=$work/plain crypt=none"
	pam_service userdb-crypt "pam_userdb.so db=$work/crypt crypt=crypt"
	printf 'HOTP acme - 00112233445566778899aabbccddeeff00112233\n' >"$work/oath"
	chmod 0600 "$work/oath"
	oathtool -w 20000 -c 0 00112233445566778899aabbccddeeff00112233 >"$work/oath.tokens"
	pam_service oath "pam_oath.so usersfile=$work/oath window=20 digits=6" \
		"$tools/pam_floor.so"
	[ "$(id -u)" = 0 ] || return 0
	hash=$(perl -e 'chomp(my $p = <STDIN>);
		print crypt($p, q($y$j9T$F5Jx5fExrKuPp53xLKQ..1$))' <"$work/password")
	printf 'benchuser:x:64999:65534::/nonexistent:/usr/sbin/nologin\n' >>/etc/passwd
	printf 'benchuser:%s:20000:0:99999:7:::\n' "$hash" >>/etc/shadow
	pam_service unix pam_unix.so
}

make_peers() {
	local size

	confdir=$work/pam.d
	# Only root has a place for stores that needs no root=.
	# shellcheck disable=SC2034 # for the parts
	place=$([ "$(id -u)" = 0 ] && echo s || echo root)
	mkdir -p "$confdir"
	printf '# no module\n' >"$confdir/other"
	pam_service permit pam_permit.so
	pam_service floor "$tools/pam_floor.so"
	pam_service fetch "$tools/pam_fetch.so"
	for size in $BENCH_SIZES; do
		make_store "$size"
	done
	make_wrong_tokens "${BENCH_SIZES%% *}"
	make_others
}
