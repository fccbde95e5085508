#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two hundred requests at once, through an nginx with two workers and through Apache's threaded
# worker: each gets the answer that is right for it.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash

REQUESTS=200
ORGS=20
NGINX=127.0.0.1
APACHE=127.0.0.2

setup_file() {
	web_stage
	# Both have port 443, each at an address of its own.
	nginx_prepare
	nginx_site scim scim.example.org
	nginx_application 8080
	# Without reuseport one worker would get nearly all. What its log says is which did.
	stage sed -i "s/listen 443 ssl/listen $NGINX:443 ssl reuseport/" \
		/etc/nginx/sites-available/scim
	stage sed -i 's/^worker_processes .*/worker_processes 2;/' /etc/nginx/nginx.conf
	# shellcheck disable=SC2016 # nginx's variable
	echo 'log_format pid "$pid"; access_log /var/log/nginx/workers pid;' |
		stage tee /etc/nginx/conf.d/workers.conf >/dev/null
	nginx_start
	apache_prepare
	apache_site scim scim.example.org
	echo "Listen $APACHE:443" | stage tee /etc/apache2/ports.conf >/dev/null
	echo 'CustomLog /var/log/apache2/workers "%P %{tid}P"' |
		stage tee /etc/apache2/conf-enabled/workers.conf >/dev/null
	apache_start
	make_keys
	NGINX_PROCESSES=$(processes_of /run/nginx.pid)
	export NGINX_PROCESSES
}

teardown_file() {
	stage_close
}

# make_keys: a line for each organization: its name, a working key, a key that is
# deactivated, and a key with a wrong secret.
make_keys() {
	local n working

	for ((n = 0; n < ORGS; n++)); do
		stage_key --org "org-$n" --scope scim
		working=$KEY
		stage_key --org "org-$n" --scope scim
		stage lrkeyadm deactivate "$ID" >/dev/null
		printf 'org-%d %s %s %s\n' "$n" "$working" "$KEY" "$(KEY=$working other_secret)"
	done >"$STAGE/keys"
	chmod 0600 "$STAGE/keys"
	[ "$(wc -l <"$STAGE/keys")" -eq "$ORGS" ]
}

# plan: each request's organization, key, and the answer that is right, in one line.
plan() {
	awk -v requests="$REQUESTS" '
		{ org[NR - 1] = $1; working[NR - 1] = $2; off[NR - 1] = $3; wrong[NR - 1] = $4 }
		END {
			for (n = 0; n < requests; n++) {
				i = n % NR
				kind = int(n / NR) % 5
				if (kind == 0 || kind == 3)
					print org[i], working[i], 200, "org <" org[i] "> id <" \
						substr(working[i], 5, 12) "> key <> /v2/Users"
				else if (kind == 1)
					print org[(i + 1) % NR], working[i], 401
				else
					print org[i], kind == 2 ? wrong[i] : off[i], 401
			}
		}' "$STAGE/keys"
}

# volley ADDRESS: sends what standard input plans, all at once. Leaves "N CODE BODY" for each
# request in $STAGE/answers, and what was planned in $STAGE/wanted.
volley() {
	rm -rf "$STAGE/bodies" "$STAGE/codes"
	mkdir "$STAGE/bodies"
	: >"$STAGE/requests"
	chmod 0600 "$STAGE/requests"
	awk -v address="$1" -v stage="$STAGE" -v requests="$STAGE/requests" '
		{
			n = NR - 1
			print (n > 0 ? "next\n" : "") \
				"url = \"https://scim.example.org/scim/" $1 "/v2/Users\"\n" \
				"header = \"Authorization: Bearer " $2 "\"\n" \
				"output = \"" stage "/bodies/" n "\"\n" \
				"write-out = \"" n " %{http_code}\\n\"\n" \
				"cacert = \"/etc/ssl/certs/scim.example.org.pem\"\n" \
				"resolve = \"scim.example.org:443:" address "\"\n" \
				"noproxy = \"*\"\nhttp1.1\nmax-time = 60" >requests
			$1 = n
			$2 = ""
			sub(/  /, " ")
			print
		}' >"$STAGE/wanted"
	stage curl --silent --show-error --no-progress-meter --parallel --parallel-immediate \
		--parallel-max "$REQUESTS" --config "$STAGE/requests" >"$STAGE/codes"
	(cd "$STAGE/bodies" && awk '
		FILENAME == "../codes" { code[$1] = $2; next }
		/^org </ { body[substr(FILENAME, 3)] = " " $0 }
		END { for (n in code) print n " " code[n] body[n] }
	' ../codes ./*) | sort -n >"$STAGE/answers"
}

right_answers() {
	plan | volley "$1"
	[ "$(grep -c ' 200 org' "$STAGE/wanted")" -eq $((REQUESTS * 2 / 5)) ]
	[ "$(wc -l <"$STAGE/answers")" -eq "$REQUESTS" ]
	diff "$STAGE/wanted" "$STAGE/answers"
}

# limit_holds ADDRESS: a key for 50 uses, tried by all at once.
limit_holds() {
	local granted

	stage_key --org acme --scope scim --max-uses 50
	stage_log_clear
	for ((n = 0; n < REQUESTS; n++)); do
		echo "acme $KEY -"
	done | volley "$1"
	[ "$(wc -l <"$STAGE/answers")" -eq "$REQUESTS" ]
	granted=$(grep -c ' 200 ' "$STAGE/answers")
	[ "$(grep -c ' 401$' "$STAGE/answers")" -eq $((REQUESTS - granted)) ]
	[ "$granted" -le 50 ]
	[ "$(stage lrkeyadm show --json "$ID" | jq '.keys[0].uses')" -eq "$granted" ]
	# Who waited for the record too long was refused, and used nothing up.
	# shellcheck disable=SC2034 # for web.bash
	FRONT=$1
	while [ "$granted" -lt 50 ]; do
		bearer "$KEY" https://scim.example.org/scim/acme/v2/Users
		expect_code 200
		granted=$((granted + 1))
	done
	bearer "$KEY" https://scim.example.org/scim/acme/v2/Users
	expect_code 401
	expect_match "$(stage_log)" "denied: key $ID org acme: use limit"
}

@test "nginx, two workers: the right answer for each of 200 requests" {
	stage truncate --size 0 /var/log/nginx/workers
	right_answers "$NGINX"
	[ "$(stage sort -u /var/log/nginx/workers | wc -l)" -eq 2 ]
}

@test "Apache, threads: the right answer for each of 200 requests" {
	right_answers "$APACHE"
	# More threads than processes.
	[ "$(stage sort -u /var/log/apache2/workers | wc -l)" -gt \
		"$(stage cut -d ' ' -f 1 /var/log/apache2/workers | sort -u | wc -l)" ]
}

@test "both at once, while keys are made and revoked" {
	local manager

	plan >"$STAGE/plan"
	(
		while [ ! -e "$STAGE/done" ]; do
			stage lrkeyadm generate --org "org-busy" --output /run/busy.key
			stage rm /run/busy.key
		done
	) >/dev/null 2>&1 3>&- &
	manager=$!
	right_answers "$NGINX"
	right_answers "$APACHE"
	touch "$STAGE/done"
	wait "$manager"
	[ "$(stage lrkeyadm list --json --org org-busy | jq '.keys | length')" -gt 1 ]
}

@test "nginx, two workers: a use limit of 50 is 50 uses, for 200 that try" {
	limit_holds "$NGINX"
}

@test "Apache, threads: a use limit of 50 is 50 uses, for 200 that try" {
	limit_holds "$APACHE"
}

@test "no process ended over it, and a wrong answer would be seen" {
	[ "$(processes_of /run/nginx.pid)" = "$NGINX_PROCESSES" ]
	run stage grep -E 'signal|AH00052' /var/log/apache2/error.log
	expect_status 1
	plan | volley "$NGINX"
	sed -i '8s/ 200 / 401 /' "$STAGE/wanted"
	run diff "$STAGE/wanted" "$STAGE/answers"
	expect_status 1
	[ "${#lines[@]}" -eq 4 ]
}
