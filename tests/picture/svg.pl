#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A picture of a terminal: what was on it, with its colours, as SVG.
#
#	svg.pl COLUMNS TITLE <TYPESCRIPT >PICTURE
#
# It has its own dark ground, so that it can be read on a light page and on a dark one, and its letters
# stay letters, which can be searched and copied. Whatever moves the cursor but newline and carriage
# return is an error: it would be shown wrongly.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my ($columns, $title) = @ARGV;
my ($cell, $height, $size, $margin, $bar) = (8.4, 19, 14, 18, 36);

# Classes by the number of their colour, and how each looks.
my %colour = (
	31 => '#ff7b72', 32 => '#7ee787', 33 => '#f2cc60', 34 => '#79c0ff', 35 => '#d2a8ff',
	36 => '#76e3ea', 90 => '#8b949e', 37 => '#e6edf3',
);

# A line is a list of [text, class...].
my @lines = ([]);
my ($bold, $dim, $fore) = (0, 0, '');

sub style {
	for my $code (split /;/, shift) {
		$code = 0 if $code eq '';
		if ($code == 0) { ($bold, $dim, $fore) = (0, 0, '') }
		elsif ($code == 1) { $bold = 1 }
		elsif ($code == 2) { $dim = 1 }
		elsif ($code == 22) { ($bold, $dim) = (0, 0) }
		elsif ($code == 39) { $fore = '' }
		elsif ($colour{$code}) { $fore = $code }
		else { die "svg.pl: no such style: $code\n" }
	}
}

# A line that is too long goes on in the next one, as on a terminal.
my $used = 0;

sub put {
	my ($text) = @_;
	my $class = join ' ', grep { $_ } $fore ? "c$fore" : '', $bold ? 'b' : '', $dim ? 'd' : '';
	while ($text ne '') {
		if ($used == $columns) { push @lines, []; $used = 0 }
		my $part = substr $text, 0, $columns - $used, '';
		my $line = $lines[-1];
		$used += length $part;
		if (@$line && $line->[-1][1] eq $class) { $line->[-1][0] .= $part }
		else { push @$line, [$part, $class] }
	}
}

my $all = do { local $/; <STDIN> };
$all =~ s/\r+\n/\n/g;
while ($all =~ /\G(?:\e\[([0-9;]*)m|(\n)|([^\e\n\r]+)|(.))/gs) {
	if (defined $1) { style($1) }
	elsif (defined $2) { push @lines, []; $used = 0 }
	elsif (defined $3) { put($3) }
	else { die sprintf "svg.pl: cannot be shown: \\x%02x\n", ord $4 }
}
pop @lines while @lines && !@{ $lines[-1] };

sub escape {
	my $text = shift;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/>/&gt;/g;
	return $text;
}

my $width = 2 * $margin + $columns * $cell;
my $tall = $bar + $margin + @lines * $height;
my $name = escape($title);
print <<"EOS";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $tall" width="$width" height="$tall" role="img">
<!-- SPDX-License-Identifier: GPL-3.0-or-later. Made by "make picture" from a real run. -->
<title>$name</title>
<style>
text { font: ${size}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #e6edf3; white-space: pre; }
.b { font-weight: bold; }
.d { fill-opacity: 0.6; }
EOS
print ".c$_ { fill: $colour{$_}; }\n" for sort keys %colour;
print <<"EOS";
</style>
<rect x="0.5" y="0.5" width="@{[$width - 1]}" height="@{[$tall - 1]}" rx="9" fill="#0d1117" stroke="#484f58"/>
<circle cx="20" cy="18" r="5.5" fill="#484f58"/>
<circle cx="38" cy="18" r="5.5" fill="#484f58"/>
<circle cx="56" cy="18" r="5.5" fill="#484f58"/>
<text x="@{[$width / 2]}" y="23" text-anchor="middle" class="c90">$name</text>
EOS
my $y = $bar + $size;
for my $line (@lines) {
	my $column = 0;
	for my $run (@$line) {
		my ($text, $class) = @$run;
		my $length = length $text;
		my ($blank) = $text =~ /^( *)/;
		my $shown = $text =~ s/^ +| +$//gr;
		if ($shown ne '') {
			printf qq(<text x="%.1f" y="%d" textLength="%.1f"%s xml:space="preserve">%s</text>\n),
				$margin + ($column + length $blank) * $cell, $y, length($shown) * $cell,
				$class ? qq( class="$class") : '', escape($shown);
		}
		$column += $length;
	}
	$y += $height;
}
print "</svg>\n";
