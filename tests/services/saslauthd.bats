#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# saslauthd, asked as Cyrus SASL's library asks it, and by testsaslauthd.
load ../lib.bash
load ../root/stage.bash
load life.bash
load web.bash
load daemon.bash

setup_file() {
	daemon_stage
	install_example pam.d/smtp /etc/pam.d
	install_example default/saslauthd-lrkey /etc/default saslauthd
	# shellcheck disable=SC2016 # for the shell on the stage
	DAEMON_OPTIONS=$(stage sh -c '
		. /etc/default/saslauthd && echo "-a $MECHANISMS $MECH_OPTIONS $OPTIONS -n $THREADS"')
	stage install -d -m 0710 -o root -g sasl /run/saslauthd
	# shellcheck disable=SC2086 # words
	serve $DAEMON_OPTIONS
}

teardown_file() {
	stage_close
}

# serve OPTION...: when it ends, saslauthd ends its whole process group: it has one of its own.
serve() {
	stage setsid --wait saslauthd "$@" 2>"$STAGE/start" ||
		fail 'saslauthd did not start:' "$(cat "$STAGE/start")"
}

# ask SOCKET SERVICE USER KEY: one question of the library's: four strings, each behind its
# length; the answer is one, OK or NO and more. The key comes from standard input.
ask() {
	local answer

	answer=$(printf '%s' "$4" | stage perl -MIO::Socket::UNIX -e '
		my ($path, $service, $user) = @ARGV;
		my $key = do { local $/; <STDIN> };
		alarm 20;
		my $mux;
		for (1 .. 200) {
			last if $mux = IO::Socket::UNIX->new(Peer => $path);
			select undef, undef, undef, 0.05;
		}
		$mux or die "$path: $!\n";
		$mux->print(map { pack "n/a*", $_ } $user, $key // "", $service, "");
		$mux->flush;
		read $mux, my $answer, 1024;
		print unpack "n/a*", $answer;
	' "$1" "$2" "$3")
	case $answer in
	OK | OK' '*) return 0 ;;
	NO | NO' '*) return 1 ;;
	*) echo "answer: $answer" >&2; return 2 ;;
	esac
}

login() {
	ask /run/saslauthd/mux smtp "$@"
}

@test "the life of a key; its client has no address, so a key with allowed ones never works" {
	assert_life login smtp
}

@test "testsaslauthd is let in with a key" {
	# It takes the key as an argument, which others see: one that is used up by this.
	stage_key --org acme --scope smtp --max-uses 1
	run stage testsaslauthd -f /run/saslauthd/mux -s smtp -u acme -p "$KEY"
	expect_status 0
	expect_match "$output" '0: OK "Success."'
	run stage testsaslauthd -f /run/saslauthd/mux -s smtp -u acme -p "$KEY"
	expect_status 255
	expect_match "$output" '0: NO "authentication failed"'
}

@test "the organization need not be a user of the machine, and no address is counted" {
	run stage getent passwd acme
	expect_status 2
	stage_key --org acme --scope smtp
	expect_items smtp 'rhost= ruser= tty=' login acme "$KEY"
	expect_use "$ID" 1 smtp null
	stage_key --org acme --scope smtp --allow-from 0.0.0.0/0,::/0
	stage_log_clear
	run login acme "$KEY"
	expect_status 1
	expect_match "$(stage_log)" "pam_lrkey\\(smtp:auth\\): denied: key $ID org acme: address"
}

@test "nobody, or no key, is not let in" {
	stage_key --org acme --scope smtp
	run login acme ''
	expect_status 1
	run login '' "$KEY"
	expect_status 1
	expect_use "$ID" 0 null null
}

@test "a user's name cannot forge a part of the log" {
	stage_key --org acme --scope smtp
	stage_log_clear
	run login $'acme org globex:\nlrkey' "$(other_secret)"
	expect_status 1
	# As it is, each byte is escaped that does not belong into a word.
	expect_match "$(stage_log)" \
		"denied: key $ID user acme\\\\x20org\\\\x20globex:\\\\x0alrkey: wrong secret"
}

@test "another service's name does not borrow this one's scope" {
	stage_key --org acme --scope smtp
	run ask /run/saslauthd/mux no-such-service acme "$KEY"
	expect_status 1
	expect_use "$ID" 0 null null
}

@test "why its cache is off: with it a revoked key is let in" {
	expect_no_match " $DAEMON_OPTIONS " ' -(c|t) '
	stage install -d -m 0710 /run/saslauthd-cache
	serve -c -a pam -m /run/saslauthd-cache -n 1
	stage_key --org acme --scope smtp
	ask /run/saslauthd-cache/mux smtp acme "$KEY"
	stage lrkeyadm revoke --yes --reason compromised "$ID"
	ask /run/saslauthd-cache/mux smtp acme "$KEY"
	run login acme "$KEY"
	expect_status 1
}

@test "none of the keys is in a log of anybody's" {
	stage_key --org acme --scope smtp
	login acme "$KEY"
	run login globex "$KEY"
	expect_status 1
	expect_secret_logs
}
