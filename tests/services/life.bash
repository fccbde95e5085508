# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The life of an API key, as each service must live it. Load lib.bash and stage.bash before:
#
#	assert_life LOGIN SCOPE [ADDRESS]
#
# LOGIN is a function, "LOGIN ORG KEY": one attempt to log in through the service, with status
# 0 when it was let in, 1 when it was refused, and any other when there was no such
# answer. SCOPE is what the service asks of a key. ADDRESS is the client's, where the service
# tells PAM; where it does not, a key with allowed addresses must never be let in.
#
# The service must be running, and reads the store "system" of the stage.

LIFE_FILE=/var/lib/lrkey/system/keys/keys.gdbm

# life_in WHAT ORG KEY: is let in.
life_in() {
	local result=0

	stage_log_clear
	"$LIFE_LOGIN" "$2" "$3" || result=$?
	[ "$result" -eq 0 ] || fail "$1: not let in ($result); the log:" "$(stage_log)"
}

# life_out WHAT ORG KEY EXPRESSION: is refused, and a line of the module's in the log
# matches. An empty expression: the module says nothing.
life_out() {
	local result=0 log

	stage_log_clear
	"$LIFE_LOGIN" "$2" "$3" || result=$?
	log=$(stage_log | grep -F 'pam_lrkey(') || true
	[ "$result" -eq 1 ] || fail "$1: not refused ($result); the log:" "$log"
	if [ -n "$4" ]; then
		expect_match "$log" "$4"
	else
		[ -z "$log" ] || fail "$1: must not be logged:" "$log"
	fi
}

life_good() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	life_in 'a good key' acme "$KEY"
	life_in 'a good key once more' acme "$KEY"
	stage_key --org acme
	life_in 'a key for every scope' acme "$KEY"
}

life_wrong() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	life_out 'a wrong secret' acme "$(other_secret)" "denied: key $ID user acme: wrong secret"
	life_out 'a key of no store' acme lrk_7Hq2ZtXw9LmB_4fJd0sKpVn8RyGc1TbXeWu6QaZh3MiOo1CMQoc \
		'denied: key 7Hq2ZtXw9LmB user acme: unknown key'
	life_out 'half a key' acme "${KEY:0:30}" 'denied: user acme: malformed'
	life_out 'a password' acme 'correct-horse' ''
	life_in 'the right key after the wrong ones' acme "$KEY"
}

life_other_organization() {
	stage_key --org globex --scope "$LIFE_SCOPE"
	life_out 'a key of another organization' acme "$KEY" "denied: key $ID org globex: organization"
}

life_scope() {
	stage_key --org acme --scope "$LIFE_SCOPE-not,backup"
	life_out 'a key that lacks the scope' acme "$KEY" \
		"denied: key $ID org acme: scope $LIFE_SCOPE"
}

life_address() {
	stage_key --org acme --scope "$LIFE_SCOPE" --allow-from 192.0.2.0/24
	life_out 'a forbidden address' acme "$KEY" "denied: key $ID org acme: address"
	stage_key --org acme --scope "$LIFE_SCOPE" --allow-from "${LIFE_ADDRESS:-127.0.0.0/8,::1}"
	if [ -n "$LIFE_ADDRESS" ]; then
		life_in 'an allowed address' acme "$KEY"
	else
		life_out 'an address that PAM is not told' acme "$KEY" \
			"denied: key $ID org acme: address"
	fi
}

life_deactivated() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	life_in 'before it is deactivated' acme "$KEY"
	stage lrkeyadm deactivate "$ID"
	life_out 'deactivated' acme "$KEY" "denied: key $ID org acme: deactivated"
	stage lrkeyadm activate "$ID"
	life_in 'activated' acme "$KEY"
}

life_revoked() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	life_in 'before it is revoked' acme "$KEY"
	stage lrkeyadm revoke --yes --reason compromised "$ID"
	life_out 'revoked' acme "$KEY" "denied: key $ID org acme: revoked 20[^ ]*Z compromised"
}

life_limit() {
	local use

	stage_key --org acme --scope "$LIFE_SCOPE" --max-uses 3
	for use in 1 2 3; do
		life_in "use $use of 3" acme "$KEY"
	done
	life_out 'one use too many' acme "$KEY" "denied: key $ID org acme: use limit"
	life_out 'two uses too many' acme "$KEY" "denied: key $ID org acme: use limit"
	[ "$(stage lrkeyadm show --json "$ID" | jq '.keys[0] | .uses, .denied' | xargs)" = '3 2' ] ||
		fail 'not 3 uses and 2 refusals:' "$(stage lrkeyadm show "$ID")"
}

# An outage is a refusal to the client; only the log tells it from one.
life_unavailable() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	stage mv "$LIFE_FILE" "$LIFE_FILE.away"
	life_out 'no store' acme "$KEY" "store system unavailable: $LIFE_FILE: does not exist"
	stage mv "$LIFE_FILE.away" "$LIFE_FILE"
	life_in 'the store is back' acme "$KEY"
}

# In two parts, so that all the rest is done while the term passes.
life_expires() {
	stage_key --org acme --scope "$LIFE_SCOPE"
	life_in 'before it expires' acme "$KEY"
	stage lrkeyadm edit "$ID" --expires 2s
	EXPIRING_KEY=$KEY EXPIRING_ID=$ID
}

life_expired() {
	local end

	end=$(stage lrkeyadm show --json "$EXPIRING_ID" | jq -r '.keys[0].expires | fromdate')
	while [ "$(date +%s)" -le "$end" ]; do
		sleep 0.1
	done
	life_out 'expired' acme "$EXPIRING_KEY" "denied: key $EXPIRING_ID org acme: expired 20"
}

assert_life() {
	LIFE_LOGIN=$1
	LIFE_SCOPE=$2
	LIFE_ADDRESS=${3-}

	life_expires
	life_good
	life_wrong
	life_other_organization
	life_scope
	life_address
	life_deactivated
	life_revoked
	life_limit
	life_unavailable
	life_expired
}
