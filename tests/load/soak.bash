# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A process that authenticates very often, with keys of every kind.

# soak_logins: makes a store, and prints logins of every kind with what is to come of each.
soak_logins() {
	make_store
	pam_service scim
	pam_service talk log=all debug
	pam_service nowhere store=none
	pam_service wrong colour=blue
	make_key --org acme --allow-from 192.0.2.0/24
	echo "scim acme $KEY PAM_PERM_DENIED"
	make_key --org acme --label label
	echo "scim acme $KEY PAM_SUCCESS"
	echo "talk acme ${KEY:0:54}- PAM_AUTH_ERR"
	echo "talk globex $KEY PAM_PERM_DENIED"
	echo "nowhere acme $KEY PAM_AUTHINFO_UNAVAIL"
	echo "wrong acme $KEY PAM_SERVICE_ERR"
	make_key --org acme --scope other
	echo "talk acme $KEY PAM_PERM_DENIED"
	make_key --org acme --not-before 1d
	echo "scim acme $KEY PAM_ACCT_EXPIRED"
	make_key --org acme
	adm rotate "$ID" >/dev/null 2>&1
	echo "talk acme $KEY PAM_SUCCESS"
	make_key --org acme
	adm deactivate "$ID" >/dev/null
	echo "scim acme $KEY PAM_PERM_DENIED"
	make_key --org acme
	adm revoke --yes --force "$ID" >/dev/null
	echo "scim acme $KEY PAM_AUTH_ERR"
	make_key --org acme --max-uses 1000000000
	echo "scim acme $KEY PAM_SUCCESS"
	make_key --org acme --max-uses 1
	pam_try acme "$KEY" scim >/dev/null
	echo "scim acme $KEY PAM_MAXTRIES"
	echo 'scim acme lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc PAM_AUTH_ERR'
	echo 'scim acme no-key PAM_AUTH_ERR'
}

# soak COUNT [leak]: so many of the logins of standard input, in one process.
soak() {
	"$LRKEY_BUILD/tests/load/soak" "$CONFDIR" "$@"
}
