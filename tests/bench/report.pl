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

# part, subject, what it is divided by, the goal, its number
my @ratios = (
	[ 'transact', 'lrkey-10', 'permit', 'at most', 0.80 ],
	[ 'transact', 'lrkey-10', 'floor', 'at most', 1.8 ],
	[ 'transact', 'lrkey-1000', 'lrkey-10' ],
	[ 'transact', 'lrkey-100000', 'lrkey-10' ],
	[ 'transact', 'lrkey-1000000', 'lrkey-10', 'at most', 1.35 ],
	[ 'transact', 'lrkey-root-10', 'lrkey-10' ],
	[ 'transact', 'lrkey-malformed', 'floor', 'at most', 1.10 ],
	[ 'transact', 'lrkey-unknown', 'lrkey-10' ],
	[ 'transact', 'lrkey-wrong', 'lrkey-10' ],
	[ 'transact', 'userdb', 'lrkey-10', 'at least', 8 ],
	[ 'transact', 'userdb-crypt', 'lrkey-10' ],
	[ 'transact', 'pwdfile', 'lrkey-10', 'at least', 40 ],
	[ 'transact', 'oath', 'lrkey-10' ],
	[ 'transact', 'unix', 'lrkey-10', 'at least', 400 ],
	[ 'cold', 'lrkey-beyond-permit', 'crypto-beyond-bare', 'at most', 1.10 ],
	# Throughput: the time for one login of one process by that of many.
	(map { [ 'parallel', 'distinct-1', "distinct-$_", $_ == 8 ? ('at least', 1.8) : () ] } 2, 8, 32),
	(map { [ 'parallel', 'distinct-1', "same-$_", $_ == 8 ? ('at least', 1.6) : () ] } 2, 8, 32),
	[ 'parallel', 'distinct-1', 'threads-distinct-16' ],
	[ 'parallel', 'distinct-1', 'threads-same-16' ],
	(map { ([ 'commands', "revoke-$_", "raw-copy-$_", $_ == 1000000 ? ('at most', 1.6) : () ],
		[ 'commands', "deactivate-$_", "raw-copy-$_" ],
		[ 'commands', "json-$_", "raw-walk-$_", $_ == 1000000 ? ('at most', 4) : () ],
		[ 'commands', "csv-$_", "raw-walk-$_", $_ == 1000000 ? ('at most', 4) : () ],
		[ 'commands', "org-$_", "raw-walk-$_", $_ == 1000000 ? ('at most', 2.5) : () ],
		[ 'commands', "check-$_", "raw-walk-$_" ], [ 'commands', "review-$_", "raw-walk-$_" ],
		[ 'commands', "metrics-$_", "raw-walk-$_" ]) } 1000, 100000, 1000000),
	[ 'commands', 'generate-bulk', 'raw-insert', 'at most', 2.5 ],
	[ 'commands-cpu', 'generate-bulk', 'raw-insert' ],
	(map { [ 'commands-cpu', "$_-1000000", 'raw-walk-1000000' ] } 'json', 'csv', 'org'),
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

# What a cold process costs beyond another: round by round, as a subject of its own.
sub add_difference {
	my ($name, $of, $less) = @_;
	my ($x, $y) = map { $value{cold}{$_} } $of, $less;
	return unless $x && $y;
	$value{cold}{$name}{$_} = $x->{$_} - $y->{$_} for grep { defined $y->{$_} } keys %$x;
}

read_raw();
my ($small) = sort { $a <=> $b } map { /^root(\d+)$/ ? $1 : () } keys %{ $value{cold} // {} };
if (defined $small) {
	add_difference('lrkey-beyond-permit', "root$small", 'permit');
	add_difference('crypto-beyond-bare', 'crypto', 'bare');
}
my (%json, @lines);
for my $part (sort keys %value) {
	my $unit = $part =~ /memory/ ? 'MiB' : 'us';
	push @lines, sprintf '%-34s %12s %12s %12s %7s', "$part, $unit", 'quartile', 'median', 'quartile', 'n';
	for my $subject (sort { in_order($a, $b) } keys %{ $value{$part} }) {
		my @all = values %{ $value{$part}{$subject} };
		my ($low, $median, $high) = spread(@all);
		push @lines, sprintf '  %-32s %12s %12s %12s %7d', $subject,
			(map { sprintf '%.1f', $_ / ($part =~ /memory/ ? 1048576 : 1000) } $low, $median, $high), scalar @all;
		$json{values}{$part}{$subject} =
			{ low => $low + 0, median => $median + 0, high => $high + 0, n => scalar @all };
	}
	push @lines, '';
}
push @lines, sprintf '%-46s %8s %8s %8s  %s', 'ratio', 'quartile', 'median', 'quartile', 'goal';
for (@ratios) {
	my ($part, $subject, $base, $goal, $number) = @$_;
	my ($low, $median, $high) = ratio_of($part, $subject, $base) or next;
	my $verdict = !$goal ? '' : meets($goal, $number, $median) ? 'met' : 'MISSED';
	push @lines, sprintf '  %-44s %8.2f %8.2f %8.2f  %s', "$part: $subject / $base", $low, $median,
		$high, $goal ? "$goal $number: $verdict" : '';
	push @{ $json{ratios} }, { part => $part, subject => $subject, base => $base, low => $low,
		median => $median, high => $high,
		$goal ? (goal => "$goal $number", met => $verdict eq 'met' ? JSON::PP::true : JSON::PP::false)
			: () };
}

open my $table, '>', "$dir/table.txt" or die "$dir/table.txt: $!\n";
print $table map { s/\s+$//r . "\n" } @lines;
close $table or die "$dir/table.txt: $!\n";
print map { s/\s+$//r . "\n" } @lines;
open my $file, '>', "$dir/bench.json" or die "$dir/bench.json: $!\n";
print $file JSON::PP->new->canonical->pretty->encode(\%json);
close $file or die "$dir/bench.json: $!\n";
