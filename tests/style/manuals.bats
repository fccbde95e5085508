#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Code and manuals name the same things, both ways: commands, options, exit statuses, metrics, states,
# reasons and members of a key; settings of the policy with their defaults; the module's options, return
# codes and environment. The code's side is what the utility prints as its help, and tables in the source.

load ../lib.bash

UTILITY_PAGE=$LRKEY_SOURCE/lrkeyadm/lrkeyadm.8
MODULE_PAGE=$LRKEY_SOURCE/pam_lrkey/pam_lrkey.8
KEY_PAGE=$LRKEY_SOURCE/liblrkey/lrkey.5
POLICY_PAGE=$LRKEY_SOURCE/lrkeyadm/lrkey-policy.conf.5
PAGES=("$UTILITY_PAGE" "$MODULE_PAGE" "$KEY_PAGE" "$POLICY_PAGE")

# part HEADING [SUBHEADING]: the lines of a section, or of a subsection, of the page on standard input.
part() {
	awk -v head=".Sh $1" -v sub_head="${2:+.Ss $2}" '
		/^\.Sh / { in_section = $0 == head; in_part = in_section && sub_head == ""; next }
		/^\.Ss / { if (in_section && sub_head != "") { in_part = $0 == sub_head; next } }
		in_part'
}

# ---- The utility -------------------------------------------------------------

