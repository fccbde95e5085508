#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a reader of a document is told to type, one a line:
#
#	commands.pl FILE	prints	LINE	HEADING	WHO	PLACE	TEXT
#
# divided by tabs. In a manual (mdoc) a line of an example that begins with "# " is for root, one with
# "$ " for a manager. In a document (Markdown) a block "```sh" is for root, one "```sh alice" for a
# manager. In a README.Debian, which is plain text, what stands four blanks to the right is for root.
# WHO is root or user; or text, for a line of a block that is no command, of which PLACE is the file of
# /etc that was named last before the block, or the language of a block of Markdown. A command that goes
# on in the next line is one, with \x1f between its lines. HEADING is written with _ for what is no
# letter or digit.
#
# - What it does not understand MUST end it with an error: a command must not be passed over.
use strict;
use warnings;

my ($file) = @ARGV;
open my $in, '<', $file or die "$file: $!\n";
my ($heading, $place, $who, $joined, $begin) = ('', '-', '', '', 0);
my $plain = $file =~ /README\.Debian$/;
my $mdoc = $file =~ /\.[1-8]$/;
die "$file: neither a manual, nor Markdown, nor a README.Debian\n"
	unless $plain || $mdoc || $file =~ /\.md$/;
my $block = 0;

sub slug { my $s = lc shift; $s =~ s/[^a-z0-9]+/_/g; $s =~ s/^_|_$//g; return $s }

sub emit {
	my ($who, $text, $line) = @_;
	$text =~ s/\t/ /g if $who eq 'text';
	print join("\t", $line, $heading, $who, $place, $text), "\n";
}

# Whether a line is not the last one of its command.
sub goes_on { return $_[0] =~ /(\\|\||&&)$/ }

# A line of a block, whose prompt has been taken away; "" for a line that goes on.
sub take {
	my ($prompt, $text) = @_;
	if ($joined ne '') {
		$joined .= "\x1f$text";
	} elsif ($prompt eq '') {
		emit('text', $text, $.);
		return;
	} else {
		($who, $joined, $begin) = ($prompt, $text, $.);
	}
	return if goes_on($text);
	emit($who, $joined, $begin);
	$joined = '';
}

sub end_block {
	die "$file:$.: a command goes on, and its block ends\n" if $joined ne '';
	$block = 0;
}

my $language = '';
my $last = '';
while (my $line = <$in>) {
	chomp $line;
	if ($plain) {
		if ($line =~ s/^    //) { take('root', $line) }
		elsif ($joined ne '') { end_block() }
		elsif ($line =~ /^[-=]{3,}$/) { $heading = slug($last) }
		elsif ($line =~ /^\s+\S/) { die "$file:$.: neither text nor a command\n" }
		$last = $line;
		next;
	}
	if ($mdoc) {
		if ($block && $line =~ /^\.Ed/) { end_block(); next }
		if ($block || $line =~ s/^\.Dl //) {
			$line =~ s/\\e/\\/g;
			$line =~ s/\\\(aq/'/g;
			$line =~ s/\\\(ha/^/g;
			$line =~ s/\\\(ti/~/g;
			my $prompt = $joined eq '' && $line =~ s/^([#\$]) // ? ($1 eq '#' ? 'root' : 'user') : '';
			take($prompt, $line);
		} elsif ($line =~ /^\.Bd/) {
			$line =~ /^\.Bd -literal( -offset indent)?$/ or die "$file:$.: another kind of block\n";
			$block = 1;
		} elsif ($line =~ /^\.S[hs] (.*)/) {
			($heading, $place) = (slug($1), '-');
		} elsif ($line =~ m{^\.Pa (/etc/\S+)}) {
			$place = $1;
		}
		next;
	}
	if ($block) {
		if ($line =~ /^```$/) { end_block(); $place = '-'; next }
		take($language =~ /^sh( alice)?$/ ? ($1 ? 'user' : 'root') : '', $line);
	} elsif ($line =~ /^```(sh|sh alice|nginx|yaml|text)$/) {
		($block, $language) = (1, $1);
		$place = $language =~ /^sh/ ? '-' : $language;
	} elsif ($line =~ /^```|^~~~|^    \S|^\t/) {
		die "$file:$.: a block whose language is none of: sh, sh alice, nginx, yaml, text\n";
	} elsif ($line =~ /^#+ (.*)/) {
		$heading = slug($1);
	}
}
die "$file: a block does not end\n" if $block;
