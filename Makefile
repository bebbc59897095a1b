# Makefile - the library, its tests, its benchmarks.  GNU make, no configure.
#
#	make                build/<arch>-<cc>-<mode>/libleat.a and libleat.so
#	make run            one goroutine per file of a real tree, added up
#	                    (DIR=folder, ARGS=--verify)
#	make check          lint, and every suite in every mode
#	                    (T=word: only tests with it in their name or rows)
#	make check-long     every suite 1,000 times in a row
#	make perf           every benchmark beside its twin in Go (B=regex)
#	make lint           layers, orders, words, format, exported names
#	make fmt            format in place
#	make examples       the programs in examples/
#	make install        below PREFIX=/usr/local; DESTDIR for packagers
#	make clean          remove what was built, keep what was fetched
#
#	MODE=release | debug | asan | tsan | lto      CC=gcc | clang
#	CROSS=aarch64-linux-gnu-     the other CPU        V=1     show commands
#
# run, check and perf first install what a bare Debian lacks, and say so.
# Until then there is no compiler, so nothing here may ask one.

MODE    := release
PREFIX  := /usr/local
VERSION := 0.1.0

ARCH    := $(firstword $(subst -, ,$(or $(CROSS),$(shell uname -m))))
CC      := $(CROSS)gcc
CXX     := $(subst gcc,g++,$(subst clang,clang++,$(CC)))
LD      := $(CROSS)ld
AR      := $(CROSS)ar
OBJCOPY := $(CROSS)objcopy
OUT     := build/$(ARCH)-$(CC:$(CROSS)%=%)-$(MODE)

MODE.release := -O2
MODE.debug   := -O0
MODE.asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
MODE.tsan    := -O1 -fsanitize=thread $(if $(findstring clang,$(CC)),,-Wno-tsan)
MODE.lto     := -O3 -flto

# Landing pads for indirect jumps; and a frame larger than a page touches each
# of its pages, so that it cannot step over the guard below a stack.
HARDEN.x86_64   := -fcf-protection=branch -fstack-clash-protection
HARDEN.aarch64  := -mbranch-protection=standard -fstack-clash-protection \
	--param=stack-clash-protection-guard-size=12

WARN    := -Wall -Wextra -Wshadow -Wvla
CWARN   := -Wstrict-prototypes -Wmissing-prototypes
INCLUDE := -D_GNU_SOURCE -Iinclude -I. -Iarch/$(ARCH) \
	-Icore/sanitize/$(or $(filter asan tsan,$(MODE)),none)
FLAGS   := -g -pthread -fno-omit-frame-pointer $(HARDEN.$(ARCH)) $(MODE.$(MODE))
LIBS    := -lhwloc -lurcu-memb -lurcu-cds -lurcu-common -ldw -lelf

# Linking across objects that are not machine code yet takes other tools.
ifeq ($(MODE),lto)
AR      := $(if $(findstring clang,$(CC)),llvm-ar,$(CROSS)gcc-ar)
LINK    := $(if $(findstring clang,$(CC)),-fuse-ld=lld,-flto=auto)
endif

# The other CPU has a small Debian of its own.
ifdef CROSS
SYSROOT := build/sysroot-$(ARCH)
FLAGS   += --sysroot=$(SYSROOT)
LINK    += -L$(SYSROOT)/usr/lib/$(CROSS:-=) \
	-Wl,-rpath-link,$(SYSROOT)/usr/lib/$(CROSS:-=):$(SYSROOT)/lib/$(CROSS:-=)
FETCHED := $(SYSROOT)/done
endif

COMPILE     = $(CC) -std=gnu11 -MMD -MP $(CPPFLAGS) $(INCLUDE) $(WARN) $(CWARN) $(FLAGS) $(CFLAGS)
COMPILE_CXX = $(CXX) -std=gnu++17 -MMD -MP $(CPPFLAGS) $(INCLUDE) $(WARN) $(FLAGS) $(CXXFLAGS)
LINK_CC     = $(CC) $(FLAGS) $(LINK) $(CFLAGS) $(LDFLAGS)
LINK_CXX    = $(CXX) $(FLAGS) $(LINK) $(CXXFLAGS) $(LDFLAGS)