helped_commands() {
	"$LRKEYADM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# "COMMAND --option" for each option of its own.
helped_options() {
	local command

	for command in $(helped_commands); do
		"$LRKEYADM" "$command" --help | sed -n '/^Options:/,/^$/s/^  \(--[a-z-]*\).*/\1/p' |
			sed "s/^/$command /"
	done
}

helped_everywhere() {
	"$LRKEYADM" --help | sed -n '/^Options,/,/^$/s/^  \(--[a-z-]*\).*/\1/p'
}

# In a heading several commands may stand side by side.
described_commands() {
	part COMMANDS <"$1" | sed -n 's/^\.Ss //p' | tr -d ',' | xargs -n 1
}

described_options() {
	part COMMANDS <"$1" | awk '
		/^\.Ss / { n = split(substr($0, 5), commands, " , "); next }
		/^\.It Fl / {
			for (i = 3; i <= NF; i++)
				if ($i ~ /^-[a-z]/)
					for (c = 1; c <= n; c++)
						print commands[c], "-" $i
		}'
}

described_everywhere() {
	part DESCRIPTION Options <"$1" | grep '^\.It Fl ' | grep -oE ' -[a-z][a-z-]*' | sed 's/^ /-/'
}

# From the lines of the synopsis: each use begins with .Nm, its command is a .Cm.
synopsis_commands() {
	part SYNOPSIS <"$1" | sed -n 's/^\.Cm \([a-z-]*\)$/\1/p'
}

synopsis_options() {
	part SYNOPSIS <"$1" | awk '
		/^\.Nm/ { command = "" }
		/^\.Cm / { command = $2 }
		/^\.(Op )?Fl -/ { for (i = 1; i <= NF; i++) if ($i ~ /^-[a-z]/) print command, "-" $i }'
}

mentioned_options() {
	grep -oE 'Fl -[a-z][a-z-]*' "$1" | sed 's/^Fl /-/'
}

same() {
	diff <(sort -u <<<"$1") <(sort -u <<<"$2")
}

# Each of these asks one question of a page, and prints where it differs from the code.
commands_agree() {
	same "$(helped_commands)" "$(described_commands "$1")"
	same "$(helped_commands)" "$(synopsis_commands "$1")"
}

options_agree() {
	same "$(helped_options)" "$(described_options "$1")"
	same "$(helped_options)" "$(synopsis_options "$1")"
}

general_options_agree() {
	same "$(helped_everywhere)" "$(described_everywhere "$1")"
}

mentions_are_true() {
	comm -13 <({ helped_everywhere; helped_options | cut -d' ' -f2; } | sort -u) \
		<(mentioned_options "$1" | sort -u)
}

# The statuses are one enumeration, each with its number.
statuses_agree() {
	same "$(sed -nE 's/^\tSTATUS_[A-Z_]+ = ([0-9]+),.*/\1/p' "$LRKEY_SOURCE"/lrkeyadm/*.h)" \
		"$(part 'EXIT STATUS' <"$1" | sed -n 's/^\.It \([0-9]*\)$/\1/p')"
}

# agrees CHECK PAGE, and differs CHECK PAGE SED: so it does not when the page is edited.
agrees() {
	local found

	found=$("$1" "$2") || true
	[ -z "$found" ] || fail "$found"
}

differs() {
	local found page=$BATS_TEST_TMPDIR/page

	sed -E "$3" "$2" >"$page"
	run ! cmp -s "$2" "$page"
	found=$("$1" "$page") || true
	[ -n "$found" ] || fail "$1 does not see: $3"
}

@test "the help names commands and options at all" {
	[ "$(helped_commands | wc -l)" -ge 8 ]
	[ "$(helped_options | wc -l)" -ge 20 ]
	helped_options | grep -qx 'generate --org'
	helped_everywhere | grep -qx -- --store
}

@test "lrkeyadm: the same commands" {
	agrees commands_agree "$UTILITY_PAGE"
	differs commands_agree "$UTILITY_PAGE" 's/^\.Ss revoke$/.Ss revoke , forget/'
	differs commands_agree "$UTILITY_PAGE" 's/^\.Ss verify$/.Ss check/'
	differs commands_agree "$UTILITY_PAGE" 's/^\.Cm list$/.Cm lists/'
}

@test "lrkeyadm: the same options of each command" {
	agrees options_agree "$UTILITY_PAGE"
	differs options_agree "$UTILITY_PAGE" '/^\.It Fl -columns/d'
	differs options_agree "$UTILITY_PAGE" 's/^\.It Fl -force$/.It Fl -forced/'
	differs options_agree "$UTILITY_PAGE" 's/^\.Op Fl -yes$/.Op Fl -no/'
}

@test "lrkeyadm: the same options of all commands" {
	agrees general_options_agree "$UTILITY_PAGE"
	differs general_options_agree "$UTILITY_PAGE" '/^\.It Fl -json$/d'
	differs general_options_agree "$UTILITY_PAGE" 's/^\.It Fl -help$/.It Fl -help , Fl -quiet/'
}

@test "lrkeyadm: no option is mentioned that there is not" {
	agrees mentions_are_true "$UTILITY_PAGE"
	differs mentions_are_true "$UTILITY_PAGE" "\$a .Fl -nonsense"
}

@test "lrkeyadm: the same exit statuses" {
	agrees statuses_agree "$UTILITY_PAGE"
	differs statuses_agree "$UTILITY_PAGE" '/^\.It 77$/d'
	differs statuses_agree "$UTILITY_PAGE" 's/^\.It 78$/.It 79/'
}

metrics_agree() {
	same "$(grep -ohE '"lrkey_[a-z_]+"' "$LRKEY_SOURCE/lrkeyadm/cmd_metrics.c" | tr -d '"')" \
		"$(part COMMANDS metrics <"$1" | sed -nE 's/^\.It Ql (lrkey_[a-z_]+).*/\1/p')"
}

@test "lrkeyadm: the same metrics" {
	agrees metrics_agree "$UTILITY_PAGE"
	differs metrics_agree "$UTILITY_PAGE" '/^\.It Ql lrkey_key_max_uses/d'
	differs metrics_agree "$UTILITY_PAGE" 's/^(\.It Ql lrkey_key_denied)_total/\1/'
}

# The words of a table in the source: [NAME] = "word".
words_of() {
	grep -ohE "\[LRK_$1_[A-Z_]+\] = \"[a-z-]+\"" "$LRKEY_SOURCE/liblrkey/entry.c" | grep -oE '[a-z-]+"' |
		tr -d '"'
}

reasons_agree() {
	same "$(words_of REASON)" "$(part COMMANDS revoke <"$1" |
		sed -nE '/^\.It Fl -reason/,/^\.It Fl -yes/s/^\.Cm ([a-z-]+)( .*)?$/\1/p')"
}

@test "lrkeyadm: the same reasons of a revocation" {
	agrees reasons_agree "$UTILITY_PAGE"
	differs reasons_agree "$UTILITY_PAGE" '/^\.Cm obsolete ,$/d'
	differs reasons_agree "$UTILITY_PAGE" 's/^\.Cm renewal$/.Cm renewed/'
}

# Environment variables that the utility asks for. "ignored" is said of OpenSSL's, and locales are
# the C library's.
environment_agrees() {
	same "$(grep -ohE 'getenv\("[A-Z_]+"\)' "$LRKEY_SOURCE"/lrkeyadm/*.c | grep -oE '[A-Z_]{2,}')" \
		"$(part ENVIRONMENT <"$1" | sed -n 's/^\.It Ev //p' | tr -d ',' | xargs -n 1 | grep -vE '^L(C_|ANG)')"
}

@test "lrkeyadm: the same environment variables" {
	agrees environment_agrees "$UTILITY_PAGE"
	differs environment_agrees "$UTILITY_PAGE" 's/^\.It Ev NO_COLOR$/.It Ev NO_COLOUR/'
	differs environment_agrees "$UTILITY_PAGE" 's/^\.It Ev NO_COLOR$/.It Ev NO_COLOR , HOME/'
}

# ---- The module --------------------------------------------------------------

known_options() {
	sed -nE 's/^\t\{ "([a-z_]+)", .*/\1/p' "$LRKEY_SOURCE/pam_lrkey/options.c"
}

module_options_agree() {
	same "$(known_options)" \
		"$(part OPTIONS <"$1" | sed -nE 's/^\.It Cm ([a-z_]+)( .*)?$/\1/p')"
}

@test "pam_lrkey: the same options" {
	[ "$(known_options | wc -l)" -ge 9 ]
	agrees module_options_agree "$MODULE_PAGE"
	differs module_options_agree "$MODULE_PAGE" '/^\.It Cm debug$/d'
	differs module_options_agree "$MODULE_PAGE" 's/^\.It Cm debug$/.It Cm debugging/'
}

synopsis_of_module_agrees() {
	same "$(known_options)" \
		"$(part SYNOPSIS <"$1" | grep '^\.Op Cm ' | grep -oE '[a-z]+_first_pass|Cm [a-z]+ Ns =|Cm debug' |
			sed -E 's/^Cm ([a-z]+).*/\1/')"
}

@test "pam_lrkey: the same options in the synopsis" {
	agrees synopsis_of_module_agrees "$MODULE_PAGE"
	differs synopsis_of_module_agrees "$MODULE_PAGE" '/^\.Op Cm owner/d'
	differs synopsis_of_module_agrees "$MODULE_PAGE" 's/^\.Op Cm debug$/.Op Cm quiet Ns = Ns Cm yes/'
}

# The codes that its source names.
returned_codes() {
	grep -ohE 'PAM_(SUCCESS|IGNORE|MAXTRIES|[A-Z_]+_(ERR|EXPIRED|DENIED|UNAVAIL))\>' \
		"$LRKEY_SOURCE"/pam_lrkey/*.c
}

codes_agree() {
	same "$(returned_codes)" "$(part 'RETURN VALUES (PAM)' <"$1" | sed -n 's/^\.It Dv //p')"
}

@test "pam_lrkey: the same return codes" {
	[ "$(returned_codes | sort -u | wc -l)" -ge 8 ]
	agrees codes_agree "$MODULE_PAGE"
	differs codes_agree "$MODULE_PAGE" '/^\.It Dv PAM_MAXTRIES$/d'
	differs codes_agree "$MODULE_PAGE" 's/^\.It Dv PAM_BUF_ERR$/.It Dv PAM_SYSTEM_ERR/'
}

granted_names_agree() {
	same "$(grep -ohE '"LRKEY_[A-Z_]+"' "$LRKEY_SOURCE/pam_lrkey/grant.c" | tr -d '"')" \
		"$(part ENVIRONMENT <"$1" | sed -n 's/^\.It Ev //p')"
}

@test "pam_lrkey: the same names in the environment" {
	agrees granted_names_agree "$MODULE_PAGE"
	differs granted_names_agree "$MODULE_PAGE" '/^\.It Ev LRKEY_ORG$/d'
	differs granted_names_agree "$MODULE_PAGE" 's/^\.It Ev LRKEY_ID$/.It Ev LRKEY_KEY/'
}

# ---- Keys --------------------------------------------------------------------

states_agree() {
	same "$(words_of STATE)" "$(part STATES <"$1" | sed -nE 's/^\.It ([a-z]+) Ta .*/\1/p')"
}

