.PHONY: help dev check test test-all test-nightly bench instructions docs fuzz model wheel reproduce sbom standalone

help:  ## What can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'

dev:  ## Install Kalakan in this environment, editable, with everything needed to work on it
	pip install --editable '.[dev]'

check:  ## Everything CI checks but the tests
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	ruff format --check .
	ruff check .
	mypy
	stubtest --mypy-config-file pyproject.toml kalakan._rust

test:  ## The tests that CI runs
	cargo test --workspace
	pytest -n auto

test-all:  ## All tests, those on a local Ray cluster too (pip install ".[ray-serve]" for those of Ray Serve)
	cargo test --workspace
	pytest -n auto -m ''

test-nightly:  ## Property tests with 50 times as many examples
	KALAKAN_TEST_EXAMPLES=50 pytest -n auto -m hypothesis --hypothesis-profile=nightly --timeout=3600

bench:  ## Every suite of benches, into benches/results/suites-<machine>-<date>.json
	python benches/suites.py

instructions:  ## Instructions of the Rust hot paths against benches/results/instructions.json (valgrind)
	python benches/instructions.py

docs:  ## The documentation as web pages, in target/site
	mkdocs build --strict

# The same bits wherever they are built: a date for the archive, and no paths of this machine.
wheel: export SOURCE_DATE_EPOCH ?= 315532800
wheel: export RUSTFLAGS := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
wheel:  ## A wheel for every Linux on this processor with glibc 2.17 or newer, in target/wheels (pip install maturin ziglang)
	maturin build --release --zig --compatibility manylinux2014

reproduce:  ## Builds the wheel twice in two folders and compares the bits
	python deploy/release/reproduce.py

sbom:  ## Bill of materials (CycloneDX) and licenses of all dependencies, in target/sbom
	python deploy/release/sbom.py --extra serve

standalone:  ## kalakan as one file that needs no Python, in target/standalone; tried where there is nothing but the C library
	python deploy/release/standalone.py --try

FUZZ_CPU_MINUTES = 1

fuzz:  ## Each fuzz target for a CPU minute (FUZZ_CPU_MINUTES=10 for ten; pip install atheris)
	python tests/fuzz/campaign.py --cpu-minutes $(FUZZ_CPU_MINUTES)

model:  ## How the threads of kalakan-pipeline wake and end each other, in every order (loom)
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=target/loom \
		cargo test --release -p kalakan-pipeline --test loom
