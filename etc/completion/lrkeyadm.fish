# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completion of lrkeyadm's command line for fish, 3.1 or newer.
#
# - Commands and options come from the utility's own --help.
# - Nothing MUST be run but "lrkeyadm --help" and "lrkeyadm list", and the latter by managers only:
#   a refusal would be a line in the system log.
# - What a store holds, and what was typed, MUST stay data: no eval.

# Lines of CSV with these columns, for managers; nothing for anybody else.
function __lrkeyadm_list --no-scope-shadowing
	test -w "$root/var/lib/lrkey/$store/lock"; or return
	set -l under
	test -n "$root"; and set under --root "$root"
	command lrkeyadm --store $store $under list --csv --no-headings $argv 2>/dev/null </dev/null
end

# Candidates, with what has been typed before the word that is completed; of a list those that are
# not in it yet.
function __lrkeyadm_words --no-scope-shadowing
	set -l present (string split , -- (string replace -r '^-[^=]*=' '' -- $front))
	for word in $argv
		contains -- (string split -f 1 \t -- $word) $present
		or printf '%s\n' $front$word
	end
end

function __lrkeyadm_ids --no-scope-shadowing
	string match -qr '^[0-9A-Za-z]*$' -- $cur; or return
	for line in (__lrkeyadm_list --columns id,state,org,label $argv |
			LC_ALL=C grep -m 200 "^$cur")
		set -l field (string split -m 3 , -- $line)
		string match -qr '^[0-9A-Za-z]{12}$' -- $field[1]; or continue
		contains -- $field[1] $arguments_given; and continue
		set -l label $field[4]
		# As RFC 4180 quotes.
		if string match -qr '^".*"$' -- $label
			set label (string sub -s 2 -e -1 -- $label | string replace -a '""' '"')
		end
		set -l about $field[3]
		test "$label" = -; or set about "$about: $label"
		test $field[2] = active; or set about "$about ($field[2])"
		printf '%s\t%s\n' "$front$field[1]" "$about"
	end
end

# What there is in a column; of a large store only in the first lines, to be quick.
function __lrkeyadm_column --no-scope-shadowing
	__lrkeyadm_words (__lrkeyadm_list --columns $argv[1] | head -n 10000 | tr ' ' '\n' |
		LC_ALL=C sort -u | grep -vx -e -)
end

# The ids that a command is of use for.
function __lrkeyadm_ids_of --no-scope-shadowing
	switch $argv[1]
		case activate
			__lrkeyadm_ids --state deactivated
		case deactivate
			__lrkeyadm_ids --state active,pending,deprecated,expired,exhausted
		case rotate
			__lrkeyadm_ids --state active,exhausted
		case show log
			__lrkeyadm_ids --all
		case '*'
			__lrkeyadm_ids
	end
end

function __lrkeyadm_value --no-scope-shadowing
	# Of a list with commas the last word is completed.
	set -l at (contains -i -- $argv[1] $with_value)
	if string match -q '*,...' -- $metavar[$at]; and string match -q '*,*' -- $cur
		set front $front(string replace -r '[^,]*$' '' -- $cur)
		set cur (string replace -r '^.*,' '' -- $cur)
	end
	switch $argv[1]
		case --color
			__lrkeyadm_words auto always never
		case --state
			__lrkeyadm_words active pending deprecated deactivated expired exhausted revoked
		case --reason
			__lrkeyadm_words compromised misused usage-limit inactive-owner obsolete renewal other
		case --columns
			__lrkeyadm_words id org label scopes owner state created created_by expires not_before \
				last_used last_service last_rhost uses max_uses denied allow_from predecessor \
				successor revoked revoked_by reason
		case --expires --not-before --since
			__lrkeyadm_words 7d 30d 90d 1y never
		case --overlap --expiring-within --unused-for
			__lrkeyadm_words 1d 7d 14d 30d 90d
		case --id
			__lrkeyadm_ids_of log
		case --org
			__lrkeyadm_column org
		case --scope
			__lrkeyadm_column scopes
		case --store -s
			for dir in "$root"/var/lib/lrkey/*/
				__lrkeyadm_words (string replace -r '.*/([^/]+)/$' '$1' -- $dir)
			end
		case --owner
			__lrkeyadm_words (__fish_complete_users)
		case --managers --verifiers
			__lrkeyadm_words (__fish_complete_groups)
		case --root
			__lrkeyadm_words (__fish_complete_directories $cur '')
		case --output
			__lrkeyadm_words (__fish_complete_path $cur)
	end
end

# lrkeyadm COMMAND... --help: $commands and $options with what they do, $metavar of each option
# $with_value, $arguments.
function __lrkeyadm_help --no-scope-shadowing
	set options
	for line in (command lrkeyadm $argv --help 2>/dev/null </dev/null)
		if set -l found (string match -r '^  (--[a-z-]+) ([A-Z]\S*) +(.*)$' -- $line)
			set -a with_value $found[2]
			set -a metavar $found[3]
			set -a options $found[2]\t$found[4]
		else if set -l found (string match -r '^  (--[a-z-]+) +(.*)$' -- $line)
			set -a options $found[2]\t$found[3]
		else if set -l found (string match -r '^  ([a-z]+) +(.*)$' -- $line)
			set -a commands $found[2]\t$found[3]
		else if set -l found (string match -r '^Usage:.*\[OPTIONS\] ([A-Z.]+)$' -- $line)
			set arguments $found[2]
		end
	end
end

function __lrkeyadm_setting --no-scope-shadowing
	string match -qr '[$`(]' -- $argv[2]; and return 1
	set -l plain (string replace -r '^~/' "$HOME/" -- $argv[2])
	switch $argv[1]
		case -s --store
			set store $plain
		case --root
			set root (string replace -r '/$' '' -- $plain)
	end
	string match -qr '^[a-z][a-z0-9-]*$' -- $store
end

function __lrkeyadm
	set -l words (commandline -opc)
	set -l cur (commandline -ct)
	set -l commands
	set -l options
	set -l with_value -s
	set -l metavar NAME
	set -l arguments
	set -l arguments_given
	set -l given
	set -l option
	set -l command
	set -l only_arguments
	set -l front ''
	set -l root ''
	set -l store system

	command -q lrkeyadm; or return
	__lrkeyadm_help
	for word in $words[2..-1]
		if test -n "$option"
			__lrkeyadm_setting $option $word; or return
			set option
		else if test -n "$only_arguments"; or not string match -qr '^-.' -- $word
			if test -n "$command"
				set -a arguments_given $word
			else
				set command $word
				string match -qr '^[a-z]+$' -- $word; or return
				string match -q -- $word\t'*' $commands; or return
				__lrkeyadm_help $word
			end
		else if test "$word" = --
			set only_arguments 1
		else if string match -qr '^-s.' -- $word
			__lrkeyadm_setting -s (string sub -s 3 -- $word); or return
		else if string match -qr '^--[^=]*=' -- $word
			set -l both (string split -m 1 = -- $word)
			set -a given $both[1]
			__lrkeyadm_setting $both; or return
		else
			set -a given $word
			contains -- $word $with_value; and set option $word
		end
	end

	if test -z "$only_arguments" -a -z "$option"; and string match -qr '^--[^=]*=' -- $cur
		set option (string replace -r '=.*' '' -- $cur)
		set front $option=
		set cur (string replace -r '^[^=]*=' '' -- $cur)
	end
	if test -n "$option"
		contains -- $option $with_value; and __lrkeyadm_value $option
	else if test -z "$only_arguments"; and string match -q -- '-*' $cur
		for line in $options
			contains -- (string split -f 1 \t -- $line) $given; or printf '%s\n' $line
		end
	else if test -z "$command"
		printf '%s\n' $commands
	else if test "$arguments" = ID...; or test "$arguments" = ID -a -z "$arguments_given"
		__lrkeyadm_ids_of $command
	else if test "$arguments" = FILE -a -z "$arguments_given"
		__fish_complete_path $cur
	end
end

complete -c lrkeyadm -f -a '(__lrkeyadm)'