@test "lrkey: the same states" {
	agrees states_agree "$KEY_PAGE"
	differs states_agree "$KEY_PAGE" '/^\.It exhausted /d'
	differs states_agree "$KEY_PAGE" 's/^\.It pending /.It waiting /'
}

# "id" has a paragraph of its own.
members_agree() {
	same "$(sed -nE 's/^\t\{ \.name = "([a-z_]+)", \.get = .*/\1/p' "$LRKEY_SOURCE/lrkeyadm/fields.c")" \
		"$(echo id; part DESCRIPTION 'What is known of a key' <"$1" | sed -n 's/^\.It Cm //p' |
			tr -d ',' | xargs -n 1)"
}

@test "lrkey: the same members of a key" {
	agrees members_agree "$KEY_PAGE"
	differs members_agree "$KEY_PAGE" '/^\.It Cm owner$/d'
	differs members_agree "$KEY_PAGE" 's/^\.It Cm label$/.It Cm label , note/'
}

# ---- The policy --------------------------------------------------------------

# "NAME=DEFAULT" of each setting, as the table in the source has them, in the words of a file.
known_settings() {
	sed -nE 's/^\t\[[A-Z_]+\] = \{ "([a-z-]+)", KIND_([A-Z_]+), (.*) \},$/\1 \2 \3/p' \
		"$LRKEY_SOURCE/lrkeyadm/policy.c" | awk '
		$2 == "YES_NO" { print $1 "=" ($3 ? "yes" : "no"); next }
		$3 == "LRK_NEVER" { print $1 "=never"; next }
		$4 == "*" && $5 == "DAY" { print $1 "=" ($3 == 365 ? "1y" : $3 "d"); next }
		{ print $1 "=" $3 }'
}

settings_agree() {
	same "$(known_settings)" "$(sed -nE 's/^\.It Cm ([a-z-]+=[a-z0-9]+)$/\1/p' "$1")"
}

example_settings_agree() {
	same "$(known_settings)" "$(sed -nE 's/^#([a-z-]+=[a-z0-9]+)$/\1/p' "$1")"
}

@test "lrkey-policy.conf: the same settings, with their defaults, and in the example" {
	[ "$(known_settings | wc -l)" -ge 9 ]
	known_settings | grep -qx 'default-expiry=90d'
	agrees settings_agree "$POLICY_PAGE"
	differs settings_agree "$POLICY_PAGE" '/^\.It Cm review-unused/d'
	differs settings_agree "$POLICY_PAGE" 's/^(\.It Cm default-overlap)=7d/\1=8d/'
	differs settings_agree "$POLICY_PAGE" 's/^(\.It Cm default)-overlap/\1-overlaps/'
	agrees example_settings_agree "$LRKEY_SOURCE/etc/policy.conf"
	differs example_settings_agree "$LRKEY_SOURCE/etc/policy.conf" 's/^#(allow-never)=yes/#\1=no/'
}

# ---- All of them -------------------------------------------------------------

# References to our own pages lead somewhere.
dead_references() {
	local name section

	grep -ohE '^\.Xr (pam_)?lrkey[a-z._-]* [0-9]' "$1" | while read -r _ name section; do
		[ -n "$(find "$LRKEY_SOURCE"/{liblrkey,lrkeyadm,pam_lrkey} -name "$name.$section")" ] ||
			echo "$name($section)"
	done
}

# has_in_order PAGE SECTION...: these sections, others may stand between them.
has_in_order() {
	local page=$1 name expression=''

	shift
	for name in "$@"; do
		expression+="(^|.* )<$name( \\(PAM\\))?>"
	done
	expect_match "$(sed -n 's/^\.Sh \(.*\)$/<\1>/p' "$page" | tr '\n' ' ')" "$expression"
}

@test "pam_lrkey: the sections of Linux-PAM's own pages, in their order" {
	local copy=$BATS_TEST_TMPDIR/pam_lrkey.8 sections=(NAME SYNOPSIS DESCRIPTION OPTIONS
		'MODULE TYPES PROVIDED' 'RETURN VALUES' FILES EXAMPLES 'SEE ALSO' AUTHORS)

	has_in_order "$MODULE_PAGE" "${sections[@]}"
	sed 's/^\.Sh MODULE TYPES PROVIDED/.Sh TYPES/' "$MODULE_PAGE" >"$copy"
	run has_in_order "$copy" "${sections[@]}"
	[ "$status" -ne 0 ]
}

@test "lrkeyadm: why it is never granted through sudo" {
	part 'SECURITY CONSIDERATIONS' <"$UTILITY_PAGE" | grep -q 'through sudo'
}

@test "the pages refer to each other, and to nothing that there is not" {
	local page other

	for page in "${PAGES[@]}"; do
		agrees dead_references "$page"
	done
	for other in 'pam_lrkey 8' 'lrkey 5' 'lrkey-policy.conf 5'; do
		part 'SEE ALSO' <"$UTILITY_PAGE" | grep -q "^\.Xr $other"
	done
	for page in "$MODULE_PAGE" "$KEY_PAGE" "$POLICY_PAGE"; do
		part 'SEE ALSO' <"$page" | grep -q '^\.Xr lrkeyadm 8'
	done
	differs dead_references "$MODULE_PAGE" "\$a .Xr lrkey 9"
}

# A section that is named is one of the page.
dead_sections() {
	local name

	sed -nE 's/^\.Sx (.*[^ .,;:)])[ .,;:)]*$/\1/p' "$1" | while IFS= read -r name; do
		grep -qE "^\.S[hs] $name\$" "$1" || echo "$name"
	done
}

@test "no page names a section that it has not" {
	local page

	for page in "${PAGES[@]}"; do
		agrees dead_sections "$page"
	done
	differs dead_sections "$UTILITY_PAGE" 's/^\.Sh OUTPUT$/.Sh RESULT/'
}

# Every "lrkeyadm COMMAND --option ..." in prose and comments, as "COMMAND --option".
told_commands() {
	grep -ohE "lrkeyadm( --(store|root) [A-Za-z.-]+)* [a-z]+( [^]\"'\`;|)(]*)?" "$@" | sed -E 's/^lrkeyadm( --[a-z]+ [A-Za-z.-]+)* //' |
		awk '{ n = 0; for (i = 2; i <= NF; i++) if ($i ~ /^--[a-z-]+$/) { print $1, $i; n = 1 } if (!n) print $1 }'
}

# told_wrongly FILE...: what of it there is not. A word without an option may be prose.
told_wrongly() {
	told_commands "$@" | sort -u | grep -vxF -f <(
		helped_commands
		helped_options
		for command in $(helped_commands); do
			helped_everywhere | sed "s/^/$command /"
		done
	) | grep -- ' --' || true
}

@test "every option that a document tells to give to a command, the command has" {
	local files=("$LRKEY_SOURCE"/*.md "$LRKEY_SOURCE"/etc/README.md "${PAGES[@]}") page=$BATS_TEST_TMPDIR/page

	mapfile -t -O "${#files[@]}" files < <(find "$LRKEY_SOURCE/etc" -type f)
	[ "$(told_commands "${files[@]}" | sort -u | wc -l)" -ge 20 ]
	[ -z "$(told_wrongly "${files[@]}")" ] || fail "$(told_wrongly "${files[@]}")"
	# shellcheck disable=SC2016 # Markdown
	echo 'see `lrkeyadm list --csv --everything`' >"$page"
	[ "$(told_wrongly "$page")" = 'list --everything' ]
	echo '# lrkeyadm --store blue renew --org acme' >"$page"
	[ "$(told_wrongly "$page")" = 'renew --org' ]
}

@test "every page of the repository is one of these" {
	[ "$(find "$LRKEY_SOURCE" -path "$LRKEY_SOURCE/build" -prune -o -name '*.[1-9]' -print | sort)" = \
		"$(printf '%s\n' "${PAGES[@]}" | sort)" ]
}

@test "every example and file of the repository that README.md names is there" {
	local name

	for name in $(grep -oE '\]\([A-Za-z][A-Za-z./_-]*\)|`(etc|tests|liblrkey|lrkeyadm|pam_lrkey)/[A-Za-z./_-]*' \
		"$LRKEY_SOURCE/README.md" | tr -d '`]()'); do
		[ -e "$LRKEY_SOURCE/$name" ] || fail "README.md: $name"
	done
}
