# SPDX-License-Identifier: GPL-3.0-or-later
#
# pam_lrkey and lrkeyadm: one plain GNU Makefile. "make help" lists the targets.
#
# CC, AR, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS belong to whoever builds: they are
# read, come last, and are never appended to. Settings that should last go into
# config.mk, which is read first. The knobs:
#
#   CC=clang               another compiler
#   SAN=address,undefined  sanitizers; the results lie in a folder of their own
#   WERROR=1               warnings are errors; for developers
#   V=1                    print the commands
#   DESTDIR=DIR            install below DIR
#   prefix= bindir= mandir= docdir= sysconfdir= pamdir= multiarch= unitdir= sysusersdir=   where to
#   bashcompdir= zshcompdir= fishcompdir=   where to, for completion
#   PACKAGES=no            check and demo neither look for packages nor install any
#   PROVE_FLAGS=-v         flags for prove(1)
#   TEST_SECONDS=900       the longest that one test program may take
#   LONG_SECONDS=7200      the same, for check-long
#   COVERAGE=1             builds, for clang, that count what they run; "make coverage" uses them
#   FUZZ_SECONDS=60        how long "make fuzz" drives each target
#   FUZZ_TARGETS=net       the targets that it drives, instead of all
#   PACKAGE_SECONDS=900    the same, for check-deb and check-package
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += -rR
SHELL := /bin/sh

-include config.mk

ifneq ($(filter 3.% 4.0 4.0.% 4.1 4.1.%,$(MAKE_VERSION)),)
$(error this needs GNU make 4.2 or newer)
endif

version := 0.1.0

# make's own defaults (cc, ar) are not what anybody asked for.
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := ar
endif

# Version 4: valgrind (3.19) does not read clang's DWARF 5.
CFLAGS ?= $(if $(SAN)$(COVERAGE),-O1,-O2) -gdwarf-4
CPPFLAGS ?=
LDFLAGS ?=
LDLIBS ?=
PKG_CONFIG ?= pkg-config

DESTDIR ?=
prefix ?= /usr
bindir ?= $(prefix)/bin
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/pam_lrkey
sysconfdir ?= /etc
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
# Where the shells look for completions that packages bring.
bashcompdir ?= $(prefix)/share/bash-completion/completions
zshcompdir ?= $(prefix)/share/zsh/vendor-completions
fishcompdir ?= $(prefix)/share/fish/vendor_completions.d
# Where libpam looks for modules. Debian has one folder an architecture; elsewhere set pamdir.
multiarch ?= $(shell $(CC) -print-multiarch 2>/dev/null)
pamdir ?= /lib/$(if $(multiarch),$(multiarch)/)security

# What a failing test says is shown; a test program that hangs is ended.
PROVE_FLAGS ?= --failures --comments
TEST_SECONDS ?= 900
LONG_SECONDS ?= 7200
PACKAGE_SECONDS ?= 900

INSTALL ?= install
INSTALL_PROGRAM := $(INSTALL) -m 0755
INSTALL_DATA := $(INSTALL) -m 0644
INSTALL_DIR := $(INSTALL) -d -m 0755

comma := ,
hash := \#
empty :=
space := $(empty) $(empty)

# Builds that differ in compiler or sanitizers never share a file.
variant := $(subst $(space),_,$(notdir $(CC)))$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),-coverage)
build := build/$(variant)
obj := $(build)/obj

# ---- Sources -----------------------------------------------------------------

