# The two commands are `make run` and `make test`; both do all the set-up that is missing.
# One target directory and one profile (release) for everything; `dist` is for what is shipped.

SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
EXAMPLES := hello-http sensor-average threshold-alert activity-report
WASM := --release --target wasm32-wasip2
DASHBOARD := $(shell find web -name node_modules -prune -o -path web/dist -prune -o -type f -print)

.PHONY: run test setup web examples lint screenshots crash bench soak dist fuzz

run: setup web examples  ## Builds what is missing, starts Tidegate with the examples, prints what to try
	cargo build --release --package tidegate
	examples/run $(TARGET)

test: setup web lint  ## Runs every check and test
	cd web && npm test --silent
	cargo test --release --quiet $(EXAMPLES:%=--package %)
	cargo test --release

setup:  ## Installs what building and testing need, where it is missing
	sdk-rust/wasm-target
	sdk-rust/wasm-target wasm32-wasip1
	tests/setup

web: web/dist/index.html  ## Builds the dashboard, which is then built into the host; needs Node 20 or newer

web/dist/index.html: $(DASHBOARD) web/node_modules/.package-lock.json
	cd web && npm run --silent build

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm install --silent && touch node_modules/.package-lock.json

examples:
	cargo build $(WASM) $(EXAMPLES:%=--package %)

lint:
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path tests/sdks/Cargo.toml
	cargo fmt --check --manifest-path host/broker/fuzz/Cargo.toml
	cargo clippy --release --all-targets --quiet -- --deny warnings
	cargo clippy $(WASM) --quiet $(EXAMPLES:%=--package %) --package tidegate-guests --lib --examples -- --deny warnings

screenshots: setup web  ## Takes a picture of every page of the dashboard, in both themes, into target/screenshots
	TIDEGATE_SCREENSHOTS=$(abspath $(TARGET))/screenshots cargo test --release --test integration -- \
		--nocapture browser::every_page

crash: setup  ## Kills the host 500 times under load and at 200 of its writes and syncs: an hour or so
	CRASH_ROUNDS=500 CRASH_POINTS=200 cargo test --release --test integration -- \
		--nocapture --test-threads 1 mqtt_crash

# What is shipped is what is measured, where it is there.
bench: setup  ## Measures the broker beside Mosquitto and rumqttd: a quarter of an hour
	$(if $(wildcard $(TARGET)/dist/tidegate),TEST_HOST_BINARY=$(abspath $(TARGET))/dist/tidegate) \
		cargo bench --bench mqtt

soak: setup  ## Mixed load for SOAK_SECONDS (600); fails if the host's memory grows
	cargo bench --bench soak

dist:  ## The binary that is shipped: slower to build, smaller and faster
	cargo build --profile dist --package tidegate

# On the stable toolchain, hence without a sanitizer: neither the broker nor its codec has unsafe code to watch.
FUZZ_SECONDS ?= 60
FUZZ := $(abspath $(TARGET))/fuzz

fuzz:  ## Looks for bytes that harm the broker, for FUZZ_SECONDS each: packets, and topics
	test -x $(TARGET)/tools/bin/cargo-fuzz || cargo install --quiet --locked --root $(TARGET)/tools cargo-fuzz
	for kind in packets topics; do \
	  mkdir -p $(FUZZ)/corpus/$$kind && \
	  $(TARGET)/tools/bin/cargo-fuzz run --fuzz-dir host/broker/fuzz --target-dir $(FUZZ) --sanitizer none \
	    $$kind $(FUZZ)/corpus/$$kind -- -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -print_final_stats=1 || exit 1; \
	done
