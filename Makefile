# ngx_tradesec: build, run, test. `make help` lists the targets.

BUILD     ?= build
NGINX_SRC ?= /usr/share/nginx/src

MODULE    := $(BUILD)/ngx_http_tradesec_module.so
SRC       := ngx_tradesec_module
SOURCES   := $(wildcard $(SRC)/*.c $(SRC)/*/*.c)
HEADERS   := $(wildcard $(SRC)/*/*.h)
CORE      := $(wildcard $(SRC)/core/*.c)
UNIT      := $(patsubst lua-free-tests/%.c,$(BUILD)/unit/%,$(wildcard lua-free-tests/test_*.c))
FUZZ      := $(patsubst lua-free-tests/%.c,$(BUILD)/fuzz/%,$(wildcard lua-free-tests/fuzz_*.c))

WARN      := -W -Wall -Wextra -Werror -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wshadow
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CORE_LIBS := -lcrypto -lsodium -lutf8proc
FUZZ_TIME ?= 60

.PHONY: all unit fuzz test clean
all: $(MODULE)

# configure looks at `config` and at the list of files, not at their contents

$(BUILD)/nginx/files: FORCE
	@mkdir -p $(@D)
	@echo '$(sort $(SOURCES) $(HEADERS))' | cmp -s - $@ || echo '$(sort $(SOURCES) $(HEADERS))' > $@

$(BUILD)/nginx/Makefile: config $(BUILD)/nginx/files
	cd $(NGINX_SRC) && bash -c '. ./conf_flags && ./configure "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt="-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2 -fPIC $(EXTRA_CFLAGS)" \
	    --with-ld-opt="-Wl,-z,relro -Wl,-z,now -fPIC $(EXTRA_LDFLAGS)" \
	    --add-dynamic-module=$(CURDIR) --builddir=$(abspath $(BUILD))/nginx' > $(BUILD)/configure.log 2>&1 \
	    || { tail -20 $(BUILD)/configure.log; rm -f $@; exit 1; }

$(MODULE): $(BUILD)/nginx/Makefile $(SOURCES) $(HEADERS)
	$(MAKE) -s -C $(NGINX_SRC) -f $(abspath $(BUILD))/nginx/Makefile modules
	cp $(BUILD)/nginx/ngx_http_tradesec_module.so $@

$(BUILD)/unit/%: lua-free-tests/%.c $(CORE) $(HEADERS) $(wildcard lua-free-tests/*.h)
	@mkdir -p $(@D)
	$(CC) -g -O1 $(WARN) $(SANITIZE) -I$(SRC) -o $@ $< $(CORE) -lcmocka -ljansson -ljwt $(CORE_LIBS)

unit: $(UNIT)
	@for t in $^; do $$t || exit 1; done

$(BUILD)/fuzz/%: lua-free-tests/%.c $(CORE) $(HEADERS)
	@mkdir -p $(@D)
	clang -g -O1 $(WARN) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I$(SRC) -o $@ $< $(CORE) -ljansson $(CORE_LIBS)

fuzz: $(FUZZ)
	@for t in $^; do n=$${t##*/fuzz_}; mkdir -p $(BUILD)/corpus/$$n lua-free-tests/corpus/$$n; \
	    $$t -max_total_time=$(FUZZ_TIME) -timeout=5 $(BUILD)/corpus/$$n lua-free-tests/corpus/$$n || exit 1; done

test: $(MODULE) unit
	prove -I t/lib t

clean:
	rm -rf $(BUILD)

FORCE:
