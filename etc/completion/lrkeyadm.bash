# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Completion of lrkeyadm's command line for bash, 4.4 or newer.
#
# - Commands and options come from the utility's own --help.
# - Nothing MUST be run but "lrkeyadm --help" and "lrkeyadm list", and the latter by managers only:
#   a refusal would be a line in the system log.
# - What a store holds, and what was typed, MUST stay data: no eval, and no "compgen -W", which
#   expands its words.

# What a word stands for, into $plain. Fails where the shell would have to compute it.
_lrkeyadm_plain() {
	plain=$1
	case $plain in
	*[\$\`]*) return 1 ;;
	'~'/*) plain=$HOME${plain#'~'} ;;
	esac
	plain=${plain//[\"\']/}
	plain=${plain//\\/}
}

# lrkeyadm COMMAND... --help: $commands with what they do, $metavar of each option, $arguments.
_lrkeyadm_help() {
	local line
	local option='^  (--[a-z-]+)( ([A-Z][^ ]*))?( |$)' command='^  ([a-z]+) ' usage='\[OPTIONS\] ([A-Z.]+)$'

	while IFS= read -r line; do
		if [[ $line =~ $option ]]; then
			metavar[${BASH_REMATCH[1]}]=${BASH_REMATCH[3]}
		elif [[ $line =~ $command ]]; then
			commands+=("${BASH_REMATCH[1]}")
		elif [[ $line =~ ^Usage:.*$usage ]]; then
			arguments=${BASH_REMATCH[1]}
		fi
	done < <(command lrkeyadm "$@" --help 2>/dev/null </dev/null)
}

# Lines of CSV with these columns, for managers; nothing for anybody else.
_lrkeyadm_list() {
	[[ -w $root/var/lib/lrkey/$store/lock ]] || return
	command lrkeyadm --store "$store" ${root:+--root "$root"} list --csv --no-headings "$@" \
		2>/dev/null </dev/null
}

# Candidates that begin with what was typed, quoted for the shell where that must be; of a list
# those that are not in it yet.
_lrkeyadm_words() {
	local word

	for word in "$@"; do
		if [[ $word == "$cur"* && ,$front != *",$word,"* ]]; then
			printf -v word %q "$word"
			COMPREPLY+=("$front$word")
		fi
	done
}

# Ids; while there are several, with what they are. Ids differ within 12 characters: the part
# that all of them share, and that readline puts into the line, is never more than that.
_lrkeyadm_ids() {
	local id state org label other known=" ${arguments_given[*]} " show_words=
	local -A seen=()

	[[ $cur =~ ^[0-9A-Za-z]*$ ]] || return
	# How readline completes: it inserts whole candidates with 37 and 42.
	case $COMP_TYPE in 9 | 33 | 63 | 64) show_words=1 ;; esac
	while IFS=, read -r id state org label; do
		[[ $id =~ ^[0-9A-Za-z]{12}$ && $known != *" $id "* ]] || continue
		# Where readline ignores case, these two would share what stands behind them.
		[[ -z ${seen[${id,,}]-} ]] || show_words=
		seen[${id,,}]=1
		# As RFC 4180 quotes.
		if [[ $label == \"*\" ]]; then
			label=${label:1:-1}
			label=${label//\"\"/\"}
		fi
		other="$org${label:+: $label}"
		[[ $label != - ]] || other=$org
		[[ $state == active ]] || other+=" ($state)"
		COMPREPLY+=("$id  $other")
	done < <(_lrkeyadm_list --columns id,state,org,label "$@" | LC_ALL=C grep -m 200 "^$cur")
	if [[ ${#COMPREPLY[@]} -eq 1 || -z $show_words ]]; then
		COMPREPLY=("${COMPREPLY[@]%%  *}")
	fi
}

# What there is in a column; of a large store only in the first lines, to be quick.
_lrkeyadm_column() {
	local words

	mapfile -t words < <(_lrkeyadm_list --columns "$1" | head -n 10000 | tr ' ' '\n' |
		LC_ALL=C sort -u | grep -vx -e -)
	_lrkeyadm_words "${words[@]}"
}

_lrkeyadm_stores() {
	local dir names=()

	for dir in "$root"/var/lib/lrkey/*/; do
		dir=${dir%/}
		[[ ! -d $dir ]] || names+=("${dir##*/}")
	done
	_lrkeyadm_words "${names[@]}"
}

# The ids that a command is of use for.
_lrkeyadm_ids_of() {
	case $1 in
	activate) _lrkeyadm_ids --state deactivated ;;
	deactivate) _lrkeyadm_ids --state active,pending,deprecated,expired,exhausted ;;
	rotate) _lrkeyadm_ids --state active,exhausted ;;
	show | log) _lrkeyadm_ids --all ;;
	*) _lrkeyadm_ids ;;
	esac
}

_lrkeyadm_value() {
	# Of a list with commas the last word is completed.
	if [[ ${metavar[$1]} == *,... ]]; then
		compopt -o nospace
		if [[ $cur == *,* ]]; then
			front=${cur%,*},
			cur=${cur##*,}
		fi
	fi
	case $1 in
	--color) _lrkeyadm_words auto always never ;;
	--state)
		_lrkeyadm_words active pending deprecated deactivated expired exhausted revoked
		;;
	--reason)
		_lrkeyadm_words compromised misused usage-limit inactive-owner obsolete renewal other
		;;
	--columns)
		_lrkeyadm_words id org label scopes owner state created created_by expires not_before \
			last_used last_service last_rhost uses max_uses denied allow_from predecessor \
			successor revoked revoked_by reason
		;;
	--expires | --not-before | --since) _lrkeyadm_words 7d 30d 90d 1y never ;;
	--overlap | --expiring-within | --unused-for) _lrkeyadm_words 1d 7d 14d 30d 90d ;;
	--id) _lrkeyadm_ids_of log ;;
	--org) _lrkeyadm_column org ;;
	--scope) _lrkeyadm_column scopes ;;
	--store | -s) _lrkeyadm_stores ;;
	--owner) mapfile -t names < <(compgen -u -- "$cur") && _lrkeyadm_words "${names[@]}" ;;
	--managers | --verifiers)
		mapfile -t names < <(compgen -g -- "$cur") && _lrkeyadm_words "${names[@]}"
		;;
	--root) compopt -o dirnames ;;
	--output) compopt -o default ;;
	esac
}

# What stands before the word to be completed. Readline has split words at = and :.
_lrkeyadm_join() {
	local i glue=

	for ((i = 0; i <= COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} =~ ^[=:]+$ && $i -gt 0 ]]; then
			words[-1]+=${COMP_WORDS[i]}
			glue=1
		elif [[ $glue ]]; then
			words[-1]+=${COMP_WORDS[i]}
			glue=
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
}

_lrkeyadm_setting() {
	local plain

	_lrkeyadm_plain "$2" || return
	case $1 in
	-s | --store) store=$plain ;;
	--root) root=${plain%/} ;;
	esac
	[[ $store =~ ^[a-z][a-z0-9-]*$ ]]
}

_lrkeyadm() {
	local cur option='' command='' only_arguments='' word arguments='' front='' root='' store=system
	local words=() arguments_given=() commands=() names=() given=' '
	local -A metavar=()

	COMPREPLY=()
	_lrkeyadm_join
	cur=${words[-1]}
	unset 'words[-1]'
	_lrkeyadm_help
	metavar[-s]=NAME
	for word in "${words[@]:1}"; do
		if [[ $option ]]; then
			_lrkeyadm_setting "$option" "$word" || return
			option=
		elif [[ $only_arguments || $word != -?* ]]; then
			if [[ $command ]]; then
				arguments_given+=("$word")
			else
				command=$word
				[[ " ${commands[*]} " == *" $command "* ]] || return
				_lrkeyadm_help "$command"
			fi
		elif [[ $word == -- ]]; then
			only_arguments=1
		elif [[ $word == -s?* && $word != --* ]]; then
			_lrkeyadm_setting -s "${word:2}" || return
		elif [[ $word == --*=* ]]; then
			given+="${word%%=*} "
			_lrkeyadm_setting "${word%%=*}" "${word#*=}" || return
		else
			given+="$word "
			[[ -z ${metavar[$word]-} ]] || option=$word
		fi
	done

	if [[ ! $only_arguments && ! $option && $cur == --*=* ]]; then
		option=${cur%%=*}
		cur=${cur#*=}
	fi
	if [[ $option ]]; then
		[[ -z ${metavar[$option]-} ]] || _lrkeyadm_value "$option"
	elif [[ ! $only_arguments && $cur == -* ]]; then
		for word in "${!metavar[@]}"; do
			[[ $word == -s || $given == *" $word "* ]] || _lrkeyadm_words "$word"
		done
	elif [[ ! $command ]]; then
		_lrkeyadm_words "${commands[@]}"
	elif [[ $arguments == ID... || ($arguments == ID && ${#arguments_given[@]} -eq 0) ]]; then
		_lrkeyadm_ids_of "$command"
	elif [[ $arguments == FILE && ${#arguments_given[@]} -eq 0 ]]; then
		compopt -o default
	fi
}

complete -F _lrkeyadm lrkeyadm