objects = $(patsubst %.c,$(obj)/%.o,$(1))
sources = $(sort $(wildcard $(1)/*.c))

lib_objs := $(call objects,$(call sources,liblrkey))
module_objs := $(call objects,$(call sources,pam_lrkey))
utility_objs := $(call objects,$(call sources,lrkeyadm))

lib := $(build)/liblrkey.a
module := $(build)/pam_lrkey.so
utility := $(build)/lrkeyadm
manuals := $(sort $(wildcard $(foreach part,pam_lrkey lrkeyadm liblrkey,$(part)/*.[1-8])))

# tests/unit, tests/pam, tests/replay: test_* are programs, the rest is linked into each of
# them (what is in tests/pam also into those of tests/replay); pam_* are PAM modules for the tests' own stacks. pamhost is a program for shell tests
# and the demonstration, and needs no more than libpam.
unit_tests := $(sort $(wildcard tests/unit/test_*.c))
unit_shared := $(filter-out $(unit_tests),$(call sources,tests/unit))
pam_tests := $(sort $(wildcard $(foreach part,pam replay timing,tests/$(part)/test_*.c)))
timing_shared := $(filter-out $(pam_tests),$(call sources,tests/timing))
timing_programs := $(patsubst %.c,$(build)/%,$(wildcard tests/timing/test_*.c))
pam_hosts := tests/pam/pamhost.c
host_shared := tests/pam/code.c tests/pam/hooks.c
pam_modules := $(sort $(wildcard tests/pam/pam_*.c))
pam_shared := $(filter-out $(pam_tests) $(pam_hosts) $(pam_modules),$(call sources,tests/pam))
# tests/load: hosts with many transactions, which share the rest.
load_hosts := tests/load/soak.c tests/load/load.c
load_shared := $(filter-out $(load_hosts),$(call sources,tests/load))
# tests/power: powercut, and an object to preload that records what it is to work with.
power_preload := tests/power/preload.c
power_sources := $(filter-out $(power_preload),$(call sources,tests/power))
# tests/cli: objects to preload. tests/root, services, inject, long: programs of one file.
preloads := $(call sources,tests/cli) $(power_preload)
# tests/tsan: the same, and PAM modules that are built as the module is.
tsan_modules := $(sort $(wildcard tests/tsan/pam_*.c))
tools := $(filter-out $(tsan_modules),$(foreach part,root services inject long tsan ctgrind,\
	$(call sources,tests/$(part))))
# tests/fuzz: fuzz_* are programs. Each replays its corpus, or, with SAN=fuzzer-no-link,..., is driven
# by libFuzzer. Some look at the utility's readers, one at the whole module, as mutations does.
fuzz_targets := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_driver := tests/fuzz/replay.c
fuzz_logins := tests/fuzz/mutations.c
fuzz_shared := $(filter-out $(fuzz_targets) $(fuzz_driver) $(fuzz_logins) tests/fuzz/login.c,\
	$(call sources,tests/fuzz))
fuzz_of_utility := $(addprefix fuzz_,audit net policy when)
fuzz_of_module := fuzz_login

# tests/faults: programs in whose place the C library's and other libraries' functions fail; one of
# them is lrkeyadm, whose main() has another name there.
fault_tests := $(sort $(wildcard tests/faults/test_*.c))
fault_shared := $(filter-out $(fault_tests),$(call sources,tests/faults))
fault_stock := tests/pam/code.c tests/pam/stock.c
fault_utility := $(obj)/tests/faults/lrkeyadm.o

unit_programs := $(patsubst %.c,$(build)/%,$(unit_tests))
pam_programs := $(patsubst %.c,$(build)/%,$(pam_tests))
fault_programs := $(patsubst %.c,$(build)/%,$(fault_tests))
host_programs := $(patsubst %.c,$(build)/%,$(pam_hosts))
load_programs := $(patsubst %.c,$(build)/%,$(load_hosts))
power_program := $(build)/tests/power/powercut
tool_programs := $(patsubst %.c,$(build)/%,$(tools))
fuzz_programs := $(patsubst %.c,$(build)/%,$(fuzz_targets))
mutations := $(patsubst %.c,$(build)/%,$(fuzz_logins))
shared_tests := $(patsubst %.c,$(build)/%.so,$(pam_modules) $(preloads))
tsan_shared := $(patsubst %.c,$(build)/%.so,$(tsan_modules))
# tests/bench: programs of one file, and PAM modules; not made unless asked for.
bench_modules := $(sort $(wildcard tests/bench/pam_*.c))
bench_sources := $(filter-out $(bench_modules),$(call sources,tests/bench))
bench_programs := $(patsubst %.c,$(build)/%,$(bench_sources))
bench_shared := $(patsubst %.c,$(build)/%.so,$(bench_modules))
test_programs := $(unit_programs) $(pam_programs) $(host_programs) $(load_programs) \
	$(power_program) $(tool_programs) $(fuzz_programs) $(mutations) $(shared_tests) $(tsan_shared)

test_objs := $(call objects,$(unit_tests) $(unit_shared) $(pam_tests) $(pam_shared) \
	$(pam_hosts) $(timing_shared) $(load_hosts) $(load_shared) $(power_sources) $(tools) $(bench_sources) \
	$(call sources,tests/fuzz) $(call sources,tests/coverage))

test_programs += $(fault_programs)
test_objs += $(call objects,$(fault_tests) $(fault_shared))
all_objs := $(lib_objs) $(module_objs) $(utility_objs) $(test_objs)

# ---- Flags -------------------------------------------------------------------

warnings := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wundef -Wwrite-strings -Wcast-qual
hardening := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full

# These only look at the machine; the compiler must not be needed to print a help
# text, to clean, or to install the compiler itself.
without_compiler := help packages check check-% bench bench-% demo clean dist lint hdr-check
ifneq ($(filter-out $(without_compiler),$(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))),)

compiles = $(shell printf '%s\n' '$(1)' | $(CC) $(2) -Werror -x c -c -o /dev/null - \
	>/dev/null 2>&1 && echo yes)
# All flags at once, and one by one only where that fails: a probe costs time.
known = $(if $(call compiles,,$(1)),$(1),$(foreach flag,$(1),$(if $(call compiles,,$(flag)),$(flag))))

all_cflags := -std=c17 -pthread $(call known,$(warnings) $(hardening)) $(if $(WERROR),-Werror)
all_cppflags := -D_GNU_SOURCE -Iinclude -I. -DLRKEY_VERSION='"$(version)"'
all_ldflags := -pthread -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed

fuzzing := $(findstring fuzzer,$(SAN))
ifdef SAN
sanitize := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
fortify :=
no_undefined :=
else
sanitize :=
# Without optimisation glibc would only warn; a packager's own level is his.
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))$(filter -O0,$(CFLAGS)),)
fortify_3 := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
fortify := $(if $(call compiles,$(hash)include <features.h>,-O2 $(fortify_3)),$(fortify_3),$(fortify_3:3=2))
endif
no_undefined := -Wl,-z,defs
endif
sanitize += $(if $(COVERAGE),-fprofile-instr-generate -fcoverage-mapping)

utility_cflags := $(shell $(PKG_CONFIG) --cflags smartcols jansson libeconf 2>/dev/null || \
	echo -I/usr/include/libsmartcols)
utility_libs := $(shell $(PKG_CONFIG) --libs smartcols jansson libeconf 2>/dev/null || \
	echo -lsmartcols -ljansson -leconf)

endif

# libcrypto comes first: whoever loads the module looks for each of its 3,000 symbols in this order.
core_libs := -lcrypto -lgdbm

compile = $(CC) $(all_cppflags) $(part_fortify) $(CPPFLAGS) $(all_cflags) $(part_cflags) \
	$(sanitize) $(CFLAGS)
link = $(CC) $(all_ldflags) $(part_ldflags) $(sanitize) $(CFLAGS) $(LDFLAGS)

part_fortify = $(fortify)
pic := -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
$(lib_objs) $(module_objs): part_cflags = $(pic)
$(utility_objs): part_cflags = -fPIE $(utility_cflags)
# Tests define syslog() and the like themselves: seen by all, and without glibc's wrappers.
$(test_objs): part_cflags = -fPIE
$(test_objs): part_fortify =

# Whatever was built with other flags is built again.
flags := $(strip $(compile) / $(link) / $(pic) / $(utility_cflags) / $(core_libs) $(utility_libs) $(LDLIBS))
stamp := $(build)/flags
ifneq ($(flags),$(strip $(file <$(stamp))))
$(stamp): FORCE
endif
$(stamp):
	$(shell mkdir -p $(@D))$(file >$@,$(flags))@:

ifdef V
quiet :=
say := @:
else
quiet := @
say = @printf '  %-8s%s\n'
endif

packages = $(if $(filter no,$(PACKAGES)),@:,@tests/install-packages)

# ---- Building ----------------------------------------------------------------

.PHONY: all programs
all: $(module) $(utility) $(manuals)
programs: all $(test_programs)

$(all_objs): $(obj)/%.o: %.c $(stamp)
	$(say) CC $@
	@mkdir -p $(@D)
	$(quiet)$(compile) -MT $@ -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# Members whose source is gone must not stay.
$(lib): $(lib_objs) $(stamp)
	$(say) AR $@
	@rm -f $@
	$(quiet)$(AR) rcs $@ $(filter %.o,$^)

$(module): part_ldflags = -shared -Wl,-z,nodelete $(no_undefined) -Wl,--gc-sections \
	-Wl,--version-script=pam_lrkey/pam_lrkey.map
$(module): $(module_objs) $(lib) pam_lrkey/pam_lrkey.map $(stamp)
	$(say) LD $@
	$(quiet)$(link) -o $@ $(filter %.o %.a,$^) $(core_libs) -lpam $(LDLIBS)

$(utility): part_ldflags = -pie -Wl,--gc-sections
$(utility): $(utility_objs) $(lib) $(stamp)
	$(say) LD $@
	$(quiet)$(link) -o $@ $(filter %.o %.a,$^) $(utility_libs) $(core_libs) $(LDLIBS)

# -rdynamic: the module must find the tests' syslog() and clock_gettime().
$(test_programs) $(bench_programs): part_ldflags = -pie -rdynamic
define link_test
	$(say) LD $@
	@mkdir -p $(@D)
	$(quiet)$(link) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(part_libs) $(core_libs) -lpam $(LDLIBS)
endef
$(unit_programs) $(pam_programs): part_libs = -lcmocka
$(fault_programs): part_libs = -Wl,--no-as-needed $(utility_libs) -lcmocka
$(timing_programs): $(call objects,$(timing_shared))
$(timing_programs): part_libs = -lcmocka -lm
# Secrets come and go through the core's doors, where tests/ctgrind looks on.
ctgrind_doors := lrk_equal lrk_entry_decode lrk_keyring_parse lrk_gcm_begin lrk_gcm_open
$(build)/tests/ctgrind/ctgrind: part_ldflags = -pie $(addprefix -Wl$(comma)--wrap=,$(ctgrind_doors))
# Its hooks stand before functions of these libraries, and look for the real ones behind them.
$(host_programs) $(load_programs): part_libs = -Wl,--no-as-needed

$(unit_programs): $(build)/%: $(obj)/%.o $(call objects,$(unit_shared)) $(lib) $(stamp)
	$(link_test)
$(pam_programs): $(build)/%: $(obj)/%.o $(call objects,$(pam_shared)) $(lib) $(stamp)
	$(link_test)
$(host_programs): $(build)/%: $(obj)/%.o $(call objects,$(host_shared)) $(stamp)
	$(link_test)
$(fault_programs): $(build)/%: $(obj)/%.o $(call objects,$(fault_shared) $(fault_stock)) \
		$(fault_utility) $(lib) $(stamp)
	$(link_test)
$(fault_utility): $(utility_objs) $(stamp)
	$(say) LD $@
	@mkdir -p $(@D)
	$(quiet)$(CC) -nostdlib -r -o $@.tmp $(filter %.o,$^) && \
		objcopy --redefine-sym main=lrkeyadm_main --redefine-sym audit_open=lrkeyadm_audit_open \
			$@.tmp $@
	@rm -f $@.tmp
$(load_programs): $(build)/%: $(obj)/%.o $(call objects,$(load_shared) $(host_shared)) $(lib) $(stamp)
	$(link_test)
$(power_program): $(call objects,$(power_sources)) $(lib) $(stamp)
	$(link_test)
# Ahead of the rules, whose recipes link it.
$(filter-out %.so,$(test_programs)): $(if $(COVERAGE),$(call objects,$(call sources,tests/coverage)))
$(tool_programs) $(bench_programs): $(build)/%: $(obj)/%.o $(lib) $(stamp)
	$(link_test)

fuzz_libs = $(if $(fuzzing),-fsanitize=fuzzer)
$(fuzz_programs): part_libs = $(fuzz_libs)
$(addprefix $(build)/tests/fuzz/,$(fuzz_of_utility)): $(filter-out %/main.o,$(utility_objs))
$(addprefix $(build)/tests/fuzz/,$(fuzz_of_utility)): part_libs = $(fuzz_libs) $(utility_libs)
$(addprefix $(build)/tests/fuzz/,$(fuzz_of_module)): $(call objects,tests/fuzz/login.c $(pam_shared))
$(addprefix $(build)/tests/fuzz/,$(fuzz_of_module)): part_libs = $(fuzz_libs) -lcmocka
# A passphrase costs half a second on purpose: its target brings a key of its own.
$(build)/tests/fuzz/fuzz_backup: part_ldflags += -Wl,--wrap=lrk_scrypt
$(fuzz_programs): $(build)/%: $(obj)/%.o $(call objects,$(fuzz_shared) $(if $(fuzzing),,$(fuzz_driver))) \
		$(lib) $(stamp)
	$(link_test)

$(mutations): part_libs = -lcmocka
$(mutations): $(build)/%: $(obj)/%.o $(call objects,$(fuzz_shared) tests/fuzz/login.c $(pam_shared)) \
		$(lib) $(stamp)
	$(link_test)

# Loaded into programs that have no sanitizer, so built without.
$(shared_tests): $(build)/%.so: %.c $(stamp)
	$(say) LD $@
	@mkdir -p $(@D)
	$(quiet)$(CC) $(all_cppflags) $(CPPFLAGS) $(all_cflags) -fPIC $(CFLAGS) \
		-MT $@ -MMD -MP -MF $(@:.so=.d) $(LDFLAGS) -shared -o $@ $< -ldl -lpam

-include $(all_objs:.o=.d) $(shared_tests:.so=.d)

$(build)/tests/bench/pam_fetch.so: part_libs = $(core_libs)
$(tsan_shared) $(bench_shared): $(build)/%.so: %.c $(stamp)
	$(say) LD $@
	@mkdir -p $(@D)
	$(quiet)$(CC) $(all_cppflags) $(CPPFLAGS) $(all_cflags) $(sanitize) -fPIC $(CFLAGS) \
		$(LDFLAGS) -shared -Wl,-z,nodelete -o $@ $< $(part_libs)

# The SCIM server that tests/services asks, with the packages of its lock file and no other; none
# of their scripts is run.
scim_files := $(wildcard tests/services/scim/*)
scim := build/scim/node_modules/.package-lock.json
$(scim): $(scim_files)
	$(say) NPM $(@D)
	@rm -rf build/scim && mkdir -p build/scim && cp $(scim_files) build/scim
	$(quiet)cd build/scim && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier \
		--loglevel=error
	@touch $@

# The images that tests/containers runs. No registry is asked, but Debian's mirror is.
image_files := etc/compose.yaml $(wildcard etc/containers/* tests/containers/*Containerfile) \
	tests/containers/images.sh
images := $(build)/containers/ready
$(images): $(image_files) $(module)
	$(say) IMAGES $(@D)
	@mkdir -p $(@D) && rm -f $@
	$(quiet)unshare --mount --propagation private tests/containers/images.sh \
		'$(CURDIR)/$(@D)' '$(CURDIR)/$(module)' "$$(readlink /proc/self/ns/mnt)" \
		>$(@D)/log 2>&1 </dev/null || { cat $(@D)/log; exit 1; }
	@touch $@

# The Debian packages, of what git knows or would take up.
.PHONY: deb
deb:
	$(packages) build deb
	$(say) DEB build/deb
	$(quiet)tests/package/build.sh build/deb
	@ls build/deb/*.deb

base_system := build/package/base.tar
$(base_system): tests/package/base.sh
	$(say) BASE $@
	$(quiet)tests/package/base.sh $@

# ---- Testing -----------------------------------------------------------------

# What anybody may run, and what needs root: real users and groups, real servers.
parts_any := unit pam replay cli style inject faults fuzz ctgrind
parts_root := root services
uid := $(shell id -u)
parts := $(strip $(parts_any) $(if $(filter 0,$(uid)),$(parts_root)))

tests_in = $(filter $(build)/tests/$(1)/%,$(unit_programs) $(pam_programs) $(fault_programs) \
	$(fuzz_programs)) \
	$(filter-out $(left_out),$(sort $(wildcard tests/$(1)/*.bats)))

# A container may lend out no loop device, or have a kernel without these file systems.
left_out := $(shell tests/power/loop-devices.sh || echo tests/root/loops.bats)

# One build inside the same make may run in parallel although this one does not.
submake = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2)

.PHONY: check check-san check-tsan check-timing check-long check-containers check-deb check-package \
	run-tests packages
check:
	$(packages) build check $(if $(filter 0,$(uid)),servers long)
	@+$(submake) run-tests PARTS='$(parts)'

part_checks := $(addprefix check-,$(parts_any) $(parts_root))
.PHONY: $(part_checks)
$(part_checks): check-%:
	$(packages) build check $(if $(filter $(parts_root),$*),servers long)
	@+$(submake) run-tests PARTS='$*'

check-san:
	$(packages) build check
	@+$(submake) run-tests PARTS='unit pam replay cli fuzz' SAN=$(or $(SAN),address$(comma)undefined)

# ThreadSanitizer knows fewer layouts of memory than the kernel makes.
more_random := $(shell [ "$$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -le 28 ] || echo yes)

check-tsan:
	$(packages) build check
	@+$(if $(more_random),setarch -R) $(submake) run-tests PARTS=tsan SAN=thread

# What takes too long for each change, one after the other: tests/long, the fuzz targets, the
# times. Root, for some of it mounts file systems.
check-long:
	@[ '$(uid)' = 0 ] || { echo 'check-long: only root may mount what it needs' >&2; exit 1; }
	$(packages) build check long lint
	@+$(submake) run-tests PARTS=long TEST_SECONDS=$(LONG_SECONDS)
	@+$(submake) fuzz
	@+$(submake) check-timing

# Not a part of "check": on a machine with something else to do, times say little.
check-timing:
	$(packages) build check
	@+$(submake) run-tests PARTS=timing

# Not a part of "check": its first run fetches a base system.
check-containers:
	@[ '$(uid)' = 0 ] || { echo 'check-containers: only root may run containers' >&2; exit 1; }
	$(packages) build check containers
	@+$(submake) run-tests PARTS=containers

# Each target for so long; what it finds is kept below build/fuzz.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(fuzz_targets))

.PHONY: fuzz
fuzz:
	$(packages) build check lint
	@+$(submake) CC=clang SAN=fuzzer-no-link$(comma)address$(comma)undefined run-fuzz

.PHONY: run-fuzz
run-fuzz: $(fuzz_programs) $(module)
	@umask 022; $(test_env) tests/fuzz/run.sh '$(CURDIR)/$(build)/tests/fuzz' '$(FUZZ_SECONDS)' \
		$(FUZZ_TARGETS) </dev/null

# What the test programs reach of the core and the module, in percent, or it fails; what they do not
# is in tests/coverage/README.md. Tests of the shell stay out, and those that fail do not matter: some
# count each call or allocation, and a profile is made with such. make check is their judge.
COVERAGE_LINES ?= 95
COVERAGE_BRANCHES ?= 90
coverage_programs = $(filter-out $(build)/tests/timing/%,$(unit_programs) $(pam_programs) \
	$(fault_programs) $(fuzz_programs))

.PHONY: coverage run-coverage
coverage:
	$(packages) build check lint
	@+$(submake) CC=clang COVERAGE=1 run-coverage

run-coverage: $(module) $(coverage_programs) $(host_programs) $(shared_tests)
	@rm -rf $(build)/profile && mkdir -p -m 1777 $(build)/profile
	@umask 022; LLVM_PROFILE_FILE='$(CURDIR)/$(build)/profile/%m.profraw' $(test_env) \
		prove $(PROVE_FLAGS) -e 'timeout -k 10 $(TEST_SECONDS)' $(coverage_programs) </dev/null || \
		echo 'coverage: not all of them pass in such a build; see whether make check does'
	@LRKEY_SOURCE='$(CURDIR)' tests/coverage/report.sh $(build) $(COVERAGE_LINES) $(COVERAGE_BRANCHES)

# gcc's analyzer, clang's, and clang-tidy, on the core and both products.
.PHONY: analyze
analyze:
	$(packages) build lint
	@env -u MAKEFLAGS -u MAKELEVEL tests/analyze/run.sh

packages:
	@tests/install-packages build check servers long lint

# Not a part of "check": they build the packages, twice, and look at them as files; the second also
# installs them, in a base system that its first run fetches.
check-deb:
	$(packages) build check deb package
	@+$(submake) run-tests PARTS=deb TEST_SECONDS=$(PACKAGE_SECONDS)

check-package:
	@[ '$(uid)' = 0 ] || { echo 'check-package: only root may install what it builds' >&2; exit 1; }
	$(packages) build check deb package
	@+$(submake) run-tests PARTS='deb package' TEST_SECONDS=$(PACKAGE_SECONDS)

# Neither the caller's umask, home, shell, terminal, locale nor libraries steer a test.
test_env = env -u LD_PRELOAD -u OPENSSL_CONF -u OPENSSL_MODULES -u OPENSSL_ENGINES -u MAKEFLAGS \
	-u MFLAGS -u MAKELEVEL -u NO_COLOR -u COLUMNS -u LINES \
	HOME=/nonexistent SHELL=/bin/bash TERM=xterm LC_ALL=C.UTF-8 TZ=UTC CMOCKA_MESSAGE_OUTPUT=TAP \
	ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0 UBSAN_OPTIONS=print_stacktrace=1 \
	LRKEY_SOURCE='$(CURDIR)' LRKEY_BUILD='$(CURDIR)/$(build)' \
	LRKEY_MODULE='$(CURDIR)/$(module)' LRKEYADM='$(CURDIR)/$(utility)' \
	LRKEY_MAKEFLAGS='-- $(subst ','\'',$(MAKEOVERRIDES))'

PARTS ?= $(parts)

# A part without a test would pass unseen.
run-tests: $(if $(filter style cli replay root services inject ctgrind long containers,$(PARTS)),programs) \
		$(if $(filter tsan,$(PARTS)),$(module) $(utility) $(build)/tests/tsan/threads $(tsan_shared)) \
		$(if $(filter services,$(PARTS)),$(scim)) \
		$(if $(filter containers,$(PARTS)),$(images)) \
		$(if $(filter deb package,$(PARTS)),all deb) \
		$(if $(filter package,$(PARTS)),$(base_system)) \
		$(if $(filter unit,$(PARTS)),$(unit_programs)) \
		$(if $(filter fuzz,$(PARTS)),$(module) $(fuzz_programs) $(mutations)) \
		$(if $(filter faults,$(PARTS)),all $(fault_programs) $(build)/tests/pam/pam_next.so) \
		$(if $(filter timing,$(PARTS)),$(module) $(timing_programs)) \
		$(if $(filter pam,$(PARTS)),$(module) $(pam_programs) $(host_programs) $(shared_tests))
	$(foreach part,$(PARTS),$(if $(strip $(call tests_in,$(part))),,$(error tests/$(part) has no test)))
	@if [ '$(uid)' != 0 ] && [ '$(PARTS)' = '$(parts_any)' ]; then \
		printf '%s\n' '' '*** LEFT OUT, because they need root:' \
			$(addprefix '***   ',$(foreach part,$(parts_root),$(sort $(wildcard tests/$(part)/*.bats)))) \
			'*** Run "make check" as root on a test machine to have them run.' ''; \
	elif [ -n '$(filter root,$(PARTS))' ] && [ -n '$(left_out)' ]; then \
		printf '%s\n' '' '*** LEFT OUT, because no ext4 or btrfs in a loop device can be mounted here:' \
			'***   $(left_out)' ''; \
	fi
	@umask 022; $(test_env) prove $(PROVE_FLAGS) -e 'timeout -k 10 $(TEST_SECONDS)' \
		$(foreach part,$(PARTS),$(call tests_in,$(part))) </dev/null

# ---- Measuring ---------------------------------------------------------------

# BENCH='transaction cold' chooses parts; tests/bench/README.md tells the rest.
.PHONY: bench bench-save
bench:
	$(packages) build bench
	@+$(submake) $(module) $(utility) $(bench_programs) $(bench_shared)
	@LRKEY_BUILD='$(CURDIR)/$(build)' BENCH_OUT='$(CURDIR)/build/bench' tests/bench/bench.sh $(BENCH)

# What a whole run found, to be committed.
bench-save:
	@if grep 'not measured' build/bench/table.txt; then \
		echo 'bench-save: run all of "make bench" before' >&2; exit 1; fi
	$(INSTALL_DIR) tests/bench/results
	$(INSTALL_DATA) build/bench/table.txt build/bench/bench.json build/bench/plot.svg tests/bench/results

# ---- Looking after the source ------------------------------------------------

headers := $(sort $(wildcard include/lrkey/*.h liblrkey/*.h pam_lrkey/*.h lrkeyadm/*.h tests/*/*.h))
shell_files := $(sort .ci/run tests/install-packages tests/demo tests/lib.bash \
	$(filter-out %/control,$(wildcard debian/tests/*)) debian/lrkeyadm.postrm $(wildcard tests/*.sh) \
	$(wildcard tests/*/*.bats tests/*/*.bash tests/*/*.sh etc/completion/*.bash))
c_files := $(sort $(headers) $(wildcard liblrkey/*.c pam_lrkey/*.c lrkeyadm/*.c tests/*/*.c))

.PHONY: hdr-check lint
# Each header stands alone, with both compilers.
hdr-check:
	@for cc in gcc clang; do for header in $(headers); do \
		$$cc -std=c17 -D_GNU_SOURCE -Iinclude -I. -I/usr/include/libsmartcols $(warnings) \
			-Werror -fsyntax-only -include $$header -x c /dev/null || exit 1; \
	done; done
	@echo 'hdr-check: $(words $(headers)) headers, each alone, with gcc and clang'

lint:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,style,performance,portability --suppressions-list=tests/cppcheck.list \
		-D_GNU_SOURCE -DLRKEY_VERSION='"0"' -Iinclude -I. liblrkey pam_lrkey lrkeyadm tests
	shellcheck -x $(shell_files)
	@rm -rf build/lint && mkdir -p build/lint && cp $(manuals) build/lint
	@# Whether other software's manuals are installed says nothing about ours.
	@cd build/lint && if mandoc -Tlint -W style $(notdir $(manuals)) 2>&1 | \
		grep -v -e 'outdated mandoc.db lacks' -e 'STYLE: referenced manual not found'; \
		then exit 1; fi
	@# Advice only: no two releases of clang-format agree.
	@if command -v clang-format >/dev/null; then \
		for file in $(c_files); do \
			clang-format "$$file" | cmp -s - "$$file" || echo "clang-format differs: $$file"; \
		done; \
	fi

# ---- Demonstration -----------------------------------------------------------

.PHONY: demo
demo:
	$(packages) build
	@+$(submake) -s $(module) $(utility) $(build)/tests/pam/pamhost
	@umask 022; $(test_env) tests/demo </dev/null

# The pictures of README.md that are recorded, from real runs; root only, for they need users.
pictures := tests/picture/terminal.svg

.PHONY: picture
picture: programs
	$(packages) build check servers
	@set -e; umask 022; for picture in $(pictures); do \
		$(test_env) "$${picture%.svg}.sh" >build/picture.svg; mv build/picture.svg "$$picture"; \
	done

# ---- Installing --------------------------------------------------------------

docs := README.md SECURITY.md NEWS liblrkey/FORMAT.md
units := $(sort $(wildcard etc/systemd/lrkey-*.service etc/systemd/lrkey-*.timer))
sysusers := $(sort $(wildcard etc/sysusers.d/*.conf))
logrotate := etc/logrotate.d/lrkeyadm
example_dir := $(docdir)/examples

# What has one place in a system, as FOLDER:FILE; the rest of etc/ are examples, in their folders.
placed := $(addprefix $(pamdir):,$(module)) \
	$(foreach page,$(manuals),$(mandir)/man$(subst .,,$(suffix $(page))):$(page)) \
	$(addprefix $(unitdir):,$(units)) $(addprefix $(sysusersdir):,$(sysusers)) \
	$(addprefix $(docdir):,$(docs)) \
	$(zshcompdir):etc/completion/_lrkeyadm $(fishcompdir):etc/completion/lrkeyadm.fish
examples := $(filter-out $(logrotate) $(units) $(sysusers) etc/completion/%,$(sort $(shell find etc -type f)))

.PHONY: install uninstall
# Nothing is set-id. A logrotate file that somebody changed is his.
install: all
	@set -e; umask 022; put() { \
		folder='$(DESTDIR)'$$2; $(INSTALL_DIR) "$$folder"; \
		$(INSTALL_DATA) "$$1" "$$folder/$${1##*/}"; \
	}; \
	for item in $(placed); do put "$${item#*:}" "$${item%%:*}"; done; \
	for file in $(examples); do folder=$${file#etc}; put "$$file" "$(example_dir)$${folder%/*}"; done
	$(INSTALL_DIR) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(sysconfdir)/logrotate.d' '$(DESTDIR)$(bashcompdir)'
	$(INSTALL_PROGRAM) $(utility) '$(DESTDIR)$(bindir)/lrkeyadm'
	$(INSTALL_DATA) etc/completion/lrkeyadm.bash '$(DESTDIR)$(bashcompdir)/lrkeyadm'
	@set -e; target='$(DESTDIR)$(sysconfdir)/logrotate.d/lrkeyadm'; \
	if [ ! -e "$$target" ]; then \
		$(INSTALL_DATA) $(logrotate) "$$target"; \
	elif ! cmp -s $(logrotate) "$$target"; then \
		echo "install: kept $$target, which was changed; compare it with $(logrotate)"; \
	fi

uninstall:
	rm -f '$(DESTDIR)$(bindir)/lrkeyadm' '$(DESTDIR)$(bashcompdir)/lrkeyadm'
	@set -e; for item in $(placed); do file=$${item#*:}; \
		rm -f '$(DESTDIR)'"$${item%%:*}/$${file##*/}"; done
	rm -rf '$(DESTDIR)$(example_dir)'
	-rmdir '$(DESTDIR)$(docdir)'
	@target='$(DESTDIR)$(sysconfdir)/logrotate.d/lrkeyadm'; \
	if cmp -s $(logrotate) "$$target"; then \
		rm -f "$$target"; \
	elif [ -e "$$target" ]; then \
		echo "uninstall: kept $$target, which was changed"; \
	fi

# ---- The rest ----------------------------------------------------------------

.PHONY: clean dist release-check help FORCE
clean:
	rm -rf build

dist:
	@mkdir -p build
	git -c safe.directory='*' -c tar.umask=0022 archive --format=tar --prefix=pam_lrkey-$(version)/ HEAD | gzip -9n \
		>build/pam_lrkey-$(version).tar.gz
	@echo build/pam_lrkey-$(version).tar.gz

release-check:
	@tests/release.sh

help:
	@printf '  %-18s%s\n' \
		all 'the module and the utility (this is the default)' \
		install 'install them; with DESTDIR=DIR below DIR' \
		uninstall 'remove what install installed' \
		demo 'show an API key at work, in a throw-away store; as root it installs what it needs' \
		check 'all tests that the caller may run; as root it installs what they need' \
		check-PART 'one part of them: $(subst $(space),$(comma) ,$(strip $(parts_any) $(parts_root)))' \
		check-san 'unit, pam, replay, cli, fuzz with sanitizers (SAN, by default address$(comma)undefined)' \
		check-tsan 'the module in a threaded host under ThreadSanitizer' \
		check-long 'what takes 45 minutes: crashes, power cuts, load, fuzz, check-timing; root only' \
		coverage 'what the tests reach of the core and the module; fails below a threshold' \
		analyze 'gcc -fanalyzer, scan-build and clang-tidy; fails when they find something' \
		fuzz 'libFuzzer with sanitizers on each target of tests/fuzz, with clang' \
		check-timing 'whether the time of a refusal tells what was wrong; best on an idle machine' \
		check-containers 'etc/compose.yaml with podman; root only' \
		bench 'measure module and utility beside others (tests/bench/README.md); as root' \
		bench-save 'keep what a whole run of it found, in tests/bench/results' \
		picture 'record the picture of README.md anew; root only' \
		hdr-check 'each header compiles alone, with gcc and clang' \
		lint 'cppcheck, shellcheck, mandoc' \
		packages 'install (as root) or name the Debian packages that all of this needs' \
		deb 'the Debian packages, in build/deb' \
		check-deb 'build them twice, and look at them as files: lintian, the same to a byte, hardened' \
		check-package 'check-deb; install them in a minimal system, and try them there; root only' \
		dist 'an archive of the committed source' \
		release-check 'whether what is committed can be released' \
		clean 'remove what was built'
	@echo
	@sed -n 's/^#   /  /p' Makefile
