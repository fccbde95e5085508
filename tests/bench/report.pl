# SPDX-License-Identifier: GPL-3.0-or-later
#
# perl report.pl DIR: reads DIR/raw/*.tsv, and writes DIR/bench.json and DIR/table.txt.
#
# A line of a .tsv is PART SUBJECT ROUND VALUE. Subjects of one part that were measured in the same
# round are compared with each other in that round: a ratio is the median of the ratios of all
# rounds, with its quartiles.
use strict;
use warnings;
use JSON::PP;

my $dir = $ARGV[0] // die "usage: report.pl DIR\n";
my %value;    # part, subject, round

# What was set as a goal: its words, part, subject, what it is divided by (nothing: in MiB), the goal.
my @goals = (
	[ 'warm transaction, 10 keys / pam_permit', 'transact', 'lrkey-10', 'permit', 'at most', 0.80 ],
	[ 'warm transaction, 10 keys / floor', 'transact', 'lrkey-10', 'floor', 'at most', 1.8 ],
	[ 'warm transaction, 1,000,000 keys / 10 keys', 'transact', 'lrkey-1000000', 'lrkey-10', 'at most', 1.35 ],
	[ 'pam_userdb, plain / warm transaction', 'transact', 'userdb', 'lrkey-10', 'at least', 8 ],
	[ 'pam_pwdfile / warm transaction', 'transact', 'pwdfile', 'lrkey-10', 'at least', 40 ],
	[ 'pam_unix / warm transaction', 'transact', 'unix', 'lrkey-10', 'at least', 400 ],
	[ 'malformed key: files opened / floor', 'opens', 'lrkey-malformed', 'floor', 'at most', 1 ],
	[ 'malformed key: time / floor', 'transact', 'lrkey-malformed', 'floor', 'at most', 1.10 ],
	[ 'cold, beyond pam_permit / libcrypto alone', 'cold', 'lrkey-beyond-permit', 'crypto-beyond-bare',
		'at most', 1.10 ],
	# Throughput: the time for one login of one process by that of many.
	[ '8 processes, a key each: throughput / 1', 'parallel', 'distinct-1', 'distinct-8', 'at least', 1.8 ],
	[ '8 processes, one key: throughput / 1', 'parallel', 'distinct-1', 'same-8', 'at least', 1.6 ],
	[ 'limited key / unlimited, write and sync', 'limited', 'limited-10', 'unlimited-and-sync-10',
		'at most', 1.15 ],
	[ 'nginx, requests a second / pam_permit', 'nginx', 'lrkey-10', 'permit', 'at least', 1.0 ],
	[ 'revoke at 1,000,000 keys / copy', 'commands', 'revoke-1000000', 'raw-copy-1000000', 'at most', 1.6 ],
	[ 'its memory, MiB', 'commands-memory', 'revoke-1000000', undef, 'at most', 64 ],
	[ 'generate --count 100000 / inserts', 'commands', 'generate-bulk', 'raw-insert', 'at most', 2.5 ],
	[ 'list --json of 1,000,000 keys / walk', 'commands', 'json-1000000', 'raw-walk-1000000', 'at most', 4 ],
	[ 'its memory, MiB', 'commands-memory', 'json-1000000', undef, 'at most', 128 ],
	[ 'list --csv of 1,000,000 keys / walk', 'commands', 'csv-1000000', 'raw-walk-1000000', 'at most', 4 ],
	[ 'its memory, MiB', 'commands-memory', 'csv-1000000', undef, 'at most', 128 ],
	[ 'list --org, 10 of 1,000,000 / walk', 'commands', 'org-1000000', 'raw-walk-1000000', 'at most', 2.5 ],
);

# What is compared besides.
my @ratios = (
	(map { [ 'transact', "lrkey-$_", 'lrkey-10' ] } 1000, 100000),
	(map { [ 'transact', "lrkey-$_", 'permit' ] } 1000, 100000, 1000000),
	(map { [ 'transact', $_, 'lrkey-10' ] } 'lrkey-root-10', 'lrkey-unknown', 'lrkey-wrong', 'userdb-crypt', 'oath'),
	[ 'cold', 'fetch-beyond-permit', 'crypto-beyond-bare' ],
	[ 'cold', 'lrkey-beyond-permit', 'fetch-beyond-permit' ],
	(map { [ 'parallel', 'distinct-1', $_ ] } 'distinct-2', 'distinct-32', 'same-2', 'same-32',
		'threads-distinct-16', 'threads-same-16'),
	(map { ([ 'limited', "limited-$_", "unlimited-and-sync-$_" ], [ 'limited', "limited-$_", "sum-$_" ]) }
		10, 1000, 100000, 1000000),
	(map { [ 'nginx', "lrkey-$_", 'permit' ] } 1000, 100000, 1000000),
	[ 'nginx', 'permit', 'none' ],
	[ 'commands-cpu', 'generate-bulk', 'raw-insert' ],
	(map { [ 'commands-cpu', "$_-1000000", 'raw-walk-1000000' ] } 'json', 'csv', 'org'),
);

