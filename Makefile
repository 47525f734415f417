.PHONY: help dev check test bench fuzz model

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

dev:  ## Install Kalakan in this environment, editable, with everything needed to work on it
	pip install --editable '.[dev]'

check:  ## Everything CI checks but the tests
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	ruff format --check .
	ruff check .
	mypy
	stubtest --mypy-config-file pyproject.toml kalakan._rust

test:  ## All tests
	cargo test --workspace
	pytest

bench:  ## All benchmarks, and nothing else
	pytest benches --benchmark-only

# What cargo-fuzz passes, without its sanitizers: a stable toolchain and a C++ compiler are enough.
FUZZ_FLAGS = --cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
FUZZ_SECONDS = 60

fuzz:  ## Each fuzz target of rust/fuzz for a minute (FUZZ_SECONDS=600 for ten)
	cd rust/fuzz && for target in normalize read split; do mkdir -p corpus/$$target artifacts/$$target && \
		RUSTFLAGS='$(FUZZ_FLAGS)' cargo run --release --target $$(rustc -vV | sed -n 's/^host: //p') --bin $$target -- \
		-max_total_time=$(FUZZ_SECONDS) -max_len=400 -artifact_prefix=artifacts/$$target/ corpus/$$target || exit 1; done

model:  ## How the threads of kalakan-pipeline wake and end each other, in every order (loom)
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=target/loom \
		cargo test --release -p kalakan-pipeline --test loom
