# The menu. CI calls nothing else: `.ci/run` is `make test`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run up down test lint generate bench fuzz chaos venues demo-venue set-up-run set-up-test set-up-fuzz

CACHE := $(HOME)/.cache/crypto-pipeline
# Under CI every clone of a machine shares what is built. Cargo tells fresh from stale by the age
# of files, which a new clone always wins; checkouts that live side by side keep their own.
ifdef CI
CARGO_TARGET_DIR ?= $(CACHE)/target
export CARGO_TARGET_DIR
endif
TOOLS_DIR ?= $(CACHE)/tools
DENY := cargo-deny@0.20.2
FUZZ := cargo-fuzz@0.13.2
RUSTUP_TOOLCHAIN ?= $(shell scripts/toolchain)
export TOOLS_DIR RUSTUP_TOOLCHAIN
export PATH := $(HOME)/.cargo/bin:$(PATH)
FUZZ_SECONDS ?= 60
FUZZED ?= 1000000
KILLS ?= 300
SEED ?= 1
BROKERS ?= 3
SEEDS ?= 1
MINUTES ?= 60

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: set-up-run ## the whole pipeline in one process; ARGS='majors.yaml --listen 127.0.0.1:8080'
	@cargo run --bin crypto-pipeline -- run $(ARGS)

up: set-up-run ## Kafka, PostgreSQL and Redis with a pipeline on them, in the background; SPEC=majors.yaml
	@cargo build --quiet --workspace --bins
	@scripts/up $(SPEC)

down: ## end what `make up` started; CLEAN=1 removes its data
	@CLEAN=$(CLEAN) scripts/down

test: set-up-test lint ## set up, lint, then every test
	@scripts/dashboard-is-fresh
	cargo test --workspace --no-fail-fast

lint: set-up-test ## format, clippy, dependencies, and the rules of cli/tests/tidy.rs
	cargo fmt --check
	cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	$(TOOLS_DIR)/$(subst @,-,$(DENY))/bin/cargo-deny --config .cargo/deny.toml check bans licenses sources
	cargo test --quiet --workspace --test tidy

generate: set-up-run ## rebuild what is committed and generated: the dashboard (needs Node.js)
	@command -v npm >/dev/null || { echo "make generate needs Node.js 20 with npm; nothing was changed"; exit 1; }
	cd api/web && npm ci --no-audit --no-fund && npm run build

bench: set-up-test ## CPU per tick of each part and on real servers, latency, memory
	cargo build --release --quiet --package worker --bin worker --example bench
	cargo run --release --quiet --package worker --example bench
	cargo run --release --quiet --package worker --example bench -- servers

chaos: set-up-test ## kill, stop and cut everything under load; KILLS=300 SEED=1 BROKERS=3
	KILLS=$(KILLS) SEED=$(SEED) BROKERS=$(BROKERS) \
	  cargo test --package worker --test servers chaos:: -- --nocapture

venues: set-up-test ## every fault of every venue, and hours of them at random; SEED=1 SEEDS=1 SCRIPTS=7,12
	SCRIPTS=$(SCRIPTS) SEED=$(SEED) SEEDS=$(SEEDS) MINUTES=$(MINUTES) \
	  cargo test --package worker --test servers live:: -- --nocapture

demo-venue: set-up-run ## venues of this machine, to run a pipeline against; ARGS='--scripts random'
	@cargo run --quiet --package e2e --example demo-venue -- $(ARGS)

fuzz: set-up-fuzz set-up-test ## random bytes to the decoder, then to a worker; FUZZ_SECONDS=60 FUZZED=1000000
	mkdir -p $(CACHE)/fuzz/corpus
	RUSTUP_TOOLCHAIN=nightly $(TOOLS_DIR)/$(subst @,-,$(FUZZ))/bin/cargo-fuzz run decode \
	  --target-dir $(CACHE)/fuzz/target $(CACHE)/fuzz/corpus fuzz/corpus/decode -- -max_total_time=$(FUZZ_SECONDS)
	FUZZED=$(FUZZED) cargo test --package worker --test servers fuzzed::

set-up-run:
	@scripts/set-up run

set-up-test:
	@scripts/set-up test $(DENY)

set-up-fuzz:
	@scripts/set-up fuzz $(FUZZ)