# The commands, and beside what they stand.
my @commands = (
	[ 'summary', 'without a command', 'raw-walk' ], [ 'json', 'list --json', 'raw-walk' ],
	[ 'csv', 'list --csv', 'raw-walk' ], [ 'table', 'list', 'raw-walk' ],
	[ 'org', 'list --json --org', 'raw-walk' ], [ 'review', 'review', 'raw-walk' ],
	[ 'check', 'check', 'raw-walk' ], [ 'metrics', 'metrics', 'raw-walk' ],
	[ 'export', 'export', 'raw-walk' ], [ 'import-try', 'import --dry-run', 'raw-walk' ],
	[ 'generate-one', 'generate', 'raw-copy' ], [ 'edit', 'edit', 'raw-copy' ],
	[ 'deactivate', 'deactivate', 'raw-copy' ], [ 'activate', 'activate', 'raw-copy' ],
	[ 'rotate', 'rotate', 'raw-copy' ], [ 'revoke', 'revoke', 'raw-copy' ],
	[ 'prune', 'prune', 'raw-walk' ], [ 'rekey', 'rekey', 'raw-insert' ],
	[ 'import', 'import', 'raw-insert' ], [ 'show', 'show' ], [ 'verify', 'verify' ], [ 'log', 'log' ],
	[ 'raw-copy', 'bare copy' ], [ 'raw-walk', 'bare walk' ], [ 'raw-insert', 'bare inserts' ],
);

sub read_raw {
	for my $path (sort glob "$dir/raw/*.tsv") {
		open my $file, '<', $path or die "$path: $!\n";
		while (<$file>) {
			chomp;
			my ($part, $subject, $round, $value) = split /\t/;
			$value{$part}{$subject}{$round} = $value;
		}
		close $file;
	}
}