# A folder is a list of sources; adding a file needs no edit here.
out      = $(patsubst %,$(OUT)/%,$(basename $(wildcard $1)))
OBJ     := $(addsuffix .o,$(call out,core/*.c sync/*.c arch/$(ARCH)/*.[cS]))
PIC     := $(OBJ:.o=.pic.o)
UNIT    := $(call out,tests/unit_*.c)
TEST    := $(call out,tests/test_*.c)
TESTXX  := $(call out,tests/test_*.cc)
EXPLORE := $(call out,tests/explore/explore_*.c)
ENGINE  := $(addsuffix .o,$(filter-out $(EXPLORE),$(call out,tests/explore/*.c)))
EXAMPLE := $(foreach e,$(call out,examples/*.c),$(if $(findstring -,$(notdir $e)),,$e))
PERF    := $(addsuffix .o,$(call out,perf/*.c perf/*.cc))
FORMAT   = $(shell find include arch core sync tests perf examples \
	-name '*.[ch]' -o -name '*.cc')

Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $1	$@')

all: $(OUT)/libleat.a $(OUT)/libleat.so

# One object in which only leat_* stay global: short names inside, no
# surprises in a user's link.
$(OUT)/leat.o: $(OBJ)
	$(Q)$(LD) -r -o $@ $^ && $(OBJCOPY) -w -G 'leat_*' $@

$(OUT)/libleat.a: $(if $(filter lto,$(MODE)),$(OBJ),$(OUT)/leat.o)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The same objects with every name, for tests that look inside.
$(OUT)/inside.a: $(OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/libleat.so.0: $(PIC)
	$(call say,LD)
	$(Q)echo '{ global: leat_*; local: *; };' >$(OUT)/leat.map
	$(Q)$(LINK_CC) -shared -Wl,-soname,libleat.so.0 -Wl,--version-script,$(OUT)/leat.map -o $@ $^ $(LIBS) $(LDLIBS)

$(OUT)/libleat.so: $(OUT)/libleat.so.0
	$(Q)ln -sf libleat.so.0 $@

# They call functions of the program's, out of which an exception may come.
$(foreach f,core/panic core/block sync/range,$(OUT)/$f.o $(OUT)/$f.pic.o): FLAGS += -fexceptions

$(OUT)/%.o: %.c Makefile | $(FETCHED)
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

$(OUT)/%.o: %.S Makefile | $(FETCHED)
	$(call say,AS)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

$(OUT)/%.pic.o: %.c Makefile | $(FETCHED)
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fPIC -c -o $@ $<

$(OUT)/%.pic.o: %.S Makefile | $(FETCHED)
	$(call say,AS)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fPIC -c -o $@ $<

$(OUT)/%.o: %.cc Makefile | $(FETCHED)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(COMPILE_CXX) -c -o $@ $<

# Users, and what stands for them, link libleat.a.
$(TEST): LIBS += -lcunit
$(EXAMPLE): LIBS += -lz
$(TEST) $(EXAMPLE): %: %.o $(OUT)/libleat.a
	$(call say,LD)
	$(Q)$(LINK_CC) -o $@ $(filter %.o,$^) $(OUT)/libleat.a $(LIBS) $(LDLIBS)

$(TESTXX): %: %.o $(OUT)/libleat.a
	$(call say,LD)
	$(Q)$(LINK_CXX) -o $@ $^ -lcunit $(LIBS) $(LDLIBS)

$(UNIT): %: %.o $(OUT)/inside.a
	$(call say,LD)
	$(Q)$(LINK_CC) -o $@ $^ -lcunit $(LIBS) $(LDLIBS)

# Where speed does not count, a lock knows its place (sync/mark.h).
$(filter $(OUT)/sync/%,$(OBJ) $(PIC)): CPPFLAGS += $(if $(filter debug asan tsan,$(MODE)),-DLEAT_MARKS=1)

# A test may ask what it is built for.
$(addsuffix .o,$(UNIT) $(TEST) $(TESTXX)): INCLUDE += -DTEST_UNDER='"$(if $(CROSS),qemu,$(MODE))"'

$(PERF): INCLUDE += -Iperf/$(ARCH)
$(OUT)/perf/bench: $(PERF) $(OUT)/inside.a
	$(call say,LD)
	$(Q)$(LINK_CXX) -o $@ $^ -lbenchmark $(LIBS) $(LDLIBS)

$(OUT)/examples/treesum: $(addsuffix .o,$(call out,examples/treesum-*.c))

# The explorer has an atomic.h of its own, found first.
$(EXPLORE:=.o) $(ENGINE): INCLUDE := -Itests/explore/shadow $(INCLUDE)
$(EXPLORE): %: %.o $(ENGINE)
	$(call say,LD)
	$(Q)$(LINK_CC) -o $@ $^ $(LDLIBS)

suites: $(UNIT) $(TEST) $(TESTXX)
explore: $(EXPLORE)
examples: $(EXAMPLE)

$(FETCHED):
	$(Q)tools/aarch64.sh $(SYSROOT)

run:
	@tools/need.sh run
	@$(MAKE) --no-print-directory $(if $(V),,-s) $(OUT)/examples/treesum
	$(OUT)/examples/treesum $(ARGS) $(if $(DIR),'$(DIR)')

check:
	@tools/need.sh check
	@tools/check.sh once '$(T)'

check-long:
	@tools/need.sh check
	@tools/check.sh long '$(T)'

perf:
	@tools/need.sh perf
	@$(MAKE) --no-print-directory $(if $(V),,-s) $(OUT)/perf/bench
	$(Q)mkdir -p build/perf
	$(Q)cd perf/go && go test -c -o ../../build/perf/go.test . && go build -buildvcs=false -o ../../build/perf/report ./report
	$(Q)build/perf/report -leat $(OUT)/perf/bench -go build/perf/go.test -json build/perf/results.json -only '$(B)'

lint: lint-layers lint-order lint-words lint-names lint-format
lint-layers:
	$(Q)tests/lint-layers.sh
lint-order:
	$(Q)for a in arch/*/; do awk -f tests/lint-order.awk core/*.[ch] $(wildcard sync/*.[ch]) $$a*.[chS] || exit 1; done
lint-words:
	$(Q)tests/lint-words.sh
lint-format:
	$(Q)clang-format --dry-run -Werror $(FORMAT)
lint-names: $(OUT)/libleat.so $(OUT)/leat.o
	$(Q)tests/lint-names.sh $^
	$(Q)tests/lint-tls.sh $(OUT)/leat.o

fmt:
	clang-format -i $(FORMAT)

install: all
	install -d $(DESTDIR)$(PREFIX)/include/leat $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/leat
	install -m 644 include/leat.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/leat/*.h $(DESTDIR)$(PREFIX)/include/leat
	install -m 755 tools/leat-copies $(DESTDIR)$(PREFIX)/bin
	install -m 644 tools/leat-gdb.py $(DESTDIR)$(PREFIX)/share/leat
	install -m 644 $(OUT)/libleat.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(OUT)/libleat.so.0 $(DESTDIR)$(PREFIX)/lib/libleat.so.$(VERSION)
	ln -sf libleat.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libleat.so.0
	ln -sf libleat.so.0 $(DESTDIR)$(PREFIX)/lib/libleat.so
	printf '%s\n' 'Name: leat' 'Description: goroutines for C' \
		'Version: $(VERSION)' \
		'Cflags: -I$(PREFIX)/include -fstack-clash-protection' \
		'Libs: -L$(PREFIX)/lib -lleat' 'Libs.private: -pthread' \
		'Requires.private: hwloc liburcu-memb liburcu-cds libdw libelf' \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/leat.pc

clean:
	rm -rf $(filter-out build/sysroot-%,$(wildcard build/*))

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

-include $(OBJ:.o=.d) $(PIC:.o=.d) $(addsuffix .d,$(UNIT) $(TEST) $(TESTXX) $(EXPLORE) $(EXAMPLE)) $(ENGINE:.o=.d) $(PERF:.o=.d)
.PHONY: all suites explore examples run check check-long perf fmt install clean \
	help lint lint-layers lint-order lint-words lint-format lint-names
.SECONDARY:
