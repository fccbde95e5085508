# SPDX-License-Identifier: GPL-3.0-or-later
#
# perl forge.pl unknown|secret: reads keys, and prints for each a well formed one with another
# id, or with another secret.
use strict;
use warnings;
use Compress::Raw::Zlib qw(crc32);

my $at = { unknown => 4, secret => 17 }->{ $ARGV[0] // '' } // die "forge.pl: unknown or secret\n";
my @digits = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');

while (my $key = <STDIN>) {
	my $text = substr($key, 0, 49);
	my $check = '';

	substr($text, $at, 1) =~ tr/0-9A-Za-z/1-9A-Za-z0/;
	for (my $crc = crc32($text), my $i = 0; $i < 6; $i++) {
		$check = $digits[$crc % 62] . $check;
		$crc = int($crc / 62);
	}
	print "$text$check\n";
}
