# SPDX-License-Identifier: GPL-3.0-or-later
#
# perl plot.pl <bench.json >plot.svg: what a login and what commands cost, against the number of keys.
#
# Like the pictures of README.md it has a dark ground of its own, for light pages and dark ones. Both
# axes grow by tens: what costs the same at any number of keys is a level line. Bars are quartiles.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use JSON::PP;
use POSIX qw(floor);

# The frame, and where each half of it has its axes; to the right of them stand the names of lines.
my ($width, $height, $top, $bottom) = (1060, 470, 96, 400);
my @halves = (74, 600);
my ($across, $apart) = (280, 17);

my $json = do { local $/; JSON::PP->new->decode(<STDIN>) };
my %value = %{ $json->{values} };
my %sizes = map { /^(?:lrkey|raw-walk)-(\d+)$/ ? ($1 => 1) : () } map { keys %$_ } @value{ grep { $value{$_} } qw(transact commands) };
my @sizes = sort { $a <=> $b } keys %sizes;

sub log10 { return log($_[0]) / log(10) }

# A line through the sizes at which it was measured: [keys, median, low, high].
sub line {
	my ($name, $class, $part, $prefix) = @_;
	my @points = map { my $v = $value{$part}{"$prefix-$_"}; $v ? [ $_, @$v{qw(median low high)} ] : () } @sizes;
	return @points ? { name => $name, class => $class, points => \@points } : ();
}

# What no number of keys changes.
sub level {
	my ($name, $class, $part, $subject) = @_;
	my $v = $value{$part}{$subject} // return ();
	return { name => $name, class => $class, points => [ map { [ $_, ($v->{median}) x 3 ] } @sizes[ 0, -1 ] ] };
}

sub escaped {
	my ($text) = @_;
	my %as = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
	return $text =~ s/([&<>])/$as{$1}/gr;
}

sub text {
	my ($x, $y, $class, $text) = @_;
	printf qq(<text x="%.1f" y="%.1f" class="%s">%s</text>\n), $x, $y, $class, escaped($text);
}

sub stroke {
	my ($class, @points) = @_;
	printf qq(<polyline class="%s" points="%s"/>\n), $class, join ' ', map { sprintf '%.1f,%.1f', @$_ } @points;
}

# Ten to that power, of microseconds.
sub time_text {
	my ($power) = @_;
	my @units = ('µs', 'ms', 's');
	my $unit = $power < 0 ? 0 : $power >= 6 ? 2 : int($power / 3);
	return 10**($power - 3 * $unit) . " $units[$unit]";
}

sub keys_text {
	my ($n) = @_;
	return $n =~ s/000000$/M/r =~ s/000$/k/r;
}

# Names of lines next to their ends, and none upon another.
sub names_apart {
	my @ends = sort { $a->{y} <=> $b->{y} } @_;
	my $y = $top;
	for (@ends) {
		$_->{y} = $y if $_->{y} < $y;
		$y = $_->{y} + $apart;
	}
	$y = $bottom + 4;
	for (reverse @ends) {
		$_->{y} = $y if $_->{y} > $y;
		$y = $_->{y} - $apart;
	}
	return @ends;
}