# Quartiles and median, by the nearest rank.
sub spread {
	my @sorted = sort { $a <=> $b } @_;
	return map { $sorted[ int($_ * $#sorted + 0.5) ] } 0.25, 0.5, 0.75;
}

sub ratio_of {
	my ($part, $subject, $base) = @_;
	my ($of, $by) = ($value{$part}{$subject}, $value{$part}{$base});
	return unless $of && $by;
	return spread(map { $of->{$_} / $by->{$_} } grep { $by->{$_} } keys %$of);
}

sub meets {
	my ($goal, $number, $ratio) = @_;
	return $goal eq 'at most' ? $ratio <= $number : $ratio >= $number;
}

# 10 before 1000, and lrkey-10 before permit.
sub in_order {
	my ($x, $y) = @_;
	s/(\d+)/sprintf '%09d', $1/e for $x, $y;
	return $x cmp $y;
}

# A subject of its own, made of two round by round.
sub add_combined {
	my ($part, $name, $of, $sign, $with) = @_;
	my ($x, $y) = map { $value{$part}{$_} } $of, $with;
	return unless $x && $y;
	$value{$part}{$name}{$_} = $x->{$_} + $sign * $y->{$_} for grep { defined $y->{$_} } keys %$x;
}

sub add_all_combined {
	add_combined('cold', "$_-beyond-permit", $_, -1, 'permit') for 'lrkey', 'fetch';
	add_combined('cold', 'crypto-beyond-bare', 'crypto', -1, 'bare');
	add_combined('limited', "sum-$_", "unlimited-$_", 1, 'raw-sync') for 10, 1000, 100000, 1000000;
}

# Unit of a part, and what a measured value is divided by.
sub unit_of {
	my ($part) = @_;
	return ('MiB', 1048576) if $part =~ /-memory$/;
	return ('requests a second', 1) if $part eq 'nginx';
	return ('files', 1) if $part eq 'opens';
	return ('us', 1000);
}

sub in_unit {
	my ($part, @values) = @_;
	my ($unit, $by) = unit_of($part);
	return map { $_ / $by } @values;
}

my (%json, @lines);

sub add_machine {
	open my $file, '<', "$dir/machine" or return;
	while (<$file>) {
		chomp;
		my ($what, $is) = split /\t/;
		push @lines, sprintf '%-24s %s', $what, $is;
		$json{machine}{$what} = $is;
	}
	push @lines, '';
}

sub add_goals {
	push @lines, sprintf '%-46s %8s %8s %8s  %s', 'goal', 'quartile', 'median', 'quartile', '';
	for (@goals) {
		my ($words, $part, $subject, $base, $goal, $number) = @$_;
		my @values = values %{ $value{$part}{$subject} // {} };
		my @spread = defined $base ? ratio_of($part, $subject, $base) : in_unit($part, @values ? spread(@values) : ());
		my $met = @spread ? meets($goal, $number, $spread[1]) : undef;
		my $verdict = !defined $met ? 'not measured' : $met ? 'met' : 'MISSED';
		push @lines, sprintf '  %-44s %8s %8s %8s  %s', $words,
			(@spread ? map { sprintf '%.2f', $_ } @spread : ('-') x 3), "$goal $number: $verdict";
		push @{ $json{goals} }, { what => $words, part => $part, subject => $subject, base => $base,
			goal => "$goal $number", verdict => lc $verdict,
			@spread ? (low => $spread[0], median => $spread[1], high => $spread[2]) : () };
	}
	push @lines, '';
}

sub add_ratios {
	push @lines, sprintf '%-46s %8s %8s %8s', 'other ratios', 'quartile', 'median', 'quartile';
	for (@ratios) {
		my ($part, $subject, $base) = @$_;
		my ($low, $median, $high) = ratio_of($part, $subject, $base) or next;
		push @lines, sprintf '  %-44s %8.2f %8.2f %8.2f', "$part: $subject / $base", $low, $median, $high;
		push @{ $json{ratios} }, { part => $part, subject => $subject, base => $base, low => $low,
			median => $median, high => $high };
	}
	push @lines, '';
}

sub median_of {
	my ($part, $subject) = @_;
	my @all = values %{ $value{$part}{$subject} // {} };
	return @all ? (in_unit($part, spread(@all)))[1] : undef;
}

# Milliseconds, peak of memory, and the ratio to the bare work, at each size.
sub add_commands {
	my %sizes = map { /^raw-walk-(\d+)$/ ? ($1 => 1) : () } keys %{ $value{commands} // {} };
	my @sizes = sort { $a <=> $b } keys %sizes or return;
	my $head = sprintf '%-20s %-12s', 'commands, medians', 'beside';
	push @lines, $head . join '', map { sprintf ' | %21s keys', $_ } @sizes;
	push @lines, ' ' x length($head) . ' |         ms    MiB  ratio' x @sizes;
	for (@commands) {
		my ($name, $words, $base) = @$_;
		my $line = sprintf '  %-18s %-12s', $words, $base // '';
		for my $size (@sizes) {
			my $time = median_of('commands', "$name-$size");
			my $memory = median_of('commands-memory', "$name-$size");
			my @ratio = defined $base ? ratio_of('commands', "$name-$size", "$base-$size") : ();
			$line .= !defined $time ? ' | ' . ' ' x 26 : sprintf ' | %10.1f %6.1f %8s', $time / 1000, $memory,
				@ratio ? sprintf '%.2f', $ratio[1] : '';
			push @{ $json{commands} }, { command => $words, keys => $size + 0, ms => $time / 1000,
				mib => $memory, @ratio ? (beside => $base, ratio => $ratio[1]) : () } if defined $time;
		}
		push @lines, $line;
	}
	push @lines, '';
}

# All that was measured; of commands only what is not in their own table.
sub add_values {
	for my $part (sort keys %value) {
		my ($unit) = unit_of($part);
		my @shown;
		for my $subject (sort { in_order($a, $b) } keys %{ $value{$part} }) {
			my @all = values %{ $value{$part}{$subject} };
			my ($low, $median, $high) = in_unit($part, spread(@all));
			push @shown, sprintf '  %-32s %12.1f %12.1f %12.1f %7d', $subject, $low, $median, $high, scalar @all
				unless $part =~ /^commands/ && $subject =~ /-\d+$/;
			$json{values}{$part}{$subject} =
				{ unit => $unit, low => $low, median => $median, high => $high, n => scalar @all };
		}
		push @lines, sprintf('%-34s %12s %12s %12s %7s', "$part, $unit", 'quartile', 'median', 'quartile', 'n'),
			@shown, '';
	}
}

sub write_file {
	my ($path, @text) = @_;
	open my $file, '>', $path or die "$path: $!\n";
	print $file @text;
	close $file or die "$path: $!\n";
}

read_raw();
add_all_combined();
add_machine();
add_goals();
add_commands();
add_ratios();
add_values();
pop @lines;
my @table = map { s/\s+$//r . "\n" } @lines;
write_file("$dir/table.txt", @table);
write_file("$dir/bench.json", JSON::PP->new->canonical->pretty->encode(\%json));
print @table;
