# ngx_tradesec: build, run, test. `make help` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -c

BUILD     ?= build
NGINX_SRC ?= /usr/share/nginx/src
DESTDIR   ?=

# seconds for each fuzz target, for the two of live messages, and files of the
# suite that run side by side
FUZZ_TIME ?= 10
FUZZ_LONG ?= 60
JOBS      ?= 2

# which files of the suite run on another nginx (asan, trixie, sid)
SUITE     ?= t

# where the fuzzers begin: the same each time, FUZZ_SEED=0 for another one
FUZZ_SEED ?= 1

# instead of the time: FUZZ_RUNS=10000000 FUZZ_ONLY="owner ws_frame"
FUZZ_RUNS ?=
FUZZ_ONLY ?= *

# how far the analyser of clang-tidy goes into a function; its own is 225000
LINT_NODES ?= 30000

# RELEASE=1 builds with a compiler that warns about more than ours do
RELEASE   ?=

SRC       := ngx_tradesec_module
TESTS     := lua-free-tests
SOURCES   := $(wildcard $(SRC)/*.c $(SRC)/*/*.c $(SRC)/*/*/*.c)
HEADERS   := $(wildcard $(SRC)/*/*.h $(SRC)/*/*/*.h)
CORE      := $(wildcard $(SRC)/core/*.c)
UNIT      := $(patsubst $(TESTS)/%.c,$(BUILD)/unit/%,$(wildcard $(TESTS)/test_*.c))
FUZZ      := $(patsubst $(TESTS)/%.c,$(BUILD)/fuzz/%,$(wildcard $(FUZZ_ONLY:%=$(TESTS)/fuzz_%.c)))
MODULE    := $(BUILD)/ngx_http_tradesec_module.so
OBJS      := $(abspath $(BUILD))/nginx

CC_OPT    := -g -O2 -fstack-protector-strong -Wformat -Werror=format-security \
             -D_FORTIFY_SOURCE=2 -fPIC $(if $(RELEASE),-Wno-error) $(EXTRA_CFLAGS)
LD_OPT    := -Wl,-z,relro -Wl,-z,now -fPIC $(EXTRA_LDFLAGS)

WARN      := -W -Wall -Wextra -Wpointer-arith -Wstrict-prototypes \
             -Wmissing-prototypes -Wshadow $(if $(RELEASE),,-Werror)
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all \
             -fno-omit-frame-pointer
TEST_LIBS := -lcmocka -lhiredis -ljansson -ljwt -lcrypto -lsodium -lutf8proc

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps install demo attack test unit fuzz lint asan matrix trixie sid fresh soak bench nginx clean help FORCE

all: $(MODULE)                  ## builds the module against the installed nginx-dev

deps:                           ## installs the Debian packages that building and testing need
	@tools/deps build test

install: $(MODULE)              ## copies the module to where nginx looks for modules
	@dir=$$(nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p') && \
	    install -D -m 644 $(MODULE) $(DESTDIR)$${dir:=/usr/lib/nginx/modules}/$(notdir $(MODULE)) && \
	    echo "installed; load it with: load_module $$dir/$(notdir $(MODULE));"

test: deps                      ## runs every test, after installing what they need
	$(MAKE) all
	$(MAKE) -j$(JOBS) $(UNIT) $(FUZZ)
	$(MAKE) unit fuzz
	$(MAKE) lint
	JOBS=$(JOBS) tools/suite t t/source


# The module. nginx's configure reads `config` and the list of files, and is
# run again only when one of those, nginx or the flags change.

INPUTS    := $(sort $(SOURCES) $(HEADERS)) $(CC_OPT) $(LD_OPT) \
             $(shell sed -n 's/^.define NGINX_VERSION *//p' $(NGINX_SRC)/src/core/nginx.h 2>/dev/null)

$(BUILD)/inputs: FORCE
	@mkdir -p $(@D)
	@echo '$(INPUTS)' | cmp -s - $@ || echo '$(INPUTS)' > $@

$(OBJS)/Makefile: config $(BUILD)/inputs
	@test -x $(NGINX_SRC)/configure || { echo 'no nginx in $(NGINX_SRC): run "make deps"'; exit 1; }
	@echo "configuring (log: $(BUILD)/configure.log)"
	@cd $(NGINX_SRC) && { test ! -f conf_flags || . ./conf_flags; } && \
	    ./configure "$${NGX_CONF_FLAGS[@]}" --with-compat \
	        --with-cc-opt="$(CC_OPT)" --with-ld-opt="$(LD_OPT)" \
	        --add-dynamic-module=$(CURDIR) --builddir=$(OBJS) \
	    > $(abspath $(BUILD))/configure.log 2>&1 \
	    || { tail -20 $(abspath $(BUILD))/configure.log; rm -f $@; exit 1; }

$(MODULE): $(OBJS)/Makefile $(SOURCES) $(HEADERS)
	@echo "building $@"
	@$(MAKE) --no-print-directory -s -C $(NGINX_SRC) -f $(OBJS)/Makefile modules
	@cp $(OBJS)/$(notdir $(MODULE)) $@.new && mv $@.new $@


# The cores without nginx: cmocka with gcc, libFuzzer with clang.

unit: $(UNIT)                   ## runs the unit tests of the cores under sanitizers
	@failed=; for t in $(sort $^); do $$t || failed="$$failed $${t##*/}"; done; \
	    test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

$(BUILD)/unit/core/%.o: $(SRC)/core/%.c
	@mkdir -p $(@D)
	$(CC) -g -O1 $(WARN) $(SANITIZE) -MMD -MP -I$(SRC) -c -o $@ $<

$(BUILD)/unit/%.o: $(TESTS)/%.c
	@mkdir -p $(@D)
	$(CC) -g -O1 $(WARN) $(SANITIZE) -MMD -MP -I$(SRC) -c -o $@ $<

$(BUILD)/unit/%: $(BUILD)/unit/%.o $(CORE:$(SRC)/%.c=$(BUILD)/unit/%.o)
	$(CC) $(SANITIZE) -o $@ $^ $(TEST_LIBS)

fuzz: $(FUZZ)                   ## runs each fuzz target for FUZZ_TIME or FUZZ_LONG seconds, or FUZZ_RUNS times
	@mkdir -p $(BUILD)/crashes $(patsubst $(BUILD)/fuzz/fuzz_%,$(BUILD)/corpus/%,$(FUZZ))
	@printf '%s\n' $(patsubst $(BUILD)/fuzz/fuzz_%,%,$(sort $(FUZZ))) | xargs -P $(JOBS) -I NAME sh -c ' \
	    log=$(BUILD)/fuzz/NAME.log; \
	    case NAME in owner|ws_frame) time=$(FUZZ_LONG);; *) time=$(FUZZ_TIME);; esac; \
	    $(BUILD)/fuzz/fuzz_NAME -seed=$(FUZZ_SEED) -timeout=25 \
	        $(if $(FUZZ_RUNS),-runs=$(FUZZ_RUNS),-max_total_time=$$time) \
	        -verbosity=0 -print_final_stats=1 -artifact_prefix=$(BUILD)/crashes/NAME- \
	        $(BUILD)/corpus/NAME $$(ls -d $(TESTS)/corpus/NAME 2>/dev/null) > $$log 2>&1; \
	    failed=$$?; \
	    echo "fuzz_NAME: $$(sed -n "s/stat::number_of_executed_units: *//p" $$log) executions"; \
	    test $$failed = 0 || { cat $$log; exit 1; }'

$(BUILD)/fuzz/core/%.o: $(SRC)/core/%.c
	@mkdir -p $(@D)
	clang -g -O1 $(WARN) $(SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -I$(SRC) -c -o $@ $<

$(BUILD)/fuzz/%.o: $(TESTS)/%.c
	@mkdir -p $(@D)
	clang -g -O1 $(WARN) $(SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -I$(SRC) -c -o $@ $<

$(BUILD)/fuzz/%: $(BUILD)/fuzz/%.o $(CORE:$(SRC)/%.c=$(BUILD)/fuzz/%.o)
	clang $(SANITIZE) -fsanitize=fuzzer -o $@ $^ -ljansson -lcrypto -lsodium -lutf8proc

-include $(wildcard $(BUILD)/unit/*.d $(BUILD)/unit/core/*.d $(BUILD)/fuzz/*.d $(BUILD)/fuzz/core/*.d)


# A portal to look at, and to attack.

demo: deps                      ## serves a trading portal through the gateway on loopback
	$(MAKE) all
	tools/demo/demo

attack: deps                    ## attacks that portal behind plain nginx and behind the gateway
	$(MAKE) all
	tools/attack/attack


# The suite on an nginx that is built from source with sanitizers, its pools
# included: a byte too far in pool memory ends the worker.

ASAN      := $(BUILD)/asan
ASAN_OPT  := $(SANITIZE) -g -O1 -fPIC -DNGX_DEBUG_PALLOC=1 -Wno-error \
             -fno-sanitize=alignment,nonnull-attribute,pointer-overflow

asan: deps                      ## runs the suite on a sanitized nginx, built from source
	tools/deps matrix
	tools/nginx-source $(ASAN)/source
	ASAN_OPTIONS=detect_leaks=0 $(MAKE) BUILD=$(ASAN) \
	    NGINX_SRC=$(abspath $(ASAN))/source \
	    CC_OPT='$(ASAN_OPT)' LD_OPT='$(SANITIZE)' nginx
	TRADESEC_NGINX=$(abspath $(ASAN))/nginx/nginx \
	    TRADESEC_MODULE=$(abspath $(ASAN))/$(notdir $(MODULE)) \
	    JOBS=$(JOBS) tools/suite $(SUITE)

nginx: $(MODULE)
	@$(MAKE) --no-print-directory -s -C $(NGINX_SRC) -f $(OBJS)/Makefile binary


# Other versions of nginx. The first gates, the second moves from day to day.

trixie sid: deps
	tools/deps matrix
	JOBS=$(JOBS) tools/matrix $@ $(SUITE)

matrix: trixie                  ## runs the suite on nginx 1.26 (trixie) and, not gating, on sid's
	-$(MAKE) sid

fresh:                          ## proves make demo and make test on a bare Debian 12, in a root of its own
	tools/deps matrix
	tools/fresh

# What takes long: a thousand reloads, and part of the suite under valgrind.

MEMCHECK  := $(abspath $(BUILD))/memcheck
MEMCHECKED ?= $(wildcard $(patsubst %,t/%.t,headers_filter origin_guard jwt_tokens \
             login_account login_outcome websocket_frames malformed_requests))

soak: deps                      ## shows that reloads leak nothing, and runs a part of the suite under valgrind
	@tools/deps bench
	$(MAKE) all
	prove -v -I t/lib t/soak
	rm -rf $(MEMCHECK)
	mkdir -p $(MEMCHECK)
	TRADESEC_NGINX='valgrind -q --num-callers=20 --log-file=$(MEMCHECK)/%p nginx' \
	    prove -j$(JOBS) --timer -I t/lib $(MEMCHECKED)
	cat $(MEMCHECK)/* | (! grep .)

bench: deps                     ## counts the instructions of a request under callgrind, and requests per second
	@tools/deps bench
	@$(MAKE) all
	bench/bench
	bench/logins
	bench/throughput
	bench/websocket
	bench/million


# Other readers of the source. They find nothing, or the target fails.

NGX_INCS  := $(addprefix $(NGINX_SRC)/src/,core event event/modules os/unix http http/modules http/v2)
LINT_INCS := -I$(SRC) $(addprefix -isystem ,$(OBJS) $(NGX_INCS))
LINT_DEEP := $(addprefix -Xclang ,-analyzer-config max-nodes=$(LINT_NODES))
SCRIPTS   := .ci/run $(shell grep -rlE '^.!/bin/(ba)?sh' t tools bench 2>/dev/null)
PERL      := $(shell grep -rlE '^(.!/usr/bin/perl|package )' t tools bench 2>/dev/null)

lint: deps                      ## reads the source with cppcheck, clang-tidy, gcc -fanalyzer, shellcheck, perl -c
	@tools/deps lint
	@$(MAKE) all
	cppcheck -q -j2 --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=autoVariables --error-exitcode=1 -I$(SRC) $(SRC)
	@echo clang-tidy: $(words $(SOURCES)) files
	@printf '%s\n' $(SOURCES) | xargs -P $(JOBS) -n 4 sh -c \
	    'clang-tidy --quiet "$$@" -- $(LINT_INCS) $(LINT_DEEP) -std=gnu11' sh 2>&1 | sed '/warnings generated/d'
	@echo gcc -fanalyzer: $(words $(CORE)) files
	@printf '%s\n' $(CORE) | xargs -P $(JOBS) -n 1 \
	    $(CC) -fanalyzer -O1 -Wall -Werror -I$(SRC) -c -o /dev/null
	shellcheck $(SCRIPTS)
	@echo perl -c: $(words $(PERL)) files
	@printf '%s\n' $(PERL) | xargs -P $(JOBS) -I FILE bash -o pipefail -c \
	    'perl $(addprefix -I,$(wildcard t/lib tools/*/lib bench/lib)) -c FILE 2>&1 | sed "/syntax OK$$/d"'


clean:                          ## removes what was built
	rm -rf $(BUILD)

help:                           ## lists the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