sub half {
	my ($left, $title, $subtitle, @lines) = @_;
	my @all = map { @$_[ 2, 3 ] } map { @{ $_->{points} } } @lines or return;
	my ($low, $high) = (sort { $a <=> $b } @all)[ 0, -1 ];
	my ($from, $to) = (floor(log10($low)), floor(log10($high)) + 1);
	my ($first, $decades) = (log10($sizes[0]), log10($sizes[-1] / $sizes[0]) || 1);
	my $x_of = sub { $left + (log10($_[0]) - $first) / $decades * $across };
	my $y_of = sub { $bottom - (log10($_[0]) - $from) / ($to - $from) * ($bottom - $top) };
	my @ends;

	text($left - 54, 46, 'h', $title);
	text($left - 54, 67, 'n', $subtitle);
	for my $power ($from .. $to) {
		my $y = $y_of->(10**$power);
		stroke('grid', [ $left, $y ], [ $left + $across, $y ]);
		text($left - 8, $y + 4, 'n e', time_text($power));
	}
	for my $n (@sizes) {
		stroke('grid', [ $x_of->($n), $bottom ], [ $x_of->($n), $bottom + 5 ]);
		text($x_of->($n), $bottom + 21, 'n m', keys_text($n));
	}
	text($left + $across / 2, $bottom + 44, 'n m', 'keys in the store');
	for my $line (@lines) {
		my @points = map { [ $x_of->($_->[0]), map { $y_of->($_) } @$_[ 1 .. 3 ] ] } @{ $line->{points} };
		stroke($line->{class}, map { [ @$_[ 0, 1 ] ] } @points);
		for ($line->{class} eq 'bare' ? () : @points) {
			stroke("bar $line->{class}", [ $_->[0], $_->[2] ], [ $_->[0], $_->[3] ]);
			printf qq(<circle class="%s" cx="%.1f" cy="%.1f" r="3.2"/>\n), $line->{class}, @$_[ 0, 1 ];
		}
		push @ends, { y => $points[-1][1] + 4, line => $line };
	}
	text($left + $across + 12, $_->{y}, "t $_->{line}{class}", $_->{line}{name}) for names_apart(@ends);
}

# Values are in microseconds, as in the JSON file.
my @logins = (
	level('pam_unix, yescrypt', 'bare', 'transact', 'unix'),
	level('pam_userdb, SHA-512', 'bare', 'transact', 'userdb-crypt'),
	level('pam_pwdfile, SHA-512', 'bare', 'transact', 'pwdfile'),
	level('pam_oath', 'bare', 'transact', 'oath'),
	level('pam_userdb, plain text', 'bare', 'transact', 'userdb'),
	level('pam_permit', 'bare', 'transact', 'permit'),
	level('does nothing: the floor', 'bare', 'transact', 'floor'),
	line('pam_lrkey', 'c1', 'transact', 'lrkey'),
	line('use limit, synced', 'c2', 'limited', 'limited'),
);
my @commands = (
	line('rekey', 'c5', 'commands', 'rekey'),
	line('check', 'c3', 'commands', 'check'),
	line('list --json', 'c4', 'commands', 'json'),
	line('revoke', 'c2', 'commands', 'revoke'),
	line('show', 'c1', 'commands', 'show'),
	line('bare walk of all', 'bare', 'commands', 'raw-walk'),
	line('bare copy and sync', 'bare', 'commands', 'raw-copy'),
);

print <<"EOS";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height" role="img">
<!-- SPDX-License-Identifier: GPL-3.0-or-later. Drawn by tests/bench/plot.pl. -->
<title>What a login and what commands cost, against the number of keys</title>
<style>
text { font: 15px system-ui, "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; fill: #e6edf3; }
.h { font-weight: bold; }
.n { font-size: 13px; fill: #adbac7; }
.t { font-size: 13px; stroke: none; }
.e { text-anchor: end; }
.m { text-anchor: middle; }
polyline { fill: none; stroke-width: 2.2; }
.grid { stroke: #30363d; stroke-width: 1; }
.bar { stroke-width: 1.4; }
polyline.bare { stroke: #8b949e; stroke-width: 1.4; stroke-dasharray: 5 4; }
text.bare { fill: #adbac7; }
EOS
my @colours = ('#56d364', '#f2cc60', '#79c0ff', '#d2a8ff', '#ff7b72');
printf "polyline.c%d { stroke: %s; }\n.c%d { fill: %s; }\n", $_, $colours[ $_ - 1 ], $_, $colours[ $_ - 1 ] for 1 .. 5;
# Behind the colours of all else: a line is not filled.
print "polyline.c1, polyline.c2, polyline.c3, polyline.c4, polyline.c5 { fill: none; }\n";
printf qq(</style>\n<rect x="0.5" y="0.5" width="%d" height="%d" rx="9" style="fill:#0d1117;stroke:#484f58"/>\n),
	$width - 1, $height - 1;
half($halves[0], 'One login, in a process that lives on', 'time of a whole PAM transaction', @logins);
half($halves[1], 'Commands of lrkeyadm', 'time of the whole process', @commands);
print "</svg>\n";
