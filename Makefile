# Two commands matter: `make run` and `make check`. The rest forwards to Meson and Ninja.
#
#   make                 builds build/cairn
#   make run [LOG=file]  installs what is missing, builds, plays examples/journey
#   make consortium      four members on this machine, one ledger: examples/consortium (needs Go)
#   make check           installs what is missing, runs every check; ends in one line of counts
#   make check-long      analyzers, long fuzzing, long simulations: hours if you let it (FUZZ_SECONDS)
#   make bench           prints the figures of docs/performance.md
#   make format          clang-format 14 over the C files
#   make install         to /usr/local, or below DESTDIR
#   make clean           removes build/

BUILD := build

.PHONY: all deps run consortium check check-long bench format install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet house

# Meson keeps its own log; its chatter is shown only when it fails.
$(BUILD)/build.ninja:
	@tools/install-deps --check build
	@mkdir -p $(BUILD)
	@echo "building $(BUILD)/: a minute or two"
	@meson setup $(BUILD) >$(BUILD)/setup.log 2>&1 || { cat $(BUILD)/setup.log; exit 1; }

deps:
	@tools/install-deps build check

run:
	@tools/install-deps build
	@$(MAKE) --no-print-directory all
	@examples/journey/run $${LOG:+"$$LOG"}

consortium:
	@tools/install-deps build
	@$(MAKE) --no-print-directory all
	@examples/consortium/run

check:
	@tools/install-deps build check
	@tools/check

check-long:
	@tools/install-deps build check long
	@tools/check --long

bench: $(BUILD)/build.ninja
	@meson test -C $(BUILD) --benchmark --verbose --num-processes 1

format:
	@find include src tests bench examples -name '*.[ch]' -exec clang-format-14 -i {} +

install: all
	@meson install -C $(BUILD) --no-rebuild --quiet

clean:
	@rm -rf $(BUILD)
