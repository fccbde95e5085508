# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by bench.sh and world.bash
#
# Requests a second of nginx with Debian's module for PAM, in front of an empty picture. Each subject
# has an nginx of its own, all with the same configuration but for the port and the name of the PAM
# service; a client that holds its connections sends all of them the same header.

# nginx_configuration NAME PORT AUTHENTICATION
nginx_configuration() {
	cat <<-EOS
		# As the stores' groups are root's, the worker is in that group; it is not root.
		user www-data root;
		worker_processes 1;
		pid $work/nginx/$1.pid;
		error_log $work/nginx/$1.log crit;
		include /etc/nginx/modules-enabled/*.conf;
		events { }
		http {
			access_log off;
			keepalive_requests 100000000;
			server {
				listen 127.0.0.1:$2;
				location / {
					$3
					empty_gif;
				}
			}
		}
	EOS
}

# make_request SIZE: a script for the client, in which the key is no argument.
make_request() {
	local credentials

	credentials=$(printf 'acme:%s' "$(head -n 1 "$stores/$1.keys")" | base64 -w 0)
	cat <<-EOS
		wrk.headers["Authorization"] = "Basic $credentials"
		function done(summary)
			local e = summary.errors
			print("rate", summary.requests / summary.duration * 1e6)
			print("failed", e.connect + e.read + e.write + e.status + e.timeout)
		end
	EOS
}

# serve NAME SIZE [AUTHENTICATION]: starts an nginx, at the next port, which will be asked with a key of
# that store; it listens when this returns.
serve() {
	local name=$1

	port=$((port + 1))
	(umask 077 && make_request "$2" >"$work/nginx/$name.lua")
	nginx_configuration "$name" "$port" "${3-}" >"$work/nginx/$name.conf"
	nginx -e "$work/nginx/$name.log" -c "$work/nginx/$name.conf"
	servers[$name]=$port
}

# serve_pam NAME SIZE MODULE: with that module and no other.
serve_pam() {
	printf 'auth required %s\naccount required %s\n' "$3" "$3" >"/etc/pam.d/bench-$1"
	serve "$1" "$2" "auth_pam \"API key\"; auth_pam_service_name bench-$1;"
}

serve_all() {
	local size first=${BENCH_SIZES%% *}

	mkdir -p "$work/nginx" /var/lib/nginx
	printf '# no module\n' >/etc/pam.d/other
	# Where a worker that is not root can read it.
	install -m 0644 "$LRKEY_MODULE" /var/lib/pam_lrkey.so
	serve none "$first"
	serve_pam permit "$first" pam_permit.so
	for size in $BENCH_SIZES; do
		serve_pam "lrkey-$size" "$size" "/var/lib/pam_lrkey.so store=s$size"
	done
}

end_servers() {
	local file

	for file in "$work"/nginx/*.pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")"
	done
}

# load NAME ROUND: the rate in one second; whatever is no success is the end of the run.
load() {
	local rate

	wrk --threads 1 --connections 2 --duration 1s --timeout 10s --script "$work/nginx/$1.lua" \
		"http://127.0.0.1:${servers[$1]}/" >"$work/load"
	rate=$(awk '$1 == "failed" { failed = $2 } $1 == "rate" { rate = $2 }
		END { if (failed != "0" || rate <= 0) exit 1; print rate }' "$work/load") ||
		{ say "nginx: $1: not all requests were let in:" "$(tail -n 3 "$work/load")"; exit 1; }
	[ "$2" = warm-up ] || printf 'nginx\t%s\t%s\t%s\n' "$1" "$2" "$rate"
}

bench_nginx() {
	local round name port=8000
	local -A servers

	if [ "$(id -u)" != 0 ]; then
		say 'LEFT OUT, because it needs root: nginx'
		return
	fi
	serve_all
	for round in warm-up $(seq "$(rounds 20)"); do
		# In another order each time.
		for name in $(shuf -e "${!servers[@]}"); do
			load "$name" "$round"
		done
	done
	end_servers
}
